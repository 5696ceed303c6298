"""Every duty of the system, in the order in which the ticker asks, and what a start finishes first."""

from collections.abc import Callable
from datetime import datetime

from notify import start as notify_start
from notify import tasks as notify_tasks
from organisation.models import Organisation
from privacy import duties as privacy_duties
from privacy.due import Duty
from requests_app import start, wrong_tasks
from requests_app import tasks as requests_tasks
from volunteers.duties import FORGET_NIGHTS, PURGE_INVITATIONS, PURGE_LOGIN_RESTORES
from volunteers.models import OfferPlace

DUTIES: tuple[Duty, ...] = (
    *notify_tasks.DUTIES,
    *requests_tasks.DUTIES,
    *wrong_tasks.DUTIES,
    PURGE_INVITATIONS,
    PURGE_LOGIN_RESTORES,
    FORGET_NIGHTS,
    *privacy_duties.DUTIES,
)

# What set-up does each time before anything is served, and how it says so, with the number where there is
# one. Doing it again does no harm.
AT_START: tuple[tuple[str, Callable[[datetime], object]], ...] = (
    ("Looking after the organisation's own row", Organisation.objects.ensure),
    ("Looking after the key that push services know", notify_start.keep_push_key),
    ("Finishing what was ending", start.finish_endings),
    ("Closing what has no key any more", start.close_what_has_no_key),
    ("Destroying keys without a row", start.free_slots_without_a_row),
    ("Counting what offers could meet", lambda _at: OfferPlace.objects.tighten_supply()),
)
