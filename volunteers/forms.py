"""Forms about the account: joining, signing in, unlocking, the passphrase, the recovery sheet."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.forms import ReauthenticateForm as AllauthReauthenticateForm
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from privacy import clock, codes, gate, tickets
from privacy.crypto import Unreadable
from privacy.wordlists import fold
from volunteers import keys
from volunteers.account import HANDLE_MAX, Volunteer
from volunteers.passphrases import NewPassphraseForm, PassphraseField

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "autocorrect": "off", "spellcheck": "false"}
CHANGED_KEY = _("Your key was changed by somebody else. Tell the desk before you go on.")


def name_field() -> forms.CharField:
    """The generated user name; typed with spaces or capitals it is still found."""
    widget = forms.TextInput(attrs={**PLAIN, "autocomplete": "username"})
    return forms.CharField(label=_("User name"), max_length=80, widget=widget)


def handle_field() -> forms.CharField:
    """What others call them."""
    return forms.CharField(
        label=_("What should people call you?"),
        help_text=_("Not your legal name. People you help will see it."),
        max_length=HANDLE_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class JoinForm(NewPassphraseForm):
    """What makes an account besides the invitation."""

    field_order = ("handle", "username", "passphrase", "again")
    handle = handle_field()
    # On the page for password managers; what comes back is not listened to.
    username = name_field()

    def __init__(self, data: QueryDict | None = None, *, name: str) -> None:
        if data is not None:
            data = data.copy()
            data["username"] = name
        super().__init__(data, initial={"username": name})
        username = self.fields["username"]
        username.required = False
        username.help_text = _("We made this name for you. You need it to sign in.")
        username.widget.attrs["readonly"] = True


def pick_two(words: str) -> list[int]:
    """Two different places in the sheet, in order, counted from 0."""
    return sorted(secrets.SystemRandom().sample(range(len(words.split())), 2))


class SheetForm(forms.Form):
    """Two words of the sheet, to prove that it is on paper. What was typed is not echoed."""

    def __init__(self, *args: Any, words: str, places: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for place in places:
            self.fields[f"word{place}"] = forms.CharField(
                label=_("Number %(number)d of your sheet") % {"number": place + 1},
                max_length=codes.MAX_TYPED,
                widget=forms.PasswordInput(attrs=PLAIN),
            )
        self.expected = {f"word{place}": words.split()[place] for place in places}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name, word in self.expected.items():
            typed = fold(str(cleaned.get(name, ""))).strip()
            if typed and typed != fold(word):
                self.add_error(name, ValidationError(_("This is not what the sheet says."), code="wrong"))
        return cleaned


SIGNING_IN = tickets.Purpose("sign in")


class Waiting(forms.BaseForm):
    """A form anybody may post, whose price is waiting while the gate is full (privacy/tickets.py).

    While it is calm nothing is asked or counted.
    """

    request: HttpRequest

    def pay(self) -> None:
        """Before any derivation. Errors: ValidationError where too many wait already."""
        if gate.load() < 1:
            return
        try:
            tickets.pay(self.request, SIGNING_IN, clock.now())
        except gate.Busy:
            raise ValidationError(_("Many people are here. Please press again."), code="busy") from None


class LoginForm(Waiting, AllauthLoginForm):  # type: ignore[misc]
    """User name and passphrase."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {
            "login": name_field(),
            "password": PassphraseField(),
            "remember": forms.BooleanField(
                label=_("Remember this device"),
                help_text=_("It shows the board for two weeks. What is locked stays locked."),
                required=False,
            ),
        }

    def clean(self) -> Any:
        if not self.errors:
            self.pay()
        return super().clean()

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> Any:
        response = super().login(request, redirect_url)
        if (private := keys.private_key(request)) is not None:
            # Now it is known whether this device is remembered, and so how long the key stays open.
            keys.remember(request, private)
        return response


class ReauthenticateForm(AllauthReauthenticateForm):  # type: ignore[misc]
    """The passphrase again, before something about the account changes."""

    password = PassphraseField()


class UnlockForm(forms.Form):
    """The passphrase, where something sealed is read."""

    passphrase = PassphraseField()

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_passphrase(self) -> str:
        typed = str(self.cleaned_data["passphrase"])
        if not get_adapter().reauthenticate(self.request.user, typed):
            raise ValidationError(_("This is not your passphrase."), code="wrong")
        if keys.private_key(self.request) is None:
            raise ValidationError(CHANGED_KEY, code="changed")
        return typed


class ChangePassphraseForm(NewPassphraseForm):
    """The old passphrase and the new one. Called by allauth's view, which keeps this session alive."""

    field_order = ("old", "passphrase", "again")
    old = PassphraseField(label=_("The passphrase you have now"))

    def __init__(self, user: Volunteer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        typed = str(self.cleaned_data["old"])
        # The adapter counts the tries, and opens the key of this session.
        if not get_adapter().reauthenticate(self.user, typed):
            raise ValidationError(_("This is not your passphrase."), code="wrong")
        return typed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            try:
                self.private = keys.unlock(self.user, cleaned["old"])
            except Unreadable:
                self.add_error("old", ValidationError(CHANGED_KEY, code="changed"))
        return cleaned

    def save(self) -> None:
        keys.rewrap(self.user, self.private, self.cleaned_data["passphrase"])


class RecoverForm(Waiting, NewPassphraseForm):
    """The recovery sheet instead of the passphrase. The words are never shown again."""

    field_order = ("username", "sheet", "passphrase", "again")
    username = name_field()
    sheet = forms.CharField(
        label=_("The words of your recovery sheet"),
        help_text=_("All of them, in order. Four letters of each are enough."),
        max_length=codes.MAX_TYPED,
        widget=forms.PasswordInput(attrs=PLAIN),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            self._restore(cleaned)
        return cleaned

    def _restore(self, cleaned: dict[str, Any]) -> None:
        self.pay()
        get_adapter().pre_authenticate(self.request, username=cleaned["username"])
        try:
            keys.restore(cleaned["username"], cleaned["sheet"], cleaned["passphrase"])
        except Unreadable:
            self.add_error(None, ValidationError(_("User name and sheet do not go together."), code="wrong"))
