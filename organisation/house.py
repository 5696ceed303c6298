"""What a home is like, and what is asked of guests there: plain choices, as bits of one 63-bit integer.

The host ticks them; the asker reads them when somebody offers. They decide nothing: what must be so is a
condition (organisation/conditions.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class UnknownHouseFact(LookupError):
    """No fact with this slug has a bit."""


@dataclass(frozen=True)
class HouseFact:
    """One fact or rule of a home: its bit, and what both sides read."""

    slug: str
    bit: int
    label: Text


# A bit once given away is never given to another fact (see languages.BITS). A new one takes the next free
# number, at most 62; one no longer offered leaves house_slugs of its kinds.
ALL: Final[dict[str, HouseFact]] = {
    fact.slug: fact
    for fact in (
        HouseFact("cat", 0, _("A cat lives here")),
        HouseFact("dog", 1, _("A dog lives here")),
        HouseFact("other_animals", 2, _("Other animals live here")),
        HouseFact("children", 3, _("Children live here")),
        HouseFact("other_adults", 4, _("Other adults live here")),
        HouseFact("by_day_away", 5, _("Nobody is home by day")),
        HouseFact("kitchen", 6, _("You may use the kitchen")),
        HouseFact("washing", 7, _("You may wash clothes")),
        HouseFact("own_key", 8, _("You get a key")),
        HouseFact("quiet_after_ten", 9, _("Quiet after ten at night")),
        HouseFact("shoes_off", 10, _("Shoes off inside")),
        HouseFact("no_visitors", 11, _("No visitors")),
        HouseFact("smoke_outside", 12, _("Smoking only outside")),
        HouseFact("no_meat", 13, _("No meat in the kitchen")),
    )
}


def bits(slugs: Iterable[str]) -> int:
    """The facts as one integer; none is 0. Raises UnknownHouseFact."""
    mask = 0
    for slug in slugs:
        if slug not in ALL:
            raise UnknownHouseFact
        mask |= 1 << ALL[slug].bit
    return mask


def slugs(mask: int) -> list[str]:
    """The slugs of an integer, in the order of the table; bits nobody knows any more are passed over."""
    return [slug for slug, fact in ALL.items() if mask >> fact.bit & 1]


def labels(mask: int, shown: Iterable[str]) -> list[str]:
    """Those of `shown` an integer has, in words, in the language of the page."""
    wanted = set(shown)
    return [str(ALL[slug].label) for slug in slugs(mask) if slug in wanted]


def choices(offered: Iterable[str]) -> list[tuple[str, str]]:
    """(slug, label) of `offered`, in the order of the table, each once."""
    wanted = set(offered)
    return [(slug, str(fact.label)) for slug, fact in ALL.items() if slug in wanted]
