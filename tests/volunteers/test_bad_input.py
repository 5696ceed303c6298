"""Bad input in the forms of volunteers and the desk: a sentence, what was typed stays, nothing is stored."""

import re
from html import unescape
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from notify.models import Channel
from organisation.models import Area, Hours, Organisation, PhoneNumber
from privacy import clock
from tests.bad_input import EMOJI, RIGHT_TO_LEFT, UNKNOWN_ID
from tests.forms_seen import typed_in
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person, today_is
from volunteers.models import Invitation, Offer, Volunteer

NOT_ALLOWED = "Null characters are not allowed."


def sentences(response: Any) -> list[str]:
    """What the page says is wrong, beside the fields and above the form."""
    page = response.content.decode()
    beside = re.findall(r'<div class="error"[^>]*>(.*?)</div>', page, re.DOTALL)
    found = [text for block in beside for text in re.findall(r"<p>(.*?)</p>", block, re.DOTALL)]
    above = re.findall(r'<div class="status warn" role="alert">(.*?)</div>', page, re.DOTALL)
    found += [text for block in above for text in re.findall(r"<li>([^<]+)</li>", block)]
    return [unescape(text).strip() for text in found]


@pytest.fixture
def client(ana: Person) -> Client:
    cache.clear()
    return Client()


@pytest.fixture
def hers(ana: Person) -> Client:
    """The coordinator's browser."""
    Organisation.objects.ensure(AT)
    return ana.sign_in(Client())


def area() -> Area:
    Organisation.objects.ensure(AT)
    return Area.objects.active()[0]


# Joining


def good_join() -> dict[str, str]:
    return {"handle": "Dora", "passphrase": PASSPHRASE, "again": PASSPHRASE}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"handle": ""}, "This field is required."),
        ({"handle": "x" * 41}, "Ensure this value has at most 40 characters (it has 41)."),
        ({"handle": "a\0b"}, NOT_ALLOWED),
        ({"passphrase": "short"}, "This is too short. Use at least 12 characters."),
        ({"passphrase": "a" * 12, "again": "a" * 12}, "This is too easy to guess. Mix more characters."),
        ({"passphrase": "x" * 201, "again": "x" * 201}, None),
        ({"passphrase": f"{PASSPHRASE}\0", "again": f"{PASSPHRASE}\0"}, NOT_ALLOWED),
        ({"again": "something else"}, "The two are not the same."),
        ({"again": ""}, "This field is required."),
    ],
)
def test_joining_badly_makes_no_account_and_echoes_no_passphrase(
    ana: Person, client: Client, typed: dict[str, str], expected: str | None
) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    response = client.post(f"/join/{token}/", good_join() | typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert expected is None or expected in sentences(response)
    assert typed_in(page, "passphrase") + typed_in(page, "again") == [[""], [""]]
    assert typed_in(page, "handle") == [[(good_join() | typed)["handle"]]]
    assert Volunteer.objects.count() == 1


@pytest.mark.parametrize("token", ["x", "x" * 3000, EMOJI, RIGHT_TO_LEFT, "%00", "..", UNKNOWN_ID])
def test_an_invitation_that_is_none_lets_nobody_in(client: Client, token: str) -> None:
    assert client.post(f"/join/{token}/", good_join()).status_code == 404
    assert Volunteer.objects.count() == 1


def test_joining_twice_is_joining_once_and_says_where_to_go_on(ana: Person, client: Client) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    assert client.post(f"/join/{token}/", good_join()).status_code == 302
    again = Client().post(f"/join/{token}/", good_join())
    assert (again.status_code, Volunteer.objects.count()) == (404, 2)
    assert '"/accounts/login/"' in again.content.decode()


def test_a_handle_of_any_script_is_kept_as_typed(ana: Person, client: Client) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    client.post(f"/join/{token}/", good_join() | {"handle": f"{EMOJI} {RIGHT_TO_LEFT}"})
    assert Volunteer.objects.filter(handle=f"{EMOJI} {RIGHT_TO_LEFT}").exists()


@pytest.mark.parametrize("typed", ["", "x", "x" * 201, "\0", EMOJI])
def test_wrong_words_of_the_sheet_are_not_echoed(ana: Person, client: Client, typed: str) -> None:
    client.post(f"/join/{Invitation.objects.make(ana.volunteer, AT)}/", good_join())
    names = re.findall(r'name="(word\d+)"', client.get("/accounts/sheet/").content.decode())
    response = client.post("/accounts/sheet/", dict.fromkeys(names, typed))
    page = response.content.decode()
    assert (response.status_code, len(sentences(response))) == (422, 2)
    assert [typed_in(page, name) for name in names] == [[[""]], [[""]]]


# Signing in


WRONG_LOGINS = [
    ("ana", "x"),
    ("", ""),
    ("x" * 81, PASSPHRASE),
    ("a\0b", PASSPHRASE),
    (EMOJI, RIGHT_TO_LEFT),
    ("ana", "x" * 201),
    ("ana", "a\0b"),
    ("'; DROP TABLE x; --", "{{ 7|add:7 }}"),
]


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/recover/"])
def test_a_wrong_login_keeps_the_name_and_never_the_secret(client: Client, path: str) -> None:
    for name, secret in WRONG_LOGINS:
        cache.clear()
        typed = {"login": name, "password": secret, "username": name, "sheet": secret}
        response = client.post(path, typed | {"passphrase": PASSPHRASE, "again": PASSPHRASE})
        page = response.content.decode()
        assert response.status_code in (200, 422), name
        assert sentences(response) != [], name
        shown = [typed_in(page, each) for each in ("password", "sheet", "passphrase", "again")]
        assert [values for field in shown for values in field if values != [""]] == [], name
        kept = typed_in(page, "login") + typed_in(page, "username")
        assert "\0" in name or kept == [[name]], name
        assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("typed", ["", "x", "x" * 201, "a\0b", EMOJI, RIGHT_TO_LEFT])
def test_a_wrong_passphrase_is_said_and_not_echoed(hers: Client, typed: str) -> None:
    hers.post("/accounts/lock/")
    cache.clear()
    for path, name in (
        ("/accounts/unlock/", "passphrase"),
        ("/accounts/reauthenticate/", "password"),
        ("/accounts/passphrase/", "old"),
    ):
        response = hers.post(path, {name: typed, "passphrase": typed, "again": typed})
        assert response.status_code in (200, 422), path
        assert sentences(response) != [], path
        assert [values for values in typed_in(response.content.decode(), name) if values != [""]] == []


@pytest.mark.parametrize("code", ["", "x", "000000", "٣٣٣٣٣٣", "x" * 21, "a\0b", EMOJI])
def test_a_wrong_code_of_an_app_sets_nothing_up(ana: Person, hers: Client, code: str) -> None:
    hers.post("/accounts/reauthenticate/", {"password": ana.passphrase})
    hers.get("/accounts/2fa/totp/activate/")
    response = hers.post("/accounts/2fa/totp/activate/", {"code": code})
    assert response.status_code in (200, 422)
    assert (len(sentences(response)) > 0, Authenticator.objects.count()) == (True, 0)


# Offers


def good_offer() -> dict[str, Any]:
    return {
        "kinds": ["ride"],
        "home_area": str(area().pk),
        "reach_km": "5",
        "weekly": [str(bit) for bit in range(28)],
        "capacity": "3",
    }


@pytest.mark.parametrize(
    "typed",
    [
        {"kinds": []},
        {"kinds": ["ride", "mind-reading"]},
        {"home_area": ""},
        {"home_area": "999999"},
        {"home_area": "9" * 30},
        {"home_area": "x"},
        {"reach_km": ""},
        {"reach_km": "-1"},
        {"reach_km": "61"},
        {"reach_km": "1e400"},
        {"areas": ["1", "x"]},
        {"areas": ["9" * 30]},
        {"weekly": []},
        {"weekly": ["28"]},
        {"weekly": ["-1"]},
        {"weekly": ["1e400"]},
        {"capacity": ""},
        {"capacity": "0"},
        {"capacity": "51"},
        {"capacity": "9" * 30},
        {"capacity": "9" * 5000},
        {"capacity": "NaN"},
        {"conditions": ["levitation"]},
        {"conditions": ["\0"]},
    ],
    ids=repr,
)
def test_a_bad_offer_is_refused_and_the_rest_stays(
    ben: Person, client: Client, typed: dict[str, Any]
) -> None:
    ben.sign_in(client)
    asked = good_offer() | typed
    response = client.post("/offers/new/", {**asked, "once": UNKNOWN_ID})
    page = response.content.decode()
    assert (response.status_code, len(sentences(response)) > 0) == (422, True)
    assert Offer.objects.count() == 0
    kept = {name: typed_in(page, name)[0] for name in good_offer() if name not in typed}
    good = {name: value if isinstance(value, list) else [value] for name, value in good_offer().items()}
    assert kept == {name: good[name] for name in kept}


def test_the_same_offer_posted_twice_is_one_offer(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    for _ in range(2):
        assert client.post("/offers/new/", {**good_offer(), "once": UNKNOWN_ID}).status_code == 302
    assert Offer.objects.count() == 1


def test_the_mark_of_somebody_elses_offer_changes_nothing_of_it(
    ana: Person, ben: Person, client: Client
) -> None:
    cleo = people.volunteer(ana, "Cleo")
    ben.sign_in(client)
    client.post("/offers/new/", {**good_offer(), "once": UNKNOWN_ID})
    other = cleo.sign_in(Client())
    assert other.post("/offers/new/", {**good_offer(), "once": UNKNOWN_ID}).status_code == 302
    assert Offer.objects.filter(volunteer=ben.volunteer).count() == 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"day": ""}, "This field is required."),
        ({"day": "2026-02-30"}, "Enter a valid date."),
        ({"day": "2020-01-01"}, "This day is over. Choose a later one."),
        ({"day": "9999-12-31"}, "Choose a day within the next year."),
        ({"day": "10000-01-01"}, "Enter a valid date."),
        ({"day": "\0"}, "Enter a valid date."),
    ],
)
@pytest.mark.parametrize("what", ["day", "until"])
def test_a_bad_day_is_refused_and_comes_back(
    ben: Person, client: Client, what: str, typed: dict[str, str], expected: str
) -> None:
    ben.sign_in(client)
    client.post("/offers/new/", {**good_offer(), "once": UNKNOWN_ID})
    path = "/profile/pause/" if what == "until" else f"/offers/{Offer.objects.get().pk}/days/"
    response = client.post(path, {what: typed["day"]})
    said = {"This day is over. Choose a later one.": "Choose a day that is still to come."}
    wanted = said.get(expected, expected) if what == "until" else expected
    assert (response.status_code, sentences(response)[:1]) == (422, [wanted])
    if "\0" not in typed["day"]:
        assert [typed["day"]] in typed_in(response.content.decode(), what)
    ben.volunteer.refresh_from_db()
    assert (Offer.objects.get().exceptions.count(), ben.volunteer.paused_until) == (0, None)


def test_a_day_to_take_back_that_is_none_changes_nothing(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    client.post("/offers/new/", {**good_offer(), "once": UNKNOWN_ID})
    offer = Offer.objects.get()
    offer.set_day(clock.local_day(AT), 1, AT)
    for day in ("", "x", "\0", "9999-12-31", "2026-02-30"):
        assert client.post(f"/offers/{offer.pk}/days/remove/", {"day": day}).status_code in (302, 422)
    assert offer.exceptions.count() == 1


def test_what_is_somebody_elses_is_not_there(ana: Person, ben: Person, client: Client) -> None:
    cleo = people.volunteer(ana, "Cleo")
    offer = Offer(volunteer=cleo.volunteer, kinds=["ride"], home_area=area(), made_at=AT)
    offer.write(AT, [])
    channel = _channel(cleo)
    ben.sign_in(client)
    paths = [
        f"/offers/{pk}/{verb}/"
        for pk in (offer.pk, UNKNOWN_ID)
        for verb in ("edit", "days", "days/remove", "pause", "activate", "remove")
    ]
    paths += [
        f"/profile/channels/{pk}/{verb}/" for pk in (channel.pk, UNKNOWN_ID) for verb in ("try", "remove")
    ]
    codes = {client.post(path, {**good_offer(), "day": today_is()}).status_code for path in paths}
    assert codes == {404}


def _channel(person: Person) -> Channel:
    address = "cleo@example.org"
    return Channel.objects.add(
        recipient=person.volunteer.pk, transport="email", address=address, language="en", at=AT
    )


# The profile


@pytest.mark.parametrize(
    "typed",
    [
        {"handle": ""},
        {"handle": "x" * 41},
        {"handle": "\0"},
        {"languages": ["en", "xx"]},
        {"cap_per_week": "0"},
        {"cap_per_week": "1e400"},
        {"cap_per_week": "9" * 30},
        {"rest_days": "-1"},
        {"rest_days": "31"},
        {"rest_days": "x"},
        {"interface_language": "xx"},
        {"interface_language": ""},
    ],
    ids=repr,
)
def test_a_bad_profile_changes_nothing(ben: Person, client: Client, typed: dict[str, Any]) -> None:
    ben.sign_in(client)
    good = {"handle": "Other", "languages": ["fr"], "rest_days": "2", "interface_language": "en"}
    response = client.post("/profile/about/", good | typed)
    assert (response.status_code, len(sentences(response)) > 0) == (422, True)
    ben.volunteer.refresh_from_db()
    assert (ben.volunteer.handle, ben.volunteer.languages, ben.volunteer.rest_days) == ("Ben", 0, 0)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"address": ""}, "Give an address, or the message cannot arrive."),
        ({"address": "nobody"}, "Give an address like name@example.org."),
        ({"address": "x" * 501}, "This address is too long."),
        ({"address": f"{'x' * 300}@example.org"}, "This address is too long."),
        ({"address": "a@example.org\nBcc: b@example.org"}, "Give an address like name@example.org."),
        ({"address": f"{EMOJI}@example.org"}, "Give an address like name@example.org."),
        ({"transport": ""}, "Choose how we can tell you."),
        ({"transport": "pigeon"}, "Choose one of these."),
        ({"from_hour": "24", "until_hour": "1"}, "Choose one of these."),
        ({"from_hour": "9"}, "Choose both hours, or none."),
        ({"from_hour": "9", "until_hour": "9"}, "Choose two different hours."),
        ({"from_hour": "1e400", "until_hour": "-1"}, "Choose one of these."),
    ],
)
def test_a_channel_that_leads_nowhere_is_refused(
    ben: Person, client: Client, typed: dict[str, str], expected: str
) -> None:
    ben.sign_in(client)
    good = {"transport": "email", "address": "ben@example.org"}
    response = client.post("/profile/channels/", good | typed)
    assert (response.status_code, sentences(response)[:1]) == (422, [expected])
    assert Channel.objects.count() == 0
    assert [(good | typed)["address"]] in typed_in(response.content.decode(), "address")


def test_the_same_channel_twice_is_one_channel(ben: Person, client: Client) -> None:
    ben.sign_in(client)
    for _ in range(2):
        typed = {"transport": "email", "address": "ben@example.org"}
        assert client.post("/profile/channels/", typed).status_code == 302
    assert Channel.objects.of(ben.volunteer.pk).count() == 1


# The desk


SETTINGS: dict[str, tuple[str, dict[str, str], list[dict[str, str]]]] = {
    "names": (
        "/desk/settings/",
        {"name": "N", "cover_name": "Notes", "leave_url": "https://www.wikipedia.org/", "max_nights": "5"},
        [
            {"cover_name": ""},
            {"cover_name": "x" * 31},
            {"name": "\0"},
            {"leave_url": "javascript:alert(1)"},
            {"leave_url": "https://"},
            {"leave_url": "https://a:b@example.org/"},
            {"leave_url": "http://["},
            {"leave_url": f"https://example.org/{'x' * 200}"},
            {"max_nights": "0"},
            {"max_nights": "61"},
            {"max_nights": "9" * 30},
            {"max_nights": "1e400"},
            {"hold_minutes": "-1"},
            {"hold_minutes": "9" * 30},
            {"keep_days": "31"},
            {"keep_days": "x"},
            {"help_text": "x" * 2001},
        ],
    ),
    "away": (
        "/desk/settings/away/",
        {"away_until": "2026-03-03T10:00"},
        [{"away_until": "x"}, {"away_until": "2026-02-30T10:00"}, {"away_until": "10000-01-01T00:00"}],
    ),
    "hours": (
        "/desk/settings/hours/",
        {"weekday": "1", "from_time": "20:00", "until_time": "02:00"},
        [
            {"weekday": ""},
            {"weekday": "7"},
            {"weekday": "-1"},
            {"from_time": "25:00"},
            {"from_time": ""},
            {"until_time": "x"},
            {"until_time": "\0"},
        ],
    ),
    "numbers": (
        "/desk/settings/numbers/",
        {"label": "Line", "number": "555 0100", "order": "0"},
        [
            {"label": ""},
            {"label": "x" * 61},
            {"label": "\0"},
            {"number": ""},
            {"number": "call me"},
            {"number": "1" * 31},
            {"number": EMOJI},
            {"order": "-1"},
            {"order": "9" * 30},
            {"note": "x" * 121},
        ],
    ),
    "areas": (
        "/desk/settings/areas/add/",
        {"name": "Harbour", "parent": "", "lat": "45", "lon": "-30"},
        [
            {"name": ""},
            {"name": "x" * 81},
            {"name": "\0"},
            {"name": "here"},
            {"parent": "999999"},
            {"parent": "x"},
            {"lat": "91"},
            {"lat": "NaN"},
            {"lat": "1e400"},
            {"lon": "Infinity"},
            {"lon": ""},
        ],
    ),
}


def desk_rows() -> list[Any]:
    return [
        [tuple(row) for row in model.objects.order_by("pk").values_list()]
        for model in (Organisation, Hours, PhoneNumber, Area)
    ]


@pytest.mark.parametrize("form", SETTINGS)
def test_a_bad_setting_is_refused_and_changes_nothing(hers: Client, form: str) -> None:
    path, good, bad = SETTINGS[form]
    before = desk_rows()
    for typed in bad:
        response = hers.post(path, good | typed)
        assert (response.status_code, len(sentences(response)) > 0) == (422, True), typed
        assert desk_rows() == before, typed
        for name, value in (good | typed).items():
            if "\0" not in value and name not in ("parent", "weekday"):
                assert [value] in typed_in(response.content.decode(), name), (typed, name)


@pytest.mark.parametrize("form", ["hours", "numbers", "areas"])
def test_a_setting_added_twice_is_there_once(hers: Client, form: str) -> None:
    path, good, _bad = SETTINGS[form]
    hers.post(path, good)
    once = desk_rows()
    assert hers.post(path, good).status_code in (302, 422)
    assert desk_rows() == once


def test_days_at_the_ends_of_time_do_not_break_whether_anybody_is_on(hers: Client) -> None:
    Hours.objects.add(weekday=0, from_time=AT.time(), until_time=AT.time())
    for moment, status in (("9999-12-31T23:59", 422), ("0001-01-01T00:00", 422), ("", 302)):
        assert hers.post("/desk/settings/away/", {"away_until": moment}).status_code == status
        assert hers.get("/").status_code == 200
        assert Client().get("/a/ride/").status_code == 200


@pytest.mark.parametrize(
    ("verb", "typed"),
    [
        ("vouch", {"context": ""}),
        ("vouch", {"context": "desk"}),
        ("vouch", {"context": "x"}),
        ("pause", {"until": "2020-01-01"}),
        ("pause", {"until": "9999-12-31"}),
        ("pause", {"until": "\0"}),
    ],
)
def test_a_bad_word_about_somebody_is_refused(
    ana: Person, hers: Client, verb: str, typed: dict[str, str]
) -> None:
    dora = people.newcomer(ana, "Dora")
    response = hers.post(f"/desk/people/{dora.volunteer.pk}/{verb}/", typed)
    assert (response.status_code, len(sentences(response)) > 0) == (422, True)
    dora.volunteer.refresh_from_db()
    assert (dora.volunteer.vouched_at, dora.volunteer.paused_until) == (None, None)


@pytest.mark.parametrize(
    "query", ["kind=x", "area=x", "area=" + "9" * 30, "state=\ud800", "day=x", "kind=%F0%9F"]
)
def test_filters_of_garbage_show_an_empty_table(hers: Client, query: str) -> None:
    response = hers.get(f"/desk/?{query}".encode("utf-8", "surrogatepass").decode("latin-1"))
    assert response.status_code == 200


@pytest.mark.parametrize("word", ["", "x", "x" * 41, "a\0b", EMOJI])
def test_a_wrong_word_of_the_key_sheet_is_not_echoed(hers: Client, word: str) -> None:
    response = hers.post("/desk/key-sheet/", {"word": word})
    assert (response.status_code, len(sentences(response))) == (422, 1)
    assert typed_in(response.content.decode(), "word") == [[""]]
