"""What a kind of need is: the shape of an entry in organisation/kinds.py, and what it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from organisation import legs
from organisation.complaints import about
from organisation.tap import ASKER, START, VOLUNTEER, Tap
from privacy import clock

__all__ = [
    "ASKER",
    "VOLUNTEER",
    "Answers",
    "BadKind",
    "Choice",
    "Kind",
    "Question",
    "Tap",
    "TaskSpec",
    "Text",
]

Text = str | Promise
Answers = Mapping[str, object]

WHERE_TO_MEET: Final = _("Where to meet")


class BadKind(ValueError):
    """This entry would break a promise; the sentence says which."""


def _always(answers: Answers) -> bool:
    return True


def _never(answers: Answers) -> bool:
    return False


def _at_once(answers: Answers) -> int:
    return 0


@dataclass(frozen=True)
class Choice:
    """One possible answer."""

    slug: str
    label: Text


@dataclass(frozen=True)
class Question:
    """A question beyond the common ones. Its answer goes into the one sealed JSON answer of the need, or
    (`of`) of each task with one of these roles: nobody who has another task of the need can open it.

    `answer` is the shape: "text" (str), "number" (int, 0 to `most`), "choice" (a slug of
    `choices`), "choices" (a list of them) or "time" ("HH:MM" of the need's local day; `limit` says
    whether the task is not before it, or over by then). No question is ever required. `beside`: the role
    of the task in whose group it is asked, where it is not that task's alone. `else_of`: by the answers with
    which `else_when` is true it belongs to this task instead (whoever drives there waits, nobody else).

    `counts`: the number is of people who come, and all of these together are the need's people; the first
    of them counts whoever nobody else is (adults). `implies`: an answer that is neither empty nor 0 asks
    for this condition, as if it were ticked.
    """

    slug: str
    label: Text
    answer: Literal["text", "number", "choice", "choices", "time"]
    help: Text = ""
    choices: tuple[Choice, ...] = ()
    privacy: Literal["sealed", "clear"] = "sealed"
    folded: bool = True
    max_length: int = 200
    most: int = 99
    counts: bool = False
    implies: str = ""
    of: tuple[str, ...] = ()
    limit: Literal["", "from", "until"] = ""
    beside: str = ""
    else_of: str = ""
    else_when: Callable[[Answers], bool] = _never

    def whose(self, answers: Answers) -> tuple[str, ...]:
        """The roles whose answer it is; empty: of all who come."""
        return (self.else_of,) if self.else_when(answers) else self.of

    @property
    def may_be_of(self) -> frozenset[str]:
        """The roles whose answer it is by some answers."""
        return frozenset({*self.of, self.else_of} - {""})

    @property
    def about_party(self) -> bool:
        """Whether it asks who comes along: it stands beside "how many people"."""
        return self.counts or bool(self.implies)

    @property
    def group(self) -> str:
        """The role of the task in whose group it is asked; "": among the common ones."""
        return self.beside or (self.of[0] if len(self.of) == 1 else "")

    def shown(self, value: object) -> str:
        """An answer as text for a person; a choice that no longer exists is passed over."""
        if not self.choices:
            return str(value)
        chosen = value if isinstance(value, list) else [value]
        # The second line of a label is small print for whoever chooses.
        names = (str(choice.label).partition("\n")[0] for choice in self.choices if choice.slug in chosen)
        return ", ".join(names)


@dataclass(frozen=True)
class TaskSpec:
    """One task of a need: the unit one volunteer takes. `needed` decides by the answers.

    That the task exists is in clear, so a question that decides over tasks must be harmless.
    """

    role: str
    name: Text
    needed: Callable[[Answers], bool] = _always
    # The roles it is never before.
    after: tuple[str, ...] = ()
    # It has times of its own, asked with this label; empty: those of the need.
    when_label: Text = ""
    # It begins where the first does not: a place written before anybody comes is not for it.
    begins_elsewhere: bool = False
    # By these answers it begins when she writes, not at a time.
    when_told: Callable[[Answers], bool] = _never
    # Only if one of these cannot come: until then whoever takes it reads nothing.
    backs: tuple[str, ...] = ()
    # After how many hours they take over from the others; 0: they are there from the beginning.
    after_hours: Callable[[Answers], int] = _at_once

    @property
    def needs_no_answer(self) -> bool:
        """Whether there is always this one."""
        return self.needed is _always

    def at_any_hour(self, answers: Answers) -> bool:
        """Whether nobody knows before when it begins: she says so on the day, or it begins after another."""
        return self.when_told(answers) or self.after_hours(answers) > 0

    @property
    def may_be_at_any_hour(self) -> bool:
        """Whether some answers make it so."""
        return self.when_told is not _never or self.after_hours is not _at_once


@dataclass(frozen=True)
class Makes:
    """Another need that comes with this one, where the answers say so: a ride to where she will sleep.

    It is asked at the same moment, in the same mailbox, and lives a life of its own.
    """

    kind: str
    needed: Callable[[Answers], bool]


@dataclass(frozen=True)
class Kind:
    """One kind of need. Slugs are for URLs and columns; every Text is shown to people."""

    slug: str
    # What the asker reads: the card, and above the form.
    name: Text
    lead: Text
    # What "where" and "when" mean for this kind.
    where_label: Text
    when_label: Text
    # The tasks it makes, in order; at least one of them always.
    tasks: tuple[TaskSpec, ...]
    # Whose place it is. A volunteer's place is sealed when claiming, the asker's when approving.
    place_from: Literal["asker", "volunteer"]
    # What volunteers read where they say what they can do.
    offer_name: Text
    # How long a need lives after the end of its last day, and a hold lasts at least.
    need_lives: timedelta
    hold: timedelta
    # Who is asked: how many in each ring, and how long until the next; then the desk.
    rings: tuple[int, ...]
    escalate_every: timedelta
    # A need that begins within this time is urgent: the rings follow three times as fast.
    urgent_within: timedelta
    where_help: Text = ""
    when_help: Text = ""
    place_label: Text = WHERE_TO_MEET
    # Nights are asked, and each night takes a bed.
    has_nights: bool = False
    # A volunteer must be free in every part of the day asked for; else one of them is enough.
    covers_parts: bool = False
    # Each task needs a person of its own: two companions are two people. Else one may take them all.
    one_person_each: bool = False
    # How many people, and what an offer counts for them ("Beds"); empty: not asked, not compared.
    people_label: Text = ""
    capacity_label: Text = ""
    most_people: int = 8
    questions: tuple[Question, ...] = ()
    condition_slugs: tuple[str, ...] = ()
    # A condition that is asked beside the parts of the day: arriving after midnight. Empty: not asked there.
    after_midnight: str = ""
    # What else is asked for, by its answers.
    makes: tuple[Makes, ...] = ()
    # What may be checked about whoever does this (slugs of organisation/checks.py).
    checks: tuple[str, ...] = ()
    # Whoever was expected, and says no less than this before it begins, says it late.
    late_within: timedelta = timedelta(hours=12)
    # How long the place can still be read after the end of the last day, or after the last morning.
    place_seen_for: timedelta = timedelta(0)
    # Which facts and rules of a home the host ticks and the asker reads (organisation/house.py).
    house_slugs: tuple[str, ...] = ()
    # Whoever offers it says on which day all adults in the home agreed.
    household_agrees: bool = False
    # What somebody who is on the way presses when they cannot go on at all; empty: there is no such button.
    cannot_go_on_label: Text = ""
    # What is expected from whom, in the order in which it happens.
    taps: tuple[Tap, ...] = ()
    # How long "If I do not come out" can be read after the end of the last part; None: not asked.
    plan_lives: timedelta | None = None
    # What whoever comes keeps in mind, a few short lines.
    card: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        for wrong, sentence in about(self):
            if wrong:
                raise BadKind(f"{self.slug}: {sentence}")

    @property
    def has_capacity(self) -> bool:
        """Whether people are counted: asked of the asker, and of the offer."""
        return bool(self.capacity_label)

    @property
    def host_seals_place(self) -> bool:
        """Whether the volunteer writes where to meet, when claiming."""
        return self.place_from == "volunteer"

    @property
    def has_legs(self) -> bool:
        """Whether some of its tasks begin elsewhere than the first: one driver's place is not another's."""
        return any(task.begins_elsewhere for task in self.tasks)

    @property
    def path(self) -> str:
        """The address of its form."""
        return f"/a/{self.slug}/"

    def roles(self, answers: Answers) -> tuple[str, ...]:
        """The roles of the tasks that a need with these answers makes, in order; never empty."""
        return tuple(task.role for task in self.tasks if task.needed(answers))

    def implied(self, answers: Answers) -> list[str]:
        """The slugs of the conditions that these answers ask for by themselves."""
        return [q.implies for q in self.questions if q.implies and answers.get(q.slug)]

    def task(self, role: str) -> TaskSpec | None:
        """The task with this role, if it still has it."""
        return next((task for task in self.tasks if task.role == role), None)

    def check(
        self, answers: Answers, parts: legs.Windows, roles: tuple[str, ...] | None = None
    ) -> dict[str, Text]:
        """What cannot be meant, as organisation/legs.py says it. `parts`: what was ticked for each role;
        `roles`: the tasks there are, by default those the answers ask for."""
        return legs.check(self, answers, parts, self.roles(answers) if roles is None else roles)

    def answers_of(self, role: str, answers: Answers) -> dict[str, object]:
        """Those of the answers that only whoever has this task may open; "": those for all who come."""
        of = {question.slug: question.whose(answers) for question in self.questions}
        return {
            slug: value
            for slug, value in answers.items()
            if (role in of.get(slug, ()) if role else not of.get(slug))
        }

    def has_answers_of(self, role: str) -> bool:
        """Whether anything is asked that is for whoever has this task alone."""
        return any(role in question.may_be_of for question in self.questions)

    def begins_when_told(self, role: str, answers: Answers) -> bool:
        """Whether this task begins when its asker writes, not at a time."""
        task = self.task(role)
        return task is not None and task.when_told(answers)

    def is_at_any_hour(self, role: str, answers: Answers) -> bool:
        """Whether nobody knows before when this task begins."""
        task = self.task(role)
        return task is not None and task.at_any_hour(answers)

    def role_name(self, role: str) -> Text:
        """The role for people to read; the kind's name for a role it no longer has."""
        return next((task.name for task in self.tasks if task.role == role), self.name)

    @property
    def meets_at_a_time(self) -> bool:
        """Whether something is waited for from the moment they meet."""
        return any(tap.after == START for tap in self.taps)

    def backs(self, role: str) -> tuple[str, ...]:
        """The roles this one is the backup of; empty for everybody who comes."""
        task = self.task(role)
        return task.backs if task else ()

    def backup_roles(self) -> list[str]:
        """The roles of those who come only if somebody else cannot."""
        return [task.role for task in self.tasks if task.backs]

    def apart_roles(self) -> list[str]:
        """The roles of those who are not there with the others: backups, and whoever takes over later."""
        return [task.role for task in self.tasks if task.backs or task.after_hours is not _at_once]

    def question(self, slug: str) -> Question | None:
        """The question with this slug, if it still asks it."""
        return next((question for question in self.questions if question.slug == slug), None)

    def described(self, answers: Answers) -> list[tuple[str, str]]:
        """(question, answer) as a person reads them, in the order asked, without those left empty."""
        given = ((question, answers.get(question.slug)) for question in self.questions)
        return [
            (str(question.label), question.shown(value))
            for question, value in given
            if value not in (None, "", [])
        ]

    def last_day(self, day: date, nights: int) -> date:
        """The last day of a need that begins on `day`: of three nights from Monday, Thursday."""
        return day + timedelta(days=nights if self.has_nights else 0)

    def lives_until(self, last_day: date) -> datetime:
        """When a need with this last day expires."""
        return clock.day_end(last_day) + self.need_lives

    def place_seen_until(self, last_day: date) -> datetime:
        """Until when the place of an approved claim may be read."""
        return self.over_at(last_day) + self.place_seen_for

    def over_at(self, last_day: date) -> datetime:
        """When what was asked for is over: with the last day, or with the morning after the last night."""
        return clock.part_end(last_day, clock.Part.MORNING) if self.has_nights else clock.day_end(last_day)

    def pace(self, starts_at: datetime, at: datetime) -> timedelta:
        """How long one ring is left alone before the next is asked."""
        return self.escalate_every / 3 if starts_at - at <= self.urgent_within else self.escalate_every
