"""The duties of this room."""

from datetime import datetime, timedelta

from notify import deliver
from notify.models import Notice
from privacy.due import Duty, Swept, Watch

PURGE_AT_ONCE = 500
PURGE_LASTS = timedelta(seconds=5)


def purge(at: datetime) -> Swept:
    """Delete what was sent or dropped a while ago, and what nobody could send for a week."""
    watch, swept = Watch(at), Swept()
    while watch.elapsed() < PURGE_LASTS:
        deleted = Notice.objects.purge(at, PURGE_AT_ONCE)
        swept += Swept(done=deleted)
        if deleted < PURGE_AT_ONCE:
            break
    return swept


DUTIES = (
    # Due through whichever transport, also one that is not set up any more: /healthz then says so.
    Duty(
        "deliver",
        timedelta(seconds=2),
        Notice.objects.due,
        deliver.run,
        "send_after",
        lanes=deliver.LANES,
        forgives=True,
    ),
    Duty("purge notices", timedelta(minutes=45), Notice.objects.purgeable, purge, "purge_after"),
)
