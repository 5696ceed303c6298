"""What is typed while somebody stays: how many more nights, and a yes or no to them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

YES, NO = "yes", "no"


class LongerForm(forms.Form):
    """How many more nights, of at most `most`."""

    nights = forms.IntegerField(label=_("How many more nights?"))

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wrong = _("Please write a number from 1 to %(most)d.") % {"most": most}
        words = dict.fromkeys(("required", "invalid", "min_value", "max_value"), wrong)
        self.fields["nights"] = forms.IntegerField(
            label=self.fields["nights"].label, min_value=1, max_value=most, error_messages=words
        )

    def too_long(self) -> "LongerForm":
        """As it was typed: meanwhile fewer nights are allowed. Call after is_valid()."""
        self.add_error("nights", _("It cannot become so long. Please choose fewer nights."))
        return self


class AnswerForm(forms.Form):
    """A yes or a no to what the page showed; anything else is no answer."""

    extension = forms.UUIDField()
    answer = forms.ChoiceField(choices=[(YES, YES), (NO, NO)])

    def says_yes(self) -> bool:
        """Call after is_valid()."""
        return bool(self.cleaned_data["answer"] == YES)
