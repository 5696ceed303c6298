"""Languages as bits of one 63-bit integer, so that one indexed query answers on both databases."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language

# A bit once given away is never given to another language: rows of old backups would change
# their meaning. A new language takes the next free number (at most 62: the column is signed);
# one that is no longer offered moves to RETIRED. tests/organisation holds a second copy.
BITS: Final[dict[str, int]] = {
    "en": 0, "fr": 1, "es": 2, "pt": 3, "de": 4, "it": 5, "nl": 6, "pl": 7, "ro": 8, "bg": 9,
    "hu": 10, "cs": 11, "sk": 12, "sr": 13, "hr": 14, "sq": 15, "el": 16, "tr": 17, "ru": 18, "uk": 19,
    "ar": 20, "fa": 21, "ku": 22, "ur": 23, "hi": 24, "bn": 25, "pa": 26, "ta": 27, "ne": 28, "zh": 29,
    "yue": 30, "th": 31, "vi": 32, "ko": 33, "ja": 34, "id": 35, "fil": 36, "sw": 37, "am": 38, "ti": 39,
    "so": 40, "ha": 41, "ig": 42, "yo": 43, "pcm": 44, "ln": 45, "rom": 46, "ase": 47,
}  # fmt: skip
RETIRED: Final[dict[str, int]] = {}
ANY: Final = 0


class UnknownLanguage(LookupError):
    """No language with this code has a bit."""


def bits(codes: Iterable[str]) -> int:
    """The codes as one integer; nothing chosen is ANY (0). Raises UnknownLanguage."""
    mask = ANY
    for code in codes:
        if code not in BITS:
            raise UnknownLanguage
        mask |= 1 << BITS[code]
    return mask


def codes(mask: int) -> list[str]:
    """The codes of an integer, in the order of the table; bits of retired languages are passed over."""
    return [code for code, bit in BITS.items() if mask >> bit & 1]


def names(mask: int) -> list[str]:
    """The languages of an integer by name, in the language of the page, sorted."""
    wanted = set(codes(mask))
    return [name for code, name in choices() if code in wanted]


def choices() -> Sequence[tuple[str, str]]:
    """(code, name) of every language, named in the language of the page and sorted by that name."""
    return _named(get_language() or "en")


@lru_cache(maxsize=16)
def _named(page_language: str) -> Sequence[tuple[str, str]]:
    locale = _locale(page_language)
    english = Locale("en").languages
    named = [(code, _capital(locale.languages.get(code) or english[code])) for code in BITS]
    return tuple(sorted(named, key=lambda pair: _sort_key(pair[1])))


def _locale(page_language: str) -> Locale:
    try:
        return Locale.parse(page_language, sep="-")
    except (UnknownLocaleError, ValueError):
        # A page in a language Babel has no names in (a pseudo-locale of the tests) shows English ones.
        return Locale("en")


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _sort_key(name: str) -> str:
    """Without accents, so that "Éwé" does not come after "Zoulou"."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
