"""The optional .env is small and forgiving, and never wins over the environment."""

import os
from pathlib import Path

import pytest

from mutualaid.environment import load, read

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "EMAIL_FROM"):
        monkeypatch.setenv(name, "gone afterwards")
        monkeypatch.delenv(name)


def test_lines_become_variables(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# where\nHOST=0.0.0.0\n\n PORT = 9000 \nEMAIL_FROM='news = here'\n", encoding="utf-8")

    load(file)

    assert (read("HOST"), read("PORT"), read("EMAIL_FROM")) == ("0.0.0.0", "9000", "news = here")


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "7000")
    (tmp_path / ".env").write_text("PORT=9000\n", encoding="utf-8")

    load(tmp_path / ".env")

    assert read("PORT") == "7000"


def test_no_file_and_an_empty_value_mean_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", " ")

    load(tmp_path / "nothing")

    assert (read("HOST", "127.0.0.1"), read("PORT", "8000")) == ("127.0.0.1", "8000")


def test_a_bad_line_is_named_by_its_number_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HOST=x\nEMAIL_HOST_PASSWORD geheim\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"^\.env, line 2: write NAME=value\.$"):
        load(tmp_path / ".env")

    assert "EMAIL_HOST_PASSWORD" not in os.environ
