"""The desk's table: what burns, what waits for whom, what runs out next."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mutualaid.duties import DUTIES
from privacy import clock, instance
from privacy.models import Heartbeat
from requests_app import rings, urls
from requests_app.models import Claim
from tests.requests_app.desk import Browser, browser, read, rows
from tests.requests_app.world import TODAY, World, claim_of, day, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
QUERIES_OF_THE_TABLE = 13 + len(DUTIES)


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def every_address() -> list[str]:
    """Every address of the desk, with ids that name nothing."""
    found = []
    for pattern in urls.desk:
        inner = getattr(pattern, "url_patterns", None)
        for end in inner or [None]:
            route = str(pattern.pattern) + (str(end.pattern) if end else "")
            found.append("/" + re.sub(r"<uuid:\w+>", str(uuid4()), re.sub(r"<int:\w+>", "1", route)))
    return found


def test_nobody_but_the_desk_knows_that_there_is_a_desk(world: World) -> None:
    stranger, ben = Client(), browser(world.volunteer()).client
    for path in every_address():
        at_the_door = stranger.get(path)
        assert at_the_door.status_code == 404 or at_the_door["Location"].startswith("/accounts/login/"), path
        # An address that takes no GET leads to the page above it, like any such address.
        answers = {ben.get(path, follow=True).status_code, ben.post(path).status_code}
        assert answers <= {200, 404, 405}, path
        assert 404 in answers, path


def test_a_coordinator_who_was_suspended_has_no_desk(world: World) -> None:
    cleo = people.coordinator(world.coordinator)
    hers = browser(cleo)
    cleo.volunteer.suspend_account(AT)
    assert hers.client.get("/desk/").status_code == 302


def test_an_empty_desk_says_so(desk: Browser) -> None:
    assert "Nothing is open. " in desk.words("/desk/")
    assert "Nobody waits for anything." in desk.words("/desk/")


def test_one_line_says_what_is_open_what_waits_and_what_runs_out(world: World, desk: Browser) -> None:
    visit, _ride = world.ask()
    world.ask(visit, day=day(3))
    _visit, hers = world.ask(visit, decides="desk")
    take(world.volunteer(), only_task(hers))
    assert "3 are open. 1 waits for you. Next to run out: A ride: The way there, Here, 13:15." in desk.words(
        "/desk/"
    )


def test_what_burns_comes_first(world: World, desk: Browser) -> None:
    ben = world.volunteer()
    visit, later = world.ask(day=day(5))
    _, coming = world.ask(visit, day=TODAY)
    say_yes(visit, take(ben, only_task(coming)))
    _, held = world.ask(visit, day=day(2))
    take(ben, only_task(held))
    _, yours = world.ask(visit, day=day(4), decides="desk")
    take(ben, only_task(yours))
    _, soon = world.ask(visit, day=TODAY, parts=int(clock.Part.EVENING))
    _, late = world.ask(visit, day=TODAY, parts=int(clock.Part.MORNING))
    order = re.findall(r'href="/desk/needs/([^/]+)/"', desk.page("/desk/"))
    assert order == [str(need.pk) for need in (late, soon, yours, later, held, coming)]
    assert re.findall(r"<b>(.*?)</b>", desk.page("/desk/")) == ["Should have begun", "Begins soon"]


@pytest.mark.parametrize(
    ("decides", "walk", "said"),
    [
        ("asker", (), "Nobody"),
        ("asker", ("held",), "Held until 13:15"),
        ("asker", ("held", "approved"), "Somebody comes"),
        ("desk", (), "Nobody"),
        ("desk", ("held",), "Waits for you until 13:15"),
        ("desk", ("left by whom it was held",), "Waits for you"),
        ("first", ("held",), "Somebody comes"),
    ],
)
def test_each_task_says_who_has_it(
    world: World, desk: Browser, decides: str, walk: tuple[str, ...], said: str
) -> None:
    visit, need = world.ask(decides=decides)
    if walk:
        claim = take(world.volunteer(), only_task(need))
    if "left by whom it was held" in walk:
        resting = world.volunteer()
        take(resting, only_task(need), standing_by=True)
        resting.volunteer.pause(day(3), AT)
        claim.release(AT)
    if "approved" in walk:
        say_yes(visit, claim)
    assert cells(desk)["Who has it"] == said


def cells(desk: Browser, path: str = "/desk/") -> dict[str, str]:
    """The first row, heading → text."""
    row = desk.page(path).partition("<tbody>")[2].partition("</tr>")[0]
    return {name: read(cell) for name, cell in re.findall(r'data-label="([^"]*)">(.*?)</td>', row)}


def test_a_hold_that_ran_out_is_nobodys_while_no_worker_runs(
    world: World, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    monkeypatch.setattr("privacy.clock.now", lambda: claim.held_until)
    assert cells(browser(world.coordinator))["Who has it"] == "Nobody"


def test_it_says_how_long_nobody_has_taken_it(
    world: World, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, need = world.ask(at=AT - 3 * HOUR)
    assert cells(desk)["Free for"] == "3 hours"
    ben = world.volunteer()
    take(ben, only_task(need)).release(AT)
    assert cells(desk)["Free for"] == "under an hour"
    assert claim_of(ben, only_task(need)).status == "released"


def test_it_says_how_many_were_asked_and_how_far_the_asking_got(world: World, desk: Browser) -> None:
    for _ in range(5):
        world.volunteer()
    _, need = world.ask()
    assert cells(desk)["Asked"] == "0 people"
    rings.ask_next(only_task(need), AT)
    assert cells(desk)["Asked"] == "4 people, ring 1 of 3"
    for _ in range(3):
        rings.ask_next(only_task(need), AT)
    assert cells(desk)["Asked"] == "5 people, all rings. The desk was told at 12:00."


def test_a_need_that_ended_is_gone_from_the_desk(world: World, desk: Browser) -> None:
    _, need = world.ask()
    need.withdraw(AT)
    assert rows(desk.page("/desk/")) == []
    assert desk.client.get(f"/desk/needs/{need.pk}/").status_code == 404


def test_filters_stand_in_the_address_bar(world: World, desk: Browser) -> None:
    visit, _ = world.ask(day=day(1))
    _, stay = world.ask(visit, kind="stay", day=day(2))
    take(world.volunteer(), only_task(stay))
    for query, count in [
        ("", 2),
        ("?kind=stay", 1),
        ("?kind=ride&state=held", 0),
        ("?state=held", 1),
        (f"?area={world.area.pk}", 2),
        (f"?area={world.area.pk}&day={day(2).isoformat()}&kind=&state=", 1),
        ("?area=999", 0),
        ("?kind=%3Cb%3E&day=%F0%9F%8C%82", 0),
        ("?unknown=1", 2),
    ]:
        assert len(rows(desk.page(f"/desk/{query}"))) == count, query
    page = desk.page("/desk/?kind=stay")
    assert '<option value="stay" selected>' in page
    assert 'hx-get="/desk/?kind=stay"' in page
    assert "2 are open." in page


def test_a_filter_that_finds_nothing_offers_everything(world: World, desk: Browser) -> None:
    world.ask()
    page = desk.page("/desk/?state=coming")
    assert "Nothing matches these filters now." in page
    assert '<a class="button quiet" href="/desk/">Show everything</a>' in page


def test_a_script_gets_the_rows_alone(world: World, desk: Browser) -> None:
    world.ask()
    part = desk.page("/desk/", hx_request="true")
    assert len(rows(part)) == 1
    assert "<html" not in part


def test_one_row_asks_the_database_as_much_as_fifty(world: World, desk: Browser) -> None:
    ben, visit = world.volunteer(), None
    asked: list[int] = []
    for count in (1, 49):
        for number in range(count):
            visit, need = world.ask(visit, decides="desk" if number % 2 else "asker")
            rings.ask_next(only_task(need), AT)
            take(ben, only_task(need), standing_by=number % 3 == 0)
        with CaptureQueriesContext(connection) as queries:
            assert len(rows(desk.page("/desk/"))) == len(asked) * 49 + 1
        asked.append(len(queries))
    assert asked == [QUERIES_OF_THE_TABLE] * 2


def test_a_worker_that_stopped_is_said(desk: Browser) -> None:
    said = "The background work has stopped."
    assert said in desk.words("/desk/")
    Heartbeat.objects.beat("ticker", [], AT - 2 * MINUTE)
    assert said in desk.words("/desk/")
    Heartbeat.objects.beat("ticker", [], AT)
    assert said not in desk.words("/desk/")


def test_the_key_sheet_is_asked_for_until_a_word_was_typed(desk: Browser) -> None:
    said = "The key sheet is not confirmed yet."
    assert said in desk.words("/desk/")
    right = next(iter(instance.sheet().values()))[instance.asked_word() - 1]
    wrong = "garden" if right != "garden" else "lantern"
    for typed, complaint in [("", "Please type the word."), (wrong, "The sheet says something else.")]:
        answer = desk.post("/desk/key-sheet/", word=typed)
        assert (answer.status_code, complaint in answer.content.decode()) == (422, True)
    assert wrong not in answer.content.decode()
    desk.post("/desk/key-sheet/", word=right.upper())
    assert said not in desk.words("/desk/")


def test_the_page_names_no_secret(world: World, desk: Browser) -> None:
    _, need = world.ask(note="The blue door.", desk_reads=True, decides="desk", place="Under the clock")
    take(world.volunteer(), only_task(need))
    page = desk.page("/desk/")
    assert ("blue door" in page, "clock" in page, Claim.objects.count()) == (False, False, 1)
