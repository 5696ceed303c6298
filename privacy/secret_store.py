"""Where the instance secrets lie: one file outside the database and its backups, or the environment.

The file is SECRETS_DIR/instance.json, readable by its owner only:
{"id": 32 hex digits, "roots": {"1": 64 hex digits, …}}. INSTANCE_SECRETS may hold the same text instead.
Every other secret derives from a root (privacy/instance.py); rotating adds a root with a higher version.
"""

import contextlib
import json
import os
import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from django.conf import settings

ID_BYTES = 16
ROOT_BYTES = 32
FILE_NAME = "instance.json"
VARIABLE = "INSTANCE_SECRETS"


class SecretsUnusable(Exception):
    """The instance secrets are missing or cannot be understood. The text never has a part of them."""


class SecretsMissing(SecretsUnusable):
    """There is no file and no variable."""


@dataclass(frozen=True)
class StoredSecrets:
    """`id`: 16 bytes, public, for ever. `roots`: version → 32 secret bytes; the highest is current."""

    id: bytes
    roots: Mapping[int, bytes] = field(repr=False)

    @property
    def current(self) -> int:
        return max(self.roots)


def load() -> StoredSecrets:
    """The secrets of this instance; read once per process. Raises SecretsUnusable."""
    return _load(os.environ.get(VARIABLE, ""), str(path()))


def path() -> Path:
    return Path(settings.SECRETS_DIR) / FILE_NAME


def from_environment() -> bool:
    """Whether the environment holds the secrets, so that no file is read or written."""
    return bool(os.environ.get(VARIABLE))


def forget() -> None:
    """Read again at the next `load()`: after writing, and in tests."""
    _load.cache_clear()


@lru_cache(maxsize=8)
def _load(text: str, file: str) -> StoredSecrets:
    if not text:
        try:
            text = Path(file).read_text(encoding="ascii")
        except FileNotFoundError:
            raise SecretsMissing("The instance secrets are missing.") from None
        except (OSError, UnicodeDecodeError):
            raise SecretsUnusable("The instance secrets cannot be read.") from None
    return parse(text)


def parse(text: str) -> StoredSecrets:
    """The secrets written as JSON. Raises SecretsUnusable."""
    try:
        written = json.loads(text)
        instance_id = bytes.fromhex(written["id"])
        roots = {int(version): bytes.fromhex(root) for version, root in written["roots"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SecretsUnusable("The instance secrets are damaged.") from None
    return checked(StoredSecrets(instance_id, roots))


def checked(stored: StoredSecrets) -> StoredSecrets:
    """`stored`, if its lengths and versions can be right. Raises SecretsUnusable."""
    lengths = {len(root) for root in stored.roots.values()}
    if len(stored.id) != ID_BYTES or lengths != {ROOT_BYTES} or min(stored.roots) < 1:
        raise SecretsUnusable("The instance secrets are damaged.")
    return stored


def as_text(stored: StoredSecrets) -> str:
    """What the file, or the variable, holds: what `parse` reads."""
    roots = {str(version): root.hex() for version, root in sorted(stored.roots.items())}
    return json.dumps({"id": stored.id.hex(), "roots": roots})


def write(stored: StoredSecrets) -> None:
    """Replace the file in one step; it is on the disk when this returns. Raises OSError."""
    file, text = path(), as_text(stored)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_name(f".{FILE_NAME}.{randomness.token_hex(4)}")
    try:
        _write_synced(new, text.encode("ascii"))
        new.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
    sync_directory(file.parent)
    forget()


def _write_synced(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Put a new or renamed entry of `directory` on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
