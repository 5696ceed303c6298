"""What a host reads about the nights and the home of an offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.translation import gettext, ngettext

from privacy import clock
from volunteers.nights import DAY, WEEK, Night, Promised
from volunteers.offers import Offer

WEEKS = 6


@dataclass(frozen=True)
class Home:
    """Whether all adults agree, in one sentence; `ask`: it is to be said, for the first time or again."""

    sentence: str
    ask: bool


def nights_shown(offer: Offer, at: datetime) -> dict[str, Any]:
    """Six weeks, what is taken after them, and the dated nights. A fixed number of queries."""
    today = clock.local_day(at)
    calendar = offer.calendar(today, WEEKS)
    after = calendar[0][0].day + WEEK * WEEKS * DAY
    taken = offer.taken_from(after)
    beds = offer.beds_on(taken)
    return {
        "today": today,
        "calendar": calendar,
        "later": [Night(night, beds[night], number) for night, number in taken.items()],
        "runs": offer.runs(today),
        "rest_days": offer.volunteer.rest_days,
    }


def promised_words(promised: Promised) -> str:
    """Why a night cannot have so few beds, and what to do."""
    text = ngettext(
        "%(beds)d bed is promised for %(night)s. Keep it, or first say there that you cannot.",
        "%(beds)d beds are promised for %(night)s. Keep them, or first say there that you cannot.",
        promised.beds,
    )
    return text % {"beds": promised.beds, "night": formats.date_format(promised.night, "l j F")}


def home_words(offer: Offer, at: datetime) -> Home:
    """What the host reads about "all adults agree"; nothing where no kind of theirs asks it."""
    if not offer.asks_household():
        return Home("", ask=False)
    said, until = offer.adults_agreed_on, offer.agreed_until()
    if said is None or until is None:
        return Home(gettext("You have not said that all adults in your home agree."), ask=True)
    day = formats.date_format(said, "F Y")
    if not offer.adults_agree(at):
        text = gettext("All adults in your home agreed in %(month)s. Ask them again, and say so here.")
        return Home(text % {"month": day}, ask=True)
    text = gettext("All adults in your home agree (%(month)s). Please say it again in %(again)s.")
    return Home(text % {"month": day, "again": formats.date_format(until, "F Y")}, ask=_soon(offer, at))


def _soon(offer: Offer, at: datetime) -> bool:
    """Whether it is to be said again within a month: early is better than a day too late."""
    until = offer.agreed_until()
    return until is not None and until - clock.local_day(at) <= 30 * DAY
