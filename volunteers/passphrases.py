"""The plain rule for a passphrase: long enough, and not one that everybody tries."""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MIN_LENGTH = 12
MAX_LENGTH = 200
FEWEST_DIFFERENT = 5
RULE = _("At least 12 characters. A few words that nobody would put together are good.")


def check(passphrase: str) -> None:
    """Errors: ValidationError, one plain sentence."""
    if len(passphrase) < MIN_LENGTH:
        raise ValidationError(_("This is too short. Use at least 12 characters."), code="short")
    try:
        CommonPasswordValidator().validate(passphrase)
    except ValidationError:
        raise ValidationError(_("Too many people use this one. Choose another."), code="common") from None
    if len(set(passphrase)) < FEWEST_DIFFERENT:
        raise ValidationError(_("This is too easy to guess. Mix more characters."), code="simple")


class PassphraseField(forms.CharField):
    """A passphrase: never shown again, never stripped, the same however a keyboard composes its accents."""

    def __init__(self, *, new: bool = False, **kwargs: Any) -> None:
        widget = forms.PasswordInput(
            attrs={
                "autocomplete": "new-password" if new else "current-password",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        )
        kwargs.setdefault("label", _("Passphrase"))
        super().__init__(strip=False, widget=widget, max_length=MAX_LENGTH, **kwargs)
        if new:
            self.validators.append(check)

    def to_python(self, value: Any) -> Any:
        typed = super().to_python(value)
        return unicodedata.normalize("NFKC", typed) if isinstance(typed, str) else typed


class NewPassphraseForm(forms.Form):
    """A new passphrase, typed twice."""

    passphrase = PassphraseField(new=True, help_text=RULE)
    again = PassphraseField(label=_("The same again"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["again"].widget.attrs["autocomplete"] = "new-password"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, second = cleaned.get("passphrase"), cleaned.get("again")
        if first and second and first != second:
            self.add_error("again", ValidationError(_("The two are not the same."), code="different"))
        return cleaned
