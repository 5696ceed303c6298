"""What somebody types when something was wrong, or when they would like to talk about it."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from requests_app.forms.answer import QUIET, Once
from requests_app.forms.ask import TOO_LONG
from requests_app.models.report import KNOW, NO, STOP, TALK, UNSURE, YES
from requests_app.wrong import Said, WhoReads

TEXT_LENGTH, HOW_LENGTH = 2000, 300


class _Apart(forms.Form):
    """`once` names the form: pressed twice, it leaves one."""

    once = Once(widget=forms.HiddenInput, required=False, initial=uuid.uuid4)

    def id(self) -> uuid.UUID:
        """Call after is_valid()."""
        return self.cleaned_data["once"] or uuid.uuid4()


class WrongForm(_Apart):
    """One choice of three, and a text that may stay empty. `who` is who could read it."""

    choice = forms.ChoiceField(
        label=_("What would you like?"),
        choices=[
            (STOP, _("Stop asking this person\nNothing of theirs with me goes on.")),
            (TALK, _("Talk to me\nSay below how and when.")),
            (KNOW, _("Only so you know\nNobody writes to me.")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one.")},
    )
    text = forms.CharField(
        label=_("What was wrong?"),
        help_text=_("You can leave it empty. Stored locked."),
        max_length=TEXT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG},
    )
    how = forms.CharField(
        label=_("How and when can somebody reach you?"),
        help_text=_("Only if you want to talk. Stored locked."),
        max_length=HOW_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, **QUIET}),
        error_messages={"max_length": TOO_LONG},
    )
    concerns_desk = forms.ChoiceField(
        label=_("Does it concern somebody at the desk?"),
        choices=[(YES, _("Yes")), (UNSURE, _("I am not sure")), (NO, _("No"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose one: it says who can read this.")},
    )

    def __init__(self, *args: Any, who: WhoReads, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.who = who

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("choice") == TALK and not data.get("how") and "how" not in self.errors:
            self.add_error("how", _("Please write how and when. Or choose something else."))
        concerns = data.get("concerns_desk")
        if concerns and self.who.outside is None and (concerns != NO or not self.who.at_desk):
            self.add_error("concerns_desk", _("Nobody outside the desk can read it here. Please call."))
        return data

    def said(self) -> Said:
        """Call after is_valid()."""
        names = ("choice", "text", "how", "concerns_desk")
        return Said(**{name: self.cleaned_data[name] for name in names})

    def nobody_reads(self) -> "WrongForm":
        """Whoever could have read it left at this moment."""
        self.add_error(None, _("Nobody can read this here just now, so it was not stored. Please call."))
        return self

    def not_now(self) -> "WrongForm":
        """The keyring or the database does not answer."""
        self.add_error(None, _("This was not stored. Please try again, or call."))
        return self


class TalkForm(_Apart):
    """That somebody would like to talk, and how they can be reached, if they like."""

    text = forms.CharField(
        label=_("What would you like to talk about?"),
        help_text=_("You can say who you are, or not."),
        max_length=TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off"}),
        error_messages={"max_length": TOO_LONG, "required": _("Please write something first.")},
    )
    reach = forms.CharField(
        label=_("How and when can somebody reach you?"),
        help_text=_("Only if you like. Without it nobody can answer."),
        max_length=HOW_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, **QUIET}),
        error_messages={"max_length": TOO_LONG},
    )

    def not_now(self) -> "TalkForm":
        """The keyring does not answer, or the desk has no key that may be granted anything."""
        self.add_error(None, _("This was not stored. Please try again, or call."))
        return self
