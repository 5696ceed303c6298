"""What thumbs, keyboards and copied texts do to a code: forgiven, repaired, or never somebody else's."""

import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from privacy import codes
from privacy.wordlists import LANGUAGES, fold, word_list

pytestmark = pytest.mark.once

SECRETS = st.binary(min_size=codes.SECRET_BYTES, max_size=codes.SECRET_BYTES)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Zero width space, joiners, soft hyphen, marks and overrides of direction, a byte order mark, word joiner.
UNSEEN = "\u200b\u200c\u200d\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069\ufeff\u2060\u061c"
SPACES = " \u00a0\u2007\u2009\u202f\u3000\t\n\r\x0b\u2028"
# The zero of every script that has ten digits in a row.
ZEROS = [chr(n) for n in range(0x20000) if unicodedata.decimal(chr(n), None) == 0 and chr(n) != "0"]


def written_in(language: str) -> Callable[[bytes], str]:
    return codes.as_digits if language == "digits" else lambda secret: codes.as_words(secret, language)


WAYS = [*LANGUAGES, "digits"]


@given(SECRETS, st.sampled_from(LANGUAGES), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
@settings(deadline=None)
def test_every_normal_form_of_unicode_is_the_same_code(secret: bytes, language: str, form: str) -> None:
    assert codes.read(unicodedata.normalize(form, codes.as_words(secret, language))) == secret  # type: ignore[arg-type]


@given(SECRETS, st.sampled_from(WAYS), st.data())
@settings(deadline=None)
def test_what_nobody_sees_does_not_matter(secret: bytes, way: str, data: st.DataObject) -> None:
    """Wherever it stands, within words and digits too, and however often while it is not too long."""
    written = written_in(way)(secret)
    room = codes.MAX_TYPED - len(written)
    for _ in range(data.draw(st.integers(1, min(room, 20)))):
        at = data.draw(st.integers(0, len(written)))
        written = written[:at] + data.draw(st.sampled_from(UNSEEN)) + written[at:]

    assert codes.read(written) == secret


@given(
    SECRETS, st.sampled_from(WAYS), st.lists(st.text(SPACES, min_size=1, max_size=3), min_size=7, max_size=7)
)
@settings(deadline=None)
def test_any_space_is_a_space(secret: bytes, way: str, between: list[str]) -> None:
    parts = written_in(way)(secret).split()

    assert codes.read("".join(part + gap for part, gap in zip(parts, [*between, ""], strict=False))) == secret


@given(SECRETS, st.sampled_from(LANGUAGES))
@settings(deadline=None)
def test_letters_as_wide_as_a_cjk_keyboard_makes_them_are_letters(secret: bytes, language: str) -> None:
    plain = " ".join(map(fold, codes.as_words(secret, language).split()))
    for wide in (_shifted(plain, "Ａ", upper=True), _shifted(plain, "ａ"), _shifted(plain, "𝐚")):
        assert codes.read(wide) == secret


def _shifted(plain: str, first: str, upper: bool = False) -> str:
    text = plain.upper() if upper else plain
    start = "A" if upper else "a"
    return "".join(chr(ord(first) + ord(c) - ord(start)) if c.isalpha() else c for c in text)


@given(SECRETS, st.lists(st.sampled_from(ZEROS), min_size=28, max_size=28))
@settings(deadline=None)
def test_digits_of_every_script_and_of_several_at_once_are_digits(secret: bytes, zeros: list[str]) -> None:
    digits = codes.as_digits(secret).replace(" ", "")
    typed = "".join(chr(ord(zero) + int(digit)) for zero, digit in zip(zeros, digits, strict=True))

    assert codes.read(typed) == secret
    assert codes.read("\u202b" + typed + "\u202c") == secret


# One slip


def slips(words: list[str]) -> Iterator[list[str]]:
    """Every code one slip away: a letter left out, put in, changed or swapped in one word; two neighbours."""
    for i, word in enumerate(words):
        spellings = {word[:k] + word[k + 1 :] for k in range(len(word))}
        spellings |= {word[:k] + letter + word[k:] for k in range(len(word) + 1) for letter in LETTERS}
        spellings |= {word[:k] + letter + word[k + 1 :] for k in range(len(word)) for letter in LETTERS}
        spellings |= {word[:k] + word[k : k + 2][::-1] + word[k + 2 :] for k in range(len(word) - 1)}
        for spelling in sorted(spellings - {word, ""}):
            yield [*words[:i], spelling, *words[i + 1 :]]
    for i in range(len(words) - 1):
        yield [*words[:i], words[i + 1], words[i], *words[i + 2 :]]


def meant(typed: list[str], language: str) -> set[bytes]:
    """Every secret that could have been meant, found the slow way: each word of the list in each place."""
    known = word_list(language)
    found = set()
    for i in range(codes.WORDS):
        for position, word in enumerate(known.folded):
            if _is_near(typed[i], word):
                found |= _secret([*typed[:i], known.folded[position], *typed[i + 1 :]], language)
    for i in range(codes.WORDS - 1):
        found |= _secret([*typed[:i], typed[i + 1], typed[i], *typed[i + 2 :]], language)
    return found


def _secret(words: list[str], language: str) -> set[bytes]:
    positions = [word_list(language).position(word) for word in words]
    if None in positions:
        return set()
    found = codes._from_positions(p for p in positions if p is not None)
    return {found} if found else set()


def _is_near(typed: str, word: str) -> bool:
    """One slip away from the word, written whole or cut short after its fourth letter at the earliest."""
    return any(_one_slip(typed, word[:length]) for length in range(min(4, len(word)), len(word) + 1))


def _one_slip(typed: str, word: str) -> bool:
    if typed == word:
        return True
    if abs(len(typed) - len(word)) == 1:
        long, short = (typed, word) if len(typed) > len(word) else (word, typed)
        return any(long[:k] + long[k + 1 :] == short for k in range(len(long)))
    if len(typed) != len(word):
        return False
    other = [k for k in range(len(word)) if typed[k] != word[k]]
    if len(other) == 1:
        return True
    return (
        len(other) == 2
        and other[1] == other[0] + 1
        and typed[other[0]] + typed[other[1]] == word[other[1]] + word[other[0]]
    )


@given(SECRETS, st.sampled_from(LANGUAGES), st.data())
@settings(deadline=None, max_examples=30)
def test_a_slip_is_read_as_what_was_meant_or_as_nothing(
    secret: bytes, language: str, data: st.DataObject
) -> None:
    """Never as another code that could have been meant as well: then nothing is guessed at."""
    words = [fold(word) for word in codes.as_words(secret, language).split()]
    typed = data.draw(st.sampled_from(list(slips(words))))
    read = codes.read(" ".join(typed))

    as_typed = _secret(typed, language)
    possible = meant(typed, language)
    assert secret in possible | as_typed
    if as_typed:
        # The slip made another right code: one in 256 does, and nobody can tell.
        assert read in as_typed
    elif possible == {secret}:
        assert read == secret or _in_the_other_list(typed, language)
    else:
        assert read not in possible


def _in_the_other_list(typed: list[str], language: str) -> bool:
    """Whether the words, as they were typed, could be those of another language as well."""
    return any(meant(typed, other) or _secret(typed, other) for other in LANGUAGES if other != language)


@given(SECRETS, st.sampled_from(LANGUAGES), st.integers(0, 7), st.booleans())
@settings(deadline=None)
def test_a_word_too_few_or_twice_is_not_guessed_at(
    secret: bytes, language: str, at: int, twice: bool
) -> None:
    words = codes.as_words(secret, language).split()
    typed = [*words[:at], *([words[at]] * 2 if twice else []), *words[at + 1 :]]

    assert codes.read(" ".join(typed)) != secret


@given(SECRETS, st.integers(0, 26))
@settings(deadline=None)
def test_two_digits_that_changed_places_are_read_as_the_only_code_that_fits_or_as_none(
    secret: bytes, at: int
) -> None:
    digits = codes.as_digits(secret).replace(" ", "")
    swapped = digits[:at] + digits[at : at + 2][::-1] + digits[at + 2 :]
    assume(swapped != digits)

    possible = {codes._from_digits(slip) for slip in _one_digit_away(swapped)} - {None}
    read = codes.read(swapped)

    assert codes._from_digits(swapped) is None
    assert possible == {read} if len(possible) == 1 else read not in possible


def _one_digit_away(digits: str) -> set[str]:
    return {f"{digits[:i]}{d}{digits[i + 1 :]}" for i in range(len(digits)) for d in "0123456789"}


@given(SECRETS, st.sampled_from(WAYS), st.integers(1, 400))
@settings(deadline=None)
@example(bytes(10), "en", 1)
def test_at_most_so_much_is_read_and_one_more_is_nothing(secret: bytes, way: str, more: int) -> None:
    written = written_in(way)(secret)
    full = written + " " * (codes.MAX_TYPED - len(written))

    assert codes.read(full) == secret
    assert codes.read(full + " " * more) != secret


@pytest.mark.parametrize("way", WAYS)
def test_no_code_of_one_way_is_a_code_of_another(way: str) -> None:
    """What reads it is one function: the digits and every list give back their own."""
    for n in range(300):
        secret = n.to_bytes(10)
        assert codes.read(written_in(way)(secret)) == secret
