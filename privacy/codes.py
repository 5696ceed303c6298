"""Codes that people write down: eight words, or twenty-eight digits, for one secret of ten bytes.

A code carries a checksum, so that one slip can be repaired without looking anything up: reading is a
pure function, and every input gives exactly one secret, so that a wrong code costs the same work as a
right one. Words: 80 bits and 8 of checksum. Digits: 25 and 3 more, a weighted sum modulo 997 chosen so
that every single wrong digit leaves a remainder of its own.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby, islice, product

from privacy import instance
from privacy.wordlists import LANGUAGES, SIZE, WordList, fold, word_list

SECRET_BYTES = 10
WORDS = 8
DIGITS = 28
MAX_TYPED = 200

_BITS = 11
_CHECKSUM_BITS = 8
_SECRET_DIGITS = 25
_MODULUS = 997
# With 100, 10 and 1 for the check digits, all products with 1 … 9, up or down, differ modulo 997.
_WEIGHTS = (
    *(65, 101, 64, 489, 228, 422, 239, 431, 268, 191, 241, 156, 147),
    *(370, 172, 310, 475, 453, 281, 276, 220, 119, 93, 277, 255),
)
# Ways to cut run-together words that are tried before the attempt ends.
_MAX_CUTS = 512
# Eight words of the English list whose checksum is wrong, and that take as long as most.
_A_SLIP = ["arbor", "cosmic", "edge", "green", "main", "play", "skip", "town"]


def new_secret() -> bytes:
    """Ten fresh random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_from(token: bytes) -> bytes:
    """The same ten bytes for the same token on this instance: a form posted twice makes one code."""
    return instance.mac("return code", token)[:SECRET_BYTES]


def has_words(language: str) -> bool:
    """Whether there is a word list for this language code ("fr", "fr-ca")."""
    return _base(language) in LANGUAGES


def as_words(secret: bytes, language: str) -> str:
    """Eight words separated by spaces; KeyError for a language without a list."""
    value = int.from_bytes(secret) << _CHECKSUM_BITS | _checksum(secret)
    words = word_list(_base(language)).words
    return " ".join(words[value >> _BITS * i & SIZE - 1] for i in reversed(range(WORDS)))


def as_digits(secret: bytes) -> str:
    """Twenty-eight digits in seven groups of four."""
    digits = f"{int.from_bytes(secret):0{_SECRET_DIGITS}}"
    digits += f"{_weighted(digits):03}"
    return " ".join(digits[i : i + 4] for i in range(0, DIGITS, 4))


def for_language(secret: bytes, language: str) -> str:
    """Words where there is a list for the language, else digits."""
    return as_words(secret, language) if has_words(language) else as_digits(secret)


def words_from(key: bytes, n: int, language: str) -> list[str]:
    """n different words that follow from the key (at most 64 bytes), to recognise each other by.

    A language without a list gets English ones. Positions are the same in every language.
    """
    words = word_list(_base(language) if has_words(language) else "en").words
    return [words[position] for position in positions_from(key, n)]


def positions_from(key: bytes, n: int) -> tuple[int, ...]:
    """Where the words of `words_from` stand in each list."""
    found: dict[int, None] = {}
    step = 0
    while len(found) < n:
        number = hashlib.blake2b(step.to_bytes(4), key=key, digest_size=2, person=b"words to meet").digest()
        found[int.from_bytes(number) % SIZE] = None
        step += 1
    return tuple(found)


def positions_meant(typed: str, n: int) -> list[tuple[int, ...]]:
    """Where the n words that were typed may stand: a word can be in several lists. None where they are not n
    known words. Forgiving as `read`, but no slip is repaired.
    """
    tokens = _tokens(fold(typed[:MAX_TYPED]))
    if len(tokens) != n:
        return []
    lists = [word_list(language) for language in LANGUAGES]
    places = [sorted({p for known in lists if (p := known.position(token)) is not None}) for token in tokens]
    return list(product(*places))


def read(typed: str) -> bytes:
    """The one secret of ten bytes that was meant, whatever was typed.

    As typed if the checksum is right; else the only candidate one slip away; else a secret that follows
    from what was typed and opens nothing. Case, accents, separators, line breaks and other scripts'
    digits do not matter; the first four letters of a word are enough.
    """
    folded = fold(typed[: MAX_TYPED + 1])
    tokens = _tokens(folded)
    if not _is_searched_for(tokens):
        # Looking for a slip in eight words takes longer than anything else here: every code has it done, so
        # that none is answered sooner than another.
        _only(_one_slip_away(_A_SLIP, word_list("en")))
    digits = "".join(str(unicodedata.decimal(c)) for c in folded if c.isdecimal())
    # NFKD makes up to eighteen characters of one.
    if len(typed) > MAX_TYPED or len(folded) > 2 * MAX_TYPED:
        return _unreadable(typed)
    if tokens:
        return _read_words(tokens) or _unreadable(" ".join(tokens))
    return _read_digits(digits) or _unreadable(digits or typed)


def _is_searched_for(tokens: list[str]) -> bool:
    """Whether reading these looks for a slip in eight words anyway: all of one list, and not as typed."""
    if len(tokens) != WORDS:
        return False
    found = [[word_list(language).position(token) for token in tokens] for language in LANGUAGES]
    known = [[p for p in positions if p is not None] for positions in found if None not in positions]
    return bool(known) and not any(map(_from_positions, known))


def _base(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]


def _tokens(folded: str) -> list[str]:
    return ["".join(run) for is_letter, run in groupby(folded, str.isalpha) if is_letter]


def _checksum(secret: bytes) -> int:
    return hashlib.blake2b(secret, digest_size=1, person=b"code checksum").digest()[0]


def _weighted(digits: str) -> int:
    return sum(int(d) * w for d, w in zip(digits, _WEIGHTS, strict=False)) % _MODULUS


def _unreadable(typed: str) -> bytes:
    """A stable secret for what is no code, so that the same work follows."""
    data = typed.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=SECRET_BYTES, person=b"typed, no code").digest()


def _only(candidates: Iterable[bytes]) -> bytes | None:
    found = set(candidates)
    return found.pop() if len(found) == 1 else None


def _from_positions(positions: Iterable[int]) -> bytes | None:
    """The secret of eight list positions if their checksum is right."""
    value = 0
    for position in positions:
        value = value << _BITS | position
    secret = (value >> _CHECKSUM_BITS).to_bytes(SECRET_BYTES)
    return secret if _checksum(secret) == value & 0xFF else None


def _read_words(tokens: list[str]) -> bytes | None:
    lists = [word_list(language) for language in LANGUAGES]
    if len(tokens) != WORDS:
        joined = "".join(tokens)
        whole = _only(secret for known in lists for secret in _cut(joined, known, whole=True))
        return whole or _only(secret for known in lists for secret in _cut(joined, known, whole=False))
    # A word may be in two lists: the list with more of the words as they were typed goes first.
    for known in sorted(lists, key=lambda each: -sum(map(each.is_exact, tokens))):
        as_typed = [known.position(token) for token in tokens]
        secret = _from_positions(p for p in as_typed if p is not None) if None not in as_typed else None
        if secret is not None:
            return secret
    return _only(secret for known in lists for secret in _one_slip_away(tokens, known))


def _one_slip_away(tokens: list[str], known: WordList) -> Iterator[bytes]:
    """Secrets with a right checksum after one edit in one word, or after swapping two neighbours."""
    typed = [known.position(token) for token in tokens]
    wrong = [i for i, position in enumerate(typed) if position is None]
    if len(wrong) > 1:
        return
    positions = [position or 0 for position in typed]
    tries = []
    for i in wrong or range(WORDS):
        tries += [[*positions[:i], meant, *positions[i + 1 :]] for meant in known.near(tokens[i])]
    if not wrong:
        for i in range(WORDS - 1):
            tries.append([*positions[:i], positions[i + 1], positions[i], *positions[i + 2 :]])
    for each in tries:
        secret = _from_positions(each)
        if secret is not None:
            yield secret


def _cut(text: str, known: WordList, whole: bool) -> Iterator[bytes]:
    """Secrets with a right checksum among the ways to cut the letters into eight words."""
    if len(text) > WORDS * known.longest:
        return
    dead: set[tuple[int, int]] = set()

    def ways(at: int, left: int) -> Iterator[tuple[int, ...]]:
        if left == 0:
            if at == len(text):
                yield ()
            return
        if (at, left) in dead:
            return
        found = False
        for position, length in known.pieces(text, at, whole):
            for rest in ways(at + length, left - 1):
                found = True
                yield (position, *rest)
        if not found:
            dead.add((at, left))

    for positions in islice(ways(0, WORDS), _MAX_CUTS):
        secret = _from_positions(positions)
        if secret is not None:
            yield secret


def _read_digits(digits: str) -> bytes | None:
    """The secret of 28 digits, as typed or with one of them changed; None if that does not help."""
    if len(digits) != DIGITS:
        return None
    as_typed = _from_digits(digits)
    if as_typed is not None:
        return as_typed
    slips = (f"{digits[:i]}{d}{digits[i + 1 :]}" for i in range(DIGITS) for d in "0123456789")
    return _only(secret for slip in slips if (secret := _from_digits(slip)) is not None)


def _from_digits(digits: str) -> bytes | None:
    value = int(digits[:_SECRET_DIGITS])
    if value >> 8 * SECRET_BYTES or _weighted(digits) != int(digits[_SECRET_DIGITS:]):
        return None
    return value.to_bytes(SECRET_BYTES)
