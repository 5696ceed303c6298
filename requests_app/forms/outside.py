"""The words of a sheet, and whom the desk names outside it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from notify import transports
from requests_app.forms.answer import ReturnForm
from requests_app.models.outside_contact import LABEL_LENGTH


class SheetForm(ReturnForm):
    """The words of the sheet. What was typed is never echoed."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["code"].label = _("The words on your sheet")


class ContactForm(forms.Form):
    """Who reads what concerns the desk, and where they are told that there is news, if they like."""

    label = forms.CharField(
        label=_("Who reads it instead"),
        help_text=_("Whoever writes reads this. For example: Cleo of the legal clinic."),
        max_length=LABEL_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Please write who it is.")},
    )
    email = forms.CharField(
        label=_("Their e-mail address, for news"),
        help_text=_("You can leave it empty. They read “There is news.”, and nothing else."),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"type": "email", "autocomplete": "off"}),
    )

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"]
        return transports.get("email").clean(typed) if typed else ""
