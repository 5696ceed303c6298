"""Leave now, on the server: the session is dead whoever it was, and there is always a way out."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.utils.encoding import iri_to_uri

from organisation.models import WAY_OUT, Organisation
from privacy.models import Session
from tests.requests_app.test_pages import ask_for_a_ride, text, volunteer_client
from tests.requests_app.world import World

WEATHER = "https://weather.example/today?in=town"
GONE = {"s": "", "c": "", "l": ""}


@pytest.fixture
def asker(world: World) -> Client:
    return Client(enforce_csrf_checks=True)


def way_out(response: Any) -> tuple[int, str]:
    return response.status_code, response["Location"]


def leads_to(address: str) -> None:
    Organisation.objects.current().change(leave_url=address)


def no_database(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise OperationalError


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", ["asker", "volunteer", "coordinator"])
def test_an_old_cookie_opens_nothing_after_leaving(world: World, who: str, method: str) -> None:
    page = {"asker": "/a/mine/", "volunteer": "/board/", "coordinator": "/desk/"}[who]
    if who == "asker":
        client = Client(enforce_csrf_checks=True)
        ask_for_a_ride(client, world)
    else:
        client = volunteer_client(world.volunteer() if who == "volunteer" else world.coordinator)
    old = {name: cookie.value for name, cookie in client.cookies.items()}
    assert client.get(page).status_code == 200

    response = getattr(client, method)("/a/leave/")

    assert way_out(response) == (303, WAY_OUT)
    assert {name: cookie.value for name, cookie in response.cookies.items()} == GONE
    assert Session.objects.count() == 0
    for name, value in old.items():
        client.cookies[name] = value
    assert client.get(page).status_code == 302


def test_over_https_the_cookies_that_are_taken_back_are_those_of_https(asker: Client) -> None:
    response = asker.get("/a/leave/", secure=True, headers={"cookie": "__Host-s=x; s=planted"})

    taken_back = [
        (cookie.key, cookie.value, cookie["max-age"], cookie["path"], cookie["secure"])
        for cookie in response.cookies.values()
    ]
    assert taken_back == [(f"__Host-{name}", "", 0, "/", "1") for name in ("s", "c", "l")]


def test_only_over_https_the_browser_is_asked_to_clear_cookies_by_itself(asker: Client) -> None:
    """Over http Chromium refuses that, and then takes none back one by one: tests/browser/test_leaving.py."""
    said = [asker.get("/a/leave/", secure=https)["Clear-Site-Data"] for https in (True, False)]

    assert said == ['"cache", "cookies", "storage"', '"cache", "storage"']


@pytest.mark.parametrize("method", ["get", "post"])
def test_leaving_works_without_the_database(asker: Client, world: World, method: str) -> None:
    ask_for_a_ride(asker, world)
    leads_to(WEATHER)
    Client().get("/a/leave/")

    with connection.execute_wrapper(no_database):
        response = getattr(asker, method)("/a/leave/")

    assert way_out(response) == (303, WEATHER)
    assert {name: cookie.value for name, cookie in response.cookies.items()} == GONE
    assert asker.get("/a/mine/")["Location"] == "/a/return/"


def test_a_fresh_machine_without_the_database_knows_a_way_out(asker: Client) -> None:
    cache.clear()

    with connection.execute_wrapper(no_database):
        assert way_out(asker.get("/a/leave/")) == (303, WAY_OUT)


@pytest.mark.parametrize(
    "broken",
    ["", " ", "/", "x", "javascript:alert(1)", "data:,x", "//weather.example", "http://", "https:///x"],
)
def test_an_address_that_is_none_leads_to_the_default(asker: Client, broken: str) -> None:
    leads_to(broken)

    assert way_out(asker.get("/a/leave/")) == (303, WAY_OUT)


def test_the_address_of_the_organisation_is_where_it_leads(asker: Client) -> None:
    leads_to(WEATHER)

    assert way_out(asker.get("/a/leave/")) == (303, WEATHER)


def test_an_address_too_long_to_be_remembered_leads_there_all_the_same(asker: Client) -> None:
    far = "https://weather.example/" + "é" * 170
    leads_to(far)

    assert way_out(asker.get("/a/leave/")) == (303, iri_to_uri(far))


def test_a_cache_that_breaks_keeps_nobody_here(asker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(WEATHER)

    def broken(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "set", broken)
    monkeypatch.setattr(cache, "get", broken)

    assert way_out(asker.get("/a/leave/")) == (303, WEATHER)
    with connection.execute_wrapper(no_database):
        assert way_out(asker.get("/a/leave/")) == (303, WAY_OUT)


def test_without_the_database_every_page_still_shows_the_way_out(asker: Client, world: World) -> None:
    ask_for_a_ride(asker, world)
    asker.raise_request_exception = False

    with connection.execute_wrapper(no_database):
        pages = [
            asker.get(path) for path in ("/", "/a/mine/", "/a/stay/", "/a/return/", "/nowhere/", "/board/")
        ]

    assert [page.status_code for page in pages] == [503] * 6
    assert [text(page).count('<a class="leave" href="/a/leave/">Leave now</a>') for page in pages] == [1] * 6
