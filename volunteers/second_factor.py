"""Forms of the second factor, in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm as AllauthActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm as AllauthAddWebAuthnForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm as AllauthAuthenticateWebAuthnForm
from allauth.mfa.webauthn.forms import EditWebAuthnForm as AllauthEditWebAuthnForm
from allauth.mfa.webauthn.forms import LoginWebAuthnForm as AllauthLoginWebAuthnForm
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm as AllauthReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import (
    parse_authentication_response,
    parse_registration_response,
)
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from privacy import limits
from volunteers import seeds

NAME_MAX = 40
NO_ANSWER = _("The key did not answer as it should. Please try again.")


def code_field() -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
    return forms.CharField(
        label=_("The code your app shows"),
        help_text=_("Or one of your spare codes."),
        max_length=20,
        widget=forms.TextInput(attrs=attrs),
    )


class KeyAnswerField(forms.JSONField):
    """What a key answered, through the browser. What the library cannot read is refused in one sentence."""

    widget = forms.HiddenInput

    def __init__(self, read: Callable[[Any], object]) -> None:
        super().__init__(error_messages={"required": NO_ANSWER, "invalid": NO_ANSWER})
        self.read = read

    def to_python(self, value: Any) -> Any:
        try:
            answer = super().to_python(value)
            if answer is not None:
                self.read(answer)
        except Exception:
            # Whatever the parsers of JSON, base64 and CBOR raise over bytes that anybody may post.
            raise ValidationError(NO_ANSWER, code="invalid") from None
        return answer

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Never shown again: an answer is good for one try."""
        return None


def an_answer() -> KeyAnswerField:
    return KeyAnswerField(parse_authentication_response)


class AuthenticateForm(AllauthAuthenticateForm):  # type: ignore[misc]
    code = code_field()

    def clean_code(self) -> Any:
        limits.must_be_counted()
        with seeds.belonging_to(self.user, trying=True):
            return super().clean_code()


class ReauthenticateForm(AllauthReauthenticateForm):  # type: ignore[misc]
    code = code_field()

    def clean_code(self) -> Any:
        limits.must_be_counted()
        with seeds.belonging_to(self.user, trying=True):
            return super().clean_code()


class ActivateTOTPForm(AllauthActivateTOTPForm):  # type: ignore[misc]
    code = code_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = ""


class AddWebAuthnForm(AllauthAddWebAuthnForm):  # type: ignore[misc]
    """passwordless: whether this passkey may replace name and passphrase at login."""

    credential = KeyAnswerField(parse_registration_response)
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


class AuthenticateWebAuthnForm(AllauthAuthenticateWebAuthnForm):  # type: ignore[misc]
    credential = an_answer()


class LoginWebAuthnForm(AllauthLoginWebAuthnForm):  # type: ignore[misc]
    credential = an_answer()


class ReauthenticateWebAuthnForm(AllauthReauthenticateWebAuthnForm):  # type: ignore[misc]
    credential = an_answer()


class EditWebAuthnForm(AllauthEditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=_("A name for this key"), max_length=NAME_MAX)
