"""Forms for the settings at the desk, and fields for the questions of a kind.

Each settings form has the fields of one verb: a view calls `row.change(**form.cleaned_data)` or
`Model.objects.add(**form.cleaned_data)`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q
from django.forms.utils import ErrorDict
from django.utils.translation import gettext_lazy as _

from organisation.areas import Area
from organisation.hours import Hours, PhoneNumber
from organisation.kind import Kind, Question
from organisation.legs import read_time
from organisation.models import ASKS_PER_DAY, Organisation
from organisation.validators import phone_number

FAR = timedelta(days=366)
TIME = forms.TimeInput(format="%H:%M", attrs={"type": "time"})


class ShownAsTyped(forms.BaseForm):
    """A form that can be shown with what was typed and without complaints, as after a change of language."""

    def show_as_typed(self) -> None:
        """Leave the data as it is and check nothing."""
        self._errors = ErrorDict()


class HoursForm(forms.ModelForm):  # type: ignore[type-arg]
    """One weekly shift. Until may lie after midnight."""

    from_time = forms.TimeField(
        label=_("From"), widget=TIME, error_messages={"invalid": _("Give a time like 20:00.")}
    )
    until_time = forms.TimeField(
        label=_("Until"),
        widget=TIME,
        help_text=_("Earlier than “from” means the next day."),
        error_messages={"invalid": _("Give a time like 02:00.")},
    )

    class Meta:
        model = Hours
        fields = ("weekday", "from_time", "until_time")
        error_messages = {
            "__all__": {"unique_together": _("This shift is there already.")},
        }


class PhoneNumberForm(forms.ModelForm):  # type: ignore[type-arg]
    """A number to call instead, shown to everybody."""

    number = forms.CharField(
        label=_("Number"),
        max_length=30,
        validators=[phone_number],
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
        help_text=_("Everybody can read it. Use a line, not a private number."),
    )

    class Meta:
        model = PhoneNumber
        fields = ("label", "number", "note", "order")
        help_texts = {"note": _("For example: free, day and night.")}


class AreaForm(forms.ModelForm):  # type: ignore[type-arg]
    """A coarse place. Its centre may stay empty; the two numbers go together."""

    lat = forms.FloatField(label=_("Centre: latitude"), min_value=-90, max_value=90, required=False)
    lon = forms.FloatField(
        label=_("Centre: longitude"),
        min_value=-180,
        max_value=180,
        required=False,
        help_text=_("The middle of the place. Without it, each step counts as 3 km."),
    )

    class Meta:
        model = Area
        fields = ("name", "parent", "lat", "lon")
        help_texts = {"name": _("A district or town. Never an address.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = [(pk, label) for pk, label in Area.objects.choices() if pk != self.instance.pk]
        self.fields["parent"].widget.choices = [("", _("Nothing, it is at the top")), *rows]

    def clean_parent(self) -> Area | None:
        parent: Area | None = self.cleaned_data["parent"]
        if parent is not None and self.instance.pk and parent.lies_in(self.instance):
            raise forms.ValidationError(_("An area cannot lie inside itself."))
        return parent

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if (values.get("lat") is None) != (values.get("lon") is None) and not self.errors:
            self.add_error("lon", _("Give both numbers of the centre, or none."))
        same = Q(name__iexact=values.get("name", ""), parent=values.get("parent"))
        if Area.objects.filter(same).exclude(pk=self.instance.pk).exists():
            self.add_error("name", _("There is an area with this name already."))
        return values

    def validate_constraints(self) -> None:
        """clean() has said it in plain words; the database has the last word."""


class OrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    """The names and limits of this instance."""

    class Meta:
        model = Organisation
        fields = (
            *("name", "cover_name", "leave_url", "help_text"),
            *("max_nights", "hold_minutes", "keep_days", "household_must_agree"),
            "asks_per_day",
        )
        help_texts = {
            "name": _("Shown only on the page about helping."),
            "cover_name": _("In the title of every page. Choose something dull."),
            "leave_url": _("A well-known page, like the weather."),
            "help_text": _("What you tell people who want to help."),
            "hold_minutes": _("In minutes. Empty: as usual for each kind."),
            "keep_days": _("After the last day. Empty: as usual for each kind."),
            "household_must_agree": _("Unticked: whoever asks reads what was said, and decides."),
            "asks_per_day": _("Empty: 10. Each volunteer can choose less. They always see the board."),
        }

    def clean_asks_per_day(self) -> int:
        return self.cleaned_data["asks_per_day"] or ASKS_PER_DAY


class AwayForm(forms.ModelForm):  # type: ignore[type-arg]
    """Nobody is on until then, whatever the hours say."""

    class Meta:
        model = Organisation
        fields = ("away_until",)
        widgets = {
            "away_until": forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
        }
        help_texts = {"away_until": _("Empty: as the hours say.")}

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at = at

    def clean_away_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["away_until"]
        # Neither end of the calendar: the next shift is looked for around it.
        if until is not None and not self.at - FAR <= until <= self.at + FAR:
            raise forms.ValidationError(_("Choose a day within the next year."))
        return until


class TimeOfDay(forms.CharField):
    """A time of day as people type it; "HH:MM", or "" for none."""

    widget = TIME

    def to_python(self, value: Any) -> str:
        typed = str(super().to_python(value))
        read = read_time(typed) if typed else ""
        if read is None:
            raise forms.ValidationError(_("Give a time like 20:00."))
        return read


def question_name(question: Question) -> str:
    """The name of a question's field in a form, apart from those of the common questions."""
    return f"q_{question.slug}"


def question_field(question: Question) -> forms.Field:
    """A field for one question of a kind. It is never required."""
    label, help_text = str(question.label), str(question.help)
    if question.answer == "number":
        return forms.IntegerField(
            label=label, help_text=help_text, required=False, min_value=0, max_value=question.most
        )
    if question.answer == "text":
        plain = forms.TextInput if question.max_length <= 200 else forms.Textarea
        return forms.CharField(
            label=label,
            help_text=help_text,
            required=False,
            max_length=question.max_length,
            widget=plain(attrs={"autocomplete": "off"}),
        )
    if question.answer == "time":
        return TimeOfDay(label=label, help_text=help_text, required=False, max_length=20)
    options = [(choice.slug, str(choice.label)) for choice in question.choices]
    if question.answer == "choice":
        return forms.ChoiceField(
            label=label, help_text=help_text, required=False, choices=options, widget=forms.RadioSelect
        )
    return forms.MultipleChoiceField(
        label=label, help_text=help_text, required=False, choices=options, widget=forms.CheckboxSelectMultiple
    )


def question_fields(kind: Kind) -> dict[str, forms.Field]:
    """name → field of every question of a kind, in order."""
    return {question_name(question): question_field(question) for question in kind.questions}


def answers(kind: Kind, cleaned_data: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of a kind's questions from a checked form, ready for JSON, without those left empty."""
    given = {question.slug: cleaned_data.get(question_name(question)) for question in kind.questions}
    return {slug: value for slug, value in given.items() if value not in (None, "", [])}
