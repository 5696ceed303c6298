"""A start with secrets or a keyring that do not belong here is refused in one sentence."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import servers

# One process makes the two instances, for all of them.
pytestmark = [pytest.mark.once, pytest.mark.xdist_group("start"), pytest.mark.drill]
ROOT = Path(__file__).resolve().parents[2]

MISSING = "The instance secrets are missing: put them back, or restore them from the key sheet."
DAMAGED = "The instance secrets are damaged: put them back, or use the key sheet."
CHANGED = "The instance secrets were changed: put back those this database began with."
FOREIGN = "The instance secrets belong to another instance: put back this one's own."
NO_KEYRING = "The keyring is missing: put it back, or say that it is lost (setup --keyring-lost)."
OTHER_KEYRING = "The keyring is damaged or another instance's: put back this one's own."


def environment(folder: Path) -> dict[str, str]:
    own = {"ENV_FILE": "-", "DATA_DIR": str(folder), "PORT": str(servers.free_port())}
    return {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "mutualaid.settings", **own}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of two instances that were set up."""
    folders = (tmp_path_factory.mktemp("one") / "data", tmp_path_factory.mktemp("other") / "data")
    for folder in folders:
        assert run(folder, "manage.py", "setup").returncode == 0
    return folders


@pytest.fixture
def one(two: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the first, to be spoiled."""
    shutil.copytree(two[0], tmp_path / "data")
    return tmp_path / "data"


def no_secrets(one: Path, other: Path) -> None:
    (one / "secrets" / "instance.json").unlink()


def damaged_secrets(one: Path, other: Path) -> None:
    (one / "secrets" / "instance.json").write_text("{")


def changed_secrets(one: Path, other: Path) -> None:
    file = one / "secrets" / "instance.json"
    head, root = file.read_text()[:-67], file.read_text()[-67:]
    file.write_text(head + root.translate(str.maketrans("0123456789abcdef", "123456789abcdef0")))


def foreign_secrets(one: Path, other: Path) -> None:
    shutil.copy(other / "secrets" / "instance.json", one / "secrets" / "instance.json")


def no_keyring(one: Path, other: Path) -> None:
    (one / "keyring" / "slots").unlink()


def damaged_keyring(one: Path, other: Path) -> None:
    with (one / "keyring" / "slots").open("r+b") as file:
        file.write(b"nonsense")


def foreign_keyring(one: Path, other: Path) -> None:
    shutil.copy(other / "keyring" / "slots", one / "keyring" / "slots")


Spoil = Callable[[Path, Path], None]
SPOILT = [
    (no_secrets, MISSING),
    (damaged_secrets, DAMAGED),
    (changed_secrets, CHANGED),
    (foreign_secrets, FOREIGN),
    (no_keyring, NO_KEYRING),
    (damaged_keyring, OTHER_KEYRING),
    (foreign_keyring, OTHER_KEYRING),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILT)
def test_set_up_is_refused_and_replaces_nothing(
    two: tuple[Path, Path], one: Path, spoil: Spoil, sentence: str
) -> None:
    spoil(one, two[1])
    before = [(path, path.read_bytes()) for path in sorted((one / "secrets").iterdir())]

    set_up = run(one, "manage.py", "setup")

    assert (set_up.returncode, set_up.stderr) == (1, f"CommandError: {sentence}\n")
    assert [(path, path.read_bytes()) for path in sorted((one / "secrets").iterdir())] == before


@pytest.mark.parametrize(("spoil", "sentence"), [(changed_secrets, CHANGED), (no_keyring, NO_KEYRING)])
def test_the_system_does_not_start_either_and_does_not_try_again(
    two: tuple[Path, Path], one: Path, spoil: Spoil, sentence: str
) -> None:
    """As a service starts it, without set-up before."""
    spoil(one, two[1])

    started = run(one, "-m", "mutualaid.run")

    assert (started.returncode, started.stderr) == (78, f"{sentence}\n")


@pytest.mark.parametrize("spoil", [no_keyring, damaged_keyring])
def test_once_it_is_said_that_the_keyring_is_lost_there_is_a_new_one(
    two: tuple[Path, Path], one: Path, spoil: Spoil
) -> None:
    spoil(one, two[1])

    said = run(one, "manage.py", "setup", "--keyring-lost")
    again = run(one, "manage.py", "setup", "--keyring-lost")

    assert (said.returncode, said.stderr) == (0, "")
    assert "A new keyring. 0 needs cannot be read until their askers write them again." in said.stdout
    assert (again.returncode, again.stderr) == (
        1,
        "CommandError: The keyring is there: nothing was lost.\n",
    )


def test_a_keyring_that_is_another_instances_is_never_made_anew(two: tuple[Path, Path], one: Path) -> None:
    foreign_keyring(one, two[1])
    before = (one / "keyring" / "slots").read_bytes()

    said = run(one, "manage.py", "setup", "--keyring-lost")

    assert (said.returncode, said.stderr) == (1, f"CommandError: {OTHER_KEYRING}\n")
    assert (one / "keyring" / "slots").read_bytes() == before


def test_a_keyring_that_only_does_not_answer_is_not_lost(one: Path) -> None:
    network = {"KEYRING": "privacy.keyring_network.NetworkKeyring"}
    address = {"KEYRING_URL": f"tcp://127.0.0.1:{servers.free_port()}"}
    command = [sys.executable, "manage.py", "setup", "--keyring-lost"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(one) | network | address, capture_output=True, text=True
    )

    sentence = "The keyring does not answer: look at KEYRING and KEYRING_URL."
    assert (done.returncode, done.stderr) == (1, f"CommandError: {sentence}\n")
