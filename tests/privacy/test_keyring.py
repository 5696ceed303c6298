"""The keyring: a key that is destroyed is gone, whatever happens at the same moment."""

import multiprocessing
import os
import random
import threading
import time
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from privacy import secret_store
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import BLOCK, Destroyed, FileKeyring, KeyringForeign, Slot, keyring
from privacy.secret_store import StoredSecrets

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def ring(tmp_path: Path) -> FileKeyring:
    made = FileKeyring(tmp_path / "keyring" / "slots")
    made.create()
    return made


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileKeyring:
    """Four slots to begin with."""
    monkeypatch.setattr("privacy.keyring.INITIAL_SLOTS", 4)
    made = FileKeyring(tmp_path / "keyring" / "slots")
    made.create()
    return made


def tear(ring: FileKeyring, number: int, at: int) -> None:
    """Overwrite one byte of a slot, as a write that was cut short might leave it."""
    with ring.path.open("r+b") as file:
        file.seek(BLOCK * (1 + number) + at)
        old = file.read(1)[0]
        file.seek(BLOCK * (1 + number) + at)
        file.write(bytes([old ^ 0xFF]))


def test_a_key_is_read_as_it_was_allocated(ring: FileKeyring) -> None:
    slots = {owner: ring.allocate(owner) for owner in ("need:1", "need:2", "claim:1")}

    assert {owner: ring.read(slot.number, owner) for owner, slot in slots.items()} == {
        owner: slot.key for owner, slot in slots.items()
    }
    assert len({slot.key for slot in slots.values()}) == 3
    assert len({slot.number for slot in slots.values()}) == 3


def test_another_process_start_reads_the_same(ring: FileKeyring) -> None:
    slot = ring.allocate("need:1")

    assert FileKeyring(ring.path).read(slot.number, "need:1") == slot.key


def test_nobody_reads_the_slot_of_another_owner(ring: FileKeyring) -> None:
    slot = ring.allocate("need:1")

    for number in (slot.number, slot.number + 1, -1, 10**9):
        with pytest.raises(Destroyed):
            ring.read(number, "need:2")


def test_a_destroyed_key_is_nowhere_in_the_file(ring: FileKeyring) -> None:
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


def test_destroying_overwrites_the_same_place_of_the_same_file(ring: FileKeyring) -> None:
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


def test_every_slot_has_its_disk_blocks_from_the_beginning(ring: FileKeyring) -> None:
    assert ring.path.stat().st_blocks * 512 >= ring.path.stat().st_size


def test_destroying_twice_or_what_is_somebody_elses_does_nothing(ring: FileKeyring) -> None:
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


def test_a_destroyed_slot_is_used_again_only_once_released(small: FileKeyring) -> None:
    slots = [small.allocate(f"need:{n}") for n in range(4)]
    small.destroy(slots[0].number, "need:0")
    next_one = small.allocate("need:4")

    small.release(slots[0].number, "need:0")
    size = small.path.stat().st_size
    later = [small.allocate(f"need:{n}") for n in range(5, 9)]

    assert next_one.number >= 4
    assert {slot.number for slot in [*slots[1:], next_one, *later]} == set(range(8))
    assert small.path.stat().st_size == size


def test_releasing_a_living_slot_or_a_foreign_one_does_nothing(ring: FileKeyring) -> None:
    slot = ring.allocate("need:1")

    ring.release(slot.number, "need:1")
    ring.release(slot.number, "need:2")

    assert ring.read(slot.number, "need:1") == slot.key


def test_a_late_destroy_of_the_former_owner_leaves_the_new_one_alone(small: FileKeyring) -> None:
    former = [small.allocate(f"need:{n}") for n in range(4)]
    small.destroy(former[0].number, "need:0")
    small.release(former[0].number, "need:0")
    new = small.allocate("need:new")
    assert new.number == former[0].number

    small.destroy(former[0].number, "need:0")
    small.release(former[0].number, "need:0")

    assert small.read(new.number, "need:new") == new.key


def test_a_crowded_keyring_grows_and_keeps_what_it_has(small: FileKeyring) -> None:
    slots = [(f"need:{n}", small.allocate(f"need:{n}")) for n in range(70)]

    assert len({slot.number for _owner, slot in slots}) == 70
    assert [small.read(slot.number, owner) for owner, slot in slots] == [slot.key for _, slot in slots]
    assert small.path.stat().st_blocks * 512 >= small.path.stat().st_size


def test_on_a_full_disk_the_last_slots_are_used_then_nothing_is_sealed(
    small: FileKeyring, monkeypatch: pytest.MonkeyPatch
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
def test_a_torn_slot_opens_for_nobody_and_harms_no_other(ring: FileKeyring, at: int) -> None:
    torn, other = ring.allocate("need:1"), ring.allocate("need:2")

    tear(ring, torn.number, at)

    with pytest.raises(Destroyed):
        ring.read(torn.number, "need:1")
    assert ring.read(other.number, "need:2") == other.key


@pytest.mark.parametrize("at", [0, 8, 72], ids=["state", "tag", "checksum"])
def test_destroying_a_torn_slot_overwrites_what_is_left_of_its_key(ring: FileKeyring, at: int) -> None:
    slot = ring.allocate("need:1")
    tear(ring, slot.number, at)

    ring.destroy(slot.number, "need:1")

    assert ring.path.read_bytes().count(slot.key) == 0
    ring.release(slot.number, "need:1")
    assert ring.unowned([]) == []


def test_slots_nobody_owns_are_found_and_freed(ring: FileKeyring) -> None:
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


def test_what_was_taken_since_is_not_reclaimed(small: FileKeyring) -> None:
    slots = [small.allocate(f"need:{n}") for n in range(4)]
    orphans = small.unowned([f"need:{n}" for n in range(1, 4)])
    small.destroy(slots[0].number, "need:0")
    small.release(slots[0].number, "need:0")
    new = small.allocate("need:new")

    assert (new.number, small.reclaim(orphans)) == (slots[0].number, 0)
    assert small.read(new.number, "need:new") == new.key


def test_rows_whose_key_is_gone_are_found(ring: FileKeyring) -> None:
    live, dead, torn = (ring.allocate(f"need:{n}") for n in range(3))
    ring.destroy(dead.number, "need:1")
    tear(ring, torn.number, 50)

    rows = [(live.number, "need:0"), (dead.number, "need:1"), (torn.number, "need:2"), (99999, "need:3")]

    assert ring.missing(rows) == ["need:1", "need:2", "need:3"]


def test_the_file_is_for_its_owner_only(ring: FileKeyring) -> None:
    assert oct(ring.path.stat().st_mode & 0o777) == "0o600"
    assert oct(ring.path.parent.stat().st_mode & 0o777) == "0o700"
    assert list(ring.path.parent.iterdir()) == [ring.path]


def test_owners_are_not_in_the_file(ring: FileKeyring) -> None:
    ring.allocate("need:6f1d2c")

    assert ring.path.read_bytes().count(b"6f1d2c") == 0


def test_creating_again_keeps_what_is_there(ring: FileKeyring) -> None:
    slot = ring.allocate("need:1")

    ring.create()

    assert ring.read(slot.number, "need:1") == slot.key


def test_without_its_file_nothing_is_sealed_or_read(ring: FileKeyring) -> None:
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


def test_the_keyring_of_another_instance_is_refused(
    ring: FileKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = ring.allocate("need:1")
    monkeypatch.setattr(secret_store, "load", lambda: StoredSecrets(bytes(16), {1: bytes(32)}))

    for act in (ring.check, ring.create, lambda: ring.read(slot.number, "need:1")):
        with pytest.raises(KeyringForeign):
            act()


@pytest.mark.parametrize("length", [0, 40, BLOCK])
def test_a_damaged_head_is_refused(ring: FileKeyring, length: int) -> None:
    with ring.path.open("r+b") as file:
        file.write(bytes(length))
        file.truncate(max(length, 40))

    with pytest.raises(KeyringForeign):
        ring.check()


def test_keys_do_not_show_in_texts(ring: FileKeyring) -> None:
    slot = ring.allocate("need:1")

    assert repr(slot) == f"Slot(number={slot.number})"


def _allocate_many(path: Path, name: str, sent: "multiprocessing.Queue[list[tuple[str, Slot]]]") -> None:
    ring = FileKeyring(path)
    sent.put([(f"{name}:{n}", ring.allocate(f"{name}:{n}")) for n in range(200)])


def test_two_processes_never_get_the_same_slot(small: FileKeyring) -> None:
    sent: multiprocessing.Queue[list[tuple[str, Slot]]] = FORK.Queue()
    processes = [FORK.Process(target=_allocate_many, args=(small.path, n, sent)) for n in ("a", "b")]
    for process in processes:
        process.start()
    slots = [slot for _ in processes for slot in sent.get(timeout=60)]
    for process in processes:
        process.join()

    assert len({slot.number for _owner, slot in slots}) == 400
    assert [small.read(slot.number, owner) for owner, slot in slots] == [slot.key for _, slot in slots]


def test_threads_never_get_the_same_slot(small: FileKeyring) -> None:
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


def _work_for_ever(path: Path) -> None:
    ring, n = FileKeyring(path), 0
    while True:
        n += 1
        owner = f"need:{os.getpid()}:{n}"
        slot = ring.allocate(owner)
        if n % 2:
            ring.destroy(slot.number, owner)
        if n % 4 == 1:
            ring.release(slot.number, owner)


def test_a_process_killed_at_any_moment_leaves_a_whole_file(small: FileKeyring) -> None:
    kept = [(f"kept:{n}", small.allocate(f"kept:{n}")) for n in range(20)]
    chance = random.Random(20261123)
    for _ in range(12):
        worker = FORK.Process(target=_work_for_ever, args=(small.path,))
        worker.start()
        time.sleep(chance.uniform(0.005, 0.06))
        worker.kill()
        worker.join()
        small.check()

    owners = [owner for owner, _slot in kept]
    freed = small.reclaim(small.unowned(owners))

    assert freed > 0
    assert small.missing([(slot.number, owner) for owner, slot in kept]) == []
    assert [small.read(slot.number, owner) for owner, slot in kept] == [slot.key for _, slot in kept]
    assert small.unowned(owners) == []
    small.allocate("need:after")


def test_one_setting_chooses_the_implementation(settings: Settings) -> None:
    by_default = keyring()
    # Any class that can be imported will do; this one is no keyring at all.
    settings.KEYRING = "threading.Event"

    assert (type(by_default), type(keyring())) == (FileKeyring, threading.Event)
