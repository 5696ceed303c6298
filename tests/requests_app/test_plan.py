"""If I do not come out: read by those who come, and destroyed hours after, also while the need lives."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from privacy import clock
from privacy.crypto import Unreadable
from privacy.keyring import Destroyed, keyring
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app import start, tasks
from requests_app.models import Need, Plan
from requests_app.visits import Visit
from tests.requests_app import desk
from tests.requests_app.company import ENDS, NOTE, PLAN, asked, company
from tests.requests_app.test_pages import hidden, post, text
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import TOMORROW, World, unlocked
from tests.volunteers.people import AT

OVER = ENDS + timedelta(hours=6)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_to(at: Any) -> None:
        monkeypatch.setattr("privacy.clock.now", lambda: at)
        monkeypatch.setattr("privacy.clock.read", lambda: clock.Reading(at, at, at))

    return set_to


def write(visit: Visit, need: Need, words: str) -> str:
    """On her page, without a script."""
    client = enter(visit)
    typed = {"csrfmiddlewaretoken": client.cookies["c"].value, "plan": words}
    answer = client.post(f"/a/mine/needs/{need.pk}/plan/", typed)
    return text(answer if answer.status_code == 422 else client.get("/a/mine/"))


def test_it_is_asked_sealed_and_read_by_those_who_come(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    page = text(client.get("/a/accompaniment/"))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    assert post(client, "/a/accompaniment/", page, plan=PLAN, **answers).status_code == 302
    assert PLAN in text(client.get("/a/mine/"))
    assert PLAN.encode() not in bytes(Plan.objects.get().text)
    assert 'name="plan"' not in text(client.get("/a/ride/"))

    made = company(world)
    path = f"/needs/{made.need.pk}/"
    assert PLAN in desk.browser(made.ben).words(path)
    assert PLAN not in desk.browser(made.dora).words(path)


def test_it_dies_hours_after_the_last_part_while_the_need_lives(world: World, now: Any) -> None:
    made = company(world)
    plan = Plan.objects.get()
    slot = plan.slot_number, plan.slot_owner

    now(OVER - MINUTE)
    tasks.end_plans(OVER - MINUTE)
    assert PLAN in desk.browser(made.ben).words(f"/needs/{made.need.pk}/")
    now(OVER)
    # Over, though no broom came yet.
    assert PLAN not in desk.browser(made.ben).words(f"/needs/{made.need.pk}/")
    assert PLAN not in text(enter(made.visit).get("/a/mine/"))
    tasks.end_plans(OVER)

    assert (Plan.objects.count(), Compartment.objects.of(slot[1]).count()) == (0, 0)
    with pytest.raises(Destroyed):
        keyring().read(*slot)
    assert Need.objects.get(pk=made.need.pk).lives(OVER)
    assert NOTE in desk.browser(made.ben).words(f"/needs/{made.need.pk}/")
    with pytest.raises(SomebodyWasFaster):
        made.need.write_plan(made.visit.unlocked, "Again", OVER)


def test_whoever_leaves_reads_it_no_longer(world: World) -> None:
    made = company(world)
    copy = Plan.objects.get()
    assert copy.read(unlocked(made.ben)) == PLAN
    made.claim(made.ben).release(AT)
    with pytest.raises(Unreadable):
        Plan.objects.get().read(unlocked(made.ben))
    assert copy.read(unlocked(made.cleo)) == PLAN


def test_a_new_one_destroys_the_one_before_and_nothing_written_takes_it_back(world: World) -> None:
    made = company(world)
    old = Plan.objects.get()
    assert "Wait for me at home." in write(made.visit, made.need, "Wait for me at home.")
    with pytest.raises(Destroyed):
        keyring().read(old.slot_number, old.slot_owner)
    assert Plan.objects.get().read(unlocked(made.ben)) == "Wait for me at home."
    with pytest.raises(Unreadable):
        Plan.objects.get().read(unlocked(made.dora))

    too_long = write(made.visit, made.need, "x" * 901)
    assert ("This is too long." in too_long, "x" * 901 in too_long) == (True, True)
    assert "Wait for me at home." not in write(made.visit, made.need, "")
    assert Plan.objects.count() == 0


@pytest.mark.parametrize("end", ["withdraw", "met", "erase", "expire"])
def test_it_ends_with_its_need(world: World, end: str) -> None:
    visit, need = world.ask(**asked())
    plan = Plan.objects.get()
    ends = {
        "withdraw": lambda: need.withdraw(AT),
        "met": lambda: need.met(AT),
        "erase": lambda: visit.mailbox.erase(AT),
        "expire": lambda: need.expire(need.expires_at),
    }
    ends[end]()
    with pytest.raises(Destroyed):
        keyring().read(plan.slot_number, plan.slot_owner)
    assert Plan.objects.count() == 0


def test_a_start_finishes_what_a_crash_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _visit, need = world.ask(**asked())
    plan = Plan.objects.get()
    with monkeypatch.context() as crash:
        crash.setattr(Plan, "finish_ending", lambda self, at=None: None)
        need.end_plans(AT)
    assert Plan.objects.alive(AT).count() == 0
    start.finish_endings(AT)
    assert Plan.objects.count() == 0
    with pytest.raises(Destroyed):
        keyring().read(plan.slot_number, plan.slot_owner)


def test_a_start_knows_whose_slot_it_is_and_closes_what_has_none(world: World) -> None:
    world.ask(**asked())
    plan = Plan.objects.get()
    start.free_slots_without_a_row(AT)
    assert keyring().read(plan.slot_number, plan.slot_owner)
    keyring().destroy(plan.slot_number, plan.slot_owner)
    start.close_what_has_no_key(AT)
    assert Plan.objects.count() == 0


def test_a_lost_keyring_takes_it(world: World) -> None:
    _visit, need = world.ask(**asked())
    need.lose_key(AT)
    assert (Plan.objects.count(), Compartment.objects.count()) == (0, 0)


def test_where_asking_fails_no_slot_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Plan] = []
    real = Plan.seal

    def seal(self: Plan, *args: Any) -> None:
        made.append(self)
        real(self, *args)
        raise RuntimeError

    monkeypatch.setattr(Plan, "seal", seal)
    with pytest.raises(RuntimeError):
        world.ask(**asked())
    assert (Need.objects.count(), Plan.objects.count()) == (0, 0)
    with pytest.raises(Destroyed):
        keyring().read(made[0].slot_number, made[0].slot_owner)
