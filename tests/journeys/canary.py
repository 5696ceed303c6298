"""Unique strings, typed wherever something can be typed, and the search for each of them afterwards."""

import base64
import os
import re
import secrets
import string
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from privacy import codes

# All begin alike, so that a file without any of them is passed over quickly.
PREFIX = "qanary"
LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Needle:
    """How one secret would look: small letters and hex whatever their case, base64 in three alignments."""

    any_case: frozenset[bytes]
    exact: frozenset[bytes]

    @classmethod
    def of(cls, *secrets: bytes) -> "Needle":
        plain = {form for one in secrets for form in (one.lower(), one.hex().encode())}
        wide = {one.decode("latin-1").encode("utf-16-le") for one in secrets}
        return cls(
            frozenset(plain), frozenset({b for one in secrets for b in _base64(one)} | wide | set(secrets))
        )

    def is_in(self, data: bytes, small: bytes) -> bool:
        return any(n in small for n in self.any_case) or any(n in data for n in self.exact)


def _base64(data: bytes) -> Iterator[bytes]:
    """What stands in a base64 text wherever `data` stands in what was encoded."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        yield encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6]


BEGINNING = Needle.of(PREFIX.encode())


class Many:
    """So many needles that each cannot be searched for: eight bytes of each are looked up in one pass."""

    def __init__(self) -> None:
        self.needles: dict[str, Needle] = {}
        self.heads: set[int] = set()

    def add(self, label: str, secrets: Iterable[bytes]) -> None:
        for number, secret in enumerate(secrets):
            needle = Needle.of(secret)
            self.needles[f"{label} {number}"] = needle
            self.heads |= {int.from_bytes(form[:8], sys.byteorder) for form in needle.any_case | needle.exact}

    def may_be_in(self, data: bytes, small: bytes) -> bool:
        """Whether it is worth while to search for each."""
        return bool(self.heads) and any(
            not self.heads.isdisjoint(memoryview(part)[at : len(part) - (len(part) - at) % 8].cast("Q"))
            for part in (data, small)
            if part.strip(b"\0")
            for at in range(min(8, len(part)))
        )


@dataclass
class Canaries:
    """What was typed: label → the string; and how each of them, and every other secret, would look."""

    typed: dict[str, str] = field(default_factory=dict)
    needles: dict[str, Needle] = field(default_factory=dict)
    others: dict[str, Needle] = field(default_factory=dict)
    many: Many = field(default_factory=Many)

    def new(self, label: str, before: str = "", after: str = "") -> str:
        """A string to type, never typed before; `before` and `after` stand around it."""
        assert label not in self.typed
        core = PREFIX + "".join(secrets.choice(LETTERS) for _ in range(14))
        self.typed[label] = core
        self.needles[label] = Needle.of(core.encode())
        return f"{before}{core}{after}"

    def words(self, label: str, words: list[str]) -> None:
        """A secret of words: three in a row, however joined or shortened, and the ten bytes behind them."""
        short = [word[:4] for word in words]
        texts = [joint.join(part[:3]) for joint in ("", " ", "-", ",", '", "') for part in (words, short)]
        self.others[label] = Needle.of(codes.read(" ".join(words)), *(text.encode() for text in texts))

    def secret(self, label: str, *forms: bytes) -> None:
        """A secret that somebody was given, not typed."""
        self.others[label] = Needle.of(*forms)

    def hashes(self, label: str, *digests: bytes) -> None:
        """Hashes of something, by the hundred."""
        self.many.add(label, digests)

    def found_in(self, data: bytes) -> set[str]:
        """The labels of those that stand in `data` in any form."""
        small = data.lower()
        looked_for = dict(self.others)
        if self.many.may_be_in(data, small):
            looked_for |= self.many.needles
        if BEGINNING.is_in(data, small):
            looked_for |= self.needles
        return {label for label, needle in looked_for.items() if needle.is_in(data, small)}

    def found_below(self, folder: Path) -> dict[str, set[str]]:
        """file → labels, for every file of a folder tree."""
        found = {}
        for path in files_below(folder):
            if labels := self._in_file(path):
                found[str(path.relative_to(folder))] = labels
        return found

    def _in_file(self, path: Path) -> set[str]:
        try:
            return self.found_in(path.read_bytes())
        except FileNotFoundError:
            return set()


def files_below(folder: Path) -> Iterator[Path]:
    """Every file of a folder tree, but for those of folders that go meanwhile, as another's database does."""
    for at, folders, names in os.walk(folder):
        folders.sort()
        paths = [Path(at, name) for name in sorted(names)]
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def pairs_of(words: list[str]) -> re.Pattern[str]:
    """Any two words of a code that follow each other, whatever stands between them. The system's own words
    may be two that somebody has, once in some thousand codes: whoever looks at a page has to know those."""
    between = r"[^a-z0-9]{0,3}"
    return re.compile("|".join(f"{a}{between}{b}" for a, b in pairwise(words)))
