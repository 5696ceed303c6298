"""What is said with one tap, when two people meet, and what to do if she does not come out."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from organisation import kinds, legs, presets
from organisation.presets import Preset
from privacy import clock
from requests_app.forms.answer import Once
from requests_app.forms.ask import PLAN_LENGTH, TOO_LONG
from requests_app.models import Need
from requests_app.models.need_day import chances


class SayForm(forms.Form):
    """One of the buttons. `once` names the form: pressed twice, it sends one message."""

    once = Once(widget=forms.HiddenInput, required=False)
    say = forms.SlugField(required=False)

    def preset(self, side: str, kind: str) -> Preset:
        """What was pressed. Errors: Http404 for what this side has no button for."""
        slug = self.cleaned_data["say"] if self.is_valid() else ""
        offered = presets.offered(side, (tap.slug for tap in kinds.get(kind).taps))
        found = next((preset for preset in offered if preset.slug == slug), None)
        if found is None:
            raise Http404
        return found


class WhenForm(forms.Form):
    """When they meet, on the day that was asked for. `parts`: those of the task, within which it lies."""

    time = forms.TimeField(
        label=_("When do you meet?"),
        help_text=_("A time like 9:30. Kept readable, so that somebody notices if nobody comes."),
        widget=forms.TimeInput(attrs={"type": "time", "step": 900}),
        error_messages={
            "required": _("Please write a time like 9:30."),
            "invalid": _("Please write a time like 9:30."),
        },
    )

    def __init__(self, *args: Any, need: Need, parts: int, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.need, self.parts, self.at = need, parts, at

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("time") and self.moment() <= self.at:
            self.add_error("time", _("This time is over. Please write a later one."))
        elif data.get("time") and not self._is_asked_for():
            self.add_error("time", legs.NOT_TICKED)
        return data

    def _is_asked_for(self) -> bool:
        """What is waited for, and for how long somebody else is asked, goes by the parts of the day."""
        when = chances(self.need.day, self.parts)
        return any(begins <= self.moment() < ends for begins, ends in when)

    def moment(self) -> datetime:
        """The moment itself: a day begins at five, so that one o'clock is in the night after it."""
        time = self.cleaned_data["time"]
        day = self.need.day + timedelta(days=1 if time.hour < 5 else 0)
        local = datetime.combine(day, time, timezone.get_default_timezone())
        return local.astimezone(clock.UTC)


class PlanForm(forms.Form):
    """If I do not come out. Nothing written takes it back."""

    plan = forms.CharField(
        label=_("What should they do?"),
        help_text=_("Stored locked, apart. Whoever comes reads it. It is destroyed some hours after."),
        max_length=PLAN_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG},
    )


class PromoteForm(forms.Form):
    """Which task the backup takes; at the desk also whose backup."""

    task = forms.UUIDField()
    claim = forms.UUIDField(required=False)
