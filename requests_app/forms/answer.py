"""What the asker types after asking: her code, two words of it, a yes, a message, a place."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organisation import kinds
from organisation.forms import answers, question_fields, question_name
from privacy.codes import MAX_TYPED
from requests_app.forms.ask import NOTE_LENGTH, PLACE_LENGTH, TOO_LONG, place_help
from requests_app.models import Asked, Need
from requests_app.models.asked import DESK
from volunteers import desk

MESSAGE_LENGTH = 1000
QUIET = {
    "autocomplete": "off",
    "autocapitalize": "none",
    "autocorrect": "off",
    "spellcheck": "false",
}


class _Hidden(forms.Field):
    """Nobody typed into it, so nobody is told about it: garbage counts as nothing."""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError:
            return None


class _Fingerprint(_Hidden, forms.CharField):
    pass


class Once(_Hidden, forms.UUIDField):
    """Names one form: pressed twice, it does one thing."""


class ReturnForm(forms.Form):
    """The return code. What was typed is never echoed."""

    code = forms.CharField(
        label=_("Your return code"),
        help_text=_("Eight words, or seven groups of digits. Four letters of each word are enough."),
        widget=forms.Textarea(attrs={"rows": 3, **QUIET}),
        max_length=MAX_TYPED,
        error_messages={
            "required": _("Please type your code."),
            "max_length": _("This is too long to be a code."),
        },
    )

    def again(self) -> "ReturnForm":
        """Asked once more, without what was typed: too many were trying at this moment."""
        return self._saying(_("Please type your code once more."))

    def opening_nothing(self) -> "ReturnForm":
        """The one answer to every code that opens nothing, without what was typed."""
        return self._saying(_("This code opens nothing here. Please look at your paper and try again."))

    def _saying(self, sentence: Any) -> "ReturnForm":
        if "code" not in self.errors:
            self.add_error("code", sentence)
        self.data = {}
        return self


class TwoWordsForm(forms.Form):
    """Two words of the code, typed back: it is on paper now. What was typed is never echoed."""

    first = forms.CharField(max_length=40, widget=forms.TextInput(attrs=QUIET))
    second = forms.CharField(max_length=40, widget=forms.TextInput(attrs=QUIET))

    def __init__(self, *args: Any, words: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = {"first": words[1], "second": words[-2]}
        numbers = {"first": 2, "second": len(words) - 1}
        for name, number in numbers.items():
            self.fields[name].label = _("Number %(number)d") % {"number": number}

    def is_valid(self) -> bool:
        valid = super().is_valid()
        self.data = {}
        return valid

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name, word in self.wanted.items():
            typed = data.get(name, "").strip().casefold()
            if typed and not (word == typed or (len(typed) >= 4 and word.startswith(typed))):
                self.add_error(name, _("This is another word. Please look at your paper."))
        return data


class ApproveForm(forms.Form):
    """Yes to one volunteer, with the key the page showed; where to meet, where the place is hers."""

    # Whatever is not the key the page showed, nothing included, is answered as a key that changed.
    fingerprint = _Fingerprint(widget=forms.HiddenInput, required=False)
    place = forms.CharField(
        help_text=_("Stored locked. Only this person can open it. You can also write it later."),
        max_length=PLACE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG},
    )


class KeyForm(forms.Form):
    """Yes to the key that somebody who comes has now."""

    fingerprint = forms.CharField(widget=forms.HiddenInput, max_length=64)


class PlaceForm(forms.Form):
    """Where to meet, written or changed after the yes."""

    place = forms.CharField(
        label=_("Where to meet"),
        max_length=PLACE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG, "required": _("Please write where to meet.")},
    )


class WriteAgainForm(forms.Form):
    """What a need said, written once more after its key was lost: the facts in clear are still there."""

    note = forms.CharField(
        label=_("Anything the person should know?"),
        max_length=NOTE_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG},
    )
    place = forms.CharField(
        label=_("Where to meet, if the desk decides"),
        help_text=_("You can write it later. Stored locked, for the desk and whoever it chooses."),
        max_length=PLACE_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG},
    )

    def __init__(self, *args: Any, need: Need, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.need, self.kind = need, kinds.get(need.kind)
        self.desk_reads = desk.may_be_granted()
        if need.decides != DESK or self.kind.place_from != "asker" or not self.desk_reads:
            del self.fields["place"]
        elif self.kind.has_legs:
            self.fields["place"].help_text = place_help(self.kind)
        self.fields.update(self._questions())

    def _questions(self) -> dict[str, forms.Field]:
        """Those for everybody who comes, and for whoever has one of the tasks that are not done."""
        fields, tasks = question_fields(self.kind), self.need.tasks.unfinished()
        self.parts = {task.role: task.parts for task in tasks}
        for question in self.kind.questions:
            if question.of and not question.may_be_of & set(self.parts):
                del fields[question_name(question)]
        return fields

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = answers(self.kind, data)
        for slug, sentence in self.kind.check(given, self.parts, tuple(self.parts)).items():
            if f"q_{slug}" in self.fields:
                self.add_error(f"q_{slug}", str(sentence))
        return data

    def asked(self) -> Asked:
        """The need with its facts as they were, and what was typed. Call after is_valid()."""
        need, data = self.need, self.cleaned_data
        return Asked(
            kind=need.kind,
            area=need.area,
            day=need.day,
            parts=need.parts,
            desk_reads=need.desk_reads and self.desk_reads,
            note=data["note"],
            place=data.get("place", ""),
            answers=answers(self.kind, data),
        )


class MessageForm(forms.Form):
    """One message to the other side. `once` names the form: pressed twice, it sends one message."""

    once = Once(widget=forms.HiddenInput, required=False, initial=uuid.uuid4)
    text = forms.CharField(
        label=_("Write a message"),
        max_length=MESSAGE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG, "required": _("Please write something first.")},
    )
