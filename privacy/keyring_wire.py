"""How two machines of one instance talk about keys: nobody between them reads, changes or repeats a word.

Each connection is one question. Both sides make a key pair for it and throw it away afterwards: whoever
recorded the line, and later finds the instance secrets, still reads nothing. A destroyed key stays destroyed.
"""

import json
import os
import socket
import struct
from typing import Any

from nacl import bindings
from nacl.exceptions import CryptoError

from privacy import crypto, secret_store
from privacy.crypto import KeyPair, SealingImpossible, Unreadable
from privacy.secret_store import SecretsUnusable, StoredSecrets

# Several hundred thousand owners in one question.
MOST_BYTES = 32 * 1024 * 1024
ASK, ANSWER = b"keyring ask", b"keyring answer"
_NONCE_BYTES = 24
_LENGTH = struct.Struct("!I")

Words = dict[str, Any]


def ask(line: socket.socket, words: Words) -> Words:
    """Say `words` to the other machine and hear its answer. Raises SealingImpossible, Unreadable, OSError."""
    stored = _secrets()
    pair = KeyPair.generate()
    line.sendall(pair.public)
    theirs = _exactly(line, crypto.KEY_BYTES)
    # The oldest: the other machine knows it, whichever of the two has a new root first.
    key = _line_key(stored, min(stored.roots), pair, theirs, pair.public + theirs)
    _send(line, key, words, ASK)
    return _opened(_receive(line), key, ANSWER)


def hear(line: socket.socket) -> tuple[Words, bytes]:
    """What somebody of this instance says, and the key to answer under.

    Raises Unreadable for anybody else; SealingImpossible, OSError.
    """
    theirs = _exactly(line, crypto.KEY_BYTES)
    pair = KeyPair.generate()
    line.sendall(pair.public)
    box, stored = _receive(line), _secrets()
    for version in sorted(stored.roots):
        key = _line_key(stored, version, pair, theirs, theirs + pair.public)
        try:
            return _opened(box, key, ASK), key
        except Unreadable:
            continue
    raise Unreadable


def answer(line: socket.socket, key: bytes, words: Words) -> None:
    """Say `words` to whoever asked."""
    _send(line, key, words, ANSWER)


def _secrets() -> StoredSecrets:
    try:
        return secret_store.load()
    except SecretsUnusable as problem:
        raise SealingImpossible(str(problem)) from None


def _line_key(stored: StoredSecrets, version: int, pair: KeyPair, theirs: bytes, both: bytes) -> bytes:
    """Known to two who both hold the instance secrets, and only while they talk."""
    try:
        shared = bindings.crypto_scalarmult(pair.private, theirs)
    except (CryptoError, ValueError, TypeError):
        # No point that a pair can have.
        raise Unreadable from None
    return crypto.derive(stored.roots[version], "keyring line", stored.id, shared, both)


def _send(line: socket.socket, key: bytes, words: Words, direction: bytes) -> None:
    nonce, plain = os.urandom(_NONCE_BYTES), json.dumps(words).encode()
    box = nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, direction, nonce, key)
    line.sendall(_LENGTH.pack(len(box)) + box)


def _opened(box: bytes, key: bytes, direction: bytes) -> Words:
    nonce, sealed = box[:_NONCE_BYTES], box[_NONCE_BYTES:]
    try:
        plain = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, direction, nonce, key)
    except CryptoError:
        raise Unreadable from None
    words: Words = json.loads(plain)
    return words


def _receive(line: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    if not _NONCE_BYTES < length <= MOST_BYTES:
        raise Unreadable
    return _exactly(line, length)


def _exactly(line: socket.socket, count: int) -> bytes:
    """`count` bytes. Raises ConnectionError where the other side says less."""
    parts: list[bytes] = []
    while count:
        part = line.recv(min(count, 65536))
        if not part:
            raise ConnectionError("The line was cut.")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
