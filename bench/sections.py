"""What is measured, each in a process of its own; started by bench/__main__.py."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests import servers

SECTIONS = ("match", "pages", "memory", "gate", "due", "faults")
DATABASES = ("sqlite", "postgresql")
# What the database decides is measured on each.
BOTH = ("match", "due")


def main() -> int:
    chosen = sys.argv[1:] or list(SECTIONS)
    if unknown := set(chosen) - set(SECTIONS):
        sys.stderr.write(f"No such figures: {', '.join(sorted(unknown))}. Known: {', '.join(SECTIONS)}.\n")
        return 2
    os.environ["TEST_CONTROLLER_PID"] = str(os.getpid())
    commands = [command for section in chosen for command in _commands(section)]
    return max([subprocess.run(words, env=environment).returncode for words, environment in commands])


def _commands(section: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command and its environment, once for each database where the database is what is measured."""
    for database in DATABASES if section in BOTH else ("sqlite",):
        folder = Path(os.environ["TEST_DIR"]) / f"{section}-{database}"
        folder.mkdir()
        yield [sys.executable, "-m", f"bench.{section}"], _environment(folder, database)


def _environment(folder: Path, database: str) -> dict[str, str]:
    own = {"DATA_DIR": str(folder), "ENV_FILE": "-", "DJANGO_SETTINGS_MODULE": "mutualaid.settings"}
    # What the shell says about another instance is not measured here.
    foreign = ("DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL", "SECRETS_DIR", "KEYRING_PATH", "RUN_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    if database == "postgresql":
        servers.create_database("bench")
        own["DATABASE_URL"] = servers.postgres_url("bench")
    return kept | own


if __name__ == "__main__":
    sys.exit(main())
