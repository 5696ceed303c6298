"""Forms of the profile: how they are called, what they speak, how much they can take."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from organisation import languages
from privacy import clock
from volunteers.account import Volunteer
from volunteers.forms import handle_field

MOST_PER_WEEK = 14
MOST_REST_DAYS = 30
MOST_PER_DAY = 100
LONGEST_PAUSE = timedelta(days=366)


class AboutForm(forms.Form):
    """What a volunteer says about themselves; nothing of it is required but what to call them."""

    handle = handle_field()
    languages = forms.MultipleChoiceField(
        label=_("Which languages do you speak?"),
        choices=languages.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    cap_per_week = forms.IntegerField(
        label=_("How many times a week, at most?"),
        help_text=_("Leave it empty if you set no limit."),
        min_value=1,
        max_value=MOST_PER_WEEK,
        required=False,
    )
    rest_days = forms.IntegerField(
        label=_("How many days of rest in between?"),
        help_text=_("0 if you need none."),
        min_value=0,
        max_value=MOST_REST_DAYS,
        required=False,
    )
    asks_per_day = forms.IntegerField(
        label=_("How many times a day may we ask you, at most?"),
        help_text=_("Leave it empty: as often as anybody here. You always see the board."),
        min_value=1,
        max_value=MOST_PER_DAY,
        required=False,
    )
    interface_language = forms.ChoiceField(
        label=_("Language of these pages, and of our messages"), choices=settings.LANGUAGES
    )

    @classmethod
    def of(cls, volunteer: Volunteer) -> AboutForm:
        """The form filled with what is stored."""
        return cls(
            initial={
                "handle": volunteer.handle,
                "languages": languages.codes(volunteer.languages),
                "cap_per_week": volunteer.cap_per_week,
                "rest_days": volunteer.rest_days,
                "asks_per_day": volunteer.asks_per_day,
                "interface_language": volunteer.interface_language,
            }
        )

    def values(self) -> dict[str, Any]:
        """The columns of Volunteer.describe."""
        cleaned = self.cleaned_data
        return {
            "handle": cleaned["handle"],
            "languages": languages.bits(cleaned["languages"]),
            "cap_per_week": cleaned["cap_per_week"],
            "rest_days": cleaned["rest_days"] or 0,
            "asks_per_day": cleaned["asks_per_day"],
            "interface_language": cleaned["interface_language"],
        }


class PauseForm(forms.Form):
    """Until which day nobody asks them."""

    until = forms.DateField(
        label=_("Ask me again from"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = clock.local_day(at)
        first = self.today + timedelta(days=1)
        self.fields["until"].widget.attrs |= {"min": first.isoformat()}

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until <= self.today:
            raise ValidationError(_("Choose a day that is still to come."), code="past")
        if until > self.today + LONGEST_PAUSE:
            raise ValidationError(_("Choose a day within the next year."), code="far")
        return until
