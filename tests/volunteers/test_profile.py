"""The profile: what others see, a break, news, the calendar."""

import re
from datetime import date

import pytest
from django.test import Client
from pytest_django import Settings

from notify.models import MOST_CHANNELS, MOST_TESTS, Channel, Notice
from organisation import languages
from tests.volunteers import people
from tests.volunteers.people import Person
from tests.volunteers.test_keys import everything
from volunteers.account import Volunteer

pytestmark = pytest.mark.urls("tests.volunteers.urls")


def about(**changes: object) -> dict[str, object]:
    return {"handle": "Benny", "interface_language": "fr", "languages": ["en", "fr"]} | changes


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def test_what_they_say_about_themselves_is_stored(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/about/", about(cap_per_week="3", rest_days="2"))

    row = now(ben)
    assert (row.handle, row.interface_language) == ("Benny", "fr")
    assert (languages.codes(row.languages), row.cap_per_week, row.rest_days) == (["en", "fr"], 3, 2)


def test_the_pages_speak_the_language_of_the_profile(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/about/", about())

    assert '<html lang="fr"' in client.get("/profile/").content.decode()
    assert '<html lang="fr"' in ben.sign_in(Client()).get("/profile/").content.decode()


def test_no_limit_is_an_empty_field(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/about/", about(cap_per_week="", rest_days=""))

    assert (now(ben).cap_per_week, now(ben).rest_days) == (None, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"handle": ""}, {"handle": "x" * 41}, {"languages": ["xx"]}, {"cap_per_week": "0"},
     {"cap_per_week": "15"}, {"rest_days": "-1"}, {"interface_language": "tlh"}, {"handle": "\0"}],
)  # fmt: skip
def test_a_wrong_answer_comes_back_and_nothing_changes(
    ben: Person, client: Client, wrong: dict[str, object]
) -> None:
    page = ben.sign_in(client).post("/profile/about/", about(cap_per_week="3") | wrong)

    assert (page.status_code, now(ben).handle) == (422, "Ben")
    if "handle" not in wrong:
        assert 'value="Benny"' in page.content.decode()


def test_a_break_begins_and_ends(ben: Person, client: Client) -> None:
    ben.sign_in(client)

    client.post("/profile/pause/", {"until": "2026-03-09"})
    paused = now(ben).paused_until
    client.post("/profile/resume/")

    assert (paused, now(ben).paused_until) == (date(2026, 3, 9), None)


@pytest.mark.parametrize("until", ["2026-03-02", "1999-01-01", "2099-01-01", "soon", ""])
def test_a_break_ends_on_a_day_to_come(ben: Person, client: Client, until: str) -> None:
    page = ben.sign_in(client).post("/profile/pause/", {"until": until})

    assert (page.status_code, now(ben).paused_until) == (422, None)


def test_the_calendar_address_is_shown_once_and_stored_nowhere(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/calendar/")

    token = re.search(r"/calendar/([\w-]+)\.ics", client.get("/profile/").content.decode())
    again = client.get("/profile/").content.decode()

    assert token is not None
    assert Volunteer.objects.by_calendar_token(token[1]) == ben.volunteer
    assert (token[1] in again, everything().count(token[1].encode())) == (False, 0)


def test_a_stopped_calendar_address_opens_nothing(ben: Person, client: Client) -> None:
    token = ben.volunteer.new_calendar_token()

    ben.sign_in(client).post("/profile/calendar/drop/")

    assert Volunteer.objects.by_calendar_token(token) is None
    assert Volunteer.objects.by_calendar_token("") is None


@pytest.fixture
def _mail(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.org"


@pytest.mark.usefixtures("_mail")
def test_a_channel_is_added_tried_and_forgotten(ben: Person, client: Client) -> None:
    ben.sign_in(client)

    client.post("/profile/channels/", {"transport": "email", "address": "kestrel@example.org"})
    channel = Channel.objects.get(recipient=ben.volunteer.pk)
    page = client.get("/profile/").content.decode()
    client.post(f"/profile/channels/{channel.pk}/try/")
    notices = Notice.objects.count()
    client.post(f"/profile/channels/{channel.pk}/remove/")

    assert notices == 2
    assert (channel.read_address(), channel.language) == ("kestrel@example.org", "en")
    assert "kestrel@" not in page
    assert Channel.objects.count() == 0


@pytest.mark.usefixtures("_mail")
def test_an_address_is_in_the_database_only_sealed(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/channels/", {"transport": "email", "address": "kestrel@example.org"})

    assert Channel.objects.count() == 1
    assert everything().count(b"kestrel") == 0


@pytest.mark.usefixtures("_mail")
def test_trying_without_end_is_said_and_sends_nothing(ben: Person, client: Client) -> None:
    ben.sign_in(client).post("/profile/channels/", {"transport": "email", "address": "kestrel@example.org"})
    channel = Channel.objects.get()

    for _again in range(MOST_TESTS):
        client.post(f"/profile/channels/{channel.pk}/try/")

    assert "No message was sent: there were many." in client.get("/profile/").content.decode()
    assert Notice.objects.count() == MOST_TESTS


@pytest.mark.usefixtures("_mail")
def test_nobody_has_more_ways_than_a_person_needs(ben: Person, client: Client) -> None:
    ben.sign_in(client)

    for number in range(MOST_CHANNELS + 1):
        posted = {"transport": "email", "address": f"kestrel{number}@example.org"}
        client.post("/profile/channels/", posted)

    assert Channel.objects.count() == MOST_CHANNELS
    assert "You have many ways already." in client.get("/profile/").content.decode()


@pytest.mark.usefixtures("_mail")
def test_a_wrong_address_comes_back(ben: Person, client: Client) -> None:
    page = ben.sign_in(client).post("/profile/channels/", {"transport": "email", "address": "kestrel"})

    assert (page.status_code, Channel.objects.count()) == (422, 0)
    assert 'value="kestrel"' in page.content.decode()


@pytest.mark.usefixtures("_mail")
def test_somebody_elses_channel_is_nowhere(ana: Person, ben: Person, client: Client) -> None:
    ana.sign_in(Client()).post("/profile/channels/", {"transport": "email", "address": "kestrel@example.org"})
    channel = Channel.objects.get()
    ben.sign_in(client)

    answers = [
        client.post(f"/profile/channels/{channel.pk}/{verb}/").status_code for verb in ("try", "remove")
    ]

    assert (answers, Channel.objects.count()) == ([404, 404], 1)


def test_a_newcomer_reads_that_they_wait(ana: Person, client: Client) -> None:
    page = people.newcomer(ana).sign_in(client).get("/profile/").content.decode()

    assert "The desk has not let you in yet." in page
    assert "/profile/calendar/" not in page


def test_a_channel_through_another_service_is_added_and_tried(
    ben: Person, client: Client, settings: Settings
) -> None:
    settings.NTFY_SERVER = "https://ntfy.example"
    ben.sign_in(client)

    wrong = client.post("/profile/channels/", {"transport": "ntfy", "address": "https://localhost/kestrel"})
    right = client.post("/profile/channels/", {"transport": "ntfy", "address": "https://ntfy.sh/kestrel"})

    channel = Channel.objects.get(recipient=ben.volunteer.pk)
    assert (wrong.status_code, right.status_code) == (422, 302)
    assert "Use a server that everybody on the internet can reach." in wrong.content.decode()
    assert (channel.transport, channel.read_address()) == ("ntfy", "https://ntfy.sh/kestrel")
    assert [notice.transport for notice in Notice.objects.filter(channel=channel)] == ["ntfy"]
