"""A new passphrase without the old one and without the sheet: a new key, and what that costs."""

from django import forms
from django.utils.translation import gettext_lazy as _

from volunteers.passphrases import NewPassphraseForm


class NewKeyForm(NewPassphraseForm):
    """A new passphrase, and that they read what stays closed."""

    understood = forms.BooleanField(
        label=_("I read what stays closed"),
        error_messages={"required": _("Please read it, then tick this.")},
    )
