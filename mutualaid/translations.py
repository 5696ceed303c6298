"""Compiles locale/*/LC_MESSAGES/*.po with Babel: a machine that serves needs no gettext."""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_all(folder: Path) -> int:
    """Write each .mo that is missing or older than its .po; how many were written."""
    stale = [path for path in sorted(folder.glob("*/LC_MESSAGES/*.po")) if _is_stale(path)]
    for path in stale:
        with path.open("rb") as source:
            catalogue = read_po(source, locale=path.parent.parent.name)
        part = path.with_suffix(f".mo.{os.getpid()}")
        with part.open("wb") as target:
            write_mo(target, catalogue)
        # Whole or not at all: the web process may be reading it, another may be writing the same.
        part.replace(path.with_suffix(".mo"))
    return len(stale)


def _is_stale(path: Path) -> bool:
    compiled = path.with_suffix(".mo")
    return not compiled.exists() or compiled.stat().st_mtime_ns < path.stat().st_mtime_ns
