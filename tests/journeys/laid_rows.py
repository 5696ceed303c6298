"""The rows of a running instance, with moments that a test chooses."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from tests.journeys.clockwork import Rows, eventually

HOUR = timedelta(hours=1)


class LaidRows(Rows):
    """Rows whose moments are laid."""

    def lay(self, table: str, column: str, moment: datetime, where: str, key: str) -> None:
        self._do(f"UPDATE {table} SET {column} = ? WHERE {where} = ?", [self._at(moment), self._key(key)])

    def _at(self, moment: datetime) -> Any:
        return moment if self.postgresql else moment.replace(tzinfo=None).isoformat(" ")

    def notice(self, moment: datetime) -> int:
        """One more like the last that was sent (wait for the first one), due then; its id."""
        assert eventually(lambda: self._do("SELECT 1 FROM notify_notice WHERE status = 'sent' LIMIT 1", []))
        new, key = secrets.randbits(60), secrets.token_hex(16)
        columns = (
            "recipient, channel_id, transport, gateway, pace, attempts, lease_token, lease_until, retry_after"
        )
        as_time = "::timestamptz" if self.postgresql else ""
        self._do(
            f"""INSERT INTO notify_notice (id, status, send_after, purge_after, idempotency_key, {columns})
            SELECT {new}, 'queued', ?{as_time}, ?{as_time}, '{key}', {columns} FROM notify_notice
            WHERE status = 'sent' ORDER BY send_after DESC LIMIT 1""",
            [self._at(moment), self._at(moment + 24 * HOUR)],
        )
        return new

    def notice_status(self, notice: int) -> str:
        found = self._do("SELECT status FROM notify_notice WHERE id = ?", [notice])
        return str(found[0][0]) if found else ""

    def waits_to_be_asked(self, need: str) -> bool:
        """Whether the broom has not looked yet who could be asked."""
        return self.ring(need) == 0

    def asks_next_at(self, need: str) -> list[Any]:
        sql = "SELECT escalate_after FROM requests_app_task WHERE need_id = ? AND status = 'open'"
        return [row[0] for row in self._do(sql, [self._key(need)])]
