"""What goes wrong in a running system: a table is away, a row is refused or damaged. Put right afterwards."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from tests.live import ROOT, LiveSystem

REFUSED = "not_now"


def do(system: LiveSystem, statement: str) -> list[tuple[object, ...]]:
    """One statement on the database of a running system, as its owner."""
    if url := system.environment.get("DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return list(cursor.fetchall()) if cursor.description else []
    connection = sqlite3.connect(system.data_dir / "db.sqlite3", timeout=20, isolation_level=None)
    try:
        return list(connection.execute(statement).fetchall())
    finally:
        connection.close()


@contextlib.contextmanager
def without(system: LiveSystem, table: str) -> Iterator[None]:
    """Whoever asks for this table gets an error of the database."""
    do(system, f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        do(system, f"ALTER TABLE {table}_away RENAME TO {table}")


@contextlib.contextmanager
def refusing(system: LiveSystem, table: str) -> Iterator[None]:
    """No row of this table can be changed. PostgreSQL says with its error what would have been in it."""
    if "DATABASE_URL" in system.environment:
        begin = f"ALTER TABLE {table} ADD CONSTRAINT {REFUSED} CHECK (false) NOT VALID"
        end = f"ALTER TABLE {table} DROP CONSTRAINT {REFUSED}"
    else:
        begin = f"CREATE TRIGGER {REFUSED} BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
        end = f"DROP TRIGGER {REFUSED}"
    do(system, begin)
    try:
        yield
    finally:
        do(system, end)


def log_as_operations_says(system: LiveSystem) -> None:
    """PostgreSQL logs what docs/operations.md lets it, and nothing else; connections begin anew."""
    url = system.environment.get("DATABASE_URL")
    if not url:
        return
    text = Path(ROOT, "docs", "operations.md").read_text()
    said = dict(re.findall(r"`(log_\w+) = (\S+)`", text))
    with psycopg.connect(url, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        for name, value in said.items():
            change = sql.SQL("ALTER DATABASE {} SET {} = {}")
            connection.execute(change.format(database, sql.Identifier(name), sql.Literal(value)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert len(said) == 5
