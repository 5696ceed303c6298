"""I would like to talk about it: read at the desk, whoever is there, and forgotten by itself."""

from datetime import timedelta
from uuid import uuid4

import pytest

from notify.models import Notice
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import keyring
from privacy.models import Compartment
from requests_app import desk_key, start, wrong_tasks
from requests_app.debrief_page import read_by_desk
from requests_app.models import Debrief
from tests.requests_app.test_something_wrong import now, three
from tests.requests_app.world import World, unlocked
from tests.volunteers.people import AT, Person
from volunteers import desk

__all__ = ["three"]

DAY = timedelta(days=1)


def left() -> Debrief:
    once = uuid4()
    Debrief.objects.leave(once, "I slept badly since.", "", "asker", AT)
    Debrief.objects.leave(once, "I slept badly since.", "", "asker", AT)
    return Debrief.objects.get(pk=Debrief.id_of(once))


def test_it_is_the_desks_also_under_a_new_key_and_nobody_elses(world: World, three: list[Person]) -> None:
    debrief = left()
    assert Notice.objects.count() == 3
    assert debrief.read(world.desk())["text"] == "I slept badly since."
    for other in (unlocked(three[0]), unlocked(world.volunteer())):
        with pytest.raises(Unreadable):
            debrief.read(other)

    old = world.desk()
    desk_key.step_down(three[1].volunteer, three[0].volunteer, three[0].private, AT)

    (line,) = read_by_desk(Debrief.objects.kept(AT), world.desk())
    assert line.text == "I slept badly since."
    with pytest.raises(Unreadable):
        Debrief.objects.get().read(old)


def test_after_14_days_nothing_is_left_whether_the_broom_came_or_not(
    world: World, three: list[Person]
) -> None:
    debrief, late = left(), AT + 14 * DAY + DAY / 12
    assert list(Debrief.objects.kept(AT + 14 * DAY)) == [debrief]
    assert list(Debrief.objects.kept(late)) == []
    wrong_tasks.forget_debriefs(late)
    assert (Debrief.objects.count(), Compartment.objects.filter(purpose="debrief").count()) == (0, 0)
    assert keyring().missing([(debrief.slot_number, debrief.slot_owner)]) == [debrief.slot_owner]


def test_a_lost_keyring_leaves_nothing_of_it(world: World, three: list[Person]) -> None:
    left()
    start.lose_every_key(AT)
    assert (Debrief.objects.count(), Compartment.objects.filter(purpose="debrief").count()) == (0, 0)


def test_nothing_is_stored_for_a_desk_whose_key_somebody_who_left_could_open(
    world: World, three: list[Person]
) -> None:
    desk.close(now(three[1]))
    before = {orphan.number for orphan in keyring().unowned([])}
    with pytest.raises(SealingImpossible):
        left()
    assert Debrief.objects.count() == 0
    destroyed = {orphan.number for orphan in keyring().unowned([])} - before
    assert destroyed == set()
