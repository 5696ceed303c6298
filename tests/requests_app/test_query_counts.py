"""Pages that list things ask the database as often for one row as for fifty."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from privacy import codes
from requests_app.models import Claim
from requests_app.visits import Visit
from tests.requests_app import desk
from tests.requests_app.test_pages import hidden, post, text
from tests.requests_app.world import World, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, Person

MANY = 50

# The same on both databases.
pytestmark = pytest.mark.once


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    # The first look may have loaded what is kept; the second is what a page costs.
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    assert answer.status_code == 200
    return len(queries)


def enter(visit: Visit) -> Client:
    """Her browser, after she typed her return code."""
    assert visit.secret is not None
    client = Client(enforce_csrf_checks=True)
    page = text(client.get("/a/return/"))
    code = codes.for_language(visit.secret, "en")
    answer = post(client, "/a/return/", page, ticket=hidden(page, "ticket"), code=code)
    assert answer.status_code == 302
    return client


def test_the_board_with_what_is_free_and_what_is_theirs(world: World) -> None:
    ben, ada = world.volunteer(), world.volunteer()
    client, visit, counts = desk.browser(ben).client, None, []
    for count in (1, MANY - 1):
        for _row in range(count):
            visit, _free = world.ask(visit)
            visit, held = world.ask(visit)
            take(ada, only_task(held))
            visit, own = world.ask(visit)
            take(ben, only_task(own))
        counts.append(queries_of(client, "/board/"))
    assert counts[0] == counts[1]


def test_what_the_desk_watches(world: World) -> None:
    ben, visit, counts = world.volunteer(), None, []
    client = desk.browser(world.coordinator).client
    for count in (1, MANY - 1):
        for _row in range(count):
            visit, _free = world.ask(visit)
            visit, held = world.ask(visit)
            take(ben, only_task(held))
        counts.append(queries_of(client, "/desk/"))
    assert counts[0] == counts[1]


def test_what_somebody_offers(world: World) -> None:
    ben, counts = world.volunteer(offers=False), []
    client = desk.browser(ben).client
    for count in (1, MANY - 1):
        for row in range(count):
            world.offer(ben.volunteer, areas=[world.area], days={AT.date(): row % 16})
        counts.append(queries_of(client, "/offers/"))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("each", ["asked", "offered", "approved"])
def test_what_she_asked_who_offered_and_what_they_wrote(world: World, each: str) -> None:
    ben, (visit, _first) = world.volunteer(), world.ask()
    client, counts = enter(visit), []
    for count in (1, MANY - 1):
        for _row in range(count):
            _visit, need = world.ask(visit)
            if each != "asked":
                take(ben, only_task(need))
            if each == "approved":
                _write(visit, ben, need.claims.get())
        counts.append(queries_of(client, "/a/mine/"))
    assert counts[0] == counts[1]


def _write(visit: Visit, person: Person, claim: Claim) -> None:
    """She says yes, and both write."""
    approved = say_yes(visit, Claim.objects.on_needs_of(visit.mailbox).get(pk=claim.pk), place="At the pond")
    approved.write(visit.unlocked, "asker", "See you there.", AT)
    approved.write(unlocked(person), "volunteer", "Yes.", AT)
