"""What stays: heartbeats and monthly counts."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError

from privacy.models import Counter, Heartbeat, Instance

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 18, 40, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 18, 41, tzinfo=UTC)


def test_a_beat_is_remembered_for_each_name_and_a_sweep_is_a_beat() -> None:
    Heartbeat.objects.beat("ticker", ["lapse", "expire"], AT)
    Heartbeat.objects.beat("ticker", ["expire"], LATER)

    assert sorted(Heartbeat.objects.values_list("name", "beat_at", "swept_at")) == [
        ("expire", LATER, LATER),
        ("lapse", AT, AT),
        ("ticker", LATER, None),
    ]


def test_counts_are_kept_by_name_and_month() -> None:
    for at in (AT, LATER, datetime(2026, 12, 1, 4, 0, tzinfo=UTC), datetime(2026, 12, 1, 5, 0, tzinfo=UTC)):
        Counter.objects.bump("met.stay", at)
    Counter.objects.bump("met.ride", AT, by=2)

    assert sorted(Counter.objects.values_list("name", "month", "value")) == [
        ("met.ride", date(2026, 11, 1), 2),
        ("met.stay", date(2026, 11, 1), 3),
        ("met.stay", date(2026, 12, 1), 1),
    ]


def test_a_database_belongs_to_one_instance() -> None:
    Instance.objects.get_or_create(defaults={"instance_id": bytes(16), "fingerprint": bytes(32)})

    with pytest.raises(IntegrityError):
        Instance.objects.create(id=2, instance_id=bytes(16), fingerprint=bytes(32))
