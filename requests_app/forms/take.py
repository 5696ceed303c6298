"""What a volunteer types when taking a task: where the asker can come, where the place is theirs."""

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.forms.ask import PLACE_LENGTH, TOO_LONG


class HostForm(forms.Form):
    """The host's place, sealed with the claim and shown only after her yes."""

    place = forms.CharField(
        label=_("Where can the person come?"),
        help_text=_(
            "A meeting point near you is best. It is stored locked."
            " It is shown only after a yes. Anybody can pretend to need help."
        ),
        max_length=PLACE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        error_messages={
            "required": _("Please write a meeting point or the address."),
            "max_length": TOO_LONG,
        },
    )
