"""Compartments: they open for those they were granted to, and close when a slot is destroyed."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from privacy.compartments import Compartment, Grant, Opened, Reader
from privacy.crypto import KeyPair, SealingImpossible, TooLong, Unreadable, fingerprint
from privacy.keyring import FileKeyring, Slot, keyring

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 18, 40, tzinfo=UTC)


@dataclass
class Person:
    reader: Reader
    private: bytes

    def opens(self, compartment: Compartment) -> Opened:
        return Compartment.objects.get(pk=compartment.pk).open(self.reader, self.private)

    def can_open(self, compartment: Compartment) -> bool:
        try:
            self.opens(compartment)
        except Unreadable:
            return False
        return True


def person(kind: str) -> Person:
    pair = KeyPair.generate()
    return Person(Reader(kind, uuid4(), pair.public), pair.private)


def slot_for(kind: str) -> tuple[str, Slot]:
    owner = f"{kind}:{uuid4()}"
    return owner, keyring().allocate(owner)


def note_for(*people: Person) -> tuple[Compartment, Opened, str, Slot]:
    owner, slot = slot_for("need")
    compartment, opened = Compartment.objects.make(
        "note", owner, slot.number, [someone.reader for someone in people], AT
    )
    return compartment, opened, owner, slot


def test_everybody_it_was_granted_to_reads_the_same() -> None:
    asker, desk = person("mailbox"), person("desk")
    note, opened, _owner, _slot = note_for(asker, desk)

    blob = opened.seal_text("grüße, second floor 🌿", "need", "note", 1)

    assert [someone.opens(note).open_text(blob, "need", "note", 1) for someone in (asker, desk)] == [
        "grüße, second floor 🌿"
    ] * 2


def test_nobody_else_opens_it() -> None:
    asker, stranger = person("mailbox"), person("volunteer")
    note, *_ = note_for(asker)

    assert (asker.can_open(note), stranger.can_open(note)) == (True, False)
    with pytest.raises(Unreadable):
        note.open(asker.reader, stranger.private)
    with pytest.raises(Unreadable):
        Compartment.open_for(None, asker.reader, asker.private)


def test_it_says_to_whom_it_was_granted() -> None:
    asker, stranger = person("mailbox"), person("volunteer")
    note, *_ = note_for(asker)

    assert (note.can_be_opened_by(asker.reader), note.can_be_opened_by(stranger.reader)) == (True, False)


def test_text_moved_to_another_row_field_or_compartment_does_not_open() -> None:
    asker = person("mailbox")
    _note, opened, owner, slot = note_for(asker)
    _other, other = Compartment.objects.make("place", owner, slot.number, [asker.reader], AT)
    blob = opened.seal_text("x", "need", "note", 1)

    for reads, model, field, row in (
        (opened, "need", "note", 2),
        (opened, "need", "answers", 1),
        (opened, "claim", "note", 1),
        (other, "need", "note", 1),
    ):
        with pytest.raises(Unreadable):
            reads.open_text(blob, model, field, row)


def test_text_that_is_too_long_is_refused() -> None:
    _note, opened, *_ = note_for()

    with pytest.raises(TooLong):
        opened.seal_text("é" * 9000, "need", "note", 1)


def test_when_the_slot_is_destroyed_it_is_closed_for_everybody() -> None:
    asker, desk = person("mailbox"), person("desk")
    note, _opened, owner, slot = note_for(asker, desk)

    keyring().destroy(slot.number, owner)

    assert (asker.can_open(note), desk.can_open(note)) == (False, False)


def test_nothing_is_sealed_under_a_destroyed_slot() -> None:
    owner, slot = slot_for("need")
    keyring().destroy(slot.number, owner)

    with pytest.raises(Unreadable):
        Compartment.objects.make("note", owner, slot.number, [], AT)
    assert not Compartment.objects.of(owner).exists()


def test_a_grant_under_a_claim_ends_with_the_claim_and_no_other() -> None:
    asker, volunteer = person("mailbox"), person("volunteer")
    note, opened, _owner, _slot = note_for(asker)
    claim, slot = slot_for("claim")
    opened.grant(note, volunteer.reader, AT, slot_owner=claim, slot_number=slot.number)
    blob = opened.seal_text("x", "need", "note", 1)

    while_claimed = volunteer.opens(note).open_text(blob, "need", "note", 1)
    keyring().destroy(slot.number, claim)

    assert while_claimed == "x"
    assert (volunteer.can_open(note), asker.can_open(note)) == (False, True)


def test_a_grant_can_be_given_again_to_another_key() -> None:
    asker, volunteer = person("mailbox"), person("volunteer")
    note, opened, *_ = note_for(asker)
    claim, slot = slot_for("claim")
    opened.grant(note, volunteer.reader, AT, slot_owner=claim, slot_number=slot.number)
    again = replace(volunteer.reader, public_key=(pair := KeyPair.generate()).public)
    before = note.can_be_opened_by(again)

    opened.grant(note, again, AT, slot_owner=claim, slot_number=slot.number)

    assert (before, note.can_be_opened_by(again)) == (False, True)
    assert Person(again, pair.private).can_open(note)
    assert not volunteer.can_open(note)
    assert Grant.objects.under(claim).count() == 1


def test_of_two_grants_under_two_slots_one_stays_when_the_other_ends() -> None:
    asker, volunteer = person("mailbox"), person("volunteer")
    note, opened, *_ = note_for(asker)
    (there, slot_there), (back, slot_back) = slot_for("claim"), slot_for("claim")
    for owner, slot in ((there, slot_there), (back, slot_back)):
        opened.grant(note, volunteer.reader, AT, slot_owner=owner, slot_number=slot.number)
    under = [note.can_be_opened_by(volunteer.reader, owner) for owner in (there, back, "claim:none")]

    keyring().destroy(slot_there.number, there)
    after_one = volunteer.can_open(note)
    keyring().destroy(slot_back.number, back)

    assert under == [True, True, False]
    assert (after_one, volunteer.can_open(note)) == (True, False)


def test_a_grant_somebody_wrote_into_the_database_counts_for_nothing() -> None:
    asker, stranger = person("mailbox"), person("volunteer")
    note, *_ = note_for(asker)

    Grant.objects.update(
        reader_kind="volunteer",
        reader_id=str(stranger.reader.id),
        key_fingerprint=fingerprint(stranger.reader.public_key),
    )

    assert not note.can_be_opened_by(stranger.reader)


def test_whoever_was_granted_may_grant_on() -> None:
    asker, volunteer = person("mailbox"), person("volunteer")
    note, *_ = note_for(asker)

    asker.opens(note).grant(note, volunteer.reader, AT)

    assert volunteer.can_open(note)


def test_only_the_compartment_that_was_opened_can_be_granted() -> None:
    asker, volunteer = person("mailbox"), person("volunteer")
    _note, opened, *_ = note_for(asker)
    other, *_ = note_for(asker)

    with pytest.raises(ValueError, match="not the one that was opened"):
        opened.grant(other, volunteer.reader, AT)
    assert not other.can_be_opened_by(volunteer.reader)


def test_half_a_slot_is_no_grant() -> None:
    volunteer = person("volunteer")
    note, opened, *_ = note_for()
    owner, slot = slot_for("claim")

    with pytest.raises(ValueError, match="owner and a number"):
        opened.grant(note, volunteer.reader, AT, slot_owner=owner)
    with pytest.raises(ValueError, match="owner and a number"):
        opened.grant(note, volunteer.reader, AT, slot_number=slot.number)
    assert not note.can_be_opened_by(volunteer.reader)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reader_kind", "desk"),
        ("reader_id", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"),
        ("key_fingerprint", bytes(16)),
        ("slot_number", 7),
        ("slot_owner", "claim:1"),
        ("granted_at", AT - timedelta(hours=3)),
        ("mac", bytes(32)),
        ("sealed", bytes(330)),
    ],
)
def test_a_grant_that_was_changed_is_refused(name: str, value: object) -> None:
    asker = person("mailbox")
    note, *_ = note_for(asker)

    Grant.objects.update(**{name: value})

    changed = Grant.objects.get()
    reader = Reader(changed.reader_kind, changed.reader_id, asker.reader.public_key)
    with pytest.raises(Unreadable):
        note.open(reader, asker.private)


def test_grants_swapped_between_compartments_or_readers_are_refused() -> None:
    asker, other = person("mailbox"), person("mailbox")
    note, *_ = note_for(asker)
    foreign, *_ = note_for(other)
    mine, theirs = note.grants.get(), foreign.grants.get()

    Grant.objects.filter(pk=theirs.pk).update(
        sealed=mine.sealed, mac=mine.mac, key_fingerprint=mine.key_fingerprint, reader_id=asker.reader.id
    )

    assert (asker.can_open(foreign), other.can_open(foreign)) == (False, False)
    Grant.objects.filter(pk=theirs.pk).delete()
    Grant.objects.filter(pk=mine.pk).update(compartment=foreign)
    assert not asker.can_open(foreign)


def test_a_place_that_is_called_a_thread_takes_no_messages() -> None:
    asker = person("mailbox")
    note, *_ = note_for(asker)
    assert asker.can_open(note)

    Compartment.objects.update(purpose="thread")

    assert not asker.can_open(Compartment.objects.get())


def test_a_swapped_public_key_is_refused() -> None:
    asker, thief = person("mailbox"), KeyPair.generate()
    note, *_ = note_for(asker)

    with pytest.raises(Unreadable):
        note.open(replace(asker.reader, public_key=thief.public), thief.private)


def test_a_compartment_moved_to_another_slot_reads_nothing() -> None:
    asker = person("mailbox")
    note, opened, *_ = note_for(asker)
    blob = opened.seal_text("x", "need", "note", 1)
    owner, slot = slot_for("need")

    Compartment.objects.update(slot_owner=owner, slot_number=slot.number)

    with pytest.raises(Unreadable):
        asker.opens(note).open_text(blob, "need", "note", 1)


def test_without_a_keyring_nothing_opens_or_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    asker = person("mailbox")
    note, _opened, owner, slot = note_for(asker)
    monkeypatch.setattr(FileKeyring, "path", property(lambda self: "/nowhere"), raising=False)
    monkeypatch.setattr(FileKeyring, "__init__", lambda self: None)

    with pytest.raises(SealingImpossible):
        note.open(asker.reader, asker.private)
    with pytest.raises(SealingImpossible):
        Compartment.objects.make("place", owner, slot.number, [asker.reader], AT)


def test_a_grant_knows_the_hour_and_no_more() -> None:
    note_for(person("mailbox"))

    assert Grant.objects.get().granted_at == datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def test_ending_deletes_what_hangs_on_the_slot_and_nothing_else() -> None:
    asker = person("mailbox")
    note, _opened, owner, _slot = note_for(asker)
    other, *_ = note_for(asker)

    Compartment.objects.of(owner).delete()

    assert list(Compartment.objects.all()) == [other]
    assert list(Grant.objects.of_reader("mailbox", asker.reader.id)) == list(other.grants.all())
    assert not note.can_be_opened_by(asker.reader)


def test_a_list_is_opened_without_a_query_for_each(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    asker = person("mailbox")
    for _ in range(5):
        note_for(asker, person("desk"))

    with django_assert_num_queries(2):
        notes = list(Compartment.objects.all().with_grants())
        opened = [note.open(asker.reader, asker.private) for note in notes]

    assert [each.compartment_id for each in opened] == [note.id for note in notes]


def test_keys_do_not_show_in_texts() -> None:
    note, opened, *_ = note_for()

    assert repr(opened) == f"Opened(compartment_id={note.id!r})"
