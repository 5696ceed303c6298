"""When each leg takes place: the part of her form about tasks that have times of their own."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organisation import legs
from organisation.forms import answers, question_name
from organisation.kind import Kind
from privacy import clock
from requests_app.forms.party import ticked_parts

PART_NAMES = (
    (clock.Part.MORNING, _("Morning, 5 to 12")),
    (clock.Part.AFTERNOON, _("Afternoon, 12 to 17")),
    (clock.Part.EVENING, _("Evening, 17 to 22")),
    (clock.Part.NIGHT, _("Night, 22 to 5")),
)
AS_ABOVE = _("Nothing ticked means the same times as above.")
OR_LATER = _("Nothing ticked means the same times as above. If you message: any later time that day, too.")
OVER = _("This time is over. Please choose a later one.")


class PartsField(forms.TypedMultipleChoiceField):
    """Parts of a day, each a tick; a mask of clock.Part is made of them by `mask`."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            choices=[(str(int(part)), name) for part, name in PART_NAMES],
            coerce=int,
            widget=forms.CheckboxSelectMultiple,
            required=False,
            error_messages={"invalid_choice": _("Please choose from these times.")},
            **more,
        )


def mask(ticked: Any) -> int:
    """What was ticked, in one; 0 for nothing."""
    return ticked_parts(ticked or [])


def still_to_come(day: date, parts: int, at: datetime) -> int:
    """Those of the parts that are not over: nobody can come then."""
    return sum(part for part in clock.Part if parts & part and clock.part_end(day, part) > at)


class Legs(forms.Form):
    """Expects the fields `day` and `parts`, and those of the kind's questions."""

    kind: Kind
    at: datetime

    def ask_when_of_each(self) -> None:
        """A field for the times of each task that has its own."""
        for task in self.kind.tasks:
            if task.when_label:
                help_text = OR_LATER if task.may_be_at_any_hour else AS_ABOVE
                self.fields[legs.window_name(task.role)] = PartsField(
                    label=str(task.when_label), help_text=help_text
                )

    def clean_legs(self, data: dict[str, Any]) -> None:
        """One sentence at the field where what was typed cannot be meant."""
        for name, sentence in self.kind.check(answers(self.kind, data), self._ticked()).items():
            field = name if name in self.fields else f"q_{name}"
            if field in self.fields and field not in self.errors:
                self.add_error(field, str(sentence))
        if data.get("day"):
            self._clean_what_is_over(data["day"], data)

    def _clean_what_is_over(self, day: date, data: Mapping[str, Any]) -> None:
        for question in self.kind.questions:
            field = question_name(question)
            typed = data.get(field) if question.answer == "time" else ""
            if typed and field not in self.errors and legs.moment(day, typed, question.limit) <= self.at:
                self.add_error(field, OVER)
        for role, parts in self._windows().items():
            field = legs.window_name(role)
            if parts and field in self.fields and not still_to_come(day, parts, self.at):
                self.add_error(field, OVER)

    def _ticked(self) -> dict[str, int]:
        """Role → what was ticked for it; for the tasks without times of their own, what the need has."""
        need, own = mask(self.cleaned_data.get("parts")), {}
        for task in self.kind.tasks:
            name = legs.window_name(task.role)
            own[task.role] = mask(self.cleaned_data.get(name)) if task.when_label else 0
        return {self.kind.tasks[0].role: need, **{role: parts for role, parts in own.items() if parts}}

    def _windows(self) -> dict[str, int]:
        return legs.windows(self.kind, answers(self.kind, self.cleaned_data), self._ticked())

    def need_parts(self) -> int:
        """The parts that would do: those ticked, else those in which the times of the first task lie, else
        any; without those that are over today. Call with a day."""
        ticked = mask(self.cleaned_data.get("parts"))
        first = self.kind.tasks[0]
        wanted = ticked or self._windows().get(first.role) or int(clock.ALL_PARTS)
        return still_to_come(self.cleaned_data["day"], wanted, self.at)

    def parts_of(self) -> dict[str, int]:
        """Role → parts of its own, of the tasks that have any. Call after is_valid()."""
        own = {task.role for task in self.kind.tasks if task.when_label}
        day = self.cleaned_data["day"]
        found = {
            role: still_to_come(day, parts, self.at) for role, parts in self._windows().items() if role in own
        }
        return {role: parts for role, parts in found.items() if parts}
