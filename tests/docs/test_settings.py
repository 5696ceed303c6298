"""Every variable the code reads has its heading, and no heading speaks of one it does not read."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("mutualaid", "requests_app", "volunteers", "organisation", "notify", "privacy")
READS = re.compile(r"""(?:\bread\(|^VARIABLE = )["']([A-Z_]+)["']""", re.MULTILINE)


def variables() -> set[str]:
    return {
        name
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for name in READS.findall(path.read_text(encoding="utf-8"))
    }


def test_every_variable_that_is_read_has_its_heading() -> None:
    headings = re.findall(
        r"^### (\w+)$", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert sorted(headings) == sorted(variables())


def test_the_example_file_names_each_but_the_one_that_names_the_file() -> None:
    named = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(named) == sorted(variables() - {"ENV_FILE"})


def test_the_environment_is_read_in_one_way_only() -> None:
    """Through environment.read, so that the tests above see it; the secrets are read where they are kept."""
    readers = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"os\.(getenv|environ(\.get\(|\[[^]]+\](?! *=)))", path.read_text(encoding="utf-8"))
    }

    assert readers == {"mutualaid/environment.py", "privacy/secret_store.py"}
