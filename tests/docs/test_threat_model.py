"""The threat model has a section for everybody it promises one, and every "cannot" names a test there is."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py::test_\w+)`")
HOLDERS = (
    *("The running web process", "The disk", "A dump", "A backup", "The broker and the cache"),
    *("The mail provider", "Whoever carries other messages", "A push service"),
    *("A volunteer's phone", "A coordinator's laptop"),
    *("The asker's phone", "Her code under pressure", "Her two words on the telephone"),
    *("Somebody who asked for her", "An impostor asker", "An impostor volunteer"),
    *("A court order", "The host's snapshot", "The network", "The keyring's machine, and the line to it"),
    "The log files",
)


def sections() -> dict[str, str]:
    """heading → what stands below it."""
    parts = re.split(r"^## (.+)$", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def cannots(section: str) -> list[str]:
    """The points of a section's "Cannot", one string each."""
    after = section.partition("**Cannot:**")[2]
    points = re.match(r"\s*((?:[*] .*\n(?:  .*\n)*)*)", after)
    return [point for point in re.split(r"^[*] ", points[1], flags=re.MULTILINE) if point] if points else []


def test_the_running_web_process_comes_first_and_nobody_is_left_out() -> None:
    found = list(sections())

    assert found[0] == HOLDERS[0]
    assert [name for name in HOLDERS if name not in found] == []


@pytest.mark.parametrize("holder", HOLDERS)
def test_each_says_what_they_can_learn_can_do_and_cannot(holder: str) -> None:
    section = sections()[holder]

    assert [section.count(f"**{word}:**") for word in ("Can learn", "Can do", "Cannot")] == [1, 1, 1]
    assert [point for point in cannots(section) if not TEST.search(point)] == []
    assert cannots(section)


def test_nothing_else_says_cannot_without_a_test() -> None:
    paragraphs = [part for part in TEXT.split("\n\n")[2:] if re.search(r"\b[Cc]annot\b", part)]

    assert [part for part in paragraphs if part != "**Cannot:**" and not TEST.search(part)] == []


def collected(file: str) -> set[str]:
    """The tests pytest finds in a file: its functions of that name, but for those that are skipped."""
    path = ROOT / file
    if not (path.is_file() and path.name.startswith("test_")):
        return set()
    functions = [
        node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    return {
        node.name
        for node in functions
        if not any(
            "skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in node.decorator_list
        )
    }


def test_every_test_it_names_is_there() -> None:
    named = sorted(set(TEST.findall(TEXT)))

    missing = [test for test in named if test.partition("::")[2] not in collected(test.partition("::")[0])]

    assert len(named) > 50
    assert missing == []
