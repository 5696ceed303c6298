"""Hard conditions as bits of one 63-bit integer: a need has those it asks, an offer those it meets.

An offer fits where `need & ~offer == 0`. The same bits say what would be good (`Need.wishes`): a soft wish
keeps nobody out, and counts for those who have it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
NONE: Final = 0


class UnknownCondition(LookupError):
    """No condition with this slug has a bit."""


@dataclass(frozen=True)
class Condition:
    """One condition: its bit, what the asker ticks (`label`) and what a volunteer ticks (`offer_label`).

    `who` marks "who may come": the asker picks at most one, the volunteer ticks when to be asked.
    Nothing else about anybody's gender is stored. `wish`: it is about the help, and may also only be wished
    for; what is so (an animal comes along) is no wish.
    """

    slug: str
    bit: int
    label: Text
    offer_label: Text
    who: bool = False
    wish: bool = True


# A bit once given away is never given to another condition (see languages.BITS). A new condition
# takes the next free number, at most 62; one no longer offered leaves condition_slugs of its kinds.
ALL: Final[dict[str, Condition]] = {
    condition.slug: condition
    for condition in (
        Condition("only_women", 0, _("Only women"), _("Ask me when only women should come"), who=True),
        Condition("only_men", 1, _("Only men"), _("Ask me when only men should come"), who=True),
        Condition(
            "only_trans_nonbinary",
            2,
            _("Only trans or non-binary people"),
            _("Ask me when only trans or non-binary people should come"),
            who=True,
        ),
        Condition("step_free", 3, _("No steps, no stairs"), _("No steps, no stairs")),
        Condition("smoke_free", 4, _("Nobody smokes there"), _("Nobody smokes there")),
        Condition("no_pets", 5, _("No animals there"), _("No animals there")),
        Condition("pets_welcome", 6, _("I bring an animal"), _("Animals are welcome"), wish=False),
        Condition("children_welcome", 7, _("Children come with me"), _("Children are welcome"), wish=False),
        Condition("own_room", 8, _("A room of my own"), _("A room of their own")),
        Condition("lockable_room", 9, _("A room I can lock"), _("A room that can be locked")),
        Condition("own_bathroom", 10, _("A bathroom of my own"), _("A bathroom of their own")),
        Condition("sleep_by_day", 11, _("Quiet enough to sleep by day"), _("Quiet enough to sleep by day")),
        Condition(
            "late_arrival",
            12,
            _("I may arrive after midnight"),
            _("Arriving after midnight is fine"),
            wish=False,
        ),
        Condition("scent_free", 13, _("No perfume or strong smells"), _("No perfume or strong smells")),
        Condition("alcohol_free", 14, _("No alcohol or drugs there"), _("No alcohol or drugs there")),
        Condition("wheelchair", 15, _("A wheelchair must fit"), _("A wheelchair fits"), wish=False),
        Condition(
            "child_seat",
            16,
            _("A child seat, for about 1 to 4 years"),
            _("I have a child seat, for about 1 to 4 years"),
            wish=False,
        ),
        Condition("luggage", 17, _("Room for big bags"), _("There is room for big bags"), wish=False),
        Condition(
            "long_way", 18, _("More than an hour away"), _("More than an hour away is fine"), wish=False
        ),
        Condition("whole_day", 19, _("It may take all day"), _("I can stay all day"), wish=False),
        Condition(
            "baby_seat",
            20,
            _("A baby seat, facing backwards"),
            _("I have a baby seat, facing backwards"),
            wish=False,
        ),
        Condition(
            "booster_seat",
            21,
            _("A booster seat, from about 4 years"),
            _("I have a booster seat, from about 4 years"),
            wish=False,
        ),
    )
}


def get(slug: str) -> Condition:
    """The condition with this slug. Raises UnknownCondition."""
    try:
        return ALL[slug]
    except KeyError:
        raise UnknownCondition from None


def bits(slugs: Iterable[str]) -> int:
    """The conditions as one integer; none is 0. Raises UnknownCondition."""
    mask = NONE
    for slug in slugs:
        mask |= 1 << get(slug).bit
    return mask


def slugs(mask: int) -> list[str]:
    """The slugs of an integer, in the order of the table; bits nobody knows any more are passed over."""
    return [slug for slug, condition in ALL.items() if mask >> condition.bit & 1]


def labels(mask: int) -> list[str]:
    """What an integer asks, in the asker's words and the language of the page."""
    return [str(ALL[slug].label) for slug in slugs(mask)]


def choices(offered: Sequence[str]) -> list[tuple[str, str]]:
    """(slug, label) of those of `offered` that are about the help, for the asker's form."""
    return [(slug, str(get(slug).label)) for slug in offered if not get(slug).who]


def wish_choices(offered: Sequence[str]) -> list[tuple[str, str]]:
    """(slug, label) of those of `offered` that may also only be wished for, for the asker's form."""
    return [pair for pair in choices(offered) if get(pair[0]).wish]


def who_choices(offered: Sequence[str]) -> list[tuple[str, str]]:
    """(slug, label) of those of `offered` that say who may come; the asker picks one, "" is anybody."""
    return [("", str(_("Anybody"))), *((slug, str(get(slug).label)) for slug in offered if get(slug).who)]


def offer_choices(offered: Iterable[str]) -> list[tuple[str, str]]:
    """(slug, label) of `offered` in the volunteer's words, in the order of the table, each once."""
    wanted = set(offered)
    return [(slug, str(condition.offer_label)) for slug, condition in ALL.items() if slug in wanted]
