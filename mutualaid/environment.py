"""The environment and an optional .env beside manage.py. Standard library only: the runner reads it too."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


def load(path: Path) -> None:
    """Add the lines NAME=value of `path` to the environment, where the name is not set there yet.

    Blank lines and lines that begin with # are skipped; one pair of quotes around a value is dropped.
    A missing file is no error. Raises ValueError, without the line's text, for a line that has no "=".
    """
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f".env, line {number}: write NAME=value.")
        os.environ.setdefault(name.strip(), _unquoted(value.strip()))


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def read(name: str, default: str = "") -> str:
    """The variable's value; an empty one counts as not set. docs/settings.md has a heading for each name."""
    return os.environ.get(name, "").strip() or default


def data_dir() -> Path:
    """DATA_DIR, absolute: where everything this instance writes lies."""
    return Path(read("DATA_DIR", str(BASE_DIR / "var"))).resolve()


# ENV_FILE may name another file, or none at all ("-").
load(BASE_DIR / read("ENV_FILE", ".env"))
