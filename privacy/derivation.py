"""From a secret on paper to keys: always exactly one Argon2id, inside the machine-wide gate.

Its output goes through keyed hashes under each live pepper: one for finding the row, one as the seed of
the key pair. Without the instance's pepper a stolen database cannot even be guessed at.
"""

import hashlib
import unicodedata
from typing import NamedTuple

from nacl.pwhash import argon2id

from privacy import crypto, gate, instance
from privacy.gate import Busy

# The same for every secret of every instance: whoever changes them locks everybody out.
OPS = 2
MEMORY = 19 * 1024 * 1024

__all__ = ["Busy", "Derived", "derive_all", "derive_mailbox", "passphrase_key"]


class Derived(NamedTuple):
    """What one pepper makes of a secret: 32 bytes to look it up by, 32 bytes as seed of its key pair."""

    version: int
    lookup: bytes
    seed: bytes


def derive_all(secret: bytes) -> list[Derived]:
    """One Derived for each live pepper, the current one first. Raises Busy."""
    found = instance.secrets()
    stretched = _stretch(secret, found.salt)
    versions = sorted(found.peppers, key=lambda version: (version != found.pepper_version, -version))
    return [_derived(stretched, found.peppers[version], version) for version in versions]


def derive_mailbox(secret: bytes, version: int | None = None) -> Derived:
    """The Derived of one live pepper, by default the current one. Raises Busy, and KeyError."""
    found = instance.secrets()
    wanted = found.pepper_version if version is None else version
    pepper = found.peppers[wanted]
    return _derived(_stretch(secret, found.salt), pepper, wanted)


def passphrase_key(passphrase: str, salt: bytes) -> bytes:
    """32 bytes from a passphrase; the same however a keyboard composes its letters. Raises Busy."""
    return _stretch(unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass"), salt)


def _derived(stretched: bytes, pepper: bytes, version: int) -> Derived:
    return Derived(
        version,
        crypto.derive(pepper, "mailbox lookup", stretched),
        crypto.derive(pepper, "mailbox seed", stretched),
    )


def _stretch(secret: bytes, salt: bytes) -> bytes:
    """32 bytes; the work is the same for every input."""
    short = hashlib.blake2b(salt, digest_size=argon2id.SALTBYTES, person=b"argon2id salt").digest()
    with gate.entered():
        return argon2id.kdf(crypto.KEY_BYTES, secret, short, opslimit=OPS, memlimit=MEMORY)
