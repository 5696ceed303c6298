"""What both sides can say with one tap, what is waited for and what did not come, as one of them reads it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext

from organisation import kinds, presets
from organisation.kind import Answers
from organisation.presets import CANNOT_COME, Preset
from requests_app import facts
from requests_app.models import Claim, Need, Tap, Task

ASKER = "asker"


@dataclass(frozen=True)
class Promotion:
    """A task a backup (its claim) could take, and from whom; "" where nobody has it. `passes_on`: they have
    it, and what the desk may open is not theirs yet."""

    claim_id: UUID
    task_id: UUID
    title: str
    instead_of: str
    passes_on: bool = False


@dataclass(frozen=True)
class Taps:
    """Of one claim, for one side. `missed`: what the other side did not say; `forgot`: what this one did not.

    `cannot`, `they_cannot`: this side, or the other, said last that they cannot come.
    """

    claim: Claim
    buttons: list[Preset]
    expected: list[str]
    missed: list[str]
    forgot: list[str]
    cannot: bool
    they_cannot: bool
    promotions: list[Promotion] = field(default_factory=list)
    when_form: forms.Form | None = None
    once: UUID = field(default_factory=uuid4)


def taps(
    claim: Claim, rows: Iterable[Tap], said: list[tuple[bool, str]], side: str, at: datetime, **more: object
) -> Taps:
    """`rows`: what is waited for (Tap.objects.of_claims); `said`: (mine, slug) of each preset so far."""
    kind = kinds.get(claim.need.kind)
    own = [row for row in rows if row.claim_id == claim.pk]
    late = [row for row in own if row.is_missed or row.is_late(at)]
    return Taps(
        claim=claim,
        buttons=presets.offered(side, (tap.slug for tap in kind.taps)),
        expected=[_expected(row, side, at) for row in own if row not in late],
        missed=_sentences([row for row in late if row.side != side], "missing", at),
        forgot=_sentences([row for row in late if row.side == side], "i_missed", at),
        cannot=cannot_come(said, mine=True),
        they_cannot=cannot_come(said, mine=False),
        **more,  # type: ignore[arg-type]
    )


def cannot_come(said: list[tuple[bool, str]], mine: bool) -> bool:
    """Whether the last tap of one side was that they cannot come."""
    slugs = [slug for is_mine, slug in said if is_mine == mine and slug]
    return slugs[-1:] == [CANNOT_COME]


def promotions(
    backup: Claim,
    tasks: list[Task],
    claims: list[Claim],
    rows: list[Tap],
    at: datetime,
    cannot: Collection[UUID] = (),
) -> list[Promotion]:
    """The tasks this backup could take now: those nobody has, those of somebody who is not heard of, and of
    whoever said that they cannot come (`cannot`: their claims), as far as the reader can know it."""
    backs = kinds.get(backup.need.kind).backs(backup.task.role)
    late = {row.claim_id for row in rows if row.side != ASKER and (row.is_missed or row.is_late(at))}
    late |= set(cannot)
    coming = {claim.task_id: claim for claim in claims if claim.is_approved}
    found = []
    for task in tasks:
        there = coming.get(task.pk)
        if task.role in backs and (there is None or there.pk in late):
            title = facts.title(backup.need, task)
            found.append(Promotion(backup.pk, task.pk, title, there.volunteer.handle if there else ""))
    return found


def desk_sentences(rows: Iterable[Tap], at: datetime) -> list[str]:
    """What did not come, for the desk: who, what, by when. Rows come with their claim and its volunteer."""
    lines = []
    for row in rows:
        preset = presets.get(row.slug)
        if preset is None or not (row.is_missed or row.is_late(at)):
            continue
        words = {"what": preset.text, "moment": facts.past(row.due_at, at), "who": row.claim.volunteer.handle}
        if row.side == ASKER:
            line = gettext("Whoever asked has not said to %(who)s: “%(what)s”. Expected by %(moment)s.")
        else:
            line = gettext("%(who)s has not said: “%(what)s”. Expected by %(moment)s.")
        lines.append(line % words)
    return lines


def relief(need: Need, claim: Claim, answers: Answers, taken: set[UUID], tasks: dict[str, UUID]) -> str:
    """Who takes over from whom, and when, in plain words; "" where nobody was asked to.

    `taken`: the tasks somebody has; `tasks`: role → task.
    """
    kind = kinds.get(need.kind)
    for spec in kind.tasks:
        hours = {"hours": spec.after_hours(answers)}
        if not hours["hours"] or spec.role not in tasks or kind.backs(claim.task.role):
            continue
        if claim.task.role == spec.role:
            return gettext("Takes over %(hours)d hours after the beginning.") % hours
        if tasks[spec.role] in taken:
            return gettext("After %(hours)d hours somebody else takes over.") % hours
        return gettext("A relief after %(hours)d hours is wished for. Nobody has taken it yet.") % hours
    return ""


def _expected(row: Tap, side: str, at: datetime) -> str:
    preset = presets.get(row.slug)
    words = {"what": preset.text if preset else "", "moment": facts.moment(row.due_at, at)}
    if row.side == side:
        return gettext("You say “%(what)s” by %(moment)s.") % words
    return gettext("They say “%(what)s” by %(moment)s.") % words


def _sentences(rows: list[Tap], name: str, at: datetime) -> list[str]:
    """One for each thing, with by when it was expected; a night that was not OK is said once."""
    last: dict[str, Tap] = {row.slug: row for row in rows}
    lines = []
    for row in last.values():
        if preset := presets.get(row.slug):
            moment = gettext("It was expected by %(moment)s.") % {"moment": facts.past(row.due_at, at)}
            lines.append(f"{getattr(preset, name)} {moment}")
    return lines
