"""How somebody wants to be told."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from notify import transports
from notify.transports.push import LONGEST, MISSING, TOO_LONG

ONLY_ADDRESS = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
HOURS = [("", _("Any hour")), *((hour, f"{hour:02}:00") for hour in range(24))]
LOOK_MYSELF = ("", _("I will look myself"))
ONLY_NEWS = _("The message only says that there is news. Whoever holds the phone may see it.")


def choices(for_askers: bool = False) -> list[tuple[str, Any]]:
    """The ways there are, each a card: its name, and below it what to write as the address."""
    ways = [one for one in transports.typed().items() if one[1].for_askers or not for_askers]
    return [(slug, _card(way.label, way.askers_help if for_askers else way.help)) for slug, way in ways]


def _card(label: Any, help_text: Any) -> Any:
    return format_lazy("{}\n{}", label, help_text) if help_text else label


def address_words(for_askers: bool = False) -> tuple[Any, Any]:
    """(label, help) of the field for the address: those of the one way there is, or words for all of them."""
    ways = [way for way in transports.typed().values() if way.for_askers or not for_askers]
    if len(ways) == 1:
        return ways[0].address_label, ONLY_NEWS
    return _("Address"), format_lazy("{} {}", _("What to write here stands beside your choice."), ONLY_NEWS)


def _push_or_none() -> list[tuple[str, Any]]:
    return [(slug, way.label) for slug, way in transports.offered().items() if slug == transports.PUSH]


def _choices_or_none() -> list[tuple[str, Any]]:
    return [LOOK_MYSELF, *choices(for_askers=True)]


def _hour(label: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label,
        choices=HOURS,
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": _("Choose one of these.")},
    )


class ChannelForm(forms.Form):
    """A new channel: `Channel.objects.add(**form.cleaned_data, recipient=…, language=…, at=…)`."""

    for_askers = False

    transport = forms.ChoiceField(
        label=_("How can we tell you?"),
        choices=choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose how we can tell you."),
            "invalid_choice": _("Choose one of these."),
        },
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.TextInput(attrs=ONLY_ADDRESS),
        error_messages={
            "required": _("Give an address, or the message cannot arrive."),
            "max_length": TOO_LONG,
        },
    )
    from_hour = _hour(_("Not before"))
    until_hour = _hour(_("Not after"))
    paces = forms.BooleanField(
        label=_("Say how soon"),
        help_text=_("The message may add: for now, for this week, or something changed."),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        address = self.fields["address"]
        address.label, address.help_text = address_words(self.for_askers)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._clean_hours(cleaned)
        self._clean_address(cleaned)
        return cleaned

    def _clean_hours(self, cleaned: dict[str, Any]) -> None:
        if "from_hour" in self.errors or "until_hour" in self.errors:
            return
        from_hour, until_hour = cleaned["from_hour"], cleaned["until_hour"]
        if (from_hour is None) != (until_hour is None):
            self.add_error("until_hour", _("Choose both hours, or none."))
        elif from_hour is not None and from_hour == until_hour:
            self.add_error("until_hour", _("Choose two different hours."))

    def _clean_address(self, cleaned: dict[str, Any]) -> None:
        """Each transport knows its own addresses."""
        slug, address = cleaned.get("transport"), cleaned.get("address")
        if not slug or not address:
            return
        way = transports.get(slug)
        try:
            cleaned["address"] = (way.clean_for_askers if self.for_askers else way.clean)(address)
        except ValidationError as problem:
            self.add_error("address", problem)


class PushForm(ChannelForm):
    """The same where a browser is to show it: a script fills the address in (static/push.js).

    It has no card among the others: without a script nobody has anything to fill in. Never for askers.
    """

    transport = forms.ChoiceField(
        choices=_push_or_none,
        initial=transports.PUSH,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("Choose one of these.")},
    )
    address = forms.CharField(
        max_length=LONGEST,
        widget=forms.HiddenInput,
        error_messages={"max_length": TOO_LONG, "required": MISSING},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="push_%s", **kwargs)


class AskersChannelForm(ChannelForm):
    """The same for somebody who need not be told: "I will look myself" is the default.

    `wants_news` says, once the form is valid, whether there is a channel to add.
    """

    for_askers = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        transport = self.fields["transport"]
        assert isinstance(transport, forms.ChoiceField)
        transport.choices, transport.initial = _choices_or_none, LOOK_MYSELF[0]
        transport.required = self.fields["address"].required = False

    @property
    def wants_news(self) -> bool:
        return bool(self.cleaned_data["transport"])

    def _clean_hours(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("transport"):
            super()._clean_hours(cleaned)

    def _clean_address(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("transport") and not cleaned.get("address") and "address" not in self.errors:
            self.add_error("address", self.fields["address"].error_messages["required"])
        elif cleaned.get("transport"):
            super()._clean_address(cleaned)
