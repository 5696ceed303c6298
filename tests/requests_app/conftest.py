"""Noon on a Monday, an instance in use."""

import pytest
from django.core.cache import cache
from nacl.pwhash import argon2id

from privacy import clock, codes, instance
from tests.requests_app import world as worlds
from tests.requests_app.world import World
from tests.volunteers.people import AT


@pytest.fixture(autouse=True)
def _noon_on_a_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    monkeypatch.setattr("privacy.clock.read", lambda: clock.Reading(AT, AT, AT))
    # Nobody tried anything before.
    cache.clear()


@pytest.fixture(autouse=True)
def _derivations_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody here joins and asks for real; what a derivation costs is measured in tests/privacy."""
    monkeypatch.setattr("privacy.derivation.OPS", argon2id.OPSLIMIT_MIN)
    monkeypatch.setattr("privacy.derivation.MEMORY", argon2id.MEMLIMIT_MIN)


@pytest.fixture
def rare_code(monkeypatch: pytest.MonkeyPatch) -> str:
    """The code of whoever asks: no page says one of its words, and no test types one, for another reason."""
    secret = bytes.fromhex("f22a6d371a46b6def96f")
    monkeypatch.setattr("requests_app.asking.secret_from", lambda key: secret)
    return codes.as_words(secret, "en")


@pytest.fixture
def world(db: None) -> World:
    """An instance with one area and its first coordinator."""
    instance.ensure(create=True)
    return worlds.make()
