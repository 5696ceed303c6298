"""What is refused of an entry in organisation/kinds.py: what would break a promise, what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from organisation import checks, conditions, house, legs, presets
from organisation.tap import EVENING, MOMENTS, SIDES

if TYPE_CHECKING:
    from organisation.kind import Kind

# The pages under /a/ that are not kinds; see the public surface in the design.
RESERVED_SLUGS: Final = frozenset({"code", "return", "mine", "leave", "erased", "erasing"})
# The only facts about a need that are stored in clear, and only while it lives.
CLEAR_FACTS: Final = frozenset(
    {"kind", "area", "day", "parts", "nights", "people", "languages", "conditions", "wishes"}
)
# Letters in all the texts of one need together: sealed as one, of up to four bytes each.
MOST_TEXT: Final = 3500
SLUG: Final = re.compile(r"[a-z][a-z0-9-]{0,29}")


def about(kind: Kind) -> Iterator[tuple[bool, str]]:
    """(whether it is so, the sentence) of everything that may not be."""
    roles = [task.role for task in kind.tasks]
    asked = [question.slug for question in kind.questions]
    yield not SLUG.fullmatch(kind.slug), "a slug is up to 30 small letters, digits and hyphens."
    yield kind.slug in RESERVED_SLUGS, "this slug is a page of its own."
    yield not any(task.needs_no_answer for task in kind.tasks), "one task must not depend on answers."
    yield len(set(roles)) < len(roles), "two tasks have the same role."
    yield len(set(asked)) < len(asked), "two questions have the same slug."
    yield from _legs(kind, roles, asked)
    yield (
        not all(SLUG.fullmatch(word.replace("_", "-")) for word in roles + asked),
        "a role or question slug is odd.",
    )
    yield any(slug not in conditions.ALL for slug in kind.condition_slugs), "a condition has no bit."
    yield any(slug not in house.ALL for slug in kind.house_slugs), "a fact about a home has no bit."
    implied = {kind.after_midnight, *(question.implies for question in kind.questions)} - {""}
    yield not implied <= set(kind.condition_slugs), "what an answer implies is a condition of it."
    yield any(slug not in checks.ALL for slug in kind.checks), "a check is not in the list."
    yield min(kind.need_lives, kind.place_seen_for) < timedelta(0), "it cannot end before its last day."
    yield kind.place_seen_for > kind.need_lives, "the place cannot outlive the need."
    yield (
        min(kind.hold, kind.escalate_every) < timedelta(minutes=15),
        "a hold or ring lasts 15 minutes at least.",
    )
    texts = [question.max_length for question in kind.questions if question.answer == "text"]
    yield sum(texts) > MOST_TEXT, "its texts together are too long to be sealed."
    yield not kind.rings or min(kind.rings) < 1, "every ring asks somebody."
    yield (
        bool(kind.people_label) != bool(kind.capacity_label),
        "people and capacity are asked together or not at all.",
    )
    yield from _taps(kind, roles)
    yield from _questions(kind)


def _questions(kind: Kind) -> Iterator[tuple[bool, str]]:
    for question in kind.questions:
        clear = question.privacy == "clear"
        yield clear and question.slug not in CLEAR_FACTS, f"{question.slug} may not be stored in clear."
        yield question.counts and question.answer != "number", f"{question.slug} counts, and is no number."
        yield question.counts and not kind.has_capacity, f"{question.slug} counts people nobody asks about."
        with_choices = question.answer in ("choice", "choices")
        yield (
            with_choices != bool(question.choices),
            f"{question.slug} needs choices exactly if it offers them.",
        )


def _taps(kind: Kind, roles: list[str]) -> Iterator[tuple[bool, str]]:
    yield any(set(task.backs) - set(roles) for task in kind.tasks), "a backup for a role it does not have."
    yield any(kind.backs(role) for task in kind.tasks for role in task.backs), "a backup of a backup."
    known = MOMENTS | {"", *(tap.slug for tap in kind.taps)}
    yield any(tap.after not in known for tap in kind.taps), "a tap after one it does not have."
    yield any(presets.get(tap.slug) is None for tap in kind.taps), "a tap that nobody can send."
    yield any(set(tap.by) - SIDES or not tap.by for tap in kind.taps), "a tap from nobody."
    yield any(set(tap.roles) - set(roles) for tap in kind.taps), "a tap of a role it does not have."
    yield (
        any(tap.after == EVENING for tap in kind.taps) and not kind.has_nights,
        "an evening tap without nights.",
    )


def _legs(kind: Kind, roles: list[str], asked: list[str]) -> Iterator[tuple[bool, str]]:
    named = {role for question in kind.questions for role in (*question.may_be_of, question.beside) if role}
    named |= {role for task in kind.tasks for role in task.after}
    yield not named <= set(roles), "a question or task names a role there is not."
    turned_round = any(roles.index(role) >= at for at, task in enumerate(kind.tasks) for role in task.after)
    yield turned_round, "a task comes after an earlier one."
    yield any(slug.startswith(legs.window_name("")) for slug in asked), "a question is named as a time is."
    yield any(q.else_of and not q.of for q in kind.questions), "a question of all is also of one task."
    limited = any(bool(question.limit) != (question.answer == "time") for question in kind.questions)
    yield limited, "a time says at which end it limits its task, and nothing else does."
