"""Every test of this room has one way out of the machine, and somebody to tell."""

import uuid
from datetime import timedelta

import pytest
from django.core.cache import cache

from notify import deliver, transports
from privacy.due import Watch
from tests.notify.pigeons import Pigeons


@pytest.fixture(autouse=True)
def _no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a duty; between two, `at` says how much."""
    monkeypatch.setattr(Watch, "elapsed", lambda watch: timedelta(0))


@pytest.fixture(autouse=True)
def _nobody_tried_anything_before() -> None:
    cache.clear()


@pytest.fixture
def pigeons(monkeypatch: pytest.MonkeyPatch) -> Pigeons:
    """The only transport there is."""
    loft = Pigeons()
    monkeypatch.setattr(transports, "_transports", {"pigeons": loft})
    deliver.breakers.clear()
    return loft


@pytest.fixture
def recipient() -> uuid.UUID:
    return uuid.uuid4()
