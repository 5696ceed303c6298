"""What a coordinator types about trust: that a check was done, which are required, what is agreed."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organisation import checks
from privacy import clock
from volunteers.agreements import TEXT_MAX, TITLE_MAX

# Longer ago than anything that is renewed at all.
FAR_BACK = timedelta(days=3660)


def _items() -> list[tuple[str, str]]:
    return [(item.slug, str(item.label)) for item in checks.ALL.values()]


class TickForm(forms.Form):
    """Which check was done, and on which day. There is no field for what was seen."""

    item = forms.ChoiceField(
        label=_("What did you check?"),
        choices=_items,
        error_messages={
            "required": _("Please choose what you checked."),
            "invalid_choice": _("Please choose one of the list."),
        },
    )
    done_on = forms.DateField(
        label=_("On which day?"),
        help_text=_("What you saw is not kept. Only that you saw it."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = clock.local_day(at)
        self.fields["done_on"].initial = self.today
        self.fields["done_on"].widget.attrs["max"] = self.today.isoformat()

    def clean_done_on(self) -> date:
        day: date = self.cleaned_data["done_on"]
        if not self.today - FAR_BACK <= day <= self.today:
            raise forms.ValidationError(_("Choose today, or a day that is over."))
        return day


class RequiredForm(forms.Form):
    """Without which checks nobody is found."""

    required_checks = forms.MultipleChoiceField(
        label=_("Without these, nobody is sent"),
        help_text=_("Each only where it concerns what they do. Nothing ticked: nobody is kept back."),
        choices=_items,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class AgreementForm(forms.Form):
    """The words everybody accepts."""

    title = forms.CharField(label=_("Title"), max_length=TITLE_MAX)
    text = forms.CharField(
        label=_("Text"),
        help_text=_("Short and plain. Everybody reads it and accepts it before they go on."),
        max_length=TEXT_MAX,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Please write what everybody agrees to.")},
    )

    def clean_text(self) -> str:
        """One way of ending a line, whatever the browser sends."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n").replace("\r", "\n")
