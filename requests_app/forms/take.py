"""What a volunteer types when taking a task: where the asker can come, where the place is theirs."""

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.forms.ask import PLACE_LENGTH, TOO_LONG

MEETING_POINT, ADDRESS = "meeting", "address"


class HostForm(forms.Form):
    """The host's place, sealed with the claim and shown only after her yes."""

    what = forms.ChoiceField(
        label=_("What do you write down?"),
        choices=[
            (MEETING_POINT, _("A meeting point near me\nAnybody can pretend to need help.")),
            (ADDRESS, _("My address")),
        ],
        initial=MEETING_POINT,
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Please choose one of the two.")},
    )
    place = forms.CharField(
        label=_("Where can the person come?"),
        help_text=_("Stored locked. It is shown only after a yes."),
        max_length=PLACE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        error_messages={
            "required": _("Please write a meeting point or the address."),
            "max_length": TOO_LONG,
        },
    )

    def is_address(self) -> bool:
        """Whether what was typed is the address itself. Call after is_valid()."""
        return bool(self.cleaned_data["what"] == ADDRESS)
