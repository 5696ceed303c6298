"""Word lists for codes that people write down: which words there are, and which one was meant.

The lists come with the "mnemonic" package (MIT, (c) Pavol Rusnak; its licence file is installed beside
it). Words that hurt or frighten in this setting are replaced, see privacy/words/. Every word is told
from all others of its list by its first four letters, without accents.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import ascii_lowercase

import mnemonic

SIZE = 2048
PREFIX = 4
_SOURCES = {"en": "english", "fr": "french"}
LANGUAGES = tuple(_SOURCES)
_REPLACED = Path(__file__).parent / "words"
# Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i"})


def fold(text: str) -> str:
    """The text without case, accents and invisible characters."""
    apart = unicodedata.normalize("NFKD", text.casefold()).casefold()
    return "".join(c for c in apart if unicodedata.category(c) not in {"Mn", "Me", "Cf"}).translate(_PLAIN)


def _within_one_edit(typed: str, word: str) -> bool:
    """Whether one letter put in, left out, changed, or swapped with its neighbour makes typed the word."""
    start = 0
    while start < min(len(typed), len(word)) and typed[start] == word[start]:
        start += 1
    rest, wanted = typed[start:], word[start:]
    if not rest or not wanted:
        return len(rest) + len(wanted) <= 1
    swapped = rest[:2][::-1] == wanted[:2] and rest[2:] == wanted[2:]
    return rest[1:] == wanted or rest == wanted[1:] or rest[1:] == wanted[1:] or swapped


def _edits(start: str) -> Iterator[str]:
    """Every spelling one edit away within the first four letters; the fifth may move into them."""
    for i in range(min(len(start), PREFIX)):
        yield start[:i] + start[i + 1 :]
        yield start[:i] + start[i : i + 2][::-1] + start[i + 2 :]
        for letter in ascii_lowercase:
            yield start[:i] + letter + start[i + 1 :]
    for i in range(min(len(start), PREFIX - 1) + 1):
        for letter in ascii_lowercase:
            yield start[:i] + letter + start[i:]


class WordList:
    """2,048 words of one language; positions 0 … 2047 carry eleven bits each."""

    def __init__(self, language: str, words: tuple[str, ...]) -> None:
        self.language = language
        self.words = words
        self.folded = tuple(fold(word) for word in words)
        self._by_word = {word: i for i, word in enumerate(self.folded)}
        self._by_prefix = {word[:PREFIX]: i for i, word in enumerate(self.folded)}
        self.longest = max(map(len, self.folded))
        if len(self._by_prefix) != SIZE:
            raise ValueError("A word list needs 2,048 words with different first four letters.")

    def is_exact(self, typed: str) -> bool:
        """Whether this folded word is one of the list, in full."""
        return typed in self._by_word

    def position(self, typed: str) -> int | None:
        """Where the word stands whose first four letters these are; None if there is none."""
        found = self._by_word.get(typed)
        if found is None and len(typed) >= PREFIX:
            return self._by_prefix.get(typed[:PREFIX])
        return found

    def near(self, typed: str) -> set[int]:
        """Positions of all words one edit away from what was typed, in full or cut short."""
        found = set()
        for spelling in _edits(typed[: PREFIX + 1]):
            position = self._by_prefix.get(spelling[:PREFIX])
            if position is not None and position not in found and self._resembles(typed, position):
                found.add(position)
        return found

    def _resembles(self, typed: str, position: int) -> bool:
        word = self.folded[position]
        shortest = max(min(PREFIX, len(word)), len(typed) - 1)
        return any(
            _within_one_edit(typed, word[:length])
            for length in range(shortest, min(len(word), len(typed) + 1) + 1)
        )

    def pieces(self, text: str, at: int, whole: bool) -> Iterator[tuple[int, int]]:
        """(position, length) of each word the text may go on with; unless whole, also of four letters."""
        for length in range(self.longest, 0, -1):
            piece = text[at : at + length]
            if len(piece) == length and piece in self._by_word:
                yield self._by_word[piece], length
        piece = text[at : at + PREFIX]
        if not whole and len(piece) == PREFIX and piece not in self._by_word and piece in self._by_prefix:
            yield self._by_prefix[piece], PREFIX


@cache
def word_list(language: str) -> WordList:
    """The list of a language in LANGUAGES; KeyError for another."""
    source = files(mnemonic).joinpath("wordlist", _SOURCES[language] + ".txt").read_text("utf-8")
    replaced = dict(
        line.split()
        for line in (_REPLACED / f"{language}.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    words = (unicodedata.normalize("NFC", word) for word in source.split())
    return WordList(language, tuple(replaced.get(word, word) for word in words))
