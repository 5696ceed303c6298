"""The states of a need, and the questions about needs; asking stores one, need.py says what happens to it."""

import secrets
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max, Q

from organisation import kinds
from organisation.models import Organisation
from privacy import clock
from privacy.due import DueQuerySet
from privacy.keyring import keyring
from privacy.models import Counter
from privacy.states import SomebodyWasFaster
from requests_app.models.asked import SHE, Asked
from requests_app.models.event import Event
from requests_app.models.linked import asked_with
from requests_app.models.mailbox import Mailbox
from requests_app.models.paused import PAUSED
from requests_app.models.plan import Plan
from requests_app.models.unreadable import UNREADABLE

if TYPE_CHECKING:
    from requests_app.models.need import Need

OPEN, MET, WITHDRAWN, EXPIRED, ERASED = "open", "met", "withdrawn", "expired", "erased"
ENDED = (MET, WITHDRAWN, EXPIRED, ERASED)
NOT_ENDED = (OPEN, PAUSED, UNREADABLE)
# Their key is live: what was written can be read by whoever it was sealed to.
KEYED = (OPEN, PAUSED)


class NeedQuerySet(DueQuerySet["Need"]):
    def open(self, at: datetime) -> "NeedQuerySet":
        """Needs that live: a need whose time is over is not open, whether the broom came or not."""
        return self.filter(status=OPEN, expires_at__gt=at)

    def overdue(self, at: datetime) -> "NeedQuerySet":
        """Not ended, and their time is over. What ended has a time to be purged: the index says it so."""
        return self.filter(purge_after__isnull=True, status__in=NOT_ENDED, expires_at__lte=at)

    def ending(self) -> "NeedQuerySet":
        """Ended, but the destruction of the keys was not yet finished."""
        return self.filter(ending=True)

    def purgeable(self, at: datetime) -> "NeedQuerySet":
        return self.filter(ending=False, purge_after__lte=at)

    def on_the_desk(self, at: datetime) -> "NeedQuerySet":
        """Needs that live, as the desk may see them."""
        return self.open(at).select_related("area", "mailbox")

    def cannot_be_read(self, at: datetime) -> "NeedQuerySet":
        """Needs whose keys were lost with the keyring, and whose time is not over; not those that nobody is
        to see."""
        lost = self.filter(status=UNREADABLE, kept_back=False, expires_at__gt=at)
        return lost.select_related("area")

    def taken_without_her(self, at: datetime) -> "NeedQuerySet":
        """Needs that live, where the desk or the first volunteer decided, or a backup was sent: what she
        wrote may wait for her."""
        without_her = ~Q(decides=SHE) | Q(claims__agreed_key__isnull=False)
        return self.open(at).filter(without_her, claims__status="approved").distinct()

    def shown_to(self, mailbox: Mailbox) -> "NeedQuerySet":
        """What the asker's page lists: newest first, ended ones until they are purged."""
        return self.of(mailbox).exclude(status=ERASED).order_by("-sequence")

    def of(self, mailbox: Mailbox) -> "NeedQuerySet":
        """The needs of one mailbox: anybody else's is a 404."""
        return self.filter(mailbox=mailbox).select_related("area", "mailbox")

    def asked_by_form(self, form_key: bytes) -> "Need | None":
        """The need a form made, if it was posted before."""
        return self.filter(form_key=form_key).select_related("mailbox").first()

    def lock(self, pk: uuid.UUID) -> "Need":
        """The need as it is now, locked until the transaction ends. Every verb on a need, its tasks
        and its claims takes this lock first, so that no two of them wait for each other.

        Raises SomebodyWasFaster where it was erased or purged meanwhile.
        """
        locked = self.select_for_update(no_key=True).filter(pk=pk).first()
        if locked is None:
            raise SomebodyWasFaster
        return locked

    def ask(self, mailbox: Mailbox, asked: Asked, at: datetime) -> "Need":
        """Store what was asked, sealed, with its days and tasks, and with whatever its kind asks for together
        with it. A new mailbox is stored with it.

        Raises MailboxClosed where this mailbox's visits were ended meanwhile, and SealingImpossible where she
        lets the desk read and the desk has no key that may be
        granted anything. The keyring slot is written and synced before the row commits; it is destroyed again
        where the row could not be stored.
        """
        made = [self._new(mailbox, one, at) for one in (asked, *asked_with(asked))]
        slots, plans = [], []
        try:
            for need, one in made:
                slots.append((keyring().allocate(need.slot_owner).number, need.slot_owner))
                need.slot_number = slots[-1][0]
                plans += [(Plan.objects.begin(need, at), one.plan)] if one.plan else []
            with transaction.atomic():
                self._store_all(made, mailbox, at)
                for plan, text in plans:
                    plan.seal(text, mailbox.reader(), at)
        except BaseException:
            for plan, _text in plans:
                plan.give_back()
            for number, owner in slots:
                keyring().destroy(number, owner)
                keyring().release(number, owner)
            raise
        # After the transaction: a counter's row would keep everybody who counts waiting in line.
        for need, _asked in made:
            Counter.objects.bump(f"asked.{need.kind}", at)
        return made[0][0]

    def _new(self, mailbox: Mailbox, asked: Asked, at: datetime) -> "tuple[Need, Asked]":
        need = self.model(
            id=uuid.uuid4(), mailbox=mailbox, sequence=secrets.randbits(24), **_clear(asked, at)
        )
        return need, asked

    def _store_all(self, made: "list[tuple[Need, Asked]]", mailbox: Mailbox, at: datetime) -> None:
        """The need, and those that come with it: it is the newest of them on her page."""
        if mailbox._state.adding:
            mailbox.save(force_insert=True)
        else:
            mailbox.lock_while_open()
        last = self.filter(mailbox=mailbox).aggregate(Max("sequence"))["sequence__max"]
        first = made[0][0]
        for place, (need, asked) in enumerate(made):
            # Not how many there are: the rows of the first go while she asks for more.
            need.sequence = (last or 0) + len(made) - place
            need.belongs_to = None if need is first else first
            self._store(need, asked, at)

    def _store(self, need: "Need", asked: Asked, at: datetime) -> None:
        need._seal(asked, need.mailbox.reader(), at)
        need.save(force_insert=True)
        need.tasks.make(need, asked, at)
        if asked.tell is not None:
            need._remember_how_to_tell(asked.tell, at)
        Event.objects.create(need=need, verb="asked", happened_at=clock.hour(at))


def _clear(asked: Asked, at: datetime) -> dict[str, Any]:
    """The columns of a need that stay readable while it lives."""
    kind = kinds.get(asked.kind)
    last_day = kind.last_day(asked.day, asked.nights)
    names = ("kind", "area", "day", "parts", "covers", "nights", "people", "languages")
    more = ("languages_hard", "conditions", "wishes", "decides", "desk_reads", "partner_ok", "form_key")
    looks = asked.looks_again_at
    return {
        **{name: getattr(asked, name) for name in names + more},
        "status": PAUSED if asked.paused else OPEN,
        "kept_back": asked.paused,
        "looks_again_at": clock.hour(looks) if looks else None,
        "asked_at": clock.hour(at),
        "expires_at": clock.quarter_up(Organisation.objects.current().lives_until(kind, last_day)),
    }
