"""What an organisation may want to know of a person before they are sent: the one place to add a check.

A kind of need lists the checks that concern it (`Kind.checks`). That one was done is kept, by whom and until
when (volunteers/checks.py); what was seen never is. Which of them are required, the organisation says
(`Organisation.required_checks`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

YEAR: Final = timedelta(days=365)


@dataclass(frozen=True)
class CheckItem:
    """One line of the checklist. `second`: somebody else at the desk confirms it. `holds`: for how long after
    the day it was done; None is for good."""

    slug: str
    label: str | Promise
    second: bool = False
    holds: timedelta | None = None

    def expires_on(self, done_on: date) -> date | None:
        """The first day on which it does not count any more."""
        return done_on + self.holds if self.holds else None


ALL: Final[dict[str, CheckItem]] = {
    item.slug: item
    for item in (
        CheckItem("met", _("Met in person")),
        CheckItem("spoken-for", _("Two people spoke for them"), second=True),
        CheckItem("home-visit", _("The home was visited"), second=True, holds=YEAR),
        CheckItem("licence", _("Driving licence and insurance were seen"), holds=YEAR),
        CheckItem("boundaries", _("We talked about boundaries")),
        CheckItem("companion", _("Learned how to accompany somebody"), holds=2 * YEAR),
        CheckItem("first-aid", _("Learned first aid"), holds=2 * YEAR),
    )
}


def label(slug: str) -> str:
    """What people read; the slug itself of one that is not in the list any more."""
    return str(ALL[slug].label) if slug in ALL else slug
