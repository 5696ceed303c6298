"""An asker says how she is told, where there is more than one way."""

import gzip
import re
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from notify.models import Channel, Notice
from requests_app.models import Need
from tests.forms_seen import typed_in
from tests.requests_app.world import TOMORROW, World

PAGE = 8 * 1024  # bytes, compressed


@pytest.fixture
def client(world: World, settings: Settings) -> Client:
    cache.clear()
    settings.NTFY_SERVER = "https://ntfy.example"
    settings.SIGNAL_GATEWAY = "signal://127.0.0.1:8080/+32470000000/{to}"
    settings.SMS_GATEWAY = "twilio://account:token@+32470000000/{to}"
    settings.MATRIX_GATEWAY = "matrixs://token@matrix.example/{to}"
    settings.OTHER_SERVICES = True
    return Client()


def ask(client: Client, world: World, **typed: Any) -> Any:
    good = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": "once"}
    return client.post("/a/ride/", good | typed)


def wrong(response: Any) -> list[str]:
    page = response.content.decode()
    found = re.findall(r'<div class="error"[^>]*>(.*?)</div>', page, re.DOTALL)
    return [unescape(text) for block in found for text in re.findall(r"<p>(.*?)</p>", block, re.DOTALL)]


def test_she_is_offered_what_the_operator_set_up_and_no_more(client: Client) -> None:
    page = client.get("/a/ride/").content.decode()

    offered = re.findall(r'name="tell_by" value="(\w*)"', page)
    assert offered == ["", "email", "ntfy", "signal", "sms", "matrix"]
    assert "Write the phone number that you use in Signal, with its country." in page


def test_looking_herself_is_chosen_already(client: Client) -> None:
    page = client.get("/a/ride/").content.decode()

    (chosen,) = re.findall(r'<input type="radio" name="tell_by" value="(\w*)"[^>]*checked', page)
    assert chosen == ""


def test_the_page_stays_small_with_all_of_them(client: Client) -> None:
    page = client.get("/a/ride/").content

    assert len(gzip.compress(page)) < PAGE


@pytest.mark.parametrize(
    ("way", "typed", "kept"),
    [
        ("email", "her@example.org", "her@example.org"),
        ("ntfy", " her-topic ", "her-topic"),
        ("ntfy", "https://ntfy.example/her-topic", "https://ntfy.example/her-topic"),
        ("signal", "0032 470 12 34 56", "+32470123456"),
        ("sms", "+32 470 12 34 56", "+32470123456"),
        ("matrix", "#room:example.org", "#room:example.org"),
    ],
)
def test_she_is_told_the_way_she_chose(client: Client, world: World, way: str, typed: str, kept: str) -> None:
    response = ask(client, world, tell_by=way, email=typed, from_hour="9", until_hour="21")

    channel = Channel.objects.get()
    assert (response.status_code, channel.transport, channel.read_address()) == (302, way, kept)
    assert (channel.from_hour, channel.until_hour) == (9, 21)
    assert {notice.transport for notice in Notice.objects.all()} <= {way}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            {"tell_by": "signal", "email": "her@example.org"},
            "Give the number with its country, like +32 470 12 34 56.",
        ),
        (
            {"tell_by": "ntfy", "email": "https://127.0.0.1/x"},
            "Write only the name of your topic, on the server we use.",
        ),
        ({"tell_by": "email", "email": "nobody"}, "Give an address like name@example.org."),
        ({"tell_by": "signal"}, "Please write the address, or choose to look yourself."),
        ({"tell_by": "", "email": "her-topic"}, "Choose how we tell you, or take the address out."),
        ({"tell_by": "ntfy", "email": "x" * 501}, "This address is too long."),
        ({"tell_by": "ntfy", "email": "topic", "from_hour": "9"}, "Choose both hours, or none."),
    ],
    ids=lambda value: value["tell_by"] if isinstance(value, dict) else None,
)
def test_a_mistake_gets_one_sentence_and_what_was_typed_comes_back(
    client: Client, world: World, typed: dict[str, str], words: str
) -> None:
    response = ask(client, world, **typed)

    assert (response.status_code, wrong(response)) == (422, [words])
    assert typed_in(response.content.decode(), "email") == [[typed.get("email", "")]]
    assert (Need.objects.count(), Channel.objects.count()) == (0, 0)


@pytest.mark.parametrize("server", ["https://ntfy.sh", "https://ntfy.example:8443", "https://192.0.33.8"])
def test_whoever_asks_does_not_choose_where_this_machine_connects_to(
    client: Client, world: World, server: str
) -> None:
    response = ask(client, world, tell_by="ntfy", email=f"{server}/her-topic")

    said = ["Write only the name of your topic, on the server we use."]
    assert (response.status_code, wrong(response)) == (422, said)
    assert (Need.objects.count(), Channel.objects.count()) == (0, 0)


@pytest.mark.parametrize("way", ["other", "push", "pigeon"])
def test_what_is_not_for_her_is_not_taken(client: Client, world: World, way: str) -> None:
    response = ask(client, world, tell_by=way, email="discord://1/a")

    assert response.status_code == 422
    assert Channel.objects.count() == 0
