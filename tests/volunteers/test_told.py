"""How news reaches somebody who has an account: what the profile says of each way, and their own browser."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from notify import start
from notify.models import Channel, Notice, PushKey
from tests.notify.push_service import Browser
from tests.volunteers.people import AT, Person
from tests.volunteers.test_keys import everything

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.volunteers.urls")]
PHONE = Browser("https://fcm.googleapis.com/fcm/send/kestrel:of-ben")
UNTRIED = "Nobody has tried this yet."
BROKEN = "messages come back from there."


@pytest.fixture(autouse=True)
def _set_up(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    start.keep_push_key(AT)


def profile(person: Person) -> str:
    return person.sign_in(Client()).get("/profile/").content.decode()


def add(person: Person, transport: str = "email", address: str = "kestrel@example.org") -> Channel:
    return Channel.objects.add(
        recipient=person.volunteer.pk, transport=transport, address=address, language="en", at=AT
    )


def posted(**more: object) -> dict[str, object]:
    return {"transport": "push", "address": PHONE.subscription} | more


WAYS = [("email", "kestrel@example.org"), ("push", PHONE.subscription)]


@pytest.mark.parametrize(("transport", "address"), WAYS)
def test_a_way_nobody_tried_says_so_until_it_was_tried(ben: Person, transport: str, address: str) -> None:
    channel = add(ben, transport, address)
    before = profile(ben)

    ben.sign_in(Client()).post(f"/profile/channels/{channel.pk}/try/")

    after = profile(ben)
    assert [UNTRIED in page for page in (before, after)] == [True, False]
    assert "Send me one to try" in after


@pytest.mark.parametrize(("transport", "address"), WAYS)
@pytest.mark.parametrize("who", ["ana", "ben"])
def test_a_way_that_broke_says_since_when_to_volunteers_and_the_desk(
    request: pytest.FixtureRequest, who: str, transport: str, address: str
) -> None:
    person: Person = request.getfixturevalue(who)
    add(person, transport, address).broken(AT)
    broken = profile(person)

    Channel.objects.get().test(AT + timedelta(days=1))

    assert f"Since March 2, 2026 {BROKEN}" in broken
    assert (UNTRIED in broken, BROKEN in profile(person)) == (False, False)


def test_a_browser_is_added_like_any_address_with_hours_and_pace(ben: Person, client: Client) -> None:
    hours = {"from_hour": "9", "until_hour": "22", "paces": "on"}

    answer = ben.sign_in(client).post("/profile/channels/", posted(**hours))

    channel = Channel.objects.get()
    kept = json.loads(channel.read_address())
    assert (answer.status_code, answer["Location"]) == (302, "/profile/")
    assert kept["endpoint"] == PHONE.endpoint
    assert (channel.transport, channel.from_hour, channel.until_hour, channel.paces) == ("push", 9, 22, True)
    assert Notice.objects.filter(channel=channel).count() == 1


def test_the_database_has_it_only_sealed_and_the_page_only_a_hash(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/channels/", posted())

    page = client.get("/profile/").content.decode()

    stored = everything()
    assert [stored.count(word) for word in (b"kestrel", b"fcm.googleapis")] == [0, 0]
    assert ("kestrel" in page, "fcm.googleapis" in page) == (False, False)
    assert re.search(r'<article class="card" data-mark="[0-9a-f]{64}">', page)
    assert '<span translate="no">Google</span>' in page


@pytest.mark.parametrize("address", ["", "kestrel", "{}", "[" * 1500, "x" * 3000])
def test_what_is_no_subscription_comes_back_and_is_not_repeated(
    ben: Person, client: Client, address: str
) -> None:
    page = ben.sign_in(client).post("/profile/channels/", posted(address=address))

    shown = page.content.decode()
    assert (page.status_code, Channel.objects.count()) == (422, 0)
    assert 'role="alert"' in shown
    # The other form has nothing typed in it, and nothing wrong.
    assert re.search(r'<input type="text" name="address"(?![^>]* value=)', shown)


def test_the_page_carries_what_a_browser_subscribes_with(ben: Person) -> None:
    key = PushKey.objects.get()

    page = profile(ben)

    assert f'data-key="{key.public_text()}"' in page
    assert page.count('<form method="post" action="/profile/channels/" id="push" hidden ') == 1


@pytest.mark.parametrize("why", ["switched off", "no key yet"])
def test_where_none_is_sent_nothing_of_it_is_in_the_page(ben: Person, settings: Settings, why: str) -> None:
    settings.PUSH = why != "switched off"
    if why == "no key yet":
        PushKey.objects.all().delete()

    page = profile(ben)

    assert [word for word in ("push", "Tell me on this phone", "news.js") if word in page] == []


def test_whoever_has_no_script_and_no_mail_reads_that_nothing_is_sent(
    ben: Person, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

    page = profile(ben)

    assert '<p id="no-news">This instance sends no messages yet.' in page


def test_the_script_that_shows_news_is_the_same_for_everybody(ben: Person, client: Client) -> None:
    nobody, somebody = Client().get("/profile/news.js"), ben.sign_in(client).get("/profile/news.js")

    assert nobody.content == somebody.content
    assert (nobody.status_code, nobody["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "Service-Worker-Allowed" not in nobody.headers
    handlers = re.findall(r'addEventListener\("(\w+)"', nobody.content.decode())
    assert handlers == ["install", "push", "notificationclick"]
    words = ("fetch", "caches", "indexedDB", "postMessage", "http", "importScripts", "/a/")
    assert [word for word in words if word in nobody.content.decode()] == []


def test_somebody_elses_browser_is_nowhere(ana: Person, ben: Person) -> None:
    add(ana, "push", PHONE.subscription)

    assert "data-mark" not in profile(ben)
