"""A backup says nothing without the key of the operator, little with it, and brings back no end."""

import io
import os
import subprocess
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from mutualaid import backup
from mutualaid.restore import RestoreRefused, Wishes, identities, is_in_use
from notify.models import Channel, PushKey
from notify.start import keep_push_key
from organisation.models import Distance
from privacy import crypto, instance, secret_store
from privacy.crypto import Unreadable
from privacy.instance import InstanceRefused
from privacy.keyring import FileKeyring, keyring
from privacy.models import Counter, Heartbeat, Instance, Session
from privacy.secret_store import StoredSecrets
from requests_app import desk_key
from requests_app.models import Claim, Mailbox, Need
from tests import live, servers
from tests.mutualaid.an_instance import OPERATOR, every_row, opened, put_back, spellings, taken, world
from tests.notify.push_service import Browser
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT
from volunteers import desk
from volunteers.models import Invitation, OfferPlace, Volunteer

__all__ = ["world"]
PASSAGE = "The key lies under the third stone."


# What is in it


def test_every_table_is_in_a_backup_or_left_out_with_a_reason() -> None:
    found = {model._meta.label for model in apps.get_models(include_auto_created=True)}

    assert {model._meta.label for model in backup.tables()} == found - backup.LEFT_OUT
    assert found >= backup.LEFT_OUT
    assert {"privacy.Session", "privacy.Heartbeat"} <= backup.LEFT_OUT


def test_without_the_operators_key_it_is_noise(world: World) -> None:
    world.volunteer("Somebody Unusual")

    sealed = taken()

    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert [sealed.count(word) for word in (b"Somebody Unusual", b"requests_app", b"Volunteer")] == [0] * 3
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])


def test_with_it_there_are_no_secrets_no_keys_no_sessions_and_nothing_sealed(world: World) -> None:
    visit, need = world.ask(note=PASSAGE)
    say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    signed_in = world.coordinator.sign_in(Client())
    slot = keyring().read(need.slot_number, need.slot_owner)
    assert Session.objects.exists()

    clear = opened(taken())

    root = secret_store.load().roots[1]
    secrets = [root, slot, visit.seed, world.coordinator.private, signed_in.cookies["s"].value.encode()]
    assert [clear.count(form) for secret in secrets for form in spellings(secret)] == [0] * 15
    assert clear.count(PASSAGE.encode()) == 0
    assert clear.count(b'["privacy.Session"') == 0
    assert clear.count(b'["requests_app.Need"') == 1


def test_it_is_of_one_moment_and_keeps_nobody_from_writing(world: World) -> None:
    """Somebody writes after the first line was read and before the last table is."""

    def write() -> None:
        Volunteer.objects.filter(pk=world.coordinator.volunteer.pk).update(handle="Changed")
        Counter.objects.bump("meanwhile", AT)
        connections.close_all()

    with backup.snapshot():
        found = backup.lines()
        next(found)
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(30)
        waited = thread.is_alive()
        text = b"".join(found)

    assert not waited
    assert (text.count(b"Changed"), text.count(b"meanwhile")) == (0, 0)
    assert Volunteer.objects.get(pk=world.coordinator.volunteer.pk).handle == "Changed"
    assert Counter.objects.filter(name="meanwhile").exists()


def test_the_command_writes_a_whole_file_for_its_owner_only(world: World, tmp_path: Path) -> None:
    file = tmp_path / "nightly.age"
    out = io.StringIO()

    call_command("backup", str(file), "--to", str(OPERATOR.to_public()), stdout=out)

    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert opened(file.read_bytes()).endswith(b"}\n")
    assert sorted(path.name for path in tmp_path.glob("*age*")) == ["nightly.age"]
    assert "rows, sealed." in out.getvalue()


@pytest.mark.parametrize("key", ["", "age1nonsense", "AGE-SECRET-KEY-1QQQQ"])
def test_what_is_no_public_key_is_refused_and_nothing_is_written(
    world: World, tmp_path: Path, key: str
) -> None:
    with pytest.raises(CommandError, match="This is no public key of age") as refused:
        call_command("backup", str(tmp_path / "nightly.age"), "--to", key)

    assert not key or key not in str(refused.value)
    assert list(tmp_path.glob("*age*")) == []


# Bringing it back


def test_everything_comes_back_as_it_was(world: World) -> None:
    visit, need = world.ask(note=PASSAGE)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    world.volunteer("Dana")
    before = every_row()
    Need.objects.filter(pk=need.pk).update(people=3)

    put_back(taken_before(before))

    changed = (b'["volunteers.Volunteer"', b'["requests_app.Mailbox"', b'["volunteers.Invitation"', b'{"end"')
    assert without(every_row(), *changed) == without(before, *changed)
    need, claim = Need.objects.get(), Claim.objects.get()
    assert need.read_note(visit.unlocked)[0] == PASSAGE
    assert claim.read_place(visit.unlocked, AT) == PASSAGE
    assert OfferPlace.objects.filter(volunteer=claim.volunteer).exists()
    assert Distance.objects.exists()


def taken_before(lines: list[bytes]) -> bytes:
    """A backup of those lines."""
    return bytes(pyrage.encrypt(b"".join(lines), [OPERATOR.to_public()]))


def without(lines: list[bytes], *beginnings: bytes) -> list[bytes]:
    return [line for line in lines if not line.startswith(beginnings)]


def test_the_phones_that_were_told_are_reached_by_what_was_restored(world: World) -> None:
    keep_push_key(AT)
    phone = Browser("https://fcm.googleapis.com/fcm/send/x").subscription
    Channel.objects.add(
        recipient=world.coordinator.volunteer.pk, transport="push", address=phone, language="en", at=AT
    )
    key = PushKey.objects.get()
    before, sealed = (key.public_text(), key.private()), taken()
    PushKey.objects.make(after=key.number)

    call_command_restore(world, sealed)

    key = PushKey.objects.get()
    assert (key.public_text(), key.private()) == before
    assert Channel.objects.get().is_broken is False


def test_a_backup_from_before_there_was_a_key_for_phones_gets_one(world: World) -> None:
    sealed = taken()

    call_command_restore(world, sealed)

    assert PushKey.objects.get().is_genuine()


def test_new_rows_get_numbers_that_are_free(world: World) -> None:
    for _ in range(3):
        world.ask()

    put_back(taken())

    world.ask()
    assert Need.objects.count() == 4


@pytest.mark.parametrize("end", ["expire", "withdraw", "erase", "met"])
def test_what_ended_meanwhile_does_not_come_back(world: World, end: str) -> None:
    visit, need = world.ask(note=PASSAGE, desk_reads=True)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    sealed, later = taken(), need.expires_at
    note = Need.objects.get()
    getattr(need, end)(later)

    put_back(sealed, at=AT)

    assert (Need.objects.count(), Claim.objects.count(), Mailbox.objects.count()) == (0, 0, 0)
    assert visit.secret is not None
    assert Mailbox.objects.behind(visit.secret, AT) is None
    for unlocked in (visit.unlocked, world.desk()):
        with pytest.raises(Unreadable):
            note.read_note(unlocked)
    assert keyring().missing([(claim.slot_number, claim.slot_owner)]) == [claim.slot_owner]


def test_without_the_restore_closing_it_nothing_would_open_either(world: World) -> None:
    """The rows of a backup, as a thief has them: with her code, and with every key of the desk."""
    visit, need = world.ask(note=PASSAGE, desk_reads=True)
    rows = every_row()
    assert need.read_note(visit.unlocked)[0] == PASSAGE
    assert need.read_note(world.desk())[0] == PASSAGE
    kept = Need.objects.get()
    kept.compartment("note")

    need.withdraw(AT)

    assert any(line.startswith(b'["privacy.Grant"') for line in rows)
    for unlocked in (visit.unlocked, world.desk()):
        with pytest.raises(Unreadable):
            kept.read_note(unlocked)


def test_a_claim_that_ended_meanwhile_is_over_and_its_task_is_free(world: World) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    sealed = taken()
    claim.release(AT)

    put_back(sealed)

    assert Claim.objects.get().status == "released"
    assert (Need.objects.get().status, only_task(need).status) == ("open", "open")


def test_what_began_since_the_backup_leaves_no_key(world: World) -> None:
    world.ask()
    sealed = taken()
    _visit, since = world.ask()
    key = keyring().read(since.slot_number, since.slot_owner)

    call_command_restore(world, sealed)

    assert FileKeyring().path.read_bytes().count(key) == 0


def call_command_restore(world: World, sealed: bytes, *words: str) -> str:
    folder = secret_store.path().parent.parent
    (folder / "b.age").write_bytes(sealed)
    (folder / "operator.txt").write_text(f"# created\n{OPERATOR}\n")
    out = io.StringIO()
    named = [
        "restore",
        str(folder / "b.age"),
        "--identity",
        str(folder / "operator.txt"),
        "--replace",
        *words,
    ]
    call_command(*named, stdout=out)
    return out.getvalue()


def test_nobody_is_signed_in_and_no_link_lets_anybody_in(world: World) -> None:
    visit, _need = world.ask()
    signed_in = world.coordinator.sign_in(Client())
    Invitation.objects.make(world.coordinator.volunteer, AT, coordinator=True)
    epochs = (Volunteer.objects.get().epoch, visit.mailbox.epoch)

    put_back(taken())

    assert signed_in.get("/desk/").status_code == 302
    assert (Session.objects.count(), Invitation.objects.count()) == (0, 0)
    assert Volunteer.objects.get().epoch != epochs[0]
    assert Mailbox.objects.get().epoch != epochs[1]


def test_volunteers_wait_until_the_desk_lets_them_back_in(world: World) -> None:
    person = world.volunteer()

    put_back(taken())

    waiting = Volunteer.objects.get(pk=person.volunteer.pk)
    assert list(Volunteer.objects.let_in()) == [world.coordinator.volunteer]
    assert not OfferPlace.objects.filter(volunteer=waiting, ready=True).exists()
    waiting.vouch(world.coordinator.volunteer, AT, "met")
    assert OfferPlace.objects.filter(volunteer=waiting, ready=True).exists()


def test_only_those_named_work_at_the_desk_again(world: World) -> None:
    world.ask()
    sealed, name = taken(), world.coordinator.volunteer.username

    with pytest.raises(RestoreRefused, match="Nobody with that user name works at the desk"):
        put_back(sealed, Wishes(desk=["nobody-here-10"]))
    said = call_command_restore(world, sealed, "--desk", name)

    assert f"At the desk again: {name}." in said
    assert desk.has_share(world.coordinator.volunteer)


def test_whoever_is_not_named_has_neither_the_desk_nor_a_key_that_is_granted_anything(world: World) -> None:
    ana, cleo = world.coordinator, people.coordinator(world.coordinator)
    desk.share_with(cleo.volunteer, ana.volunteer, ana.private)

    put_back(taken(), Wishes(desk=[ana.volunteer.username]))

    left = Volunteer.objects.get(pk=cleo.volunteer.pk)
    assert (left.is_coordinator, left.is_let_in, desk.has_share(left)) == (False, False, False)
    # Cleo may have written the pair down: nothing is granted to it before Ana has made a new one.
    assert desk.may_be_granted() is False
    desk_key.renew(ana.volunteer, ana.private, AT)
    assert (desk.may_be_granted(), desk.holders()) == (True, {ana.volunteer.pk})


def test_where_all_of_the_desk_are_named_its_key_goes_on(world: World) -> None:
    ana, cleo = world.coordinator, people.coordinator(world.coordinator)
    desk.share_with(cleo.volunteer, ana.volunteer, ana.private)

    put_back(taken(), Wishes(desk=[ana.volunteer.username, cleo.volunteer.username]))

    assert (desk.may_be_granted(), desk.holders()) == (True, {ana.volunteer.pk, cleo.volunteer.pk})


# The keyring is gone as well


def test_with_the_keyring_lost_facts_come_back_and_her_code_still_opens_her_mailbox(world: World) -> None:
    visit, need = world.ask(note=PASSAGE)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    sealed = taken()
    FileKeyring().path.unlink()

    put_back(sealed, Wishes(keyring_lost=True))

    back = Need.objects.get()
    assert (back.status, back.kind, back.day) == ("unreadable", need.kind, need.day)
    assert Claim.objects.get(pk=claim.pk).status == "released"
    assert visit.secret is not None
    found = Mailbox.objects.behind(visit.secret, AT)
    assert found is not None
    mailbox, seed = found
    back.write_again(world.asked(note="Again."), AT)
    assert Need.objects.get().read_note(mailbox.unlocked(seed))[0] == "Again."


def test_a_missing_keyring_is_not_taken_as_lost_by_itself(world: World) -> None:
    world.ask()
    sealed, before = taken(), every_row()
    FileKeyring().path.unlink()

    with pytest.raises(InstanceRefused, match="The keyring is missing"):
        put_back(sealed)

    assert every_row() == before
    assert not FileKeyring().path.exists()


def test_a_keyring_that_is_there_is_not_lost(world: World) -> None:
    sealed = taken()

    with pytest.raises(RestoreRefused, match="The keyring is there"):
        put_back(sealed, Wishes(keyring_lost=True))


# Refused


def test_foreign_secrets_are_refused_and_nothing_changes(world: World) -> None:
    world.ask()
    sealed, before, own = taken(), every_row(), secret_store.load()

    for other in (StoredSecrets(bytes(16), own.roots), StoredSecrets(own.id, {1: crypto.new_key()})):
        secret_store.write(other)
        with pytest.raises(RestoreRefused, match="The instance secrets are not those of this backup"):
            put_back(sealed)

    assert every_row() == before


def test_missing_secrets_come_back_from_the_key_sheet(world: World) -> None:
    visit, _need = world.ask(note=PASSAGE)
    sealed, sheet = taken(), {v: " ".join(words) for v, words in instance.sheet().items()}
    before = secret_store.path().read_bytes()
    secret_store.path().unlink()
    secret_store.forget()

    with pytest.raises(RestoreRefused, match="The instance secrets are missing"):
        put_back(sealed)
    with pytest.raises(InstanceRefused, match="A word is missing or wrong"):
        put_back(sealed, Wishes(sheets={1: "abandon"}))
    put_back(sealed, Wishes(sheets=sheet))

    assert secret_store.path().read_bytes() == before
    assert Need.objects.get().read_note(visit.unlocked)[0] == PASSAGE


def test_a_backup_from_before_a_rotation_is_restored_while_its_root_is_kept(world: World) -> None:
    visit, _need = world.ask(note=PASSAGE)
    sealed = taken()
    instance.add_root()

    put_back(sealed)

    instance.ensure(create=False)
    assert Need.objects.get().read_note(visit.unlocked)[0] == PASSAGE
    instance.retire_older_roots()
    with pytest.raises(RestoreRefused, match="The instance secrets are not those of this backup"):
        put_back(sealed)


@pytest.mark.parametrize("cut", [1, 16, 200, 5000], ids=str)
def test_a_backup_cut_short_is_refused_and_nothing_changes(world: World, cut: int) -> None:
    world.ask()
    sealed, before = taken(), every_row()

    with pytest.raises(RestoreRefused, match="This file does not open"):
        put_back(sealed[:-cut])

    assert every_row() == before


def test_a_changed_byte_is_refused(world: World) -> None:
    sealed = bytearray(taken())
    sealed[len(sealed) // 2] ^= 1

    with pytest.raises(RestoreRefused, match="This file does not open"):
        put_back(bytes(sealed))


def test_a_backup_without_its_end_or_of_another_version_is_refused(world: World) -> None:
    lines = every_row()
    newer = [*lines[:-1], b'["privacy.Counter",{"id":1,"unheard_of":"1"}]\n', lines[-1]]
    unknown = [lines[0], b'["later.Table",{"id":1}]\n', *lines[1:]]

    with pytest.raises(RestoreRefused, match="This backup has no end"):
        put_back(taken_before(lines[:-1]))
    for other in (newer, unknown, [b'{"mutualaid":99}\n', *lines[1:]], [b"[1]\n"]):
        with pytest.raises(RestoreRefused, match="Another version of this system made this backup"):
            put_back(taken_before(other))


def test_an_instance_in_use_or_running_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "b.age").write_bytes(taken())
    (tmp_path / "k").write_text(str(OPERATOR))
    words = ["restore", str(tmp_path / "b.age"), "--identity", str(tmp_path / "k")]
    assert is_in_use()

    with pytest.raises(CommandError, match="This instance is in use: with --replace"):
        call_command(*words)
    Heartbeat.objects.beat("ticker", [], AT - timedelta(seconds=5))
    with pytest.raises(CommandError, match="This instance is running: stop it"):
        call_command(*words, "--replace")


@pytest.mark.parametrize("text", ["", "# public key: age1x\n", "age1qqq", "AGE-SECRET-KEY-1QQQ"])
def test_a_file_without_an_identity_is_refused(text: str) -> None:
    with pytest.raises(RestoreRefused, match="There is no age identity in this file"):
        identities(text)


def test_neither_writes_anything_anywhere_else(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(elsewhere))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(elsewhere)
    world.volunteer("Somebody Unusual")

    call_command_restore(world, taken())

    assert list(elsewhere.iterdir()) == []
    clear = [p for p in tmp_path.rglob("*") if p.is_file() and b"Somebody Unusual" in p.read_bytes()]
    assert clear == []
    assert Instance.objects.get().next_fingerprint is None


@pytest.mark.once
def test_a_backup_of_sqlite_is_restored_on_postgresql(tmp_path: Path) -> None:
    """A system that grows, through the commands themselves."""
    (tmp_path / "k").write_text(str(OPERATOR))
    to, file = str(OPERATOR.to_public()), str(tmp_path / "b.age")
    with (
        live.instance("sqlite", "memory", tmp_path / "data") as small,
        servers.postgres_database(f"grown_{os.getpid()}") as url,
    ):
        small.demo()
        small.manage("backup", file, "--to", to)
        grown = replace(small, environment=small.environment | {"DATABASE_URL": url})
        with pytest.raises(subprocess.CalledProcessError) as refused:
            grown.manage("setup")
        said = grown.manage("restore", file, "--identity", str(tmp_path / "k"))
        grown.manage("backup", f"{file}2", "--to", to)

    before, after = (facts(opened(Path(path).read_bytes())) for path in (file, f"{file}2"))
    assert "The database is empty, but its keyring is in use" in refused.value.stderr
    assert "rows are back. Nobody is signed in." in said
    assert len(before) > 50
    assert after == before


def facts(clear: bytes) -> list[bytes]:
    """The lines of a backup that a restore leaves alone, in an order that is no database's own."""
    changed = (b'["volunteers.', b'["requests_app.Mailbox"', b'["privacy.Instance"', b"{")
    return sorted(without(clear.splitlines(), *changed))
