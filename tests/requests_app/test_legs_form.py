"""The form of a ride: each leg where and when, and what cannot be meant comes back with one sentence."""

import re
from typing import Any

import pytest
from django.test import Client

from privacy import clock
from requests_app.models import Need, Task
from tests.requests_app.desk import read
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_pages import ask_for_a_ride, hidden, post, text
from tests.requests_app.world import TODAY, World

MORNING, AFTERNOON, EVENING, NIGHT = (int(part) for part in clock.Part)


@pytest.fixture
def asker(world: World) -> Client:
    return Client(enforce_csrf_checks=True)


def times(need: Need) -> dict[str, int]:
    return dict(Task.objects.filter(need=need).order_by("position").values_list("role", "parts"))


def wrong(page: str) -> dict[str, str]:
    """Field → the sentence at it."""
    found = {}
    for piece in page.split('class="field wrong"')[1:]:
        name, sentence = (
            re.findall(r'name="([^"]+)"', piece),
            re.findall(r'class="error"[^>]*><p>([^<]+)', piece),
        )
        found[name[0]] = read(sentence[0])
    return found


def test_every_leg_is_asked_where_and_when(asker: Client, world: World) -> None:
    answers = {
        "parts": [MORNING],
        "q_to": "The mill",
        "q_there_by": "10.20",
        "q_wait": "somebody",
        "q_wait_until": "16h",
        "q_back": "yes",
        "parts_back": [EVENING],
        "q_back_to": "Home",
        "q_back_after": "1740",
        "q_onward": "yes",
        "q_onward_to": "The station",
        "q_onward_by": "23:10",
    }
    assert ask_for_a_ride(asker, world, **answers).status_code == 302
    need = Need.objects.get()
    assert times(need) == {
        "there": MORNING,
        "wait": MORNING | AFTERNOON,
        "back": EVENING,
        "onward": NIGHT,
    }
    page = read(text(asker.get("/a/mine/")))
    for said in (
        "The way there Where to? The mill There by 10:20",
        "Until about when? 16:00",
        "The way back Where to? Home Not before 17:40",
        "The way onward Where to? The station There by 23:10",
        "morning Somebody who waits with you: morning, afternoon The way back: evening The way onward: night",
    ):
        assert said in page


def test_until_when_the_driver_waits_is_told_to_the_driver_of_the_way_there(
    asker: Client, world: World
) -> None:
    answers = {"parts": [MORNING], "q_wait": "outside", "q_wait_until": "11:30", "q_back": "yes"}
    assert ask_for_a_ride(asker, world, **answers).status_code == 302
    need = Need.objects.get()
    assert times(need) == {"there": MORNING, "back": MORNING}
    assert "The way there Until about when? 11:30" in read(text(asker.get("/a/mine/")))


def test_a_way_back_when_she_messages_is_asked_for_until_the_day_ends(asker: Client, world: World) -> None:
    assert ask_for_a_ride(asker, world, parts=[MORNING], q_back="message").status_code == 302
    assert times(Need.objects.get()) == {"there": MORNING, "back": 15}


def test_exact_times_are_nowhere_in_clear(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world, q_back="message", q_to="The mill", q_there_by="10:20", q_back_by="21:50")
    rows = repr([*Need.objects.values_list(), *Task.objects.values_list()])
    assert [secret for secret in ("10:20", "21:50", "The mill", "message") if secret in rows] == []


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"q_back": "yes", "parts": [AFTERNOON], "parts_back": [MORNING]}, "parts_back"),
        ({"q_back": "yes", "q_there_by": "10:00", "q_back_after": "9:30"}, "q_back_after"),
        ({"q_onward": "yes", "parts": [EVENING], "parts_onward": [MORNING, AFTERNOON]}, "parts_onward"),
        ({"q_onward": "yes", "q_there_by": "10:00", "q_onward_by": "09:59"}, "q_onward_by"),
    ],
)
def test_a_way_back_before_the_way_there_is_refused_and_nothing_typed_is_lost(
    asker: Client, world: World, typed: dict[str, Any], field: str
) -> None:
    written = {
        "q_to": "The mill",
        "q_back_to" if "q_back" in typed else "q_onward_to": "Home",
        "note": "Twice.",
    }
    answer = ask_for_a_ride(asker, world, **typed, **written, desk_reads="no")
    page = text(answer)
    assert (answer.status_code, Need.objects.count()) == (422, 0)
    assert list(wrong(page)) == [field]
    assert wrong(page)[field].startswith("This is before “The way")
    for value in (*written.values(), *(value for value in typed.values() if isinstance(value, str))):
        assert value in page
    ticked = re.findall(r'name="(parts\w*)" value="(\d)"[^>]*checked', page)
    wanted = [(name, str(part)) for name, value in typed.items() if isinstance(value, list) for part in value]
    assert sorted(ticked) == sorted(wanted)
    # Nothing is hidden from her: what is wrong does not lie in a closed fold.
    fold = page[: page.index(f'name="{field}"')].rpartition("<details")[2]
    assert " open>" in fold.partition("<summary>")[0] + ">"


def test_what_is_no_time_comes_back_as_typed(asker: Client, world: World) -> None:
    page = text(ask_for_a_ride(asker, world, q_there_by="half <ten>"))
    assert (wrong(page), "half &lt;ten&gt;" in page) == ({"q_there_by": "Give a time like 20:00."}, True)


def test_what_is_written_for_a_leg_nobody_asked_for_is_not_lost(asker: Client, world: World) -> None:
    page = text(ask_for_a_ride(asker, world, q_back="no", q_back_to="Home", parts_back=[EVENING]))
    assert set(wrong(page)) == {"q_back_to", "parts_back"}


def test_a_time_that_is_over_today_is_refused(asker: Client, world: World) -> None:
    page = text(asker.get("/a/ride/"))
    answers = {
        "area": world.area.pk,
        "day": TODAY.isoformat(),
        "token": hidden(page, "token"),
        "q_back": "yes",
    }
    response = post(asker, "/a/ride/", page, **answers, q_there_by="11:00", parts_back=[MORNING])
    assert set(wrong(text(response))) == {"q_there_by", "parts_back"}
    late = post(asker, "/a/ride/", page, **answers, q_back_by="01:30")
    assert (late.status_code, times(Need.objects.get())) == (302, {"there": 15 - MORNING, "back": NIGHT})


def test_the_facts_of_each_leg_are_asked_once_more_where_the_key_was_lost(world: World) -> None:
    visit, need = world.ask(answers={"back": "yes", "back_to": "The boathouse"}, parts_of={"back": EVENING})
    need.lose_key(clock.now())
    asker, address = enter(visit), f"/a/mine/needs/{need.pk}/write-again/"
    page = text(asker.get("/a/mine/"))
    assert ("The boathouse" in page, "q_back_to" in page, "q_onward_to" in page) == (False, True, False)
    answers = {"q_back": "yes", "q_to": "The mill", "q_back_to": "Home again"}
    refused = post(asker, address, page, **answers, q_back_after="12:00", q_there_by="13:00")
    assert (refused.status_code, list(wrong(text(refused)))) == (422, ["q_back_after"])
    assert post(asker, address, page, **answers).status_code == 302
    back = Task.objects.select_related("need").get(need=need, role="back")
    assert back.read_answers(visit.unlocked) == {"back_to": "Home again"}
    assert back.parts == EVENING
