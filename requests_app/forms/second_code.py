"""A second code: what stands on the page it opens, and what it does to this one."""

import secrets
from datetime import date, datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organisation import kinds
from privacy import clock
from requests_app.forms.ask import AreaField, DayField, days
from requests_app.models import Asked
from requests_app.models.knock import ERASE, HIDE

# Days ahead, at least, of the day that stands there at first.
LATER = 10
CHOOSE = dict.fromkeys(("required", "invalid_choice"), _("Please choose one of these."))


class SecondCodeForm(forms.Form):
    """`asked()` is the one harmless need of the other page; `does`, HIDE or ERASE, happens to this one."""

    second_token = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
    does = forms.ChoiceField(
        label=_("What happens to this page then?"),
        choices=[
            (HIDE, _("It is hidden\nFor a day your first code opens nothing.")),
            (ERASE, _("It is destroyed\nEverything here is erased for good.")),
        ],
        widget=forms.RadioSelect,
        initial=HIDE,
        error_messages=CHOOSE,
    )
    kind = forms.ChoiceField(
        label=_("What should stand on the other page?"),
        choices=lambda: [("", _("Choose")), *kinds.choices()],
        error_messages=CHOOSE,
    )
    area = AreaField(label=_("Where?"))
    day = DayField(label=_("Which day?"), help_text=_("The second code works until that day is over."))

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "second-%s"} | kwargs)
        self.at = at
        self.days = list(days(at))
        self.fields["day"].widget.choices = self.days
        # One of the later ones, so that it is of use for long; always the last would tell what it is for.
        self.initial["day"] = secrets.choice(self.days[LATER:])[0]
        self.initial["second_token"] = secrets.token_urlsafe(24)
        self.fields["area"].offer()  # type: ignore[attr-defined]

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day.isoformat() not in dict(self.days):
            raise forms.ValidationError(_("Please choose one of these days."))
        return day

    def asked(self) -> Asked:
        """A need like any other that its asker has not let anybody see yet."""
        kind = kinds.get(self.cleaned_data["kind"])
        day = self.cleaned_data["day"]
        left = sum(part for part in clock.Part if clock.part_end(day, part) > self.at)
        return Asked(
            kind=kind.slug,
            area=self.cleaned_data["area"],
            day=day,
            parts=left,
            nights=1 if kind.has_nights else 0,
            paused=True,
        )

    def once_more(self) -> "SecondCodeForm":
        """As it was filled in: too many were asking at this moment. Call after is_valid()."""
        self.add_error(None, _("Many people are here. Please press it once more."))
        return self

    def typed(self) -> str:
        """Every answer as it was sent, to tell one filled form from another."""
        return repr([(name, self[name].data) for name in sorted(self.fields)])
