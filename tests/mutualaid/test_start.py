"""A start with secrets or a keyring that do not belong here is refused in one sentence."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import servers
from tests.journeys.slots import live_keys

# One process makes the two instances, for all of them.
pytestmark = [pytest.mark.once, pytest.mark.xdist_group("start"), pytest.mark.drill]
ROOT = Path(__file__).resolve().parents[2]

MISSING = "The instance secrets are missing: put them back, or restore them from the key sheet."
DAMAGED = "The instance secrets are damaged: put them back, or use the key sheet."
CHANGED = "The instance secrets were changed: put back those this database began with."
FOREIGN = "The instance secrets belong to another instance: put back this one's own."
NO_KEYRING = "The keyring is missing: put it back, or say that it is lost (setup --keyring-lost)."
SILENT_KEYRING = "The keyring does not answer: look at KEYRING and KEYRING_URL."
OTHER_KEYRING = "The keyring is damaged or another instance's: put back this one's own."


def environment(folder: Path) -> dict[str, str]:
    own = {"ENV_FILE": "-", "DATA_DIR": str(folder), "PORT": str(servers.free_port())}
    return {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "mutualaid.settings", **own}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=300
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


def empty_secrets(one: Path, other: Path) -> None:
    (one / "secrets" / "instance.json").write_bytes(b"")


def half_the_secrets(one: Path, other: Path) -> None:
    file = one / "secrets" / "instance.json"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def a_short_root(one: Path, other: Path) -> None:
    file = one / "secrets" / "instance.json"
    file.write_text(file.read_text().replace('"}}', "")[:-2] + '"}}')


def secrets_in_no_alphabet(one: Path, other: Path) -> None:
    (one / "secrets" / "instance.json").write_bytes(os.urandom(200))


def a_folder_for_secrets(one: Path, other: Path) -> None:
    no_secrets(one, other)
    (one / "secrets" / "instance.json").mkdir()


def one_more_root(one: Path, other: Path) -> None:
    """Of a rotation that this database never heard of."""
    file = one / "secrets" / "instance.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"roots": stored["roots"] | {"2": "ab" * 32}}))


def only_another_root(one: Path, other: Path) -> None:
    file = one / "secrets" / "instance.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps(stored | {"roots": {"2": "ab" * 32}}))


def id_of_the_other(one: Path, other: Path) -> None:
    """The roots stay: what they sealed opens for no other id."""
    files = [folder / "secrets" / "instance.json" for folder in (one, other)]
    own, others = (json.loads(file.read_text()) for file in files)
    files[0].write_text(json.dumps(own | {"id": others["id"]}))


def secrets_and_keyring_of_the_other(one: Path, other: Path) -> None:
    foreign_secrets(one, other)
    foreign_keyring(one, other)


def empty_keyring(one: Path, other: Path) -> None:
    os.truncate(one / "keyring" / "slots", 0)


def a_keyring_cut_in_its_head(one: Path, other: Path) -> None:
    os.truncate(one / "keyring" / "slots", 60)


def a_keyring_of_zeros(one: Path, other: Path) -> None:
    file = one / "keyring" / "slots"
    file.write_bytes(bytes(file.stat().st_size))


def a_folder_for_a_keyring(one: Path, other: Path) -> None:
    no_keyring(one, other)
    (one / "keyring" / "slots").mkdir()


def a_link_to_a_keyring(one: Path, other: Path) -> None:
    """Where it leads may be anywhere: on a disk that copies on write, in a backup."""
    own = one / "keyring" / "slots"
    own.rename(one / "moved")
    own.symlink_to(one / "moved")


Spoil = Callable[[Path, Path], None]
SPOILT = [
    (no_secrets, MISSING),
    (damaged_secrets, DAMAGED),
    (changed_secrets, CHANGED),
    (foreign_secrets, FOREIGN),
    (no_keyring, NO_KEYRING),
    (damaged_keyring, OTHER_KEYRING),
    (foreign_keyring, OTHER_KEYRING),
    (empty_secrets, DAMAGED),
    (half_the_secrets, DAMAGED),
    (a_short_root, DAMAGED),
    (secrets_in_no_alphabet, DAMAGED),
    (a_folder_for_secrets, DAMAGED),
    (one_more_root, CHANGED),
    (only_another_root, CHANGED),
    (id_of_the_other, FOREIGN),
    (secrets_and_keyring_of_the_other, FOREIGN),
    (empty_keyring, OTHER_KEYRING),
    (a_keyring_cut_in_its_head, OTHER_KEYRING),
    (a_keyring_of_zeros, OTHER_KEYRING),
    (a_folder_for_a_keyring, SILENT_KEYRING),
    (a_link_to_a_keyring, SILENT_KEYRING),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILT)
def test_set_up_is_refused_and_replaces_nothing(
    two: tuple[Path, Path], one: Path, spoil: Spoil, sentence: str
) -> None:
    spoil(one, two[1])
    before = files_of(one)

    set_up = run(one, "manage.py", "setup")

    assert (set_up.returncode, set_up.stderr) == (1, f"CommandError: {sentence}\n")
    assert files_of(one) == before


def files_of(one: Path) -> list[tuple[Path, bytes | None]]:
    """Everything among secrets and keyring, and what is in it."""
    found = sorted(path for folder in ("secrets", "keyring") for path in (one / folder).rglob("*"))
    return [(path, path.read_bytes() if path.is_file() else None) for path in found]


@pytest.mark.parametrize("hidden", ["secrets/instance.json", "keyring/slots"])
def test_what_the_account_may_not_read_is_said_in_one_sentence_too(one: Path, hidden: str) -> None:
    """As the account of a service, which may not read everything as root may."""
    (one / hidden).chmod(0)
    as_anybody = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    refused = subprocess.run(
        [*as_anybody, sys.executable, "manage.py", "setup"],
        cwd=ROOT,
        env=environment(one),
        capture_output=True,
        text=True,
        timeout=300,
    )

    sentence = DAMAGED if hidden.startswith("secrets") else SILENT_KEYRING
    assert (refused.returncode, refused.stderr) == (1, f"CommandError: {sentence}\n")


def test_a_keyring_older_than_the_database_closes_what_has_no_key_and_says_how_much(one: Path) -> None:
    """Somebody kept a copy of the keyring and put it back: what began since has no key any more."""
    shutil.copy(one / "keyring" / "slots", one.parent / "older")
    assert run(one, "manage.py", "demo").returncode == 0
    shutil.copy(one.parent / "older", one / "keyring" / "slots")

    first, second = run(one, "manage.py", "setup"), run(one, "manage.py", "setup")

    assert (first.returncode, first.stderr, second.returncode) == (0, "", 0)
    closing = "Closing what has no key any more …"
    assert re.search(rf"{closing}\n  [1-9][0-9]*\.\n", first.stdout)
    assert not re.search(rf"{closing}\n  ", second.stdout)


def test_a_database_older_than_the_keyring_leaves_no_key_of_what_began_since(one: Path) -> None:
    for path in one.glob("db.sqlite3*"):
        shutil.copy(path, one.parent / path.name)
    assert run(one, "manage.py", "demo").returncode == 0
    keys = live_keys(one / "keyring" / "slots")
    for path in one.glob("db.sqlite3*"):
        path.unlink()
    for path in one.parent.glob("db.sqlite3*"):
        shutil.copy(path, one / path.name)

    started = run(one, "manage.py", "setup")

    assert (started.returncode, started.stderr, len(keys) > 0) == (0, "", True)
    assert f"Destroying keys without a row …\n  {len(keys)}.\n" in started.stdout
    content = (one / "keyring" / "slots").read_bytes()
    assert [key for key in keys if key in content] == []


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
