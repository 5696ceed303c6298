"""One need as the desk sees it: why nobody, who was asked, who offered, and what it was let read."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from organisation import kinds, languages
from privacy.crypto import Unreadable
from requests_app import desk_key, facts, home, legs, why_nobody
from requests_app.asker_page import readable, vouched_since
from requests_app.models import Claim, Extension, Need, Proposal, Reveal, Tap, Task
from requests_app.models.asked import DESK, FIRST
from requests_app.models.claim_queryset import (
    APPROVED,
    BACKUP,
    DECLINED,
    DONE,
    HELD,
    LAPSED,
    RELEASED,
    STANDBY,
)
from requests_app.readers import Unlocked
from requests_app.stay_page import asked_for, waiting_on_desk
from requests_app.taps_page import Promotion, desk_sentences, promotions
from volunteers import desk
from volunteers.models import Volunteer

# How the note stands to whoever looks.
NOT_FOR_DESK, LOCKED, NO_SHARE, OPEN = "not-for-desk", "locked", "no-share", "open"


@dataclass(frozen=True)
class Asked:
    """Somebody who was asked, or who took it unasked, and what came of it."""

    handle: str
    task_name: str
    when: str
    outcome: str


@dataclass(frozen=True)
class Person:
    """Somebody who has it, or stands by. `fingerprint`: of their key, where the desk decides; else "".
    `key_changed`: they come with a new key, and the desk holds something for it."""

    claim: Claim
    task_name: str
    state: str
    vouched: str
    languages: list[str]
    why: list[str]
    home: list[str]
    fingerprint: str
    key_changed: bool
    longer: Extension | None = None
    longer_text: str = ""
    # Of a backup: the tasks they could take now.
    promotions: list[Promotion] = field(default_factory=list)


@dataclass(frozen=True)
class Read:
    """What the asker let the desk read, as far as it is open."""

    state: str
    note: str = ""
    answers: list[tuple[str, str]] = field(default_factory=list)
    place: str = ""
    # What of hers that was: purposes of compartments.
    opened: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DeskNeed:
    """The page of one need."""

    need: Need
    title: str
    facts: list[str]
    decides: str
    ends: str
    why_nobody: list[str]
    nobody_has: list[str]
    people: list[Person]
    asked: list[Asked]
    read: Read
    silent: list[str] = field(default_factory=list)


def need_page(need: Need, coordinator: Volunteer, private: bytes | None, at: datetime) -> DeskNeed:
    """One need for one coordinator; `private` is their open key, None while it is locked."""
    tasks = list(Task.objects.not_closed().filter(need=need))
    for task in tasks:
        task.need = need
    read = _read(need, tasks, coordinator, private)
    # Before anybody sees it; who at the desk it was is not kept.
    Reveal.objects.opened_at_desk(need, coordinator, read.opened, at)
    claims = list(
        Claim.objects.filter(need=need).select_related("volunteer", "task").order_by("place_in_line")
    )
    proposals = list(Proposal.objects.about(need))
    offered = list(Claim.objects.filter(need=need).offered(at).prefetch_related("volunteer__vouches"))
    longer = Extension.objects.for_desk(coordinator).of(offered)
    rows = list(Tap.objects.for_desk(at).filter(claim__need=need))
    return DeskNeed(
        need=need,
        title=facts.title(need),
        facts=facts.facts(need, tasks=tasks),
        decides=_who_decides(need),
        ends=facts.moment(need.expires_at, at),
        why_nobody=why_nobody.sentences(need, offered, at),
        nobody_has=legs.nobody_has(tasks, offered, at),
        people=[
            replace(
                _with_longer(_person(need, claim, proposals, at), longer, at),
                promotions=_sends(need, claim, offered, rows, at),
            )
            for claim in offered
        ],
        asked=_asked(need, proposals, claims),
        read=read,
        silent=desk_sentences(rows, at),
    )


def _who_decides(need: Need) -> str:
    if need.decides == DESK:
        return gettext("The desk decides who comes.")
    if need.decides == FIRST:
        return gettext("The first who takes it comes.")
    return gettext("The person who asked decides who comes.")


# Who was asked, who offered


def _person(need: Need, claim: Claim, proposals: list[Proposal], at: datetime) -> Person:
    why = [p.reasons for p in proposals if (p.task_id, p.volunteer_id) == (claim.task_id, claim.volunteer_id)]
    desk_reader = readable(desk.reader, None) if need.decides == DESK and claim.is_approved else None
    claim.need = need
    key_changed = desk_reader is not None and readable(lambda: claim.has_more_for(desk_reader), False)
    decides = need.decides == DESK and not claim.is_backup and (key_changed or not claim.is_approved)
    return Person(
        claim=claim,
        task_name=facts.title(need, claim.task),
        state=_state(claim, at),
        vouched=vouched_since(list(claim.volunteer.vouches.all()), claim.volunteer),
        languages=languages.names(claim.volunteer.languages),
        why=facts.reasons_for_asker(why[0] if why else []),
        # Whoever decides reads what the home is like.
        home=home.lines(kinds.get(need.kind), claim.offer, at) if decides else [],
        fingerprint=readable(claim.key_fingerprint, "") if decides else "",
        key_changed=key_changed,
    )


def _with_longer(person: Person, longer: dict[UUID, Extension], at: datetime) -> Person:
    """What waits for a yes of the desk to more nights."""
    waiting = waiting_on_desk(longer, person.claim, at)
    return replace(person, longer=waiting, longer_text=asked_for(waiting)) if waiting else person


def _sends(need: Need, claim: Claim, offered: list[Claim], rows: list[Tap], at: datetime) -> list[Promotion]:
    if claim.was_backup:
        claim.need = need
        giver = readable(desk.reader, None)
        waits = giver is not None and readable(lambda: claim.waits_for(giver), False)
        return [Promotion(claim.pk, claim.task_id, "", "", passes_on=True)] if waits else []
    if not claim.is_backup:
        return []
    tasks = list(Task.objects.live(at).filter(need=need).order_by("role"))
    return promotions(claim, tasks, offered, rows, at)


def _state(claim: Claim, at: datetime) -> str:
    if claim.is_approved:
        return gettext("Comes.")
    if claim.is_backup:
        return gettext("Is the backup.")
    if claim.held_until is None:
        return gettext("Stands by.")
    return gettext("Holds it until %(until)s.") % {"until": facts.moment(claim.held_until, at)}


def _asked(need: Need, proposals: list[Proposal], claims: list[Claim]) -> list[Asked]:
    last = {(claim.task_id, claim.volunteer_id): claim for claim in claims}
    rows = [
        Asked(
            handle=proposal.volunteer.handle,
            task_name=facts.title(need, proposal.task),
            when=facts.hour(proposal.asked_at, "l H:00"),
            outcome=_outcome(proposal, last.get((proposal.task_id, proposal.volunteer_id))),
        )
        for proposal in proposals
    ]
    known = {(proposal.task_id, proposal.volunteer_id) for proposal in proposals}
    rows += [
        Asked(
            claim.volunteer.handle, facts.title(need, claim.task), gettext("Found it"), _outcome(None, claim)
        )
        for pair, claim in last.items()
        if pair not in known
    ]
    return rows


def _outcome(proposal: Proposal | None, claim: Claim | None) -> str:
    if claim is None:
        declined = proposal is not None and proposal.outcome == Proposal.DECLINED
        return gettext("The answer was no") if declined else gettext("No answer yet")
    return {
        HELD: gettext("Holds it"),
        STANDBY: gettext("Stands by"),
        APPROVED: gettext("Comes"),
        BACKUP: gettext("Is the backup"),
        DONE: gettext("It is done"),
        RELEASED: gettext("Could not after all"),
        DECLINED: gettext("The answer was no"),
        LAPSED: gettext("The hold ran out"),
    }[claim.status]


# What the desk may read


def _read(need: Need, tasks: list[Task], coordinator: Volunteer, private: bytes | None) -> Read:
    """The note where the asker said so, the place where she sealed it to the desk. Nothing else."""
    if not need.desk_reads and need.desk_place is None:
        return Read(NOT_FOR_DESK)
    if private is None:
        return Read(LOCKED)
    try:
        unlocked = desk_key.unlocked(coordinator, private)
    except Unreadable:
        return Read(NO_SHARE)
    note, place = _opened(need, unlocked)
    opened = [purpose for purpose, text in (("note", note), ("place", place)) if text is not None]
    written, answers = note or ("", {})
    if need.desk_reads and note is None:
        written = gettext("The note cannot be read any more.")
    if need.desk_place is not None and place is None:
        place = gettext("This cannot be read.")
    told = kinds.get(need.kind).described(answers)
    for task in tasks if need.desk_reads else []:
        own = readable(partial(task.read_answers, unlocked), None)
        if own:
            opened.append(task.purpose)
        said = [(gettext("This cannot be read."), "")] if own is None else kinds.get(need.kind).described(own)
        told += [(f"{facts.title(need, task)}: {question}", answer) for question, answer in said]
    return Read(OPEN, written, told, place or "", opened)


def _opened(need: Need, unlocked: Unlocked) -> tuple[tuple[str, dict[str, Any]] | None, str | None]:
    """Note (with the answers) and place, each None where it is not for the desk, or cannot be opened."""
    note = readable(lambda: need.read_note(unlocked), None) if need.desk_reads else None
    place = readable(lambda: need.read_desk_place(unlocked), None) if need.desk_place is not None else None
    return note, place
