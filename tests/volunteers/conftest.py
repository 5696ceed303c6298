"""Noon on a Monday, an instance that is set up, and its first coordinator."""

import pytest
from django.core.cache import cache
from nacl.pwhash import argon2id

from privacy import instance
from tests.volunteers import people
from tests.volunteers.people import AT, Person


@pytest.fixture(autouse=True)
def _noon_on_a_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: AT)
    # Nobody tried anything before.
    cache.clear()


@pytest.fixture(autouse=True)
def _derivations_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every person here joins for real; what a derivation costs is measured in tests/privacy."""
    monkeypatch.setattr("privacy.derivation.OPS", argon2id.OPSLIMIT_MIN)
    monkeypatch.setattr("privacy.derivation.MEMORY", argon2id.MEMLIMIT_MIN)


@pytest.fixture
def ana(db: None) -> Person:
    """The first coordinator."""
    instance.ensure(create=True)
    return people.founder()


@pytest.fixture
def ben(ana: Person) -> Person:
    """A volunteer Ana let in."""
    return people.volunteer(ana)
