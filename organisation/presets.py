"""What can be said with one tap: a short list, so that whoever reads it reads it in their own language."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from organisation.tap import ASKER, VOLUNTEER

Text = str | Promise
# Before a slug, in what is sealed: no form lets anybody type it, so that nobody can type a preset.
MARK: Final = "\0"
NOW, CHANGED = "now", "changed"
BOTH: Final = frozenset({ASKER, VOLUNTEER})


@dataclass(frozen=True)
class Preset:
    """One of them: `text` as whoever sends it says it, and as the other side reads it.

    `by`: who may send it. `pace`: of the notice to the other side. `always`: on every need; else where the
    kind says so (Kind.taps). `missing`, `i_missed`: what the other side, and whoever forgot it, read where
    it was expected and did not come. `puts_off`: so much later is everything expected of whoever sends it.
    """

    slug: str
    text: Text
    by: frozenset[str] = BOTH
    pace: str = ""
    always: bool = False
    missing: Text = ""
    i_missed: Text = ""
    puts_off: timedelta = timedelta(0)


ALL: Final = (
    Preset(
        "on-my-way",
        _("I am on my way"),
        always=True,
        missing=_("They have not said that they are on their way."),
        i_missed=_("You have not said that you are on your way."),
    ),
    Preset("late", _("I am ten minutes late"), pace=NOW, always=True, puts_off=timedelta(minutes=15)),
    Preset(
        "arrived",
        _("I am there"),
        pace=NOW,
        always=True,
        missing=_("They have not said that they are there."),
        i_missed=_("You have not said that you are there."),
    ),
    Preset("ready", _("I am ready, please come now"), by=frozenset({ASKER}), pace=NOW, always=True),
    Preset("cannot-come", _("I cannot come"), pace=CHANGED, always=True),
    Preset(
        "inside",
        _("We are inside"),
        missing=_("They have not said that they are inside again."),
        i_missed=_("You have not said that you are inside again."),
    ),
    Preset("break", _("We have a break")),
    Preset(
        "out",
        _("We are out"),
        missing=_("They have not said that they are out."),
        i_missed=_("You have not said that you are out."),
    ),
    Preset(
        "home-safe",
        _("I am home safe"),
        always=True,
        missing=_("They have not said that they are home safe."),
        i_missed=_("You have not said that you are home safe."),
    ),
    Preset(
        "ok-tonight",
        _("OK tonight"),
        missing=_("They have not said that tonight is OK."),
        i_missed=_("You have not said that tonight is OK."),
    ),
)
_BY_SLUG: Final = {preset.slug: preset for preset in ALL}
CANNOT_COME: Final = "cannot-come"


def get(slug: str) -> Preset | None:
    """The preset with this slug; None where there is none (any more)."""
    return _BY_SLUG.get(slug)


def stored(slug: str) -> str:
    """As it lies, sealed, among the messages."""
    return MARK + slug


def slug_in(text: str) -> str:
    """The slug where `text` is one that was stored; "" where somebody wrote it."""
    return text[len(MARK) :] if text.startswith(MARK) else ""


def shown(text: str) -> str:
    """A message as its reader reads it, in the language of the page; "" for a preset that is no more."""
    slug = slug_in(text)
    if not slug:
        return text
    preset = get(slug)
    return str(preset.text) if preset else ""


def offered(side: str, taps: Iterable[str]) -> list[Preset]:
    """What `side` can send on a need whose kind expects these taps, in the order of the table."""
    known = set(taps)
    return [preset for preset in ALL if side in preset.by and (preset.always or preset.slug in known)]
