"""What a live system's own clock would do in days, done at once: due times are laid into the past.

The clock of a running system cannot be moved; what is due is a row, and a row can. Nothing else is changed.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.live import LiveSystem

PATIENCE = 60.0  # seconds until the worker must have looked, on a machine that has much to do
LONG_AGO = timedelta(minutes=1)


class Rows:
    """The rows of a running instance, on a connection of the test's own."""

    def __init__(self, system: LiveSystem) -> None:
        self.postgresql = system.environment.get("DATABASE_URL", "")
        self.sqlite = system.data_dir / "db.sqlite3"

    def _do(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        if self.postgresql:
            with psycopg.connect(self.postgresql, autocommit=True) as connection:
                cursor = connection.execute(sql.replace("?", "%s"), values)
                return list(cursor.fetchall()) if cursor.description else []
        connection = sqlite3.connect(self.sqlite, timeout=20, isolation_level=None)
        try:
            return list(connection.execute(sql, values).fetchall())
        finally:
            connection.close()

    def _key(self, key: str) -> Any:
        return uuid.UUID(key) if self.postgresql else uuid.UUID(key).hex

    def _past(self) -> Any:
        moment = datetime.now(UTC) - LONG_AGO
        return moment if self.postgresql else moment.replace(tzinfo=None).isoformat(" ")

    # What time would do

    def hold_runs_out(self, need: str) -> None:
        """The holds on this need end."""
        sql = "UPDATE requests_app_claim SET held_until = ? WHERE need_id = ? AND status = 'held'"
        self._do(sql, [self._past(), self._key(need)])

    def next_ring_is_due(self, need: str) -> None:
        sql = (
            "UPDATE requests_app_task SET escalate_after = ? WHERE need_id = ? AND escalate_after IS NOT NULL"
        )
        self._do(sql, [self._past(), self._key(need)])

    def check_runs_out(self, day: str) -> None:
        """Whatever was checked about anybody counts until that day, which has begun."""
        where = "WHERE due_after IS NOT NULL"
        self._do(f"UPDATE volunteers_check SET expires_on = ?, due_after = ? {where}", [day, self._past()])

    def nobody_said(self, slug: str, need: str) -> None:
        """The grace of this tap is over, for everybody of this need who has not said it."""
        claims = "SELECT id FROM requests_app_claim WHERE need_id = ?"
        self._do(
            f"UPDATE requests_app_tap SET due_at = ?, missed_after = ?"
            f" WHERE slug = ? AND status = 'expected' AND claim_id IN ({claims})",
            [self._past(), self._past(), slug, self._key(need)],
        )

    def need_runs_out(self, need: str) -> None:
        """Its last day is over."""
        self._do("UPDATE requests_app_need SET expires_at = ? WHERE id = ?", [self._past(), self._key(need)])

    def a_day_after_the_end(self, need: str) -> None:
        """It ended a day ago: its rows are to be deleted."""
        self._do("UPDATE requests_app_need SET purge_after = ? WHERE id = ?", [self._past(), self._key(need)])

    def leads_to(self, address: str) -> None:
        """Where "Leave now" goes; the real one is not on this machine."""
        self._do("UPDATE organisation_organisation SET leave_url = ?", [address])

    # What is there

    def status(self, need: str) -> str:
        """Of a need; "" where its row is gone."""
        found = self._do("SELECT status FROM requests_app_need WHERE id = ?", [self._key(need)])
        return str(found[0][0]) if found else ""

    def held(self) -> list[str]:
        """The needs somebody holds."""
        found = self._do("SELECT DISTINCT need_id FROM requests_app_claim WHERE status = 'held'", [])
        return [str(uuid.UUID(str(row[0]))) for row in found]

    def claims(self, need: str) -> list[str]:
        sql = "SELECT status FROM requests_app_claim WHERE need_id = ? ORDER BY place_in_line"
        return [str(row[0]) for row in self._do(sql, [self._key(need)])]

    def asked(self, need: str) -> int:
        """How many were asked about it."""
        sql = """SELECT count(*) FROM requests_app_proposal p JOIN requests_app_task t ON t.id = p.task_id
            WHERE t.need_id = ? AND p.asked_at IS NOT NULL"""
        return int(self._do(sql, [self._key(need)])[0][0])

    def ring(self, need: str) -> int:
        """How many rings were asked about it; the least of its tasks."""
        sql = "SELECT min(ring) FROM requests_app_task WHERE need_id = ?"
        return int(self._do(sql, [self._key(need)])[0][0])

    def rings_left(self, need: str) -> int:
        """Tasks of it about which the desk was not told yet."""
        sql = "SELECT count(*) FROM requests_app_task WHERE need_id = ? AND ring <= 3"
        return int(self._do(sql, [self._key(need)])[0][0])

    def count(self, table: str) -> int:
        return int(self._do(f"SELECT count(*) FROM {table}", [])[0][0])

    def notices(self, status: str) -> int:
        """How many are "queued", "sent" or "dropped"."""
        return int(self._do("SELECT count(*) FROM notify_notice WHERE status = ?", [status])[0][0])

    def counters(self) -> dict[str, int]:
        sql = "SELECT name, sum(value) FROM privacy_counter GROUP BY name"
        return {str(name): int(value) for name, value in self._do(sql, [])}


def eventually(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until it is so; what it said last."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
