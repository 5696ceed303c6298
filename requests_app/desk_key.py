"""The desk as a reader: what askers let it open, in the hands of one coordinator whose key is open."""

from datetime import datetime

from django.db import transaction

from privacy.compartments import Reader
from privacy.crypto import Unreadable
from privacy.models import Grant
from requests_app.models import Report
from requests_app.readers import Unlocked
from volunteers import desk
from volunteers.models import Volunteer


class LastAtTheDesk(Exception):
    """Nobody would be left who can open what askers let the desk read."""


class NotLost(Exception):
    """Somebody at the desk can still open its key, and share it."""


def unlocked(coordinator: Volunteer, private: bytes) -> Unlocked:
    """The desk with its private key. Errors: Unreadable where they hold no share of it."""
    reader = desk.reader()
    if reader is None:
        raise Unreadable
    return Unlocked(reader, desk.desk_private(coordinator, private))


def renew(by: Volunteer, by_private: bytes, at: datetime, leaving: Volunteer | None = None) -> None:
    """A new pair for the desk (not for `leaving`), and everything the old one could open sealed to the new.

    What whoever left remembers of the old pair opens nothing written or granted from now on. Errors:
    Unreadable where `by` holds no share.
    """
    with transaction.atomic():
        # First: of two who renew at once, the second starts from what the first made.
        desk.lock_current()
        old = unlocked(by, by_private)
        _, key = desk.renew(by, by_private, leaving)
        new = key.reader()
        held = Grant.objects.of_reader("desk", old.reader.id)
        for grant in held.select_related("compartment"):
            _pass_on(grant, old, new, at)
        held.delete()
        desk.forget_old_pairs()


def step_down(person: Volunteer, by: Volunteer, by_private: bytes, at: datetime) -> None:
    """`person` leaves the desk, and a new pair ends what they could open.

    Errors: LastAtTheDesk where nobody else is there who could open the desk's key afterwards.
    """
    with transaction.atomic():
        # Locked in one order: of two who leave at once, the second sees that the first has gone.
        staying = Volunteer.objects.coordinators().select_for_update().order_by("pk")
        others = {volunteer.pk for volunteer in staying} - {person.pk}
        try:
            renew(by, by_private, at, leaving=person)
        except Unreadable:
            # `by` holds no share and cannot make a new pair; somebody who can must remain.
            others &= desk.holders()
        if not others:
            raise LastAtTheDesk
        desk.step_down(person)
        Report.objects.lose_reader(person, at)


def shut_out(person: Volunteer, by: Volunteer, by_private: bytes | None, at: datetime) -> None:
    """`person` was suspended: where they were at the desk and `by`'s key is open, a new pair at once.

    Otherwise the old one stays closed, and the desk's pages say what to do.
    """
    if not person.is_coordinator or by_private is None:
        return
    try:
        renew(by, by_private, at)
    except Unreadable:
        return


def begin_again(coordinator: Volunteer) -> None:
    """A first pair anew, where nobody at the desk can open the old one: what it could read is lost to it.

    Errors: NotLost while somebody at the desk can.
    """
    with transaction.atomic():
        # Of two at the same moment the second finds the pair that the first made.
        desk.lock_current()
        at_desk = {volunteer.pk for volunteer in Volunteer.objects.coordinators()}
        if desk.holders() & at_desk:
            raise NotLost
        old = desk.current()
        desk.found_again(coordinator)
        if old is not None:
            Grant.objects.of_reader("desk", old.id).delete()
        desk.forget_old_pairs()


def _pass_on(grant: Grant, old: Unlocked, new: Reader, at: datetime) -> None:
    """One row that cannot be opened keeps nobody from the others."""
    try:
        opened = grant.compartment.open(old.reader, old.private_key)
    except Unreadable:
        return
    opened.grant(grant.compartment, new, at)
