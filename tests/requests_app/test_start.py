"""A crash at any point of an ending is finished by the next start; no key stays without its row."""

import pytest

from privacy.keyring import FileKeyring, keyring
from privacy.models import Compartment, Heartbeat
from requests_app import start
from requests_app.models import Claim, Need
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT


class Crash(BaseException):
    """The process is gone: nothing after this line runs."""


@pytest.fixture
def crash_before_destroying(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def crash(*args: object) -> None:
        raise Crash

    monkeypatch.setattr(FileKeyring, "destroy", crash)
    return monkeypatch


def test_an_erasure_cut_short_is_finished_by_the_next_start(
    world: World, crash_before_destroying: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    with pytest.raises(Crash):
        need.withdraw(AT)
    crash_before_destroying.undo()
    start.finish_endings(AT)
    slots = [(need.slot_number, need.slot_owner), (claim.slot_number, claim.slot_owner)]
    assert keyring().missing(slots) == [need.slot_owner, claim.slot_owner]
    assert (Compartment.objects.count(), Need.objects.ending().count()) == (0, 0)
    assert Claim.objects.ending().count() == 0
    assert Need.objects.get().status == "withdrawn"
    assert visit.mailbox.needs.count() == 1


def test_a_release_cut_short_is_finished_by_the_next_start(
    world: World, crash_before_destroying: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place="Under the clock")
    with pytest.raises(Crash):
        claim.release(AT)
    crash_before_destroying.undo()
    start.finish_endings(AT)
    assert keyring().missing([(claim.slot_number, claim.slot_owner)]) == [claim.slot_owner]
    assert Claim.objects.get().place is None


def test_a_key_whose_row_was_never_stored_is_destroyed_at_the_next_start(world: World) -> None:
    _visit, need = world.ask()
    lost = keyring().allocate("need:00000000-0000-0000-0000-000000000000")
    assert start.free_slots_without_a_row(AT) >= 1
    assert keyring().missing([(need.slot_number, need.slot_owner)]) == []
    assert keyring().missing([(lost.number, "need:00000000-0000-0000-0000-000000000000")])


def test_no_key_is_taken_away_while_something_else_runs(world: World) -> None:
    keyring().allocate("need:00000000-0000-0000-0000-000000000000")
    Heartbeat.objects.beat("ticker", [], AT)
    assert start.free_slots_without_a_row(AT) == 0
