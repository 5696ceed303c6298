"""Set-up makes an instance by itself, says what it does, and never waits for somebody to type."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.urls import reverse

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
WORD = re.compile(r" *(\d+) (\w+)")


def manage(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": "-", "DATA_DIR": str(folder), "PORT": "8123"}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True)


def words_of(output: str) -> dict[int, str]:
    sheet = output.partition("Sheet 1")[2].partition("\n\n")[0]
    return {int(number): word for number, word in WORD.findall(sheet)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of an instance that was set up once, and what set-up printed."""
    folder = tmp_path_factory.mktemp("made") / "data"
    return folder, manage(folder, "setup")


@pytest.fixture
def copy(made: tuple[Path, object], tmp_path: Path) -> Path:
    """One like it, to be spoiled."""
    shutil.copytree(made[0], tmp_path / "data")
    return tmp_path / "data"


def test_the_first_time_shows_the_key_sheet_and_a_link_for_the_first_coordinator(
    made: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    done = made[1]
    link = re.findall(r"http://127\.0\.0\.1:8123(/join/([\w-]+)/)\n", done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(words_of(done.stdout)) == list(range(1, 25))
    assert [path for path, _token in link] == [reverse("join", args=[token]) for _path, token in link]
    assert len(link) == 1


def test_the_second_time_shows_no_key_sheet_and_a_link_as_long_as_nobody_joined(copy: Path) -> None:
    done = manage(copy, "setup")

    assert (done.returncode, done.stderr, words_of(done.stdout)) == (0, "", {})
    assert len(re.findall(r"/join/[\w-]+/\n", done.stdout)) == 1
    assert "The key sheet is not confirmed yet: `make keysheet` shows how.\n" in done.stdout


def test_nobody_else_on_the_machine_can_read_what_it_wrote(made: tuple[Path, object]) -> None:
    paths = [made[0], *made[0].rglob("*")]
    readable = {path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077}

    # The static files are everybody's; their folder is not.
    assert {path for path in readable if "static" not in path.relative_to(made[0]).parts} == set()


def test_the_key_sheet_is_confirmed_by_the_word_that_is_asked(
    made: tuple[Path, subprocess.CompletedProcess[str]], copy: Path
) -> None:
    words = words_of(made[1].stdout)
    asked = manage(copy, "keysheet", typed="\n")
    number = int(re.findall(r"Word number (\d+)", asked.stdout)[0])
    wrong = manage(copy, "keysheet", "--word", "nonsense")
    right = manage(copy, "keysheet", typed=f"{words[number]}\n")
    after = manage(copy, "setup")

    assert (asked.returncode, wrong.returncode, right.returncode) == (1, 1, 0)
    assert "not confirmed" not in after.stdout


def test_lost_secrets_are_one_sentence_and_come_back_from_the_sheet(
    made: tuple[Path, subprocess.CompletedProcess[str]], copy: Path
) -> None:
    words = words_of(made[1].stdout)
    shutil.rmtree(copy / "secrets")
    refused = manage(copy, "setup")
    sheet = " ".join(words[number] for number in sorted(words))
    restored = manage(copy, "keysheet", "--restore", typed=f"{sheet}\n\n")
    after = manage(copy, "setup")

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("CommandError: The instance secrets are missing")
    assert (restored.returncode, after.returncode) == (0, 0)


def test_a_database_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": "-", "DATA_DIR": str(tmp_path)}
    nobody = f"postgresql://ann@/aid?host={tmp_path}"
    done = subprocess.run(
        [sys.executable, "manage.py", "setup"],
        cwd=ROOT,
        env=environment | {"DATABASE_URL": nobody},
        capture_output=True,
        text=True,
    )

    sentence = "CommandError: The database does not answer (OperationalError): see DATABASE_URL.\n"
    assert (done.returncode, done.stderr) == (1, sentence)
