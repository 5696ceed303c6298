"""Closed by default, whatever the environment forgets to say."""

import pytest
from django.db import connection

WANTED = {
    "journal_mode": "wal",
    "synchronous": 2,
    "secure_delete": 1,
    "temp_store": 2,
    "mmap_size": 0,
    "foreign_keys": 1,
}


@pytest.mark.django_db
def test_every_sqlite_connection_erases_what_it_frees_and_waits_for_the_disk() -> None:
    if connection.vendor != "sqlite":
        return
    found = {}
    with connection.cursor() as cursor:
        for name in WANTED:
            cursor.execute(f"PRAGMA {name}")
            found[name] = cursor.fetchone()[0]
    assert found == WANTED
