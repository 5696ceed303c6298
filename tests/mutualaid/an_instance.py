"""An instance of a test's own, in use: its secrets, its keyring, somebody at the desk."""

import io
from base64 import b64encode
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.cache import cache
from django.db import connection
from nacl.pwhash import argon2id

from mutualaid import backup
from mutualaid.restore import Wishes, restore
from privacy import instance
from privacy.models import Instance
from tests.requests_app import world as worlds
from tests.requests_app.world import World
from tests.volunteers.people import AT

OPERATOR = pyrage.x25519.Identity.generate()


@pytest.fixture
def world(transactional_db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.SECRETS_DIR = tmp_path / "secrets"
    settings.KEYRING_PATH = tmp_path / "keyring" / "slots"
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    # What a derivation costs is measured in tests/privacy.
    monkeypatch.setattr("privacy.derivation.OPS", argon2id.OPSLIMIT_MIN)
    monkeypatch.setattr("privacy.derivation.MEMORY", argon2id.MEMLIMIT_MIN)
    cache.clear()
    Instance.objects.all().delete()
    instance.ensure(create=True)
    return worlds.make()


def taken(recipients: list[str] | None = None) -> bytes:
    """A backup, as `manage.py backup` writes it."""
    target = io.BytesIO()
    backup.write(target, recipients or [str(OPERATOR.to_public())])
    return target.getvalue()


def opened(sealed: bytes) -> bytes:
    """What whoever holds the operator's key reads in a backup."""
    clear = io.BytesIO()
    pyrage.decrypt_io(io.BytesIO(sealed), clear, [OPERATOR])
    return clear.getvalue()


def put_back(sealed: bytes, wishes: Wishes | None = None, at: Any = AT) -> int:
    return restore(io.BytesIO(sealed), [OPERATOR], wishes or Wishes(), at)


def every_row() -> list[bytes]:
    """All that a backup of this moment would hold."""
    with backup.snapshot():
        return list(backup.lines())


def spellings(secret: bytes) -> list[bytes]:
    """The ways in which it might stand in a file."""
    return [secret, secret.hex().encode(), b64encode(secret)]


def is_postgresql() -> bool:
    return connection.vendor == "postgresql"
