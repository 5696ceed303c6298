"""What she reads of the home somebody offers, before she decides; and who else reads none of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from organisation import house, kinds
from organisation.kind import BadKind
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.world import TODAY, World, only_task, take

pytestmark = pytest.mark.django_db

TICKED = house.bits(["cat", "quiet_after_ten"])
YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("home", "read"),
    [
        (
            {"house": TICKED, "adults_agreed_on": TODAY},
            ["A cat lives here", "Quiet after ten at night", "All adults there agree (March 2026)."],
        ),
        ({"adults_agreed_on": None}, ["Nobody said whether all adults there agree."]),
        (
            {"house": TICKED, "adults_agreed_on": TODAY - YEAR},
            [
                *("A cat lives here", "Quiet after ten at night"),
                "All adults there agreed in March 2025. Nobody said it again since.",
            ],
        ),
    ],
)
def test_she_reads_what_the_home_is_like_before_she_says_yes(
    world: World, home: dict[str, Any], read: list[str]
) -> None:
    visit, need = world.ask(kind="stay")
    take(world.volunteer("Ben", kinds=["stay"], **home), only_task(need))
    client = enter(visit)

    assert facts_of_people(client) == [read]


def test_of_a_driver_she_reads_nothing_of_a_home(world: World) -> None:
    visit, need = world.ask(kind="ride")
    take(world.volunteer("Ben", house=TICKED), only_task(need))
    client = enter(visit)

    assert facts_of_people(client) == []


def test_an_offer_that_is_gone_says_nothing_more(world: World) -> None:
    visit, need = world.ask(kind="stay")
    ben = world.volunteer("Ben", kinds=["stay"], house=TICKED)
    take(ben, only_task(need))
    ben.volunteer.offers.all().delete()
    client = enter(visit)

    assert facts_of_people(client) == []


def facts_of_people(client: Client) -> list[list[str]]:
    """The facts in each person's card on her page; those of the need itself stand before the first card."""
    page = client.get("/a/mine/").content.decode()
    cards = page.split('<article class="card">')[1:]
    lists = [found for card in cards for found in re.findall(r'<ul class="facts">(.*?)</ul>', card)]
    return [re.findall(r"<li>(.*?)</li>", found) for found in lists]


def test_a_kind_with_a_fact_that_has_no_bit_does_not_start() -> None:
    stay = kinds.get("stay")

    with pytest.raises(BadKind):
        type(stay)(**{**vars(stay), "slug": "castle", "house_slugs": ("moat",)})


def test_nobody_is_asked_whether_the_home_agrees_where_no_kind_needs_it(world: World) -> None:
    ben = world.volunteer("Ben", kinds=["ride"], adults_agreed_on=None)

    places = ben.volunteer.offers.get().places.values_list("kind", "agreed_until")

    assert list(places) == [("ride", None)]
