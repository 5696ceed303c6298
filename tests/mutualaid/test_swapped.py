"""Whoever can write to the database moves things about: nothing opens where it does not belong.

Over every field that a model declares as sealed: a new one fails here until it is among the cells.
"""

import copy
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations, permutations
from typing import Any

import pytest
from django.db import models

from privacy import secret_store
from privacy.crypto import Unreadable
from privacy.models import Compartment, Grant
from privacy.secret_store import StoredSecrets
from requests_app.models import Mailbox, Message, Task
from tests.mutualaid.an_instance import world
from tests.mutualaid.everything_sealed import Cell, cells, sealed_fields
from tests.requests_app.world import World
from volunteers import desk
from volunteers.models import DeskKey, Volunteer

__all__ = ["world"]
pytestmark = pytest.mark.once


@pytest.fixture
def sealed(world: World) -> list[Cell]:
    return cells(world)


def test_every_sealed_field_of_every_model_is_tried_twice(sealed: list[Cell]) -> None:
    tried = [cell.field for cell in sealed]

    assert set(tried) == sealed_fields()
    assert {field for field in tried if tried.count(field) < 2} == set()


def test_everybody_reads_their_own_and_the_two_sides_have_nothing_in_common(sealed: list[Cell]) -> None:
    """Otherwise a text that moved could not be told from one that stayed."""
    read = [cell.read() for cell in sealed]
    # Both coordinators hold the same key of the desk.
    own = [one for cell, one in zip(sealed, read, strict=True) if cell.name != "sealed_private"]
    texts = [{str(text) for one in half for text in one.values()} for half in _halves(own)]

    assert [cell.field for cell, one in zip(sealed, read, strict=True) if Unreadable in one.values()] == []
    assert texts[0] & texts[1] == set()


def _halves(whole: list[Any]) -> tuple[list[Any], list[Any]]:
    return whole[: len(whole) // 2], whole[len(whole) // 2 :]


def test_a_ciphertext_of_another_row_or_field_is_refused_to_every_reader(sealed: list[Cell]) -> None:
    """The same field of any other row, any other field of the same row: need for need, claim for claim."""
    pairs = [(s, t) for s, t in permutations(sealed, 2) if s.field == t.field or s.pk == t.pk]

    assert _opened_after_moving(sealed, pairs) == []


@pytest.mark.drill
def test_a_ciphertext_from_anywhere_else_is_refused_to_every_reader(sealed: list[Cell]) -> None:
    """From any table to any other."""
    assert _opened_after_moving(sealed, list(permutations(sealed, 2))) == []


def _opened_after_moving(sealed: list[Cell], pairs: list[tuple[Cell, Cell]]) -> list[Any]:
    """Who read something after the first of each pair had been put where the second was."""
    blobs = {cell: cell.get() for cell in sealed}
    opened = []
    for source, target in pairs:
        if not _are_one_persons_own_seeds(source, target):
            target.put(blobs[source])
            opened += [(source.field, target.field, who) for who in _not_refused(target)]
            target.put(blobs[target])
    assert {target for _source, target in pairs} == set(sealed)
    assert [cell.field for cell in sealed if _not_refused(cell) != list(cell.readers)] == []
    return opened


def _not_refused(cell: Cell) -> list[str]:
    return [who for who, read in cell.read().items() if read is not Unreadable]


def _are_one_persons_own_seeds(one: Cell, other: Cell) -> bool:
    """Not told apart (docs/decisions/accounts-and-keys.md): both are theirs, of no use to others."""
    if one.field != other.field or one.name != "data" or not one.key:
        return False
    owners = {cell.model._default_manager.get(pk=cell.pk).user_id for cell in (one, other)}  # type: ignore[attr-defined]
    return len(owners) == 1


def test_what_another_instance_sealed_is_refused(sealed: list[Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one with the same roots and the same keyring: only its id is another."""
    own = secret_store.load()
    monkeypatch.setattr("privacy.keyring._instance_id", lambda: own.id)
    monkeypatch.setattr(secret_store, "load", lambda: StoredSecrets(bytes(16), own.roots))

    assert [(cell.field, who) for cell in sealed for who in _not_refused(cell)] == []


def test_a_wrapped_key_moved_with_its_salt_opens_for_nobody(sealed: list[Cell]) -> None:
    """Everybody here has the same passphrase, so that only the row it is bound to tells them apart."""
    for name, salt in (("wrapped_private", "wrap_salt"), ("wrapped_recovery", "recovery_salt")):
        one, other = (cell for cell in sealed if cell.name == name)
        values = Volunteer.objects.filter(pk=one.pk).values(name, salt).get()
        Volunteer.objects.filter(pk=other.pk).update(**values)
        assert _not_refused(other) == []


def test_nobody_is_made_to_have_said_what_the_other_wrote(sealed: list[Cell]) -> None:
    hers, theirs, *_others = (cell for cell in sealed if cell.name == "body")
    Message.objects.filter(pk=hers.pk).update(author=Message.VOLUNTEER)
    Message.objects.filter(pk=theirs.pk).update(author=Message.ASKER)

    assert (_not_refused(hers), _not_refused(theirs)) == ([], [])


@pytest.mark.parametrize("column", ["recipient", "transport"])
def test_an_address_moved_to_another_recipient_is_no_address(sealed: list[Cell], column: str) -> None:
    one, other = (cell for cell in sealed if cell.name == "address")
    value = "push" if column == "transport" else other.model._default_manager.get(pk=other.pk).recipient  # type: ignore[attr-defined]
    one.model._default_manager.filter(pk=one.pk).update(**{column: value})

    assert one.read() == {"server": Unreadable}


# Grants, compartments, public keys

GRANT_COLUMNS = (
    ("sealed",),
    ("mac",),
    ("key_fingerprint",),
    ("compartment_id",),
    ("reader_kind", "reader_id"),
    ("slot_owner", "slot_number"),
    ("granted_at",),
)


def test_a_grant_with_any_columns_of_another_opens_for_neither_reader(
    sealed: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pair of grants, every set of columns but all of them."""
    grants = {cell.pk: cell for cell in sealed if cell.field == ("privacy.Grant", "sealed")}
    rows = {row.pk: row for row in Grant.objects.filter(pk__in=grants)}
    opened, tried = [], 0
    for one, other in permutations(rows.values(), 2):
        for mixed in _mixed(one, other):
            monkeypatch.setattr(type(Grant.objects), "get", lambda self, pk, mixed=mixed: mixed)
            tried += 1
            readers = (*grants[one.pk].read().values(), *grants[other.pk].read().values())
            opened += [_key for _key in readers if _key is not Unreadable]
    monkeypatch.undo()
    assert (opened, tried > 1000) == ([], True)


def _mixed(one: Grant, other: Grant) -> Iterator[Grant]:
    groups = [group for group in GRANT_COLUMNS if _values(one, group) != _values(other, group)]
    for size in range(1, len(groups)):
        for chosen in combinations(groups, size):
            mixed = copy.copy(one)
            for name in (name for group in chosen for name in group):
                setattr(mixed, name, getattr(other, name))
            yield mixed


def _values(row: models.Model, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


COMPARTMENT_COLUMNS = [("slot_owner",), ("slot_number",), ("slot_owner", "slot_number"), ("purpose",)]


@pytest.mark.timeout(400)
def test_compartments_that_changed_places_open_nothing(sealed: list[Cell]) -> None:
    texts = [cell for cell in sealed if cell.name in PURPOSE]
    compartments = list(Compartment.objects.all())
    inside = {c.pk: [cell for cell in texts if _belongs(cell, c)] for c in compartments}
    opened, tried = [], dict.fromkeys(COMPARTMENT_COLUMNS, 0)
    for columns in COMPARTMENT_COLUMNS:
        for one, other in combinations(compartments, 2):
            if _values(one, columns) == _values(other, columns) or not (inside[one.pk] or inside[other.pk]):
                continue
            _change_places(one, other, columns)
            moved = [*inside[one.pk], *inside[other.pk]]
            opened += [(cell.field, who) for cell in moved for who in _not_refused(cell)]
            tried[columns] += len(moved)
            _give(one, one, columns)
            _give(other, other, columns)
    assert opened == []
    assert 0 not in tried.values()
    assert [cell.field for cell in texts if _not_refused(cell) != list(cell.readers)] == []


def _change_places(one: models.Model, other: models.Model, columns: tuple[str, ...]) -> None:
    _give(one, other, columns)
    _give(other, one, columns)


def _give(row: models.Model, of: models.Model, columns: tuple[str, ...]) -> None:
    """Write the columns of another row into this one's."""
    values = {name: getattr(of, name) for name in columns}
    type(row)._default_manager.filter(pk=row.pk).update(**values)


PURPOSE = {"note": "note", "answers": "note", "desk_place": "place", "place": "place", "body": "thread"}
# What stands apart from every need lies in a compartment of its own name.
PURPOSE |= {"said": ""}


def _belongs(cell: Cell, compartment: Compartment) -> bool:
    """Whether this compartment is the one this field is sealed in."""
    row = cell.model._default_manager.get(pk=cell.pk)
    if isinstance(row, Task):
        return (compartment.slot_owner, compartment.purpose) == (row.need.slot_owner, row.purpose)
    owner = row.claim.slot_owner if isinstance(row, Message) else row.slot_owner  # type: ignore[attr-defined]
    purpose = PURPOSE[cell.name] or row._meta.model_name
    return (compartment.slot_owner, compartment.purpose) == (owner, purpose)


def test_nothing_is_granted_to_a_public_key_that_changed_places(sealed: list[Cell], world: World) -> None:
    desk.renew(world.coordinator.volunteer, world.coordinator.private)
    trusted: list[Any] = []
    for model in (Mailbox, Volunteer, DeskKey):
        one, other = model._default_manager.order_by("pk")[:2]
        assert _trusted(one, other) == [one, other]
        for columns in (("public_key",), ("public_key_mac",), ("public_key", "public_key_mac")):
            _change_places(one, other, columns)
            trusted += [(model, columns) for _row in _trusted(one, other)]
            _give(one, one, columns)
            _give(other, other, columns)
    assert trusted == []


def _trusted(*rows: Any) -> list[Any]:
    """Those of the rows whose public key is used as they are in the database now."""
    found = []
    for row in rows:
        with suppress(Unreadable):
            type(row).objects.get(pk=row.pk).reader()
            found.append(row)
    return found
