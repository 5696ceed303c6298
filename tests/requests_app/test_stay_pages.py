"""A stay as its three sides press it: on her page, on the host's, at the desk."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from django.test import Client

from organisation.models import PhoneNumber
from privacy import clock
from privacy.states import SomebodyWasFaster
from requests_app.models import Claim, Extension, Need
from requests_app.visits import Visit
from tests.requests_app import desk
from tests.requests_app.test_pages import hidden, post, text
from tests.requests_app.test_query_counts import enter, queries_of
from tests.requests_app.test_stay import ADDRESS, a_stay, again, moment
from tests.requests_app.world import World, day, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person


@dataclass
class Three:
    """Her browser, the host's and the desk's, round one claim."""

    visit: Visit
    people: tuple[Person, Person]
    claim: Claim
    monkeypatch: pytest.MonkeyPatch

    def come_in(self, at: datetime) -> "Three":
        """It is that late, and all three open their page anew."""
        self.monkeypatch.setattr("privacy.clock.now", lambda: at)
        self.monkeypatch.setattr("privacy.clock.read", lambda: clock.Reading(at, at, at))
        self.hers = enter(self.visit)
        self.host, self.desk = (desk.browser(person).client for person in self.people)
        return self

    def paths(self) -> dict[str, tuple[Client, str, str]]:
        """Side → browser, the page it stands on, where its answer goes."""
        need = self.claim.need_id
        longer = f"/a/mine/people/{self.claim.pk}/longer/answer/"
        return {
            "her": (self.hers, "/a/mine/", longer),
            "host": (self.host, f"/needs/{need}/", f"/needs/{need}/longer/answer/"),
            "desk": (self.desk, f"/desk/needs/{need}/", f"/desk/needs/{need}/longer/"),
        }

    def page(self, side: str) -> str:
        client, path, _answer = self.paths()[side]
        return text(client.get(path))

    def answers(self, side: str, answer: str) -> str:
        """Press yes or no on the page as it is; what is read afterwards."""
        client, path, to = self.paths()[side]
        page = text(client.get(path))
        typed = {"extension": hidden(page, "extension"), "answer": answer}
        typed |= {"task": str(self.claim.task_id)} if side == "host" else {}
        assert post(client, to, page, **typed).status_code == 302
        return desk.read(text(client.get(path)))


@pytest.fixture
def three(world: World, monkeypatch: pytest.MonkeyPatch) -> Three:
    ben = world.volunteer("Ben", capacity=2)
    visit, claim = a_stay(world, ben)
    return Three(visit, (ben, world.coordinator), claim, monkeypatch).come_in(moment(1, 9))


def she_asks(three: Three, nights: str = "2") -> None:
    page = three.page("her")
    path = f"/a/mine/people/{three.claim.pk}/longer/"
    assert post(three.hers, path, page, nights=nights).status_code == 302


def test_three_pages_three_yeses(three: Three) -> None:
    she_asks(three)
    assert "2 more nights are asked for." in three.page("host")
    assert "More nights wait for your yes" in text(three.desk.get("/desk/"))

    assert "more nights are asked for" not in three.answers("desk", "yes")
    three.answers("host", "yes")

    assert again(three.claim).need.nights == 5
    for side in ("her", "host"):
        assert "Everybody said yes to more nights." in three.page(side)
    assert "5 nights" in three.page("desk")


@pytest.mark.parametrize("says_no", ["host", "desk", "her"])
def test_a_no_reads_the_same_whoever_said_it(three: Three, says_no: str) -> None:
    she_asks(three)
    yes = "desk" if says_no == "host" else "host"
    three.answers(yes, "yes")

    three.answers(says_no, "no")

    for side in ("her", "host"):
        page = desk.read(three.page(side))
        assert "It does not become longer. All goes on as agreed before." in page
        assert "more nights are asked for" not in page
    assert "more nights are asked for" not in three.page("desk")
    assert "More nights wait" not in text(three.desk.get("/desk/"))
    assert again(three.claim).need.nights == 3


def test_the_host_offers_more_and_hears_that_no_bed_is_left(three: Three, world: World) -> None:
    a_stay(world, three.people[0], 1, people=2, day=day(4))
    path = f"/needs/{three.claim.need_id}/longer/"
    page = three.page("host")
    post(three.host, path, page, nights="2", task=str(three.claim.task_id))
    three.answers("her", "yes")

    said = three.answers("desk", "yes")

    assert "No bed is left for these nights. All goes on as agreed before." in said
    assert "No bed is left for more nights. All goes on as agreed before." in three.page("her")


@pytest.mark.parametrize("nights", ["0", "99", "many", ""])
def test_a_number_that_cannot_be_comes_back(three: Three, nights: str) -> None:
    sides = {
        "her": (three.hers, f"/a/mine/people/{three.claim.pk}/longer/", {}),
        "host": (three.host, f"/needs/{three.claim.need_id}/longer/", {"task": str(three.claim.task_id)}),
    }
    for side, (client, path, more) in sides.items():
        answer = post(client, path, three.page(side), nights=nights, **more)
        page = text(answer)
        assert (answer.status_code, "Please write a number from 1 to" in page) == (422, True)
        assert f'value="{nights}"' in page or not nights
        assert page.count('<details class="fold" open>') == 1
    assert not Extension.objects.exists()


def test_an_answer_to_an_older_page_is_no_answer_to_what_is_asked_now(three: Three) -> None:
    she_asks(three)
    old = three.page("host")
    three.answers("her", "no")
    she_asks(three, "1")
    typed = {"extension": hidden(old, "extension"), "answer": "yes", "task": str(three.claim.task_id)}
    post(three.host, f"/needs/{three.claim.need_id}/longer/answer/", old, **typed)
    assert Extension.objects.asked().get().host_yes is False


def test_nobody_answers_for_a_stay_that_is_not_theirs(three: Three, world: World) -> None:
    _visit, other = a_stay(world, world.volunteer())
    extension = Extension.objects.ask(other, 1, "host_yes", AT)
    typed = {"extension": str(extension.pk), "answer": "no"}
    page = three.page("her")
    mine, theirs = f"/a/mine/people/{three.claim.pk}", f"/a/mine/people/{other.pk}"
    tries = [
        post(three.hers, f"{mine}/longer/answer/", page, **typed),
        post(three.hers, f"{theirs}/longer/answer/", page, **typed),
        post(three.hers, f"{theirs}/longer/", page, nights="1"),
        post(three.hers, f"{theirs}/move-on/", page),
        post(three.host, f"/needs/{three.claim.need_id}/longer/answer/", three.page("host"), **typed),
        post(three.host, f"/needs/{other.need_id}/longer/answer/", three.page("host"), **typed),
        post(three.desk, f"/desk/needs/{three.claim.need_id}/longer/", three.page("desk"), **typed),
    ]
    assert [answer.status_code for answer in tries] == [404] * len(tries)
    assert Extension.objects.get(pk=extension.pk).status == "asked"
    assert again(other).status == "approved"


def test_a_coordinator_who_is_the_host_does_not_answer_for_the_desk_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless nobody else works there."""
    ana = world.coordinator
    world.offer(ana.volunteer, capacity=2)
    visit, claim = a_stay(world, ana)
    three = Three(visit, (ana, ana), claim, monkeypatch).come_in(moment(1, 9))
    she_asks(three)
    extension = Extension.objects.get()
    path, form = f"/desk/needs/{claim.need_id}/", {"extension": str(extension.pk), "answer": "yes"}
    alone = three.page("desk")

    dora = desk.browser(people.coordinator(ana, "Dora"))
    refused = post(three.desk, f"{path}longer/", three.page("desk"), **form)
    hers = dora.words(path)
    dora.post(f"{path}longer/", **form)

    assert ("Yes, more nights" in alone, refused.status_code) == (True, 404)
    assert ("Yes, more nights" in three.page("desk"), "Yes, more nights" in hers) == (False, True)
    extension.refresh_from_db()
    assert (extension.desk_yes, extension.host_yes) == (True, False)


def test_what_has_no_nights_does_not_become_longer(three: Three, world: World) -> None:
    visit, need = world.ask(three.visit, answers={"back": "yes"})
    claim = say_yes(visit, take(three.people[0], need.tasks.get(role="there")), place="Here")
    tries = [
        post(three.hers, f"/a/mine/people/{claim.pk}/longer/", three.page("her"), nights="1"),
        post(
            three.host, f"/needs/{need.pk}/longer/", three.page("host"), nights="1", task=str(claim.task_id)
        ),
    ]
    assert [answer.status_code for answer in tries] == [404, 404]
    with pytest.raises(SomebodyWasFaster):
        Extension.objects.ask(claim, 1, "asker_yes", AT)


@pytest.mark.parametrize("elsewhere", [{}, {"elsewhere": "1"}])
def test_the_host_reads_only_that_the_stay_is_over(three: Three, elsewhere: dict[str, str]) -> None:
    page = three.page("her")
    assert ADDRESS in page
    post(three.hers, f"/a/mine/people/{three.claim.pk}/move-on/", page, **elsewhere)
    assert ADDRESS not in three.page("her")

    gone = three.host.get(f"/needs/{three.claim.need_id}/")

    board = desk.read(text(three.host.get("/board/")))
    assert (gone.status_code, "A stay with you is over." in text(gone)) == (404, True)
    assert ("A stay with you is over." in board, "Please do not go." in board) == (True, False)
    # Word for word the same, whichever she pressed.
    assert "Nothing fits you now." in board


def test_pressed_twice_it_is_once(three: Three) -> None:
    page = three.page("her")
    for _time in range(2):
        path = f"/a/mine/people/{three.claim.pk}/move-on/"
        assert post(three.hers, path, page, elsewhere="1").status_code == 302
    assert (Need.objects.get().status, only_task(three.claim.need).status) == ("open", "open")


def test_when_the_host_leaves_her_page_has_the_numbers_beside_what_to_do(three: Three) -> None:
    PhoneNumber.objects.add(label="Night line", number="555 0100")
    three.come_in(moment(1, 22))
    host = three.page("host")
    post(three.host, f"/needs/{three.claim.need_id}/release/", host, task=str(three.claim.task_id))

    page = three.page("her")

    card = page.partition('class="need"')[2].partition("</section>")[0]
    assert "That place is gone. Nobody is coming until this page says yes." in card
    assert ("Night line" in card, "3 nights" in card, "2 nights" in card) == (True, False, True)


def test_the_address_closes_with_the_last_morning_also_on_the_pages(three: Three) -> None:
    assert "in the morning. Then the address closes here." in three.page("her")
    shown = []
    for hour in (11, 12):
        three.come_in(moment(3, hour))
        shown.append((ADDRESS in three.page("her"), ADDRESS in three.page("host")))
    assert shown == [(True, True), (False, False)]
    assert "Closed. The time you asked for is over." in three.page("her")
    assert "Closed. The time asked for is over." in three.page("host")


def test_her_page_asks_the_database_as_often_for_one_stay_as_for_many(world: World) -> None:
    visit, counts = None, []
    for count in (1, 7):
        for number in range(count):
            ben = world.volunteer()
            visit, claim = a_stay(world, ben, visit=visit)
            if number % 2:
                Extension.objects.ask(claim, 1, "host_yes", AT)
        counts.append(queries_of(enter(visit), "/a/mine/"))
    assert counts[0] == counts[1]
