"""That something was wrong: sealed to two at the desk, or to the one outside it. Names no need.

In clear is only whom it is about, because nobody is to be sent to or by them meanwhile. Who wrote it is
inside the seal, if at all.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from privacy import clock
from privacy.crypto import Unreadable
from privacy.fields import FieldClasses
from privacy.models import Compartment, Grant
from requests_app.models.apart import Apart, ApartQuerySet
from requests_app.models.mailbox import Mailbox
from requests_app.models.outside_contact import OutsideContact
from requests_app.models.sealed import with_compartments
from volunteers import desk
from volunteers.models import Volunteer

# What the one who writes it chooses.
STOP, TALK, KNOW = "stop", "talk", "know"
# Whether it concerns somebody at the desk.
YES, NO, UNSURE = "yes", "no", "unsure"
# Who wrote it.
ASKER, VOLUNTEER = "asker", "volunteer"

REMINDED_AFTER = timedelta(days=7)

# (kind, id) → whoever can have been granted one and is still there.
Readers = Mapping[tuple[str, str], Volunteer | OutsideContact]


class ReportQuerySet(ApartQuerySet["Report"]):
    def about_person(self, volunteer: Volunteer) -> ReportQuerySet:
        """Those that still keep this volunteer from being asked."""
        return self.filter(about=volunteer, ending=False)

    def about_asker(self, mailbox: Mailbox | None) -> ReportQuerySet:
        """Those that still keep anybody from being asked for this mailbox."""
        return self.filter(about_mailbox=mailbox, ending=False)

    def for_reader(self, reader: Volunteer | OutsideContact, at: datetime) -> ReportQuerySet:
        """What was sealed to somebody; for everybody else it is not there."""
        kind = "volunteer" if isinstance(reader, Volunteer) else "outside"
        return self.kept(at).granted(kind, reader.pk).select_related("about", "about_mailbox")

    def to_remind(self, at: datetime) -> ReportQuerySet:
        """Nobody has read them for a week."""
        return self.filter(ending=False, remind_after__lte=at)

    def unread_for_long(self, at: datetime, me: Volunteer) -> list[list[str]]:
        """Of each report at the desk that nobody read in time: who can, by their handles. None about `me`."""
        unread = self.kept(at).filter(is_read=False, remind_after__isnull=True, said__isnull=False)
        late = list(unread.filter(~Q(about=me) | Q(about__isnull=True)))
        with_compartments(late)
        found = _readers()
        return [handles for report in late if (handles := report.readers_at_desk(found))]

    def cannot_be_read(self, at: datetime) -> list[Report]:
        """Those that nobody holds a key for any more, with whom they are about: somebody has to decide."""
        rows = list(self.kept(at).select_related("about", "about_mailbox"))
        with_compartments(rows)
        found = _readers()
        return [report for report in rows if not report.can_be_read(found)]

    def how_many(self) -> Counter[str]:
        """volunteer id → how many reports are sealed to them."""
        grants = Grant.objects.filter(compartment__purpose="report", reader_kind="volunteer")
        return Counter(grants.values_list("reader_id", flat=True))

    def lose_reader(self, volunteer: Volunteer, at: datetime) -> None:
        """Somebody left the desk, or has another key: what was sealed to them is not for them any more.

        The other one still opens it. Where there is none, the desk is told. Inside a transaction.
        """
        theirs = list(self.kept(at).granted("volunteer", volunteer.pk))
        grants = Grant.objects.of_reader("volunteer", volunteer.pk)
        grants.filter(compartment__purpose="report").delete()
        found = _readers() if theirs else {}
        for report in theirs:
            report.look_again()
            if not report.can_be_read(found):
                desk.tell(f"report:{report.id}:lost", at)


class Report(Apart):
    """One of them. `about`: a volunteer; `about_mailbox`: an asker, while her mailbox lives."""

    KEPT = timedelta(days=90)

    about = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    about_mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, related_name="+")
    is_read = models.BooleanField(default=False)
    remind_after = models.DateTimeField(null=True)

    objects = ReportQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("said",),
        clear=(
            *("id", "about", "about_mailbox", "ending", "is_read", "remind_after", "forget_after"),
            *("slot_number", "lease_token", "lease_until", "attempts", "retry_after"),
        ),
        lives="until one of its readers closes it, or 90 days",
    )

    class Meta(Apart.Meta):
        indexes: ClassVar[tuple[models.Index, ...]] = (
            *Apart.Meta.indexes,
            models.Index(
                fields=["remind_after"], condition=Q(remind_after__isnull=False), name="report_due_remind"
            ),
        )

    def set_reminder(self, at: datetime) -> None:
        """Somebody is to be told again where nobody has read it by then; the caller stores the row."""
        self.remind_after = clock.hour(at) + timedelta(hours=1) + REMINDED_AFTER

    def mark_read(self) -> None:
        type(self).objects.filter(pk=self.pk).update(is_read=True, remind_after=None)

    def remind(self, at: datetime) -> None:
        """The desk hears of it, or the one outside where it is theirs. Once."""
        with transaction.atomic():
            if not type(self).objects.filter(pk=self.pk, remind_after__lte=at).update(remind_after=None):
                return
            outside = self._grants("outside")
            for contact in outside:
                outbox.queue(uuid.UUID(contact), f"report:{self.id}:unread", at, pace="now")
            if not outside:
                desk.tell(f"report:{self.id}:unread", at)

    def can_be_read(self, readers: Readers) -> bool:
        """Whether somebody whose key is what it was sealed to is still there to open it."""
        compartment = self.compartment(self.purpose)
        if compartment is None or self.said is None:
            return False
        found = [readers.get((grant.reader_kind, grant.reader_id)) for grant in compartment.grants.all()]
        return any(one is not None and _opens(compartment, one) for one in found)

    def readers_at_desk(self, readers: Readers) -> list[str]:
        """The handles of those at the desk whom it was sealed to."""
        found = [readers.get(("volunteer", pk)) for pk in self._grants("volunteer")]
        return sorted(one.handle for one in found if isinstance(one, Volunteer))

    def _grants(self, kind: str) -> list[str]:
        compartment = self.compartment(self.purpose)
        grants = compartment.grants.all() if compartment else ()
        return [grant.reader_id for grant in grants if grant.reader_kind == kind]

    def lose_key(self, at: datetime) -> None:
        """The keyring was lost: whom it is about stays held back, and the desk hears that there is news."""
        super().lose_key(at)
        desk.tell(f"report:{self.id}:lost", at)

    def finish_ending(self, at: datetime | None = None) -> None:
        """As of every text that stands apart; an outside contact that was replaced goes with its last one."""
        super().finish_ending(at)
        OutsideContact.objects.forget_former()

    def forget(self, at: datetime | None = None) -> None:
        """Its 90 days are over. Whom it is about is held back until somebody at the desk says otherwise."""
        with transaction.atomic():
            if self.begin_ending() and at and (self.about_id or self.about_mailbox_id):
                desk.tell(f"report:{self.id}:over", at)
        self.finish_soon()


def _readers() -> Readers:
    at_desk: dict[tuple[str, str], Volunteer | OutsideContact] = {
        ("volunteer", str(one.pk)): one for one in Volunteer.objects.coordinators()
    }
    return at_desk | {("outside", str(one.pk)): one for one in OutsideContact.objects.all()}


def _opens(compartment: Compartment, one: Volunteer | OutsideContact) -> bool:
    try:
        return compartment.can_be_opened_by(one.reader())
    except Unreadable:
        return False
