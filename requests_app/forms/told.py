"""How she is told: the part of her form with a way, an address and two hours. Nothing is the default."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from notify import forms as ways
from notify import transports
from requests_app.models.asked import Tell

MYSELF, EMAIL = "", "email"
ADDRESS_LENGTH = 500


class Told(forms.Form):
    """Expects the fields tell_by, email, from_hour and until_hour.

    `email` holds the address whichever way she is told: programs know it by that name.
    """

    by_mail_only = False

    def ask_how_to_tell(self) -> None:
        """Offer what this instance can do; where that is only e-mail, ask for it by its name."""
        offered = dict(ways.choices(for_askers=True))
        self.by_mail_only = list(offered) == [EMAIL]
        if not offered:
            for name in ("tell_by", "email", "from_hour", "until_hour"):
                del self.fields[name]
        elif not self.by_mail_only:
            tell_by: Any = self.fields["tell_by"]
            myself = next(choice for choice in tell_by.choices if choice[0] == MYSELF)
            tell_by.choices = [myself, *offered.items()]
            self.fields["email"] = self._address()

    def _address(self) -> forms.CharField:
        label, help_text = ways.address_words(for_askers=True)
        return forms.CharField(
            label=label,
            help_text=help_text,
            max_length=ADDRESS_LENGTH,
            required=False,
            widget=forms.TextInput(attrs=ways.ONLY_ADDRESS),
            error_messages={"max_length": _("This address is too long.")},
        )

    def clean_email(self) -> str:
        typed: str = self.cleaned_data["email"]
        by = EMAIL if self.by_mail_only else self.cleaned_data.get("tell_by")
        return transports.get(by).clean_for_askers(typed) if typed and by else typed

    def clean_told(self, data: dict[str, Any]) -> None:
        """What must hold between these answers."""
        by, address = data.get("tell_by"), data.get("email")
        if by and not address and "email" not in self.errors:
            self.add_error("email", _("Please write the address, or choose to look yourself."))
        if address and "tell_by" in self.fields and "tell_by" not in self.errors and not by:
            words = (
                _("Choose e-mail here, or take the address out.")
                if self.by_mail_only
                else _("Choose how we tell you, or take the address out.")
            )
            self.add_error("tell_by", words)
        if by and not {"from_hour", "until_hour"} & self.errors.keys():
            self._clean_hours(data["from_hour"], data["until_hour"])

    def _clean_hours(self, from_hour: int | None, until_hour: int | None) -> None:
        if (from_hour is None) != (until_hour is None):
            self.add_error("until_hour", _("Choose both hours, or none."))
        elif from_hour is not None and from_hour == until_hour:
            self.add_error("until_hour", _("Choose two different hours."))

    def tell(self) -> Tell | None:
        """Where to tell her; None where she looks herself. Call after is_valid()."""
        data = self.cleaned_data
        if not data.get("tell_by"):
            return None
        language = get_language() or ""
        return Tell(data["tell_by"], data["email"], language, data["from_hour"], data["until_hour"])
