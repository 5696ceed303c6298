"""The form of a stay: who comes along, after midnight, what must be so or would be good, a ride there."""

from typing import Any

import pytest
from django.test import Client

from notify.models import Notice
from organisation import conditions, languages
from privacy import clock
from privacy.keyring import keyring
from requests_app import matching
from requests_app.models import Need, Proposal
from tests.requests_app.test_pages import hidden, post, text
from tests.requests_app.world import TOMORROW, World, only_task, say_yes, take
from tests.volunteers.people import AT


@pytest.fixture
def asker(world: World) -> Client:
    return Client(enforce_csrf_checks=True)


def ask(client: Client, world: World, path: str = "/a/stay/", **typed: Any) -> Any:
    page = text(client.get(path))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    return post(client, path, page, **answers, **typed)


def slugs(mask: int) -> set[str]:
    return set(conditions.slugs(mask))


# Who comes along


@pytest.mark.parametrize(
    ("typed", "people"),
    [
        ({}, 1),
        ({"people": "3"}, 3),
        ({"q_adults": "2"}, 2),
        ({"q_adults": "1", "q_children_3_6": "2", "q_children_0_2": "1"}, 4),
        ({"people": "3", "q_adults": "1", "q_children_7_12": "2"}, 3),
        # She counts, too; and where she said how many, the others are the adults.
        ({"q_children_7_12": "2"}, 3),
        ({"people": "4", "q_children_7_12": "2"}, 4),
        ({"q_adults": "0", "q_children_13_17": "1"}, 1),
    ],
)
def test_how_many_people_is_what_the_ages_add_up_to(
    asker: Client, world: World, typed: dict[str, str], people: int
) -> None:
    assert ask(asker, world, **typed).status_code == 302
    assert Need.objects.get().people == people


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            {"people": "2", "q_adults": "1", "q_children_0_2": "2"},
            "You wrote 2 here and 3 below. Please make them the same.",
        ),
        ({"people": "1", "q_children_0_2": "2"}, "You wrote 1 here and 2 below. Please make them the same."),
        ({"q_adults": "5", "q_children_0_2": "4"}, "Please ask for at most 8 people together."),
        ({"q_adults": "0"}, "Please say how many people come. You count, too."),
    ],
)
def test_ages_that_do_not_add_up_come_back_with_one_sentence(
    asker: Client, world: World, typed: dict[str, str], sentence: str
) -> None:
    answer = ask(asker, world, q_avoid="Walnuts", nights="2", **typed)
    page = text(answer)
    # Above the form, and beside the question.
    assert (answer.status_code, page.count(sentence), Need.objects.count()) == (422, 2, 0)
    assert "Walnuts</textarea>" in page
    for name, value in {**typed, "nights": "2"}.items():
        assert f'name="{name}" value="{value}"' in page
    assert page.count('<details class="fold" open>') == 2


def test_who_comes_along_and_what_to_avoid_is_sealed_and_only_the_clear_facts_are_not(
    asker: Client, world: World
) -> None:
    ask(
        asker,
        world,
        q_adults="1",
        q_children_3_6="2",
        q_pets="1",
        q_which_pets="An old spaniel",
        q_avoid="Walnuts",
    )
    need = Need.objects.get()
    stored = str(Need.objects.values_list().get())
    assert ("spaniel" in stored, "Walnuts" in stored, "children_3_6" in stored) == (False, False, False)
    assert (need.people, slugs(need.conditions)) == (3, {"children_welcome", "pets_welcome"})
    page = text(asker.get("/a/mine/"))
    assert [said for said in ("An old spaniel", "Walnuts", "Children from 3 to 6") if said not in page] == []


@pytest.mark.parametrize(
    ("typed", "asks"),
    [
        ({"q_children_13_17": "1"}, {"children_welcome"}),
        ({"q_children_13_17": "0", "q_adults": "1"}, set()),
        ({"q_pets": "1"}, {"pets_welcome"}),
        ({"q_which_pets": "A cat"}, {"pets_welcome"}),
        ({"parts": ["24"]}, {"late_arrival"}),
    ],
)
def test_what_she_said_once_needs_no_tick(asker: Client, world: World, typed: Any, asks: set[str]) -> None:
    ask(asker, world, **typed)
    assert slugs(Need.objects.get().conditions) == asks


# After midnight


def test_after_midnight_stands_beside_the_parts_of_the_day_where_there_are_nights(
    asker: Client, world: World
) -> None:
    page = text(asker.get("/a/stay/"))
    first = page.partition("More, if you like")[0]
    assert ("After midnight, perhaps" in first, "I may arrive after midnight" in page) == (True, False)
    assert "After midnight" not in text(asker.get("/a/ride/"))
    ask(asker, world, parts=["4", "24"])
    assert Need.objects.get().parts == int(clock.Part.EVENING | clock.Part.NIGHT)


# Hard or soft


def test_what_would_be_good_keeps_nobody_out_and_counts(asker: Client, world: World) -> None:
    ask(asker, world, conditions=["smoke_free"], wishes=["smoke_free", "own_room", "lockable_room"])
    need = Need.objects.get()
    assert (slugs(need.conditions), slugs(need.wishes)) == ({"smoke_free"}, {"own_room", "lockable_room"})
    has = {
        name: world.volunteer(name, conditions=conditions.bits(["smoke_free", *more]))
        for name, more in (("Ana", []), ("Ben", ["own_room", "lockable_room"]), ("Cleo", ["own_room"]))
    }
    world.volunteer("Nobody", conditions=conditions.bits(["own_room", "lockable_room"]))

    found = matching.best(only_task(need), AT, 9)

    assert [m.volunteer_id for m in found] == [has[name].volunteer.pk for name in ("Ben", "Cleo", "Ana")]
    assert [found[0].score - m.score for m in found] == [0, 10, 20]
    assert [[r for r in m.reasons if "wishes" in r] for m in found] == [["wishes"], ["some_wishes"], []]


def test_both_sides_read_what_would_be_good(asker: Client, world: World) -> None:
    ask(asker, world, wishes=["own_room"])
    ben = world.volunteer("Ben", conditions=conditions.bits(["own_room"]))
    browser = ben.sign_in(Client())
    board = text(browser.get("/board/"))
    assert ("Would be good: A room of my own" in board, "You have what would be good." in board) == (
        True,
        True,
    )
    task = only_task(Need.objects.get())
    take(ben, task)
    assert Proposal.objects.get().reasons.count("wishes") == 1
    assert "Has what you would like." in text(asker.get("/a/mine/"))
    assert "Would be good: A room of my own" in text(
        world.coordinator.sign_in(Client()).get(f"/desk/needs/{task.need_id}/")
    )


def test_what_is_so_is_no_wish(asker: Client, world: World) -> None:
    answer = ask(asker, world, wishes=["children_welcome"])
    assert (answer.status_code, Need.objects.count()) == (422, 0)


# A ride there


CARRIED = ("area_id", "day", "parts", "people", "languages", "languages_hard", "decides", "desk_reads")


def test_a_ride_there_is_asked_for_at_the_same_moment(asker: Client, world: World) -> None:
    ask(
        asker,
        world,
        q_ride="yes",
        parts=["4"],
        nights="2",
        languages=["fr"],
        languages_hard="on",
        who="only_women",
        conditions=["smoke_free", "own_room"],
        q_adults="1",
        q_pets="1",
        q_children_0_2="1",
        decides="first",
        note="The blue door.",
        desk_reads="yes",
        tell_by="email",
        email="cleo@example.org",
    )
    stay, ride = Need.objects.get(kind="stay"), Need.objects.get(kind="ride")
    assert [(name, getattr(ride, name)) for name in CARRIED] == [
        (name, getattr(stay, name)) for name in CARRIED
    ]
    assert (ride.belongs_to, ride.mailbox, ride.nights) == (stay, stay.mailbox, 0)
    assert slugs(ride.conditions) == {"only_women", "pets_welcome"}
    assert (ride.people, ride.languages, ride.parts) == (2, languages.bits(["fr"]), int(clock.Part.EVENING))
    assert [task.role for task in ride.tasks.all()] == ["there"]
    # One message to try, not two.
    assert Notice.objects.count() == 1
    page = text(asker.get("/a/mine/"))
    assert page.count("The blue door.") == 1
    assert page.index("A place to sleep</h2>") < page.index("A ride</h2>")
    assert page.count("Take back both") == 2


def test_the_same_form_posted_twice_makes_one_of_each(asker: Client, world: World) -> None:
    page = text(asker.get("/a/stay/"))
    typed = {
        "area": world.area.pk,
        "day": TOMORROW.isoformat(),
        "token": hidden(page, "token"),
        "q_ride": "yes",
    }
    for _time in range(2):
        assert post(asker, "/a/stay/", page, **typed).status_code == 302
        del asker.cookies["s"]
    assert sorted(Need.objects.values_list("kind", flat=True)) == ["ride", "stay"]


def test_without_a_yes_there_is_no_ride(asker: Client, world: World) -> None:
    ask(asker, world, q_ride="no")
    assert [need.kind for need in Need.objects.all()] == ["stay"]


def test_nothing_is_stored_where_one_of_the_two_cannot_be(
    asker: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    before = keyring().unowned([])
    seal = Need._seal

    def second_fails(need: Need, *rest: Any) -> None:
        seen.append(need.kind)
        if need.kind == "ride":
            raise RuntimeError
        seal(need, *rest)

    monkeypatch.setattr(Need, "_seal", second_fails)
    with pytest.raises(RuntimeError):
        world.ask(kind="stay", answers={"ride": "yes"})
    assert (seen, Need.objects.count(), keyring().unowned([])) == (["stay", "ride"], 0, before)


def test_ending_the_stay_leaves_the_ride_until_she_says_so(asker: Client, world: World) -> None:
    ask(asker, world, q_ride="yes")
    asker.get("/a/mine/")
    page = text(asker.get("/a/mine/"))
    stay = Need.objects.get(kind="stay")
    post(asker, f"/a/mine/needs/{stay.pk}/withdraw/", page)
    page = text(asker.get("/a/mine/"))
    assert dict(Need.objects.values_list("kind", "status")) == {"stay": "withdrawn", "ride": "open"}
    assert ("That is closed. This goes on." in page, "Take this back, too" in page) == (True, True)


def test_both_are_taken_back_with_one_press_on_either(world: World) -> None:
    for kind in ("stay", "ride"):
        visit, need = world.ask(kind="stay", answers={"ride": "yes"})
        ride = need.comes_with.get()
        ben = world.volunteer()
        claim = say_yes(visit, take(ben, only_task(ride)), place="At the corner")
        visit.need({"stay": need.pk, "ride": ride.pk}[kind]).withdraw_together(AT)
        assert sorted(visit.mailbox.needs.values_list("status", flat=True)) == ["withdrawn", "withdrawn"]
        claim.refresh_from_db()
        assert (claim.status, claim.place) == ("released", None)
