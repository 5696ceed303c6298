"""What a volunteer sees: the board's rows, and one need with what was sealed to this volunteer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext

from notify.models import Channel
from organisation import kinds
from organisation.models import Organisation
from requests_app import facts, legs, matching
from requests_app.asker_page import Line, readable, thread_lines
from requests_app.matching import Match
from requests_app.models import CalledOff, Claim, Extension, Message, Need, Taken, Tap, Task
from requests_app.models.claim_queryset import ClaimQuerySet
from requests_app.models.extension import HOST
from requests_app.readers import Unlocked
from requests_app.stay_page import Stay, stay
from requests_app.taps_page import Taps, relief, taps
from volunteers.models import Check, Offer, Volunteer


@dataclass(frozen=True)
class Row:
    """One task on the board, or one a volunteer has already."""

    task: Task
    title: str
    facts: list[str]
    why: list[str]
    claim: Claim | None = None
    taken: bool = False


@dataclass(frozen=True)
class Known:
    """A need they have or had something of. `was_yes`: somebody said yes to them."""

    need_id: UUID
    title: str
    day: str
    was_yes: bool


@dataclass(frozen=True)
class Board:
    """What is theirs already, and what they could do, the best first.

    `over`: how much they had that is not needed any more; what it was is not said. `called_off`: to how much
    of that they were on the way, so to speak: they are to be told not to go. `stays_over`: how many who slept
    at theirs have moved on. `idle`: why there is nothing, where there is a reason ("no-offers", "break",
    "enough", "checks", "new"). `told`: whether news reaches them by itself. `broken`: whether messages come
    back from a way they chose.
    """

    mine: list[Row]
    free: list[Row]
    over: int
    called_off: int
    stays_over: int
    idle: str
    told: bool
    broken: bool
    known: list[Known]


@dataclass(frozen=True)
class Part:
    """One task of a need as this volunteer sees it: what fits, or the claim they have on it."""

    task: Task
    title: str
    match: Match | None
    claim: Claim | None
    somebody_has_it: bool
    stay: Stay | None = None
    when: str = ""
    has_begun: bool = False

    @property
    def can_step_in(self) -> bool:
        """They stand by for it, and nobody holds it."""
        return self.claim is not None and self.claim.is_standby and not self.somebody_has_it

    def own_claim(self) -> Claim:
        """The claim they have on it. Errors: Http404 where they have none."""
        if self.claim is None:
            raise Http404
        return self.claim

    def take(
        self, volunteer: Volunteer, place: str, is_address: bool, standing_by: bool, at: datetime
    ) -> Claim:
        """Claim it, or stand by; whoever stands by for it takes it where nobody holds it any more. Twice is
        harmless. Errors: as Task.claim; Http404 where it does not fit."""
        if self.claim is not None:
            if self.can_step_in and not standing_by:
                self.claim.step_in(at)
            return self.claim
        if self.match is None:
            raise Http404
        offer = get_object_or_404(Offer.objects.of(volunteer), pk=self.match.offer_id)
        verb = self.task.stand_by if standing_by else self.task.claim
        return verb(volunteer, offer, at, place, self.match.reasons, is_address)


@dataclass(frozen=True)
class Opened:
    """What is sealed to the volunteer's approved claim; nothing while `locked`. `waits`: they have a new
    key, and she has not said yes to it yet."""

    claim: Claim
    title: str
    locked: bool
    waits: bool = False
    note: str = ""
    answers: list[tuple[str, str]] = field(default_factory=list)
    place: str = ""
    place_over: bool = False
    words: str = ""
    thread: list[Line] = field(default_factory=list)
    begins_when_told: bool = False
    plan: str = ""
    taps: Taps | None = None
    relief: str = ""


@dataclass(frozen=True)
class NeedPage:
    """One need a volunteer may see. `several`: it has more than one task. `nobody_has`: a line for each of
    them that nobody has.
    `cannot_go_on`: what whoever has something of it presses who cannot go on; "" where there is none.
    """

    need: Need
    title: str
    facts: list[str]
    why: list[str]
    parts: list[Part]
    opened: list[Opened]
    host: bool
    holds_until: datetime
    several: bool
    nobody_has: list[str]
    cannot_go_on: str
    card: list[str]
    known: list[Known]

    def part(self, task_id: str) -> Part:
        """The part named in a form, or the only one. Errors: Http404 for one that is not theirs to see."""
        found = [part for part in self.parts if str(part.task.pk) == task_id or len(self.parts) == 1]
        # Whoever was the backup a moment ago has another task now: what they press is about that.
        moved = found and found[0].claim is not None and found[0].claim.was_backup
        if not found or (task_id and str(found[0].task.pk) != task_id and not moved):
            raise Http404
        return found[0]


def board(volunteer: Volunteer, at: datetime) -> Board:
    """A fixed number of queries for one row and for fifty."""
    claims = list(Claim.objects.of(volunteer, at))
    found = matching.board(volunteer, at)
    tasks = Task.objects.for_board().in_bulk([m.task_id for m in found])
    # One that was erased since is not there any more.
    matches = [m for m in found if m.task_id in tasks and not _is_theirs(tasks[m.task_id], claims)]
    # Whoever has her code on paper comes first: a need nobody can come back to is asked in vain.
    matches.sort(key=lambda match: not tasks[match.task_id].need.mailbox.confirmed)
    broke = list(Channel.objects.of(volunteer.pk).values_list("broken_at", flat=True))
    held = set(Claim.objects.holding(at).filter(task__in=tasks).values_list("task_id", flat=True))
    called_off, stays_over = CalledOff.objects.counts(volunteer, at)
    return Board(
        mine=[_row(claim.task, claim.need, [], claim=claim) for claim in claims],
        free=[
            _row(tasks[m.task_id], tasks[m.task_id].need, m.reasons, taken=m.task_id in held) for m in matches
        ],
        over=Claim.objects.over_for(volunteer).count(),
        called_off=called_off,
        stays_over=stays_over,
        idle="" if matches else _idle(volunteer, at),
        told=None in broke,
        broken=any(broke),
        known=_known(Claim.objects.known_to(volunteer, at)),
    )


def _known(claims: ClaimQuerySet) -> list[Known]:
    """One for each need. Two queries."""
    said_yes = set(claims.was_yes().values_list("need_id", flat=True))
    needs = {claim.need_id: claim.need for claim in claims}
    return [
        Known(pk, facts.title(need), facts.day(need.day), was_yes=pk in said_yes)
        for pk, need in needs.items()
    ]


def _idle(volunteer: Volunteer, at: datetime) -> str:
    if volunteer.is_paused(at):
        return "break"
    if Taken.objects.are_enough(volunteer, at):
        return "enough"
    if not Offer.objects.of(volunteer).filter(active=True).exists():
        return "no-offers"
    if Check.objects.keeps_back(volunteer, at):
        return "checks"
    return "new" if volunteer.probation else ""


def _is_theirs(task: Task, claims: list[Claim]) -> bool:
    """Whether they have it, or a part of it whose other parts need somebody else."""
    alone = kinds.get(task.need.kind).one_person_each
    return any(c.task_id == task.pk or (alone and c.need_id == task.need_id) for c in claims)


def need_page(volunteer: Volunteer, need_id: UUID, unlocked: Unlocked | None, at: datetime) -> NeedPage:
    """One need, if a task of it fits this volunteer now or they have a live claim on it. Else Http404."""
    claims = list(Claim.objects.of(volunteer, at).filter(need=need_id))
    matches = {m.task_id: m for m in matching.on_need(volunteer, need_id, at)}
    if not claims and not matches:
        raise Http404
    need = get_object_or_404(Need.objects.select_related("area", "mailbox"), pk=need_id)
    kind = kinds.get(need.kind)
    why = [match.reasons for match in matches.values()]
    tasks = list(Task.objects.not_closed().filter(need=need))
    for task in tasks:
        task.need = need
    holding = list(Claim.objects.holding(at).filter(need=need))
    has_some = any(claim.holds for claim in claims)
    return NeedPage(
        need=need,
        title=facts.title(need),
        facts=facts.facts(need, tasks=tasks),
        why=facts.reasons_for_volunteer(why[0] if why else []),
        parts=_parts(need, tasks, holding, matches, claims, at),
        opened=[_opened(need, claim, unlocked, at) for claim in claims if claim.is_approved],
        host=kind.host_seals_place,
        holds_until=Claim(need=need).hold_until(at),
        several=len(tasks) > 1,
        nobody_has=legs.nobody_has(tasks, holding, at),
        cannot_go_on=str(kind.cannot_go_on_label) if has_some else "",
        card=[str(line) for line in kind.card] if any(claim.holds for claim in claims) else [],
        known=_known(Claim.objects.known_to(volunteer, at).filter(need=need_id)),
    )


def _row(task: Task, need: Need, reasons: Any, **more: Any) -> Row:
    why = facts.reasons_for_volunteer(reasons)
    return Row(task, facts.title(need, task), facts.facts(need, task), why, **more)


def _parts(
    need: Need,
    tasks: list[Task],
    holding: list[Claim],
    matches: dict[UUID, Match],
    claims: list[Claim],
    at: datetime,
) -> list[Part]:
    mine = {claim.task_id: claim for claim in claims}
    taken = {claim.task_id for claim in holding}
    alone = bool(mine) and kinds.get(need.kind).one_person_each
    shown = mine if alone else {**matches, **mine}
    stays = _stays(need, mine, at)
    return [
        Part(
            task=task,
            title=facts.title(need, task),
            match=matches.get(task.pk),
            claim=mine.get(task.pk),
            somebody_has_it=task.pk in taken and not (task.pk in mine and mine[task.pk].holds),
            stay=stays.get(task.pk),
            when=facts.parts(task.parts),
            has_begun=task.pk in mine and mine[task.pk].has_begun(at),
        )
        for task in tasks
        if task.pk in shown
    ]


def _stays(need: Need, mine: dict[UUID, Claim], at: datetime) -> dict[UUID, Stay | None]:
    """task id → the nights somebody spends with them."""
    hosted = {pk: claim for pk, claim in mine.items() if claim.is_approved and need.nights}
    if not hosted:
        return {}
    extensions, organisation = Extension.objects.of(hosted.values()), Organisation.objects.current()
    return {pk: stay(c, extensions.get(c.pk), HOST, at, organisation) for pk, c in hosted.items()}


def _opened(need: Need, claim: Claim, unlocked: Unlocked | None, at: datetime) -> Opened:
    title = facts.title(need, claim.task)
    if unlocked is None:
        return Opened(claim, title, locked=True)
    waits = claim.key_changed()
    cannot = "" if waits else gettext("This cannot be read.")
    later: tuple[str, dict[str, Any]] = (gettext("The note opens when the person looks here next."), {})
    note, answers = readable(lambda: claim.need.read_note(unlocked), later)
    claim.task.need = claim.need
    own = readable(lambda: claim.task.read_answers(unlocked), None)
    # What waits for her opens with the note; where that is open, it is damaged.
    damaged = own is None and note != later[0]
    kind = kinds.get(claim.need.kind)
    thread = [] if waits else thread_lines(list(claim.messages.all()), claim, unlocked, Message.VOLUNTEER)
    plan = need.plan_now(at)
    later_plan = gettext("This opens when the person looks here next.")
    return Opened(
        claim=claim,
        title=title,
        locked=False,
        waits=waits,
        note=note,
        answers=[
            *kind.described(answers),
            *kind.described(own or {}),
            *([(gettext("This cannot be read."), "")] if damaged else []),
        ],
        begins_when_told=kind.begins_when_told(claim.task.role, answers),
        place=readable(lambda: claim.read_place(unlocked, at), cannot),
        place_over=at >= claim.need.place_seen_until(),
        # Not before she knows whose key it is: they prove to her who stands at the door.
        words="" if waits else readable(lambda: " ".join(claim.two_words()), ""),
        thread=thread,
        plan=readable(lambda: plan.read(unlocked), later_plan) if plan else "",
        taps=_taps(claim, thread, at),
        relief=_relief(need, claim, answers, at),
    )


def _taps(claim: Claim, thread: list[Line], at: datetime) -> Taps:
    said = [(line.mine, line.slug) for line in thread]
    return taps(claim, list(Tap.objects.of_claims([claim])), said, Message.VOLUNTEER, at)


def _relief(need: Need, claim: Claim, answers: dict[str, Any], at: datetime) -> str:
    """Who takes over, and when: what she answered is open here, and who has it is read only then."""
    if not any(spec.after_hours(answers) for spec in kinds.get(need.kind).tasks):
        return ""
    taken = set(Claim.objects.holding(at).filter(need=need).values_list("task_id", flat=True))
    roles = dict(Task.objects.live(at).filter(need=need).values_list("role", "pk"))
    return relief(need, claim, answers, taken, roles)
