"""What a coordinator types: filters of the table, an answer to an offer, and what concerns people."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from organisation import kinds
from organisation.forms import HoursForm
from requests_app import facts
from requests_app.desk_page import COMING, HELD, NOBODY, YOURS, Row
from requests_app.forms.answer import QUIET
from volunteers.models import OnCall, Volunteer, Vouch
from volunteers.profile_forms import PauseForm

STATE_NAMES = (
    (YOURS, _("Waits for you")),
    (NOBODY, _("Nobody has it")),
    (HELD, _("Held")),
    (COMING, _("Somebody comes")),
)


class FilterForm(forms.Form):
    """The filters, as they stand in the address bar. Whatever is typed there is only compared, never read."""

    kind = forms.ChoiceField(label=_("Kind"), required=False)
    area = forms.ChoiceField(label=_("Area"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False)
    day = forms.ChoiceField(label=_("Day"), required=False)

    def __init__(self, chosen: Mapping[str, str], rows: Iterable[Row]) -> None:
        super().__init__(initial=dict(chosen), auto_id="filter-%s")
        needs = [row.task.need for row in rows]
        areas = {str(need.area_id): need.area.name for need in needs}
        days = {need.day.isoformat(): facts.day(need.day) for need in sorted(needs, key=lambda n: n.day)}
        offered: dict[str, dict[str, Any]] = {
            "kind": dict(kinds.choices()),
            "area": dict(sorted(areas.items(), key=lambda area: area[1].casefold())),
            "state": dict(STATE_NAMES),
            "day": days,
        }
        for name, choices in offered.items():
            if (value := chosen.get(name, "")) and value not in choices:
                choices = {**choices, value: gettext("Nothing there now")}
            self.fields[name].choices = [("", gettext("All")), *choices.items()]  # type: ignore[attr-defined]

    @classmethod
    def chosen(cls, query: Mapping[str, str]) -> dict[str, str]:
        """The filters that are set: name → value."""
        return {name: query[name] for name in cls.base_fields if query.get(name)}


class OnCallForm(HoursForm):
    """One weekly shift of somebody at the desk."""

    class Meta:
        model = OnCall
        fields = ("coordinator", "weekday", "from_time", "until_time")
        error_messages = HoursForm.Meta.error_messages
        labels = {"coordinator": _("Who")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        at_desk = Volunteer.objects.coordinators().order_by("handle", "pk")
        who: Any = self.fields["coordinator"]
        who.queryset, who.empty_label = at_desk, None
        who.label_from_instance = lambda volunteer: volunteer.handle


class DecideForm(forms.Form):
    """Which offer, and the key the page showed."""

    claim = forms.UUIDField(widget=forms.HiddenInput)
    fingerprint = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)


class CallForm(forms.Form):
    """The two words of somebody who calls. What was typed is never echoed."""

    words = forms.CharField(
        label=_("Their two words"),
        max_length=80,
        widget=forms.TextInput(attrs=QUIET),
        error_messages={"required": _("Please type the two words.")},
    )

    def refused(self) -> "CallForm":
        """The one answer to wrong words, and to any after too many tries."""
        if not self.errors:
            self.add_error("words", _("That did not close it. After five tries a day nothing does."))
        self.data = {}
        return self


class KeySheetForm(forms.Form):
    """One word of the key sheet, typed back."""

    word = forms.CharField(
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages={"required": _("Please type the word.")},
    )

    def __init__(self, *args: Any, number: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["word"].label = _("Word number %(number)d of the key sheet") % {"number": number}

    def is_valid(self) -> bool:
        """What was typed is not shown again: it may be a word of the sheet."""
        valid = super().is_valid()
        self.data = {}
        return valid

    def refuse(self) -> None:
        """It is not that word."""
        self.add_error("word", _("The sheet says something else. Please look again."))


class InviteForm(forms.Form):
    """Whether the invited person joins with the desk role."""

    coordinator = forms.BooleanField(
        label=_("For somebody who will work at the desk"),
        help_text=_("They are let in at once. They see this page."),
        required=False,
    )


class VouchForm(forms.Form):
    """How the desk knows somebody."""

    context = forms.ChoiceField(
        label=_("How do you know them?"),
        choices=[c for c in Vouch.Context.choices if c[0] != Vouch.Context.DESK],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please say how you know them.")},
    )


class PauseOtherForm(PauseForm):
    """Until which day nobody asks this volunteer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].label = _("Ask them again from")
