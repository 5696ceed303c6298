"""A root secret as 24 words with a checksum, to be printed and typed back; words as in return codes."""

import hashlib

from privacy.wordlists import LANGUAGES, SIZE, fold, word_list

WORDS = 24
ROOT_BYTES = 32
_BITS = SIZE.bit_length() - 1


def words(root: bytes, language: str = "en") -> tuple[str, ...]:
    """The 24 words of 32 bytes. KeyError for a language without a list."""
    number = int.from_bytes(root + _checksum(root), "big")
    listed = word_list(language).words
    places = (number >> (_BITS * place) & (SIZE - 1) for place in reversed(range(WORDS)))
    return tuple(listed[place] for place in places)


def root_from(typed: str) -> bytes:
    """The 32 bytes of 24 words, in whatever language they were printed; four letters of each will do.

    Raises ValueError when a word is missing or wrong.
    """
    for language in LANGUAGES:
        places = [word_list(language).position(fold(word)) for word in typed.split()]
        root = _decoded([place for place in places if place is not None])
        if root is not None and None not in places:
            return root
    raise ValueError("A word is missing or wrong.")


def is_word(typed: str, root: bytes, number: int) -> bool:
    """Whether somebody typed word `number` (from 1) of the sheet of `root`, in any language."""
    typed = fold(typed.strip())
    return any(
        word_list(language).position(typed)
        == word_list(language).position(fold(words(root, language)[number - 1]))
        for language in LANGUAGES
    )


def _decoded(places: list[int]) -> bytes | None:
    if len(places) != WORDS:
        return None
    number = 0
    for place in places:
        number = number << _BITS | place
    raw = number.to_bytes(ROOT_BYTES + 1, "big")
    root, checksum = raw[:ROOT_BYTES], raw[ROOT_BYTES:]
    return root if checksum == _checksum(root) else None


def _checksum(root: bytes) -> bytes:
    return hashlib.blake2b(root, digest_size=1, person=b"key sheet").digest()
