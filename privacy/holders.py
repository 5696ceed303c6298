"""Who holds a lease: its token says which process of which machine, so that another one there knows the dead.

A token is 16 bytes: machine, process number, moment it began, and four random ones; no fact about a person.
Where the system does not tell (no /proc), tokens are random and nobody is known to be dead.
"""

import hashlib
import os
import secrets
import uuid
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc")


def new_token() -> uuid.UUID:
    """For a lease of this process."""
    return uuid.UUID(bytes=_holder(os.getpid()) + secrets.token_bytes(4))


def is_dead(token: uuid.UUID) -> bool:
    """Whether a process of this machine made it that does not run any more; False where nobody can say."""
    machine, pid, began = token.bytes[:4], int.from_bytes(token.bytes[4:8]), token.bytes[8:12]
    if not pid or machine != _machine():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    found = _began(pid)
    return found is not None and found != began


@lru_cache(maxsize=1)
def _holder(pid: int) -> bytes:
    """Twelve bytes; made anew in a process that was forked."""
    began = _began(pid)
    if not began:
        return secrets.token_bytes(12)
    return _machine() + pid.to_bytes(4) + began


@lru_cache(maxsize=1)
def _machine() -> bytes:
    """Four bytes: this start of this machine, and whose process numbers these are (a container's own)."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_bytes()
        numbers = (PROC / "self/ns/pid").readlink().name.encode()
    except OSError:
        return secrets.token_bytes(4)
    return hashlib.blake2b(boot + numbers, digest_size=4, person=b"lease holder").digest()


def _began(pid: int) -> bytes | None:
    """When a process began, four bytes; b"" of one that ended and was not yet waited for; None: unknown."""
    try:
        # The name, in brackets, may hold anything.
        after_name = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    state, began = after_name[0], int(after_name[19])
    return b"" if state in (b"Z", b"X") else (began % 2**32).to_bytes(4)
