"""A morning at the police by the pages alone: one companion does not come, the backup does."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from privacy import clock
from privacy.models import Compartment
from requests_app import tasks
from requests_app.models import Claim, Message, Need, Plan, Tap
from tests.invariants import ask_django
from tests.requests_app import desk
from tests.requests_app.test_pages import code_words, hidden, post, text
from tests.requests_app.world import TOMORROW, World
from tests.volunteers.people import AT

NOTE, PLACE, PLAN, SIGN = "The blue door.", "By the old fountain", "Call my sister.", "I cough twice."
NINE = datetime.combine(TOMORROW, time(9), tzinfo=UTC)
HOUR = timedelta(hours=1)


class Morning:
    """Her code, three volunteers, and a clock."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.monkeypatch = world, monkeypatch
        self.code, self.her = "", Client(enforce_csrf_checks=True)
        self.people = {name: world.volunteer(name) for name in ("Ben", "Cleo", "Dora")}

    def at(self, moment: datetime) -> None:
        """It is that moment, and everybody comes back with what they know."""
        self.monkeypatch.setattr("privacy.clock.now", lambda: moment)
        self.monkeypatch.setattr("privacy.clock.read", lambda: clock.Reading(moment, moment, moment))
        cache.clear()
        if self.code:
            self.her = Client(enforce_csrf_checks=True)
            page = text(self.her.get("/a/return/"))
            post(self.her, "/a/return/", page, ticket=hidden(page, "ticket"), code=self.code)

    def asks(self, **answers: Any) -> Need:
        page = text(self.her.get("/a/accompaniment/"))
        plain = {"area": self.world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
        answer = post(self.her, "/a/accompaniment/", page, **plain, **answers)
        assert answer.status_code == 302, text(answer)
        self.code = " ".join(code_words(text(self.her.get("/a/code/"))))
        return Need.objects.get()

    def reads(self) -> str:
        """What she reads on her page."""
        return desk.read(text(self.her.get("/a/mine/")))

    def does(self, path: str, **typed: Any) -> str:
        """She posts, and reads the page that answers."""
        page = text(self.her.get("/a/mine/"))
        answer = post(self.her, f"/a/mine/{path}", page, **typed)
        assert answer.status_code == 302, text(answer)
        return self.reads()

    def they(self, name: str) -> desk.Browser:
        return desk.browser(self.people[name])

    def claim(self, name: str) -> Claim:
        return Claim.objects.get(volunteer=self.people[name].volunteer)


@pytest.fixture
def morning(world: World, monkeypatch: pytest.MonkeyPatch) -> Morning:
    return Morning(world, monkeypatch)


def takes(morning: Morning, name: str, need: Need, role: str) -> None:
    morning.they(name).post(f"/needs/{need.pk}/claim/", task=need.tasks.get(role=role).pk)
    fingerprint = morning.claim(name).key_fingerprint()
    morning.does(f"people/{morning.claim(name).pk}/approve/", fingerprint=fingerprint, place=PLACE)


def test_a_morning_with_somebody_who_does_not_come(morning: Morning, world: World) -> None:
    # She says where it is and leaves the number open: two come, with a backup.
    need = morning.asks(
        parts=[1], q_setting="police", q_want_speak="no", q_want_leave="yes", q_sign=SIGN,
        q_talk="yes", q_relief="2", note=NOTE, desk_reads="no", plan=PLAN,
    )  # fmt: skip
    roles = ["backup", "companion", "relief", "second_companion"]
    assert sorted(need.tasks.values_list("role", flat=True)) == roles
    takes(morning, "Ben", need, "companion")
    takes(morning, "Cleo", need, "second_companion")
    takes(morning, "Dora", need, "backup")
    address = f"/needs/{need.pk}/"
    wishes = (
        "Speak for me Please not",
        "Leave when I give the sign Yes, please",
        f"What is the sign? {SIGN}",
    )
    seen = [NOTE, PLACE, PLAN, *wishes, "Do not record.", "A relief after 2 hours is wished for."]
    bens, doras = morning.they("Ben").words(address), morning.they("Dora").words(address)
    assert [what for what in seen if what not in bens] == []
    assert [what for what in seen if what in doras] == ["Do not record."]
    assert "You are the backup." in doras

    # They meet at nine; Cleo is there, and Ben is not.
    for name in ("Ben", "Cleo"):
        morning.does(f"people/{morning.claim(name).pk}/when/", time="9:00")
    morning.at(NINE)
    morning.they("Cleo").post(f"{address}say/", say="arrived", task=morning.claim("Cleo").task_id)
    morning.at(NINE + HOUR / 2)
    tasks.miss(NINE + HOUR / 2)
    hers = morning.reads()
    assert "They have not said that they are there." in hers
    at_desk = desk.browser(world.coordinator)
    assert "Ben has not said: “I am there”" in at_desk.words(f"/desk/needs/{need.pk}/")

    # One tap of hers sends Dora, who opens everything at once; Ben nothing any more.
    companion = need.tasks.get(role="companion").pk
    hers = morning.does(f"people/{morning.claim('Dora').pk}/promote/", task=companion)
    assert ("Your backup was told to come." in hers, "They have not said" in hers) == (True, False)
    doras = morning.they("Dora").words(address)
    assert [what for what in seen if what not in doras] == []
    assert "Please do not go." in morning.they("Ben").words("/board/")
    gone = morning.they("Ben").client.get(address)
    assert [what for what in (NOTE, PLACE, PLAN) if what in text(gone)] == []

    # Inside, out, home: each said by one of them.
    morning.they("Dora").post(f"{address}say/", say="arrived", task=companion)
    morning.they("Dora").post(f"{address}say/", say="inside", task=companion)
    morning.at(NINE + 3 * HOUR)
    dora = morning.claim("Dora")
    assert "They say “We are out” by" in morning.reads()
    morning.does(f"people/{dora.pk}/say/", say="out")
    morning.does(f"people/{dora.pk}/say/", say="home-safe")
    assert not Tap.objects.live().filter(side="asker").exists()
    assert Message.objects.filter(claim=morning.claim("Cleo"), author="asker").count() == 1

    # Six hours after the last part the plan is gone, and the note is not.
    over = clock.part_end(TOMORROW, clock.Part.MORNING) + 6 * HOUR
    morning.at(over)
    doras = morning.they("Dora").words(address)
    assert (PLAN in doras, NOTE in doras, PLAN in morning.reads()) == (False, True, False)
    tasks.end_plans(over)
    assert (Plan.objects.count(), Need.objects.get().status) == (0, "open")

    # It is done: nothing is left that opens, and nothing waits for anybody.
    morning.does(f"needs/{need.pk}/met/")
    assert (Compartment.objects.count(), Tap.objects.count(), Message.objects.count()) == (0, 0, 0)
    assert ask_django().broken() == {}


def test_a_companion_who_leaves_while_nobody_is_there_is_followed_by_the_backup(morning: Morning) -> None:
    need = morning.asks(parts=[1], q_setting="court", note=NOTE, desk_reads="no", plan=PLAN)
    takes(morning, "Ben", need, "companion")
    takes(morning, "Dora", need, "backup")
    address = f"/needs/{need.pk}/"

    morning.they("Ben").post(f"{address}release/", task=need.tasks.get(role="companion").pk)

    doras = morning.they("Dora").words(address)
    assert ("Yes. You are expected." in doras, NOTE in doras, PLAN in doras) == (True, False, False)
    # At her next visit, and not before, it opens; where they meet she writes again.
    morning.at(AT + HOUR)
    assert "They do not know where yet." in morning.reads()
    doras = morning.they("Dora").words(address)
    assert (NOTE in doras, PLAN in doras) == (True, True)
