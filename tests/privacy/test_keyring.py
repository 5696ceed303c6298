"""The keyring: a key that is destroyed is gone, whatever happens at the same moment."""

import contextlib
import multiprocessing
import os
import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from privacy import crypto, keyring_wire, secret_store
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import BLOCK, Destroyed, FileKeyring, KeyringForeign, Slot, keyring
from privacy.keyring_network import KeyringServer, NetworkKeyring
from privacy.secret_store import StoredSecrets

pytestmark = pytest.mark.once
FORK = multiprocessing.get_context("fork")


class RemoteKeyring(NetworkKeyring):
    """The keyring of another machine; `path` is the file there."""

    def __init__(self, url: str, path: Path) -> None:
        super().__init__(url)
        self.path = path


Ring = FileKeyring | RemoteKeyring


@pytest.fixture(params=["file", "network"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ring]:
    """Each implementation, not yet created."""
    kept = FileKeyring(tmp_path / "keyring" / "slots")
    if request.param == "file":
        yield kept
        return
    with serving(kept) as url:
        yield RemoteKeyring(url, kept.path)


@contextlib.contextmanager
def serving(kept: FileKeyring) -> Iterator[str]:
    """A server for that file; its KEYRING_URL."""
    server = KeyringServer("127.0.0.1", 0, kept)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def ring(made: Ring) -> Ring:
    made.create()
    return made


@pytest.fixture
def small(made: Ring, monkeypatch: pytest.MonkeyPatch) -> Ring:
    """Four slots to begin with."""
    monkeypatch.setattr("privacy.keyring.INITIAL_SLOTS", 4)
    made.create()
    return made


def again(ring: Ring) -> Ring:
    """The same keyring in the hands of another process."""
    return RemoteKeyring(ring.url, ring.path) if isinstance(ring, RemoteKeyring) else FileKeyring(ring.path)


def tear(ring: Ring, number: int, at: int) -> None:
    """Overwrite one byte of a slot, as a write that was cut short might leave it."""
    with ring.path.open("r+b") as file:
        file.seek(BLOCK * (1 + number) + at)
        old = file.read(1)[0]
        file.seek(BLOCK * (1 + number) + at)
        file.write(bytes([old ^ 0xFF]))


def test_a_key_is_read_as_it_was_allocated(ring: Ring) -> None:
    slots = {owner: ring.allocate(owner) for owner in ("need:1", "need:2", "claim:1")}

    assert {owner: ring.read(slot.number, owner) for owner, slot in slots.items()} == {
        owner: slot.key for owner, slot in slots.items()
    }
    assert len({slot.key for slot in slots.values()}) == 3
    assert len({slot.number for slot in slots.values()}) == 3


def test_another_process_start_reads_the_same(ring: Ring) -> None:
    slot = ring.allocate("need:1")

    assert again(ring).read(slot.number, "need:1") == slot.key


def test_nobody_reads_the_slot_of_another_owner(ring: Ring) -> None:
    slot = ring.allocate("need:1")

    for number in (slot.number, slot.number + 1, -1, 10**9):
        with pytest.raises(Destroyed):
            ring.read(number, "need:2")


def test_a_destroyed_key_is_nowhere_in_the_file(ring: Ring) -> None:
    gone, kept = ring.allocate("need:1"), ring.allocate("need:2")
    assert ring.path.read_bytes().count(gone.key) == 1

    ring.destroy(gone.number, "need:1")

    content = ring.path.read_bytes()
    assert (content.count(gone.key), content.count(kept.key)) == (0, 1)
    with pytest.raises(Destroyed):
        ring.read(gone.number, "need:1")
    assert ring.read(kept.number, "need:2") == kept.key


def test_destroyed_is_a_way_of_being_unreadable() -> None:
    assert issubclass(Destroyed, Unreadable)


def test_destroying_overwrites_the_same_place_of_the_same_file(ring: Ring) -> None:
    before = ring.path.stat()
    slot = ring.allocate("need:1")
    with ring.path.open("rb") as seen:
        place = seen.read().index(slot.key)
        ring.destroy(slot.number, "need:1")
        seen.seek(place)
        found = seen.read(32)
    after = ring.path.stat()

    assert found == bytes(32)
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert place // BLOCK == slot.number + 1
    assert place % BLOCK + 32 <= 512


def test_every_slot_has_its_disk_blocks_from_the_beginning(ring: Ring) -> None:
    assert ring.path.stat().st_blocks * 512 >= ring.path.stat().st_size


def test_destroying_twice_or_what_is_somebody_elses_does_nothing(ring: Ring) -> None:
    slot = ring.allocate("need:1")

    ring.destroy(slot.number, "need:2")
    ring.destroy(slot.number + 1, "need:1")
    ring.destroy(10**9, "need:1")
    still_there = ring.read(slot.number, "need:1")
    ring.destroy(slot.number, "need:1")
    ring.destroy(slot.number, "need:1")

    assert still_there == slot.key
    with pytest.raises(Destroyed):
        ring.read(slot.number, "need:1")


def test_a_destroyed_slot_is_used_again_only_once_released(small: Ring) -> None:
    slots = [small.allocate(f"need:{n}") for n in range(4)]
    small.destroy(slots[0].number, "need:0")
    next_one = small.allocate("need:4")

    small.release(slots[0].number, "need:0")
    size = small.path.stat().st_size
    later = [small.allocate(f"need:{n}") for n in range(5, 9)]

    assert next_one.number >= 4
    assert {slot.number for slot in [*slots[1:], next_one, *later]} == set(range(8))
    assert small.path.stat().st_size == size


def test_releasing_a_living_slot_or_a_foreign_one_does_nothing(ring: Ring) -> None:
    slot = ring.allocate("need:1")

    ring.release(slot.number, "need:1")
    ring.release(slot.number, "need:2")

    assert ring.read(slot.number, "need:1") == slot.key


def test_a_late_destroy_of_the_former_owner_leaves_the_new_one_alone(small: Ring) -> None:
    former = [small.allocate(f"need:{n}") for n in range(4)]
    small.destroy(former[0].number, "need:0")
    small.release(former[0].number, "need:0")
    new = small.allocate("need:new")
    assert new.number == former[0].number

    small.destroy(former[0].number, "need:0")
    small.release(former[0].number, "need:0")

    assert small.read(new.number, "need:new") == new.key


def test_a_crowded_keyring_grows_and_keeps_what_it_has(small: Ring) -> None:
    slots = [(f"need:{n}", small.allocate(f"need:{n}")) for n in range(70)]

    assert len({slot.number for _owner, slot in slots}) == 70
    assert [small.read(slot.number, owner) for owner, slot in slots] == [slot.key for _, slot in slots]
    assert small.path.stat().st_blocks * 512 >= small.path.stat().st_size


def test_on_a_full_disk_the_last_slots_are_used_then_nothing_is_sealed(
    small: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("privacy.keyring.os.posix_fallocate", full)
    monkeypatch.setattr("privacy.keyring.PROBES", 1)
    numbers = {small.allocate(f"need:{n}").number for n in range(4)}

    assert numbers == {0, 1, 2, 3}
    with pytest.raises(SealingImpossible):
        small.allocate("need:4")


@pytest.mark.parametrize("at", [0, 8, 40, 72], ids=["state", "tag", "key", "checksum"])
def test_a_torn_slot_opens_for_nobody_and_harms_no_other(ring: Ring, at: int) -> None:
    torn, other = ring.allocate("need:1"), ring.allocate("need:2")

    tear(ring, torn.number, at)

    with pytest.raises(Destroyed):
        ring.read(torn.number, "need:1")
    assert ring.read(other.number, "need:2") == other.key


@pytest.mark.parametrize("at", [0, 8, 72], ids=["state", "tag", "checksum"])
def test_destroying_a_torn_slot_overwrites_what_is_left_of_its_key(ring: Ring, at: int) -> None:
    slot = ring.allocate("need:1")
    tear(ring, slot.number, at)

    ring.destroy(slot.number, "need:1")

    assert ring.path.read_bytes().count(slot.key) == 0
    ring.release(slot.number, "need:1")
    assert ring.unowned([]) == []


def test_slots_nobody_owns_are_found_and_freed(ring: Ring) -> None:
    live, dead, torn, known = (ring.allocate(f"need:{n}") for n in range(4))
    ring.destroy(dead.number, "need:1")
    tear(ring, torn.number, 50)

    orphans = ring.unowned(["need:3", "need:9"])
    freed = ring.reclaim(orphans)

    assert sorted(orphan.number for orphan in orphans) == sorted(slot.number for slot in (live, dead, torn))
    assert freed == 3
    assert ring.path.read_bytes().count(live.key) == 0
    assert ring.read(known.number, "need:3") == known.key
    assert ring.unowned(["need:3"]) == []


def test_what_was_taken_since_is_not_reclaimed(small: Ring) -> None:
    slots = [small.allocate(f"need:{n}") for n in range(4)]
    orphans = small.unowned([f"need:{n}" for n in range(1, 4)])
    small.destroy(slots[0].number, "need:0")
    small.release(slots[0].number, "need:0")
    new = small.allocate("need:new")

    assert (new.number, small.reclaim(orphans)) == (slots[0].number, 0)
    assert small.read(new.number, "need:new") == new.key


def test_rows_whose_key_is_gone_are_found(ring: Ring) -> None:
    live, dead, torn = (ring.allocate(f"need:{n}") for n in range(3))
    ring.destroy(dead.number, "need:1")
    tear(ring, torn.number, 50)

    rows = [(live.number, "need:0"), (dead.number, "need:1"), (torn.number, "need:2"), (99999, "need:3")]

    assert ring.missing(rows) == ["need:1", "need:2", "need:3"]


def test_the_file_is_for_its_owner_only(ring: Ring) -> None:
    assert oct(ring.path.stat().st_mode & 0o777) == "0o600"
    assert oct(ring.path.parent.stat().st_mode & 0o777) == "0o700"
    assert list(ring.path.parent.iterdir()) == [ring.path]


def test_owners_are_not_in_the_file(ring: Ring) -> None:
    ring.allocate("need:6f1d2c")

    assert ring.path.read_bytes().count(b"6f1d2c") == 0


def test_creating_again_keeps_what_is_there(ring: Ring) -> None:
    slot = ring.allocate("need:1")

    ring.create()

    assert ring.read(slot.number, "need:1") == slot.key


def test_without_its_file_nothing_is_sealed_or_read(ring: Ring) -> None:
    slot = ring.allocate("need:1")
    ring.path.unlink()

    for act in (
        lambda: ring.allocate("need:2"),
        lambda: ring.read(slot.number, "need:1"),
        lambda: ring.destroy(slot.number, "need:1"),
        lambda: ring.release(slot.number, "need:1"),
        lambda: ring.unowned([]),
        ring.check,
    ):
        with pytest.raises(SealingImpossible):
            act()
    assert not ring.path.exists()


def test_the_keyring_of_another_instance_is_refused(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = ring.allocate("need:1")
    monkeypatch.setattr(secret_store, "load", lambda: StoredSecrets(bytes(16), {1: bytes(32)}))

    for act in (ring.check, ring.create, lambda: ring.read(slot.number, "need:1")):
        with pytest.raises(KeyringForeign):
            act()


@pytest.mark.parametrize("length", [0, 40, BLOCK])
def test_a_damaged_head_is_refused(ring: Ring, length: int) -> None:
    with ring.path.open("r+b") as file:
        file.write(bytes(length))
        file.truncate(max(length, 40))

    with pytest.raises(KeyringForeign):
        ring.check()


def test_keys_do_not_show_in_texts(ring: Ring) -> None:
    slot = ring.allocate("need:1")

    assert repr(slot) == f"Slot(number={slot.number})"


def _allocate_many(ring: Ring, name: str, sent: "multiprocessing.Queue[list[tuple[str, Slot]]]") -> None:
    sent.put([(f"{name}:{n}", ring.allocate(f"{name}:{n}")) for n in range(200)])


def test_two_processes_never_get_the_same_slot(small: Ring) -> None:
    sent: multiprocessing.Queue[list[tuple[str, Slot]]] = FORK.Queue()
    processes = [FORK.Process(target=_allocate_many, args=(small, n, sent)) for n in ("a", "b")]
    for process in processes:
        process.start()
    slots = [slot for _ in processes for slot in sent.get(timeout=60)]
    for process in processes:
        process.join()

    assert len({slot.number for _owner, slot in slots}) == 400
    assert [small.read(slot.number, owner) for owner, slot in slots] == [slot.key for _, slot in slots]


def test_threads_never_get_the_same_slot(small: Ring) -> None:
    slots: list[tuple[str, Slot]] = []

    def work(name: str) -> None:
        for n in range(25):
            slots.append((f"{name}:{n}", small.allocate(f"{name}:{n}")))

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({slot.number for _owner, slot in slots}) == 200
    assert [small.read(slot.number, owner) for owner, slot in slots] == [slot.key for _, slot in slots]


def _work_for_ever(ring: Ring, begun: int) -> None:
    n = 0
    while True:
        n += 1
        if n == 3:
            os.write(begun, b"!")
        owner = f"need:{os.getpid()}:{n}"
        slot = ring.allocate(owner)
        if n % 2:
            ring.destroy(slot.number, owner)
        if n % 4 == 1:
            ring.release(slot.number, owner)


def test_a_process_killed_at_any_moment_leaves_a_whole_file(small: Ring) -> None:
    kept = [(f"kept:{n}", small.allocate(f"kept:{n}")) for n in range(20)]
    chance = random.Random(20261123)
    heard, begun = os.pipe()
    for _ in range(12):
        worker = FORK.Process(target=_work_for_ever, args=(small, begun))
        worker.start()
        # Once it is at work: on a busy machine it may not even have begun.
        assert select.select([heard], [], [], 60)[0]
        os.read(heard, 1)
        time.sleep(chance.uniform(0.0, 0.06))
        worker.kill()
        worker.join()
        small.check()
    os.close(heard)
    os.close(begun)

    owners = [owner for owner, _slot in kept]
    freed = small.reclaim(small.unowned(owners))

    assert freed > 0
    assert small.missing([(slot.number, owner) for owner, slot in kept]) == []
    assert [small.read(slot.number, owner) for owner, slot in kept] == [slot.key for _, slot in kept]
    assert small.unowned(owners) == []
    small.allocate("need:after")


@pytest.mark.parametrize("length", [1, 40, BLOCK])
def test_a_damaged_keyring_is_made_anew_only_when_asked_and_leaves_no_key(ring: Ring, length: int) -> None:
    slot = ring.allocate("need:1")
    with ring.path.open("r+b", buffering=0) as old:
        old.write(bytes(length))
        with pytest.raises(KeyringForeign):
            ring.create()
        kept = ring.path.read_bytes().count(slot.key)

        ring.create(anew=True)

        old.seek(0)
        assert (kept, old.read().count(slot.key)) == (1, 0)
    with pytest.raises(Destroyed):
        ring.read(slot.number, "need:1")
    assert ring.allocate("need:2").key != slot.key


def test_another_instances_keyring_is_never_overwritten(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = ring.allocate("need:1")
    monkeypatch.setattr(secret_store, "load", lambda: StoredSecrets(bytes(16), {1: bytes(32)}))

    with pytest.raises(KeyringForeign):
        ring.create(anew=True)

    assert ring.path.read_bytes().count(slot.key) == 1


def test_settings_choose_the_implementation(settings: Settings, tmp_path: Path) -> None:
    by_default = keyring()
    kept = FileKeyring(tmp_path / "slots")
    with serving(kept) as url:
        settings.KEYRING, settings.KEYRING_URL = "privacy.keyring_network.NetworkKeyring", url
        keyring().create()
        slot = keyring().allocate("need:1")

    assert isinstance(by_default, FileKeyring)
    assert kept.read(slot.number, "need:1") == slot.key


# Between the machines


class Wiretap:
    """Somebody on the line between two machines: keeps what passes, and may change it."""

    def __init__(self, port: int) -> None:
        self.port, self.seen = port, [b"", b""]
        self.change: int | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _address = self.listener.accept()
                there = socket.create_connection(("127.0.0.1", self.port))
                for side, (one, other) in enumerate([(line, there), (there, line)]):
                    threading.Thread(target=self.carry, args=(one, other, side), daemon=True).start()

    def carry(self, one: socket.socket, other: socket.socket, side: int) -> None:
        with contextlib.suppress(OSError):
            while said := one.recv(65536):
                self.seen[side] += said
                if self.change == side and len(said) > 60:
                    said = said[:-1] + bytes([said[-1] ^ 1])
                other.sendall(said)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def tapped(tmp_path: Path) -> Iterator[tuple[FileKeyring, Wiretap]]:
    kept = FileKeyring(tmp_path / "slots")
    kept.create()
    with serving(kept) as url:
        tap = Wiretap(int(url.rpartition(":")[2]))
        yield kept, tap
        tap.listener.close()


def test_neither_key_nor_owner_is_on_the_line(tapped: tuple[FileKeyring, Wiretap]) -> None:
    _kept, tap = tapped
    slot = NetworkKeyring(tap.url).allocate("need:6f1d2c")

    line = b"".join(tap.seen)
    assert len(line) > 200
    assert [line.count(word) for word in (slot.key, slot.key.hex().encode(), b"6f1d2c", b"owner")] == [0] * 4


def test_the_secrets_found_later_do_not_open_what_was_recorded(
    tapped: tuple[FileKeyring, Wiretap],
) -> None:
    """The key of each line needs a private key that neither side kept."""
    _kept, tap = tapped
    NetworkKeyring(tap.url).allocate("need:1")
    asked, answered = tap.seen
    stored = secret_store.load()
    thief = crypto.KeyPair.generate()
    for public in (asked[:32], answered[:32]):
        key = keyring_wire._line_key(stored, 1, thief, public, asked[:32] + answered[:32])
        with pytest.raises(Unreadable):
            keyring_wire._opened(asked[36:], key, keyring_wire.ASK)


@pytest.mark.parametrize("side", [0, 1], ids=["question", "answer"])
def test_a_changed_word_is_refused(tapped: tuple[FileKeyring, Wiretap], side: int) -> None:
    kept, tap = tapped
    slot = kept.allocate("need:1")
    tap.change = side

    with pytest.raises(SealingImpossible):
        NetworkKeyring(tap.url).read(slot.number, "need:1")


def test_a_recorded_question_asked_again_does_nothing(tapped: tuple[FileKeyring, Wiretap]) -> None:
    kept, tap = tapped
    NetworkKeyring(tap.url).allocate("need:1")

    with socket.create_connection(("127.0.0.1", tap.port), 5) as line:
        line.sendall(tap.seen[0])
        heard = everything(line)

    assert (len(heard), len(kept.unowned([]))) == (32, 1)


def everything(line: socket.socket) -> bytes:
    """Whatever the other side says until it hangs up."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while part := line.recv(4096):
            heard += part
    return heard


def test_a_stranger_and_another_instance_learn_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = FileKeyring(tmp_path / "slots")
    kept.create()
    with serving(kept) as url:
        stranger = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5)
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n" + bytes(40))
        heard = everything(stranger)
        stranger.close()
        ours, theirs = secret_store.load(), StoredSecrets(bytes(16), {1: bytes(32)})
        here = threading.get_ident()
        load = lambda: theirs if threading.get_ident() == here else ours  # noqa: E731
        monkeypatch.setattr(secret_store, "load", load)
        with pytest.raises(SealingImpossible):
            NetworkKeyring(url).check()

    assert len(heard) == 32
    assert "127.0.0.1" not in "".join(capfd.readouterr())


def test_when_nobody_answers_nothing_is_sealed(tmp_path: Path) -> None:
    with serving(FileKeyring(tmp_path / "slots")) as url:
        pass

    for nowhere in (url, "", "http://127.0.0.1:1", "tcp://127.0.0.1"):
        with pytest.raises(SealingImpossible):
            RemoteKeyring(nowhere, tmp_path).check()
