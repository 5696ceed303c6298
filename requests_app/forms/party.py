"""Who comes along, and when after midnight: the parts of the form that add up to a clear fact or a condition.

In clear is how many people come, and that children or animals do; who they are is sealed.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organisation import conditions
from organisation.forms import answers, question_name
from organisation.kind import Kind, Question
from privacy import clock

# Beside the parts of the day: the night, and the condition that it may be late in it.
AFTER_MIDNIGHT = int(clock.Part.NIGHT) + 16


class Party(forms.BaseForm):
    """Expects the fields `parts`, `conditions` and, where the kind counts people, `people`."""

    kind: Kind
    cleaned_data: dict[str, Any]

    def ask_who_comes(self) -> None:
        """The number of people may be left to those named by age; what is said there needs no tick."""
        kind, fields = self.kind, self.fields
        if any(question.counts for question in kind.questions):
            fields["people"].initial = None
            fields["people"].help_text = _("You can leave it empty and say below who comes.")
        if any(question.implies for question in kind.questions):
            fields["conditions"].help_text = _(
                "Each tick means fewer people can come. Children and animals you wrote above need no tick."
            )
        if kind.after_midnight:
            parts: Any = fields["parts"]
            parts.choices = [*parts.choices, (str(AFTER_MIDNIGHT), _("After midnight, perhaps"))]

    def clean_party(self, data: dict[str, Any]) -> None:
        """What must hold between these answers."""
        counted = [question_name(question) for question in self.kind.questions if question.counts]
        if "people" in self.errors or any(name in self.errors for name in counted):
            return
        typed, total = data.get("people"), _total(self.kind.questions, data)
        if typed is not None and total is not None and typed != total:
            wrong = _("You wrote %(typed)d here and %(total)d below. Please make them the same.")
            self.add_error("people", wrong % {"typed": typed, "total": total})
        elif total is not None and total > self.kind.most_people:
            self.add_error(
                "people",
                _("Please ask for at most %(most)d people together.") % {"most": self.kind.most_people},
            )
        elif total == 0:
            self.add_error("people", _("Please say how many people come. You count, too."))

    def how_many(self) -> int:
        """How many come, all together. Call after is_valid()."""
        total = _total(self.kind.questions, self.cleaned_data)
        return int(total or self.cleaned_data.get("people") or 1)

    def hard(self) -> int:
        """The conditions, ticked or said otherwise, as bits. Call after is_valid()."""
        data = self.cleaned_data
        chosen = [*data["conditions"], *self.kind.implied(answers(self.kind, data))]
        chosen += [data["who"]] if data["who"] else []
        chosen += [self.kind.after_midnight] if AFTER_MIDNIGHT in (data.get("parts") or []) else []
        return conditions.bits(chosen)


def ticked_parts(ticked: Iterable[int]) -> int:
    """The parts of the day that were ticked, as a mask; after midnight is in the night."""
    mask = 0
    for part in ticked:
        mask |= part
    return mask & int(clock.ALL_PARTS)


def _total(questions: Iterable[Question], data: dict[str, Any]) -> int | None:
    """How many people those named by age are; None where nobody is named.

    Where the first (adults) is left empty, they are whoever `people` counts beyond the others, and
    whoever asks at least.
    """
    numbers: list[int | None] = [data.get(question_name(q)) for q in questions if q.counts] or [None]
    first, *others = numbers
    named = sum(number or 0 for number in others)
    if first is not None:
        return first + named
    if not named:
        return None
    people: int | None = data.get("people")
    return named + 1 if people is None else max(people, named)
