"""Noon on a Monday, an instance in use."""

import pytest

from privacy import instance
from tests.requests_app import world as worlds
from tests.requests_app.world import World
from tests.volunteers.people import AT


@pytest.fixture(autouse=True)
def _noon_on_a_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.clock.now", lambda: AT)


@pytest.fixture
def world(db: None) -> World:
    """An instance with one area and its first coordinator."""
    instance.ensure(create=True)
    return worlds.make()
