"""What ended opens nowhere any more: not for who took a backup, a raw copy, everything that anybody knows.

A life on a running system. While it goes on somebody takes a backup and a copy of the database; then three of
its four needs end. Afterwards every code, every passphrase and every private key is tried on what was taken,
with the secrets and the keyring as they are; the one need that lives shows that the trying works.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest

from tests import live, servers
from tests.journeys import post_office
from tests.journeys.canary import Canaries, files_below
from tests.journeys.clockwork import Rows
from tests.journeys.conftest import STAGES, on_stage
from tests.journeys.life import ENDING, Life
from tests.journeys.slots import halves
from tests.journeys.story import PASSPHRASE, Asker, Volunteer
from tests.journeys.test_canaries import dump
from tests.journeys.walk import Browser
from tests.live import LiveSystem

pytestmark = [
    pytest.mark.once,
    pytest.mark.drill,
    pytest.mark.xdist_group("remnants"),
    pytest.mark.timeout(600),
]
OPERATOR = pyrage.x25519.Identity.generate()


@dataclass
class Taken:
    """What somebody took while everything lived: a backup, a raw copy, and what opened in it then."""

    life: Life
    backup: Path
    copy: LiveSystem
    opened_before: dict[str, list[str]]


@pytest.fixture(scope="module", params=STAGES, ids=lambda pair: "-".join(pair))
def taken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """The life is over but for one need; the system is stopped."""
    folder = tmp_path_factory.mktemp("remnants")
    with contextlib.ExitStack() as stack:
        post = stack.enter_context(post_office.opened())
        system = stack.enter_context(live.instance(*request.param, folder, **post.environment))
        system.start()
        life = Life(on_stage(system, post))
        life.begin()
        backup = folder / "nightly.age"
        system.manage("backup", str(backup), "--to", str(OPERATOR.to_public()))
        copy = stack.enter_context(raw_copy(system, tmp_path_factory.mktemp("copy")))
        before = attack(copy, life)
        assert slots_found(life, system, life.ended_slots()) == {"files: keyring/slots"}
        life.end()
        yield Taken(life, backup, copy, before)


@contextlib.contextmanager
def beside(system: LiveSystem, folder: Path, keyring: bool = True) -> Iterator[LiveSystem]:
    """Another place with this instance's secrets (and its keyring), and an empty database."""
    for name in ("secrets", *(["keyring"] if keyring else [])):
        shutil.copytree(system.data_dir / name, folder / name)
    own = {"DATA_DIR": str(folder), "PORT": str(servers.free_port())}
    environment = system.environment | own
    with contextlib.ExitStack() as stack:
        if "DATABASE_URL" in environment:
            name = f"beside_{folder.name}_{os.getpid()}".lower().replace("-", "_")
            environment["DATABASE_URL"] = stack.enter_context(servers.postgres_database(name))
        other = LiveSystem(f"http://127.0.0.1:{own['PORT']}", folder, environment, log=folder / "log")
        stack.callback(other.stop)
        yield other


@contextlib.contextmanager
def raw_copy(system: LiveSystem, folder: Path) -> Iterator[LiveSystem]:
    """The database as it lies there, journal and all, beside the secrets and the keyring."""
    with beside(system, folder) as copy:
        if url := system.environment.get("DATABASE_URL"):
            rows = dump(url)
            program = servers.program("psql")
            target = copy.environment["DATABASE_URL"]
            subprocess.run([program, "-q", target], input=rows, check=True, capture_output=True)
        with standing_still(system):
            for path in system.data_dir.glob("db.sqlite3*"):
                shutil.copy2(path, folder / path.name)
        yield copy


@contextlib.contextmanager
def standing_still(system: LiveSystem) -> Iterator[None]:
    """As in a snapshot of the machine: files of one moment. From the top: whoever stands still replaces
    nobody, and has not yet forgotten a child that ended."""
    still, waiting = [], system.processes()[:1]
    try:
        while waiting:
            process = waiting.pop()
            process.suspend()
            still.append(process)
            waiting += process.children()
        yield
    finally:
        for process in still:
            process.resume()


def attack(system: LiveSystem, life: Life, *backup: Path) -> dict[str, list[str]]:
    """Everything that opens with everything that anybody knows: {"texts": …, "keys": …}."""
    passphrases = sorted({PASSPHRASE, *(person.passphrase for person in life.volunteers)})
    known = json.dumps({"codes": life.codes, "passphrases": passphrases})
    command = [sys.executable, "-m", "tests.journeys.attack", *map(str, backup)]
    done = subprocess.run(
        command, cwd=live.ROOT, env=system.environment, input=known, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def labels(canaries: Canaries, texts: list[str]) -> set[str]:
    return canaries.found_in("\n".join(texts).encode())


def everything(canaries: Canaries) -> set[str]:
    return set(canaries.typed)


# What was taken before


def test_while_it_lives_the_same_attack_opens_everything(taken: Taken) -> None:
    """The control: whoever holds all of it, keyring included, at that moment, reads all of it."""
    life, texts = taken.life, taken.opened_before["texts"]

    assert labels(life.ended, texts) == everything(life.ended)
    assert labels(life.living, texts) == everything(life.living)
    # A need and whoever comes; a plan has a slot of its own.
    slots = dict.fromkeys(life.slots, 2) | {"is erased": 3}
    assert {label: len(keys) for label, keys in life.slots.items()} == slots


def test_nothing_that_ended_opens_in_a_raw_copy_taken_before(taken: Taken) -> None:
    life, keyring = taken.life, Path(taken.copy.data_dir) / "keyring" / "slots"
    shutil.copy2(life.keyring, keyring)

    texts = attack(taken.copy, life)["texts"]

    assert labels(life.ended, texts) == set()
    assert labels(life.living, texts) == everything(life.living)


def test_nothing_that_ended_opens_in_the_rows_of_a_backup_that_no_restore_closed(
    taken: Taken, tmp_path: Path
) -> None:
    life = taken.life
    with beside(life.stage.system, tmp_path / "rows") as rows:
        texts = attack(rows, life, taken.backup, identity(tmp_path))["texts"]

        assert Rows(rows).status(life.needs["expires"]) == "open"
        assert labels(life.ended, texts) == set()
        assert labels(life.living, texts) == everything(life.living)


def test_nothing_that_ended_opens_or_shows_after_a_restore(taken: Taken, tmp_path: Path) -> None:
    life = taken.life
    with beside(life.stage.system, tmp_path / "back") as back:
        restore(back, taken.backup)
        opened = attack(back, life)["texts"]
        statuses = [Rows(back).status(life.needs[label]) for label in ENDING]
        serve(back)
        pages = walked(life, back)

        assert (labels(life.ended, opened), labels(life.ended, pages)) == (set(), set())
        assert labels(life.living, opened) >= {"lives: note", "lives: answer", "lives: place"}
        assert labels(life.living, pages) >= {"lives: note", "lives: answer", "lives: place"}
        assert statuses == ["", "", ""]


def test_with_the_keyring_lost_nothing_opens_at_all_and_facts_are_left(taken: Taken, tmp_path: Path) -> None:
    life = taken.life
    with beside(life.stage.system, tmp_path / "lost", keyring=False) as back:
        restore(back, taken.backup, "--keyring-lost")
        opened = attack(back, life)
        serve(back)
        pages = walked(life, back)

        assert (opened["texts"], labels(life.ended, pages), labels(life.living, pages)) == ([], set(), set())
        assert Rows(back).status(life.needs["lives"]) == "unreadable"


def restore(system: LiveSystem, backup: Path, *words: str) -> None:
    system.data_dir.mkdir(parents=True, exist_ok=True)
    system.manage("restore", str(backup), "--identity", str(identity(system.data_dir.parent)), *words)


def identity(folder: Path) -> Path:
    """The operator's file."""
    (folder / "operator.txt").write_text(f"{OPERATOR}\n")
    return folder / "operator.txt"


def serve(system: LiveSystem) -> None:
    """As `make run` does."""
    system.manage("setup")
    system.start()


def walked(life: Life, system: LiveSystem) -> list[str]:
    """What every return code and every login of staff sees on a system, whatever they press to look."""
    seen = []
    for asker in life.askers.values():
        again = Asker(Browser(system.url), asker.code)
        seen += [again.comes_back().html, again.browser.visit("/a/mine/").html]
    for person in life.volunteers:
        browser = Browser(system.url)
        Volunteer(browser, person.handle, person.passphrase, person.username).signs_in()
        for path in ("/board/", "/desk/", "/desk/people/", "/profile/", "/calendar/"):
            seen.append(browser.visit(path).html)
        for need in life.needs.values():
            seen += [browser.visit(f"/needs/{need}/").html, browser.visit(f"/desk/needs/{need}/").html]
    return seen


# What is there


def slots_found(life: Life, system: LiveSystem, keys: list[bytes]) -> set[str]:
    """Where a key of a slot, or half of one, lies: files of the instance, and of its database server."""
    needles = [part for key in keys for part in halves(key)]
    return {place for place, content in live_files(system) if any(part in content for part in needles)}


def live_files(system: LiveSystem) -> Iterator[tuple[str, bytes]]:
    """Database, journals, keyring, run, secrets, logs; on PostgreSQL its folder and what it said."""
    folders = {"files": system.data_dir}
    if "DATABASE_URL" in system.environment:
        folders["server"] = servers.test_dir() / "postgresql" / "data"
        yield "statements", (servers.test_dir() / "postgresql.log").read_bytes()
    for name, folder in folders.items():
        for path in files_below(folder):
            with contextlib.suppress(FileNotFoundError):
                yield f"{name}: {path.relative_to(folder)}", path.read_bytes()


def test_of_what_ended_no_key_and_no_word_is_in_any_live_file(taken: Taken) -> None:
    life, system = taken.life, taken.life.stage.system
    compartments = [bytes.fromhex(key) for key in taken.opened_before["keys"]]
    texts: dict[str, Any] = {place: life.ended.found_in(content) for place, content in live_files(system)}

    assert slots_found(life, system, life.ended_slots()) == set()
    assert slots_found(life, system, compartments) == set()
    assert {place: found for place, found in texts.items() if found} == {}
    # Looked for in the right places: what lives, and what is clear, is found.
    assert slots_found(life, system, life.slots["lives"]) == {"files: keyring/slots"}
    assert any(life.clear.found_in(content) for _place, content in live_files(system))
