"""The duties of this room."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from notify import deliver, transports
from notify.models import Notice, NoticeQuerySet
from privacy.due import Duty, Swept, Watch

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PURGE_AT_ONCE = 500
PURGE_LASTS = timedelta(seconds=5)
LATE_AFTER = timedelta(seconds=2)


def purge(at: datetime) -> Swept:
    """Delete what was sent or dropped a while ago, and what nobody could send for a week."""
    watch, swept = Watch(at), Swept()
    while watch.elapsed() < PURGE_LASTS:
        deleted = Notice.objects.purge(at, PURGE_AT_ONCE)
        swept += Swept(done=deleted)
        if deleted < PURGE_AT_ONCE:
            break
    return swept


def late_ways(at: datetime) -> list["str | _StrPromise"]:
    """Through what messages should have left and have not, as its label says; not how many, nor to whom."""
    late = Notice.objects.due(at - LATE_AFTER).blamed()
    slugs = late.order_by("transport").values_list("transport", flat=True).distinct()
    return [transports.get(slug).label if slug in transports.known() else slug for slug in slugs]


DUTIES = (
    # Due through whichever transport, also one that is not set up any more: /healthz then says so.
    Duty(
        "deliver",
        LATE_AFTER,
        Notice.objects.due,
        deliver.run,
        "send_after",
        lanes=deliver.LANES,
        counted=NoticeQuerySet.blamed,
        says=_("Messages wait."),
        do=_("Call people instead. Tell whoever runs the machine to look at what carries messages."),
        ways=late_ways,
    ),
    Duty(
        "purge notices",
        timedelta(minutes=45),
        Notice.objects.purgeable,
        purge,
        "purge_after",
        says=_("Old messages are not deleted yet."),
    ),
)
