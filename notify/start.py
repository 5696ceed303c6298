"""What this room needs before anything is served."""

from datetime import datetime

from notify.models import Channel
from notify.push_key import PushKey
from notify.transports import PUSH


def keep_push_key(at: datetime) -> int:
    """Make the pair by which push services know us, where there is none, or none that opens any more.

    Phones are bound to the pair they subscribed with: with a new one nothing reaches them, so their channels
    count as broken, and their owners see it. Returns how many those are.
    """
    key = PushKey.objects.current()
    if key is not None and key.is_genuine():
        return 0
    PushKey.objects.make(after=key.number if key else 0)
    lost = list(Channel.objects.filter(transport=PUSH).working())
    for channel in lost:
        channel.broken(at)
    return len(lost)
