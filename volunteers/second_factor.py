"""Forms of the second factor, in our words."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm as AllauthAddWebAuthnForm
from allauth.mfa.webauthn.forms import EditWebAuthnForm as AllauthEditWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _

NAME_MAX = 40


def code_field() -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
    return forms.CharField(
        label=_("The code your app shows"),
        help_text=_("Or one of your spare codes."),
        max_length=20,
        widget=forms.TextInput(attrs=attrs),
    )


class AuthenticateForm(AllauthAuthenticateForm):  # type: ignore[misc]
    code = code_field()


class ReauthenticateForm(AllauthReauthenticateForm):  # type: ignore[misc]
    code = code_field()


class ActivateTOTPForm(AllauthActivateTOTPForm):  # type: ignore[misc]
    code = code_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = ""


class AddWebAuthnForm(AllauthAddWebAuthnForm):  # type: ignore[misc]
    """passwordless: whether this passkey may replace name and passphrase at login."""

    name = forms.CharField(
        label=_("A name for this key"),
        help_text=_("Only you see it. Do not name a person or a place."),
        max_length=NAME_MAX,
        required=False,
    )
    passwordless = forms.BooleanField(
        label=_("Sign in with this key alone"),
        help_text=_("What is locked still asks for your passphrase."),
        required=False,
    )


class EditWebAuthnForm(AllauthEditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=_("A name for this key"), max_length=NAME_MAX)
