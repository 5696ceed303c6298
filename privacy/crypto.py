"""The one envelope everything sealed goes through. libsodium through PyNaCl.

An envelope is: 1 byte (its form) · 24 bytes nonce · XChaCha20-Poly1305 over 4 bytes of length, the
plaintext and zeros up to the next bucket. Bound to it as associated data: this instance's id and the
context "model|field|row id|version". To a public key: 1 byte · 32 bytes ephemeral X25519 key · envelope.
"""

import hashlib
import os
from dataclasses import dataclass, field

from nacl import bindings
from nacl.exceptions import CryptoError

from privacy import secret_store
from privacy.secret_store import SecretsUnusable

KEY_BYTES = 32
BUCKETS = (256, 1024, 4096, 16384)
FINGERPRINT_BYTES = 16

_SEALED = b"\x01"
_SEALED_TO = b"\x02"
_NONCE_BYTES = 24
_TAG_BYTES = 16
_LENGTH_BYTES = 4
MAX_BYTES = BUCKETS[-1] - _LENGTH_BYTES
_LENGTHS = {1 + _NONCE_BYTES + bucket + _TAG_BYTES for bucket in BUCKETS}


class SealingImpossible(Exception):
    """Nothing can be sealed: secrets or keyring are not there. Answered with 503, nothing is stored."""


class Unreadable(Exception):
    """This does not open: wrong key, changed, moved to another place, or its key is destroyed."""


class TooLong(ValueError):
    """More than MAX_BYTES bytes of plaintext."""


def context(model: str, field: str, row_id: object, version: int = 1) -> bytes:
    """What a ciphertext is bound to: b"model|field|row id|version"."""
    parts = (model, field, str(row_id), str(version))
    if any("|" in part for part in parts):
        raise ValueError("No part of a context may contain a bar.")
    return "|".join(parts).encode()


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(KEY_BYTES)


def derive(key: bytes, purpose: str, *parts: bytes) -> bytes:
    """32 bytes: BLAKE2b under `key` (16 to 64 bytes) over the purpose and the parts, each with its length.

    Raises ValueError for a key of another length: without a key BLAKE2b would be a public hash.
    """
    if not 16 <= len(key) <= 64:
        raise ValueError("A key has 16 to 64 bytes.")
    hashed = hashlib.blake2b(key=key, digest_size=KEY_BYTES)
    for part in (purpose.encode(), *parts):
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()


def seal(key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """The envelope of `plaintext` under a 32-byte key. Raises TooLong, SealingImpossible."""
    nonce = os.urandom(_NONCE_BYTES)
    box = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(pad(plaintext), _bound_to(context), nonce, key)
    return _SEALED + nonce + box


def open_sealed(key: bytes, blob: bytes, context: bytes) -> bytes:
    """What `seal` was given. Raises Unreadable; SealingImpossible where the instance has no secrets."""
    blob, bound_to = bytes(blob), _bound_to(context)
    if blob[:1] != _SEALED or len(blob) not in _LENGTHS:
        raise Unreadable
    nonce, box = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
    try:
        padded = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(box, bound_to, nonce, key)
    except CryptoError:
        raise Unreadable from None
    return unpad(padded)


def _bound_to(context: bytes) -> bytes:
    try:
        return secret_store.load().id + context
    except SecretsUnusable as problem:
        raise SealingImpossible(str(problem)) from None


def pad(plaintext: bytes) -> bytes:
    """Length, plaintext, zeros: as long as the smallest bucket that holds it. Raises TooLong."""
    framed = len(plaintext).to_bytes(_LENGTH_BYTES, "big") + plaintext
    for bucket in BUCKETS:
        if len(framed) <= bucket:
            return framed.ljust(bucket, b"\0")
    raise TooLong


def unpad(padded: bytes) -> bytes:
    """What `pad` was given. Raises Unreadable for anything `pad` does not make."""
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    plaintext = padded[_LENGTH_BYTES : _LENGTH_BYTES + length]
    if len(plaintext) != length or length > MAX_BYTES or pad(plaintext) != padded:
        raise Unreadable
    return plaintext


@dataclass(frozen=True)
class KeyPair:
    """An X25519 pair, 32 bytes each."""

    public: bytes
    private: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "KeyPair":
        return cls.from_seed(new_key())

    @classmethod
    def from_seed(cls, seed: bytes) -> "KeyPair":
        """The same pair for the same 32 bytes, on every machine."""
        public, private = bindings.crypto_box_seed_keypair(seed)
        return cls(public, private)


def seal_to(public_key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """An envelope only the other half of `public_key` opens; nobody can tell who sealed it.

    Raises TooLong, and SealingImpossible for what is no public key.
    """
    ephemeral = KeyPair.generate()
    key = _shared(ephemeral.private, bytes(public_key), ephemeral.public, bytes(public_key))
    if key is None:
        raise SealingImpossible("A public key is not one.")
    return _SEALED_TO + ephemeral.public + seal(key, plaintext, context)


def open_with(private_key: bytes, blob: bytes, context: bytes) -> bytes:
    """What `seal_to` was given. Raises Unreadable."""
    blob = bytes(blob)
    if blob[:1] != _SEALED_TO or len(private_key) != KEY_BYTES:
        raise Unreadable
    ephemeral, envelope = blob[1 : 1 + KEY_BYTES], blob[1 + KEY_BYTES :]
    key = _shared(private_key, ephemeral, ephemeral, bindings.crypto_scalarmult_base(private_key))
    if key is None:
        raise Unreadable
    return open_sealed(key, envelope, context)


def _shared(private: bytes, public: bytes, ephemeral: bytes, receiver: bytes) -> bytes | None:
    """The key both ends compute; None where `public` is no point a pair can have."""
    # PyNaCl hands both to C as they are: it would read on behind what is too short.
    if len(private) != KEY_BYTES or len(public) != KEY_BYTES:
        return None
    try:
        shared = bindings.crypto_scalarmult(private, public)
    except (CryptoError, ValueError, TypeError):
        return None
    return derive(shared, "sealed to a public key", ephemeral, receiver)


def fingerprint(public_key: bytes) -> bytes:
    """16 bytes that stand for a public key."""
    return hashlib.blake2b(bytes(public_key), digest_size=FINGERPRINT_BYTES, person=b"public key").digest()
