"""Where "something was wrong" meets everybody else: who reads it, who is held back at once, what is decided.

It is sealed to two people at the desk, or to the one outside it. Whom it is about is not asked, or nobody is
asked for them, from the same commit on, until those who read it say otherwise
(docs/decisions/something-was-wrong.md).
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from notify import outbox
from privacy.compartments import Reader
from privacy.crypto import Unreadable
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import standing
from requests_app.models import Claim, Mailbox, Need, NeverMatch, OutsideContact, Proposal, Report
from requests_app.models.claim_queryset import DECLINED, RELEASED, ClaimQuerySet
from requests_app.models.report import ASKER, NO, STOP, VOLUNTEER
from volunteers.models import Volunteer

AT_THE_DESK = 2


class NobodyReads(Exception):
    """Nobody is there to whom this could be sealed: nothing is stored."""


@dataclass(frozen=True)
class Said:
    """What somebody wrote: `choice` is STOP, TALK or KNOW; `concerns_desk` YES, NO or UNSURE."""

    choice: str
    text: str
    how: str
    concerns_desk: str


@dataclass(frozen=True)
class WhoReads:
    """Whom a report would go to: two `at_desk`, where it does not concern the desk; `outside`, else."""

    at_desk: list[Volunteer]
    outside: OutsideContact | None

    def readers(self, said: Said) -> Sequence[Volunteer | OutsideContact]:
        """Raises NobodyReads."""
        if said.concerns_desk == NO and self.at_desk:
            return self.at_desk
        if self.outside is None:
            raise NobodyReads
        return [self.outside]

    @property
    def nobody(self) -> bool:
        return not self.at_desk and self.outside is None


def who_reads(about: Volunteer | None, by: Volunteer | None = None) -> WhoReads:
    """Who would read what `by` (None: an asker) writes about `about` (None: an asker).

    Two at the desk, never whom it is about, nor who writes it, nor anybody held back themselves; those who
    have the fewest already, by lot among equals. Nobody there where it is about somebody at the desk, or
    where there are not two.
    """
    outside = OutsideContact.objects.current()
    if about is not None and about.is_coordinator:
        return WhoReads([], outside)
    not_these = {one.pk for one in (about, by) if one is not None}
    there = Volunteer.objects.coordinators().filter(held_back=False).exclude(pk__in=not_these)
    able = [one for one in there if _reader(one) is not None]
    has = Report.objects.how_many()
    able.sort(key=lambda one: (has[str(one.pk)], secrets.randbits(32)))
    return WhoReads(able[:AT_THE_DESK] if len(able) >= AT_THE_DESK else [], outside)


def about_volunteer(claim: Claim, said: Said, once: uuid.UUID, at: datetime) -> None:
    """Hers, about somebody who has, or had, something of a need of hers. The same form twice makes one.

    Raises NobodyReads; SealingImpossible, and nothing is stored.
    """
    report = Report(id=Report.id_of(once), about=claim.volunteer)
    if Report.objects.filter(pk=report.pk).exists():
        return
    mailbox, readers = claim.need.mailbox_id, who_reads(claim.volunteer).readers(said)
    with _stored_once(report):
        about = Volunteer.objects.lock(claim.volunteer_id)
        told = {**asdict(said), "by": ASKER, "name": about.handle, "before": is_kept_back(about)}
        about.hold_back(at)
        theirs = Claim.objects.live().filter(volunteer=about)
        _lock([claim.need_id, *theirs.values_list("need_id", flat=True)])
        _never_again(mailbox, about)
        Proposal.objects.take_back_from(about)
        ended = _end(theirs, lambda one: said.choice == STOP and one.need.mailbox_id == mailbox, DECLINED, at)
        _write(report, told, readers, at)
        transaction.on_commit(lambda: _finish(ended))


def about_asker(by: Volunteer, need: Need, said: Said, once: uuid.UUID, at: datetime) -> None:
    """A volunteer's, about whoever asked for something they have or had. As `about_volunteer`."""
    report = Report(id=Report.id_of(once), about_mailbox=need.mailbox)
    if Report.objects.filter(pk=report.pk).exists():
        return
    readers = who_reads(None, by).readers(said)
    with _stored_once(report):
        needs = Need.objects.filter(mailbox=need.mailbox_id)
        _lock(needs.values_list("pk", flat=True))
        if not _never_again(need.mailbox_id, by):
            # She erased everything meanwhile.
            report.about_mailbox = None
        told = {**asdict(said), "by": VOLUNTEER, "name": by.handle, "before": _is_kept_back_asker(need)}
        Mailbox.objects.hold_back(need.mailbox_id, True)
        Proposal.objects.take_back_of(needs)
        live = Claim.objects.live().filter(need__mailbox=need.mailbox_id)
        ended = _end(live, lambda one: said.choice == STOP and one.volunteer_id == by.pk, RELEASED, at)
        _write(report, told, readers, at)
        transaction.on_commit(lambda: _finish(ended))


def to_come(report: Report, at: datetime) -> list[Claim]:
    """What whoever it is about was said yes to, and is still to come; or who is still to come to them."""
    approved = Claim.objects.approved().on_live_needs(at)
    related = approved.select_related("task", "need", "need__mailbox", "volunteer")
    if report.about_id:
        return list(related.filter(volunteer=report.about_id).order_by("need__day", "need_id"))
    if report.about_mailbox_id:
        return list(related.filter(need__mailbox=report.about_mailbox_id).order_by("need__day", "need_id"))
    return []


# What its readers press. Each may be pressed twice, or by both at once.


def call_off(report: Report, at: datetime) -> None:
    """Nobody of these comes: both sides of each hear that it changed, and somebody else is asked."""
    for claim in to_come(report, at):
        with suppress(SomebodyWasFaster, MoveRefused):
            claim.call_off(at)


def go_on(report: Report, at: datetime) -> None:
    """They can be asked, or be asked for, again, unless another report is open. This one is closed."""
    with transaction.atomic():
        if report.about_id:
            volunteer = Volunteer.objects.lock(report.about_id)
            if report.begin_ending() and not Report.objects.about_person(volunteer).exists():
                volunteer.let_go(at)
        elif report.about_mailbox_id:
            _lock(Need.objects.filter(mailbox=report.about_mailbox_id).values_list("pk", flat=True))
            Mailbox.objects.hold(report.about_mailbox_id)
            if report.begin_ending() and not Report.objects.about_asker(report.about_mailbox).exists():
                _ask_on(report.about_mailbox_id, at)
        else:
            report.begin_ending()
    report.finish_soon()


def keep(report: Report, at: datetime) -> None:
    """Nobody asks them, or for them, until somebody at the desk says otherwise. This one is closed."""
    report.begin_ending()
    report.finish_soon()


def suspend(report: Report, at: datetime) -> None:
    """Whom it is about is suspended, as by the desk. This one is closed."""
    if report.about is not None:
        standing.suspend(report.about, at)
    keep(report, at)


VERBS: dict[str, Callable[[Report, datetime], None]] = {
    "call_off": call_off,
    "go_on": go_on,
    "keep": keep,
    "suspend": suspend,
}


# Those whom it was decided to keep back: nothing is open about them, and any coordinator can end it.


def kept_back_people(at: datetime) -> list[Volunteer]:
    """Held back, and no report about them is open any more."""
    open_about = Report.objects.filter(ending=False, about__isnull=False).values("about")
    kept = Volunteer.objects.filter(held_back=True).exclude(pk__in=open_about)
    return list(kept.order_by("handle", "pk"))


def kept_back_needs(at: datetime) -> list[Need]:
    """A need of each asker who is held back without an open report about them."""
    open_about = Report.objects.filter(ending=False, about_mailbox__isnull=False).values("about_mailbox")
    needs = Need.objects.open(at).filter(mailbox__held_back=True).exclude(mailbox__in=open_about)
    return list(needs.select_related("area", "mailbox").order_by("day", "pk"))


def is_kept_back(volunteer: Volunteer) -> bool:
    """Whether the desk decided so; nobody but its readers sees that a report is open."""
    return volunteer.held_back and not Report.objects.about_person(volunteer).exists()


def ask_again(volunteer: Volunteer, at: datetime) -> None:
    """The desk ends it. Nothing happens where a report about them is open."""
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(volunteer.pk)
        if not Report.objects.about_person(volunteer).exists():
            volunteer.let_go(at)


def ask_for_again(need: Need, at: datetime) -> None:
    """The desk ends it for whoever asked this. Nothing happens where a report about them is open."""
    with transaction.atomic():
        _lock(Need.objects.filter(mailbox=need.mailbox_id).values_list("pk", flat=True))
        Mailbox.objects.hold(need.mailbox_id)
        if not Report.objects.about_asker(need.mailbox).exists():
            _ask_on(need.mailbox_id, at)


@contextmanager
def _stored_once(report: Report) -> Iterator[None]:
    """A transaction that stores it; of the same form sent twice at once, the second finds the first's row."""
    try:
        with report.in_a_slot_of_its_own():
            yield
    except IntegrityError:
        if not Report.objects.filter(pk=report.pk).exists():
            raise


def _reader(one: Volunteer | OutsideContact) -> Reader | None:
    try:
        return one.reader()
    except Unreadable:
        return None


def _is_kept_back_asker(need: Need) -> bool:
    """The same of whoever asked this; the mailbox is locked."""
    return need.is_held_back() and not Report.objects.about_asker(need.mailbox).exists()


def _lock(needs: Iterable[uuid.UUID]) -> None:
    """Every need, in one order, so that two who do this never wait for each other; those gone are gone."""
    for pk in sorted(set(needs)):
        with suppress(SomebodyWasFaster):
            Need.objects.lock(pk)


def _never_again(mailbox: uuid.UUID, volunteer: Volunteer) -> bool:
    """The two are not brought together any more. False where the mailbox is gone."""
    Mailbox.objects.hold(mailbox)
    if not Mailbox.objects.filter(pk=mailbox).exists():
        return False
    NeverMatch.objects.get_or_create(mailbox_id=mailbox, volunteer=volunteer)
    return True


def _end(live: ClaimQuerySet, is_stopped: Callable[[Claim], bool], to: str, at: datetime) -> list[Claim]:
    """End what nobody said yes to yet, and whatever `is_stopped` (as `to`); what was promised waits for who
    reads it. Whoever loses something hears that there is news, as where a hold ran out."""
    ended = []
    claims = live.select_related("task", "need", "volunteer").order_by("need_id", "place_in_line")
    for claim in list(claims):
        stopped = is_stopped(claim)
        if claim.is_approved and not stopped:
            continue
        with suppress(SomebodyWasFaster, MoveRefused), transaction.atomic():
            claim.leave_within(to if stopped else RELEASED, at)
            if not (stopped and to == DECLINED):
                outbox.queue(claim.volunteer_id, f"claim:{claim.id}:left", at)
            ended.append(claim)
    return ended


def _finish(ended: list[Claim]) -> None:
    for claim in ended:
        claim.finish_soon()


def _write(
    report: Report, told: dict[str, object], readers: Sequence[Volunteer | OutsideContact], at: datetime
) -> None:
    report.set_reminder(at)
    report.write(told, [one.reader() for one in readers], at)
    for one in readers:
        outbox.queue(one.pk, f"report:{report.id}", at, pace="now")


def _ask_on(mailbox: uuid.UUID, at: datetime) -> None:
    Mailbox.objects.hold_back(mailbox, False)
    for need in Need.objects.open(at).filter(mailbox=mailbox):
        need.tasks.ask_on(at)
