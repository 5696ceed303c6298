"""Killed at any point of asking, claiming, releasing, withdrawing, erasing: the next start finishes it.

Over both implementations of the keyring.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mutualaid.duties import AT_START
from privacy import secret_store
from privacy.crypto import Unreadable
from privacy.keyring import FileKeyring, keyring
from privacy.models import Compartment, Grant
from requests_app.models import Claim, Mailbox, Message, Need
from tests.killed import AFTER, BEFORE, killed
from tests.mutualaid.an_instance import world
from tests.privacy.test_keyring import serving
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT

__all__ = ["world"]
PASSAGE = "The key lies under the third stone."
DESTROY = "the keyring's destroy"
CLASSES = {"file": "privacy.keyring.FileKeyring", "network": "privacy.keyring_network.NetworkKeyring"}


@pytest.fixture(params=["file", pytest.param("network", marks=pytest.mark.once)], autouse=True)
def implementation(request: pytest.FixtureRequest, world: World, settings: Any) -> Iterator[str]:
    settings.KEYRING = CLASSES[request.param]
    if request.param == "file":
        yield request.param
        return
    with serving(FileKeyring(Path(settings.KEYRING_PATH))) as settings.KEYRING_URL:
        yield request.param


def place_of(place: str, implementation: str) -> str:
    return f"{CLASSES[implementation]}.destroy" if place == DESTROY else place


def start() -> None:
    """What set-up, and every start, does before anything is served."""
    secret_store.forget()
    for _sentence, work in AT_START:
        work(AT)


def live_slots() -> int:
    """How many slots of the keyring hold, or held, anything."""
    return len(keyring().unowned([]))


ASKING = [
    ("requests_app.models.need.NeedQuerySet._store", BEFORE),
    ("requests_app.models.need.NeedQuerySet._store", AFTER),
]


@pytest.mark.parametrize(("place", "when"), ASKING)
def test_a_need_that_was_never_stored_leaves_no_key(world: World, place: str, when: str) -> None:
    assert killed(world.ask, place, when)
    before = live_slots()

    start()

    assert (before, live_slots(), Need.objects.count()) == (1, 0, 0)


def test_a_need_that_was_stored_counts(world: World) -> None:
    assert killed(world.ask, "privacy.models.CounterQuerySet.bump", BEFORE)

    start()

    assert (live_slots(), Need.objects.get().status) == (1, "open")


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_claim_that_was_never_stored_leaves_no_key(world: World, when: str) -> None:
    _visit, need = world.ask()
    person = world.volunteer()
    assert killed(lambda: take(person, only_task(need)), "requests_app.models.task.Task._store_claim", when)

    start()

    assert (live_slots(), Claim.objects.count()) == (1, 0)
    assert take(person, only_task(need)).status == "held"


ENDING = [
    ("withdraw", DESTROY, BEFORE, 1),
    ("withdraw", DESTROY, AFTER, 1),
    ("withdraw", DESTROY, AFTER, 2),
    ("withdraw", "notify.outbox.drop", BEFORE, 1),
    ("withdraw", "notify.outbox.drop", AFTER, 1),
    ("withdraw", "privacy.models.CounterQuerySet.bump", BEFORE, 1),
    ("met", DESTROY, BEFORE, 1),
    ("expire", DESTROY, AFTER, 1),
]


@pytest.mark.parametrize(("end", "place", "when", "nth"), ENDING)
def test_an_ending_that_was_cut_short(
    world: World, implementation: str, end: str, place: str, when: str, nth: int
) -> None:
    visit, need = world.ask(note=PASSAGE)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    ending = getattr(need, end)
    assert killed(lambda: ending(need.expires_at), place_of(place, implementation), when, nth)

    start()

    assert is_over(need, claim)
    assert Claim.objects.get().status == ("done" if end == "met" else "released")
    with pytest.raises(Unreadable):
        need.read_note(visit.unlocked)


def is_over(need: Need, claim: Claim) -> bool:
    """Keys destroyed, nothing sealed left, nothing to be finished."""
    slots = [(row.slot_number, row.slot_owner) for row in (need, claim)]
    gone = keyring().missing(slots) == [owner for _number, owner in slots]
    row = Need.objects.get()
    rows = (Compartment.objects.count(), Grant.objects.count(), Message.objects.count())
    unfinished = Need.objects.ending().count() + Claim.objects.ending().count()
    return gone and rows == (0, 0, 0) and not unfinished and (row.note, row.desk_place) == (None, None)


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_release_that_was_cut_short(world: World, implementation: str, when: str) -> None:
    visit, need = world.ask(note=PASSAGE)
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    assert killed(lambda: claim.release(AT), place_of(DESTROY, implementation), when)

    start()

    assert keyring().missing([(claim.slot_number, claim.slot_owner)]) == [claim.slot_owner]
    assert (Claim.objects.get().place, Claim.objects.ending().count()) == (None, 0)
    assert need.read_note(visit.unlocked)[0] == PASSAGE


ERASING = [
    (DESTROY, BEFORE, 1),
    (DESTROY, AFTER, 1),
    (DESTROY, AFTER, 3),
    ("requests_app.models.need.Need.finish_ending", AFTER, 1),
    ("requests_app.models.need.Need.purge", BEFORE, 1),
    ("requests_app.models.need.Need.purge", AFTER, 1),
    ("requests_app.models.mailbox.Mailbox.end_if_empty", AFTER, 1),
]


@pytest.mark.parametrize(("place", "when", "nth"), ERASING)
def test_erasing_that_was_cut_short_erases_all_of_it(
    world: World, implementation: str, place: str, when: str, nth: int
) -> None:
    visit, need = world.ask(note=PASSAGE)
    world.ask(visit, note=PASSAGE)
    say_yes(visit, take(world.volunteer(), only_task(need)), place=PASSAGE)
    mailbox = visit.mailbox
    assert killed(lambda: mailbox.erase(AT), place_of(place, implementation), when, nth)

    start()

    assert (Need.objects.count(), Claim.objects.count(), Mailbox.objects.count()) == (0, 0, 0)
    assert (Compartment.objects.count(), Grant.objects.count(), live_slots()) == (0, 0, 0)


def test_destroying_twice_or_what_is_another_needs_harms_nothing(world: World) -> None:
    visit, need = world.ask(note=PASSAGE)
    old = (need.slot_number, need.slot_owner)
    need.erase(AT)
    visit, other = world.ask(note=PASSAGE)

    keyring().destroy(*old)
    keyring().destroy(other.slot_number, need.slot_owner)
    need.finish_ending()

    assert other.read_note(visit.unlocked)[0] == PASSAGE
