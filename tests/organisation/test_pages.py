"""The public pages: the first one, how to help, the language."""

import re
from datetime import UTC, datetime, time, timedelta

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from organisation import kinds
from organisation.areas import Area
from organisation.hours import Hours, PhoneNumber
from organisation.models import Organisation
from tests.organisation.test_kinds import MEAL

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.organisation.urls")]

AT = datetime(2026, 3, 2, 12, 34, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon_on_a_monday(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.TIME_ZONE = "UTC"
    monkeypatch.setattr("privacy.clock.now", lambda: AT)


def words(client: Client, path: str = "/") -> str:
    """What a person reads on a page."""
    page = client.get(path)
    assert page.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", page.content.decode()).split())


def test_the_first_page_offers_every_kind_and_the_way_back(client: Client) -> None:
    with kinds.registered(MEAL):
        page = client.get("/").content.decode()
    for address in ("/a/stay/", "/a/ride/", "/a/accompaniment/", "/a/test-meal/", "/a/return/", "/help/"):
        assert f'href="{address}"' in page


def test_the_first_page_says_until_when_somebody_is_here(client: Client) -> None:
    Hours.objects.add(weekday=0, from_time=time(9), until_time=time(17))
    assert "Somebody is here until Monday 17:00." in words(client)


def test_the_first_page_says_when_somebody_is_back(client: Client) -> None:
    Hours.objects.add(weekday=1, from_time=time(20), until_time=time(2))
    assert "Nobody is here now. Somebody is back on Tuesday 3 March, 20:00." in words(client)


def test_the_first_page_pretends_nothing_without_hours(client: Client) -> None:
    assert "We cannot say when somebody is here." in words(client)


def test_the_first_page_says_day_and_night(client: Client) -> None:
    for day in range(7):
        Hours.objects.add(weekday=day, from_time=time(0), until_time=time(0))
    assert "Somebody is here day and night." in words(client)


def test_the_first_page_believes_who_is_away(client: Client) -> None:
    Hours.objects.add(weekday=0, from_time=time(9), until_time=time(17))
    Organisation.objects.ensure(AT).go_away(AT + timedelta(hours=1))
    assert "Nobody is here now." in words(client)


def test_numbers_can_be_called_and_are_never_markup(client: Client) -> None:
    PhoneNumber.objects.add(label="<b>Line</b>", number="+33 1 23", note="free & fast", order=2)
    PhoneNumber.objects.add(label="First", number="3114", order=1)
    page = client.get("/").content.decode()
    assert re.findall(r'href="(tel:[^"]*)"', page) == ["tel:3114", "tel:+33123"]
    assert "&lt;b&gt;Line&lt;/b&gt;" in page
    assert "free &amp; fast" in page


def test_nothing_in_the_first_page_says_what_this_is(client: Client) -> None:
    Organisation.objects.ensure(AT).change(name="Red umbrella", cover_name="Garden")
    page = client.get("/").content.decode()
    assert "<title>Garden</title>" in page
    assert "Red umbrella" not in page


def test_the_first_page_asks_as_many_questions_for_one_number_as_for_fifty(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 49):
        for n in range(count):
            PhoneNumber.objects.add(label="Line", number="3114", order=n)
            Hours.objects.add(weekday=n % 7, from_time=time(n % 24), until_time=time(9))
        with django_assert_num_queries(3):
            client.get("/")


def test_the_page_about_helping_has_the_organisations_own_words(client: Client) -> None:
    assert "invited by somebody who knows them" in words(client, "/help/")
    Organisation.objects.ensure(AT).change(help_text="Come on Mondays.\n\n<script>x</script>")
    page = client.get("/help/").content.decode()
    assert "<p>Come on Mondays.</p>" in page
    assert "<script" not in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_language_is_kept_and_the_page_too(client: Client, method: str) -> None:
    answer = getattr(client, method)("/language/", {"language": "fr", "next": "/help/?a=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/help/?a=1")
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
        "fr",
        True,
        "Lax",
        "",
    )
    assert '<html lang="fr"' in client.get("/").content.decode()


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""],
)
def test_changing_the_language_never_leads_elsewhere(client: Client, elsewhere: str) -> None:
    assert client.get("/language/", {"language": "fr", "next": elsewhere})["Location"] == "/"


@pytest.mark.parametrize("code", ["", "tlh", "../x", "fr" * 999])
def test_a_language_nobody_offers_shows_those_there_are(client: Client, code: str) -> None:
    answer = client.get("/language/", {"language": code, "next": "/help/"})
    page = answer.content.decode()
    assert (answer.status_code, answer.cookies.get(settings.LANGUAGE_COOKIE_NAME)) == (200, None)
    assert re.findall(r'<button[^>]*name="language" value="(\w+)"', page) == ["en", "fr"]
    assert '<input type="hidden" name="next" value="/help/">' in page


def test_what_was_typed_stays_when_the_language_changes(client: Client) -> None:
    typed = {"wish": "much too long", "parts": ["a", "c"], "switch_language": "fr"}
    answer = client.post("/wish/", typed)
    page = answer.content.decode()
    assert 'value="much too long"' in page
    assert re.findall(r'value="(\w)"[^>]*checked|<option value="(\w)" selected', page) == [
        ("", "a"),
        ("", "c"),
    ]
    assert "errorlist" not in page
    assert (answer.cookies[settings.LANGUAGE_COOKIE_NAME].value, answer["Content-Language"]) == ("fr", "fr")


def test_a_language_button_never_does_what_the_form_would(client: Client) -> None:
    assert client.post("/act/").content == b"done"
    for code in ("fr", "tlh", ""):
        answer = client.post("/act/", {"switch_language": code})
        assert (answer.status_code, answer["Location"]) == (302, "/act/")


def test_a_language_button_with_a_forged_value_keeps_what_was_typed(client: Client) -> None:
    answer = client.post("/wish/", {"wish": "tea", "switch_language": "tlh"})
    assert 'value="tea"' in answer.content.decode()
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies


def test_pages_are_small(client: Client) -> None:
    Area.objects.add(name="Here")
    assert max(len(client.get(path).content) for path in ("/", "/help/", "/language/")) < 6000
