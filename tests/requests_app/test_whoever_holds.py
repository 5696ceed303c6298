"""What lies on the disk opens nothing by itself: somebody has to bring a code, a passphrase or a sheet."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from privacy import crypto, instance, secret_store
from privacy.crypto import KeyPair, Unreadable
from privacy.derivation import derive_all
from privacy.keyring import FileKeyring, keyring
from privacy.models import Compartment, Grant
from privacy.secret_store import StoredSecrets
from requests_app.models import Claim, Mailbox, Message, Need
from requests_app.visits import Visit
from tests.requests_app.world import World, claim_of, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import keys
from volunteers.models import Volunteer

NEW = "orchard window paper boat"
NOTE, PLACE, WRITTEN = "Heron by the blue door.", "Magpie under the clock", "Badger wears a scarf."


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


@pytest.fixture
def coming(world: World, ben: Person) -> tuple[Visit, Claim]:
    """Ben comes; note, place and a message are written; the desk may read the note; sessions are open."""
    visit, need = world.ask(note=NOTE, desk_reads=True)
    claim = say_yes(visit, take(ben, only_task(need)), place=PLACE)
    claim.write(visit.unlocked, Message.ASKER, WRITTEN, AT)
    for person in (ben, world.coordinator):
        person.sign_in(Client())
    return visit, claim_of(ben, claim.task)


def values() -> Iterator[bytes]:
    """Every value of every table that is made of bytes."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield from (bytes(value) for value in row if isinstance(value, bytes | memoryview))


def windows(blob: bytes) -> set[bytes]:
    """What 32 bytes of it may be a key: of its beginning, of its end, or of it all where it is short."""
    parts = [blob] if len(blob) <= 100 else [blob[:64], blob[-64:]]
    return {part[at : at + 32] for part in parts for at in range(max(0, len(part) - 31))}


def on_the_disk() -> set[bytes]:
    """Every key that somebody with database, secrets and keyring may find, or think they found."""
    found = set(secret_store.load().roots.values())
    made = instance.secrets()
    found |= {value for value in vars(made).values() if isinstance(value, bytes) and len(value) == 32}
    for several in (made.peppers, made.mac_keys):
        found |= {key for key in dict(several).values() if len(key) == 32}
    for row in (*Need.objects.all(), *Claim.objects.all()):
        found.add(keyring().read(row.slot_number, row.slot_owner))
    for value in values():
        found |= windows(value)
    return found


def opened(candidates: Iterable[bytes]) -> set[str]:
    """What opens with any of these as somebody's private key, as its seed, or as a compartment's key."""
    found, grants = set(), []
    for grant in Grant.objects.all():
        # Whoever holds the keyring unwraps what a slot wraps.
        box, wrapping = bytes(grant.sealed), grant._wrapping_key()
        box = crypto.open_sealed(wrapping, box, grant._context()) if wrapping else box
        grants.append((f"grant of {grant.reader_kind}", box, grant._context()))
    need = Need.objects.get()
    note = Compartment.objects.get(slot_owner=need.slot_owner, purpose="note")
    for key in candidates:
        for private in (key, KeyPair.from_seed(key).private):
            found |= {what for what, box, where in grants if opens(crypto.open_with, private, box, where)}
        if opens(note._opened_with(key).open_text, bytes(need.note or b""), "need", "note", need.pk):
            found.add("note")
    return found


def opens(verb: Callable[..., object], *what: object) -> bool:
    try:
        verb(*what)
    except Unreadable:
        return False
    return True


def test_nothing_on_the_whole_disk_opens_anything_without_somebody(
    world: World, coming: tuple[Visit, Claim], ben: Person
) -> None:
    visit, _claim = coming

    candidates = on_the_disk()

    assert len(candidates) > 1000
    assert opened(candidates) == set()
    # What people bring does: otherwise this would be looking in the wrong place.
    assert opened([ben.private]) == {"grant of volunteer"}
    assert opened([visit.seed]) == {"grant of mailbox"}
    assert opened([world.desk().private_key]) == {"grant of desk"}


def test_a_dump_and_everything_people_know_open_nothing_without_the_keyring(
    world: World, coming: tuple[Visit, Claim], ben: Person, settings: Any, tmp_path: Path
) -> None:
    visit, claim = coming
    need = Need.objects.get()
    everybody = [visit.unlocked, world.desk(), unlocked(ben)]
    before = [need.read_note(one)[0] for one in everybody]

    settings.KEYRING_PATH = tmp_path / "another" / "slots"
    FileKeyring().create()

    assert before == [NOTE] * 3
    assert [opens(need.read_note, one) for one in everybody] == [False] * 3
    assert [opens(claim.read_place, one, AT) for one in everybody] == [False] * 3


def test_a_dump_and_her_code_find_nothing_without_the_secrets(coming: tuple[Visit, Claim]) -> None:
    """So a dump alone cannot be guessed at: not even the right code leads to her mailbox."""
    secret, stored = coming[0].secret or b"", secret_store.load()
    with_them = Mailbox.objects.behind(secret, AT)
    seeds = [derived.seed for derived in derive_all(secret)]

    secret_store.write(StoredSecrets(stored.id, {1: crypto.new_key()}))
    try:
        without = Mailbox.objects.behind(secret, AT)
        other_seeds = [derived.seed for derived in derive_all(secret)]
    finally:
        secret_store.write(stored)

    assert with_them is not None
    assert without is None
    assert set(seeds) & set(other_seeds) == set()


def test_a_stolen_passphrase_is_no_use_once_there_is_a_new_one(ben: Person) -> None:
    ben.sign_in(Client())
    keys.change_passphrase(Volunteer.objects.get(pk=ben.volunteer.pk), PASSPHRASE, NEW)

    again = Client().post("/accounts/login/", {"login": ben.volunteer.username, "password": PASSPHRASE})

    assert again.status_code == 200
    assert not opens(keys.unlock, Volunteer.objects.get(pk=ben.volunteer.pk), PASSPHRASE)
