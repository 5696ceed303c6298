"""From the link to an account: name, passphrase, recovery sheet."""

import re

import pytest
from django.test import Client

from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import desk, keys
from volunteers.account import Volunteer
from volunteers.invitations import Invitation

pytestmark = pytest.mark.urls("tests.volunteers.urls")


def fill(**changes: str) -> dict[str, str]:
    return {"handle": "Kim", "passphrase": PASSPHRASE, "again": PASSPHRASE} | changes


def sheet_on(page: str) -> list[str]:
    code = re.search(r'<ol class="code".*?</ol>', page, re.DOTALL)
    assert code is not None
    return re.findall(r"<li>([^<]+)</li>", code[0])


def asked_for(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'name="word(\d+)"', page)]


def test_joining_shows_the_sheet_until_two_of_its_words_were_typed(ana: Person, client: Client) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    assert client.post(f"/join/{token}/", fill()).headers["Location"] == "/accounts/sheet/"

    page = client.get("/accounts/sheet/").content.decode()
    words = sheet_on(page)
    wrong = client.post("/accounts/sheet/", {f"word{place}": "wrong" for place in asked_for(page)})
    right = client.post("/accounts/sheet/", {f"word{place}": words[place] for place in asked_for(page)})

    assert len(words) == 8
    assert (wrong.status_code, right.headers["Location"]) == (422, "/offers/new/")
    assert client.get("/accounts/sheet/").headers["Location"] == "/profile/"


def test_the_name_on_the_page_is_the_name_of_the_account(ana: Person, client: Client) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    shown = re.search(r'value="([a-z]+-[a-z]+-\d\d)"', client.get(f"/join/{token}/").content.decode())
    assert shown is not None

    again = client.post(f"/join/{token}/", fill(again="", username="somebody-else-11")).content.decode()
    client.post(f"/join/{token}/", fill(username="somebody-else-11"))

    assert f'value="{shown[1]}"' in again
    assert Volunteer.objects.get(handle="Kim").username == shown[1]


def test_whoever_joined_can_read_at_once(ana: Person, client: Client) -> None:
    client.post(f"/join/{Invitation.objects.make(ana.volunteer, AT)}/", fill())

    assert client.get("/sealed/").content == b"opened"


def test_whoever_joined_waits_until_somebody_vouches(ana: Person, client: Client) -> None:
    client.post(f"/join/{Invitation.objects.make(ana.volunteer, AT)}/", fill())

    assert (client.get("/board/").status_code, client.get("/desk/").status_code) == (404, 404)


def test_the_sheet_on_the_page_opens_the_key(ana: Person, client: Client) -> None:
    client.post(f"/join/{Invitation.objects.make(ana.volunteer, AT)}/", fill())
    kim = Volunteer.objects.get(handle="Kim")
    private = keys.unlock(kim, PASSPHRASE)

    keys.restore(
        kim.username, " ".join(sheet_on(client.get("/accounts/sheet/").content.decode())), "a new one here"
    )

    kim.refresh_from_db()
    assert keys.unlock(kim, "a new one here") == private


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"passphrase": "short", "again": "short"}, "This is too short."),
        ({"passphrase": "1q2w3e4r5t6y", "again": "1q2w3e4r5t6y"}, "Choose another."),
        ({"passphrase": "abababababab", "again": "abababababab"}, "too easy to guess"),
        ({"again": "something else entirely"}, "The two are not the same."),
        ({"handle": ""}, "This field is required."),
        ({"handle": "k" * 41}, "at most 40"),
        ({"passphrase": "x y" * 100, "again": "x y" * 100}, "at most 200"),
        ({"handle": "Ki\0m"}, "Null characters are not allowed."),
    ],
)
def test_a_form_that_comes_back_says_why_and_keeps_what_may_be_kept(
    ana: Person, client: Client, typed: dict[str, str], sentence: str
) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)

    answer = client.post(f"/join/{token}/", fill(**{"handle": "Kim"} | typed))
    page = answer.content.decode()

    assert (answer.status_code, Volunteer.objects.count()) == (422, 1)
    assert sentence in page
    assert PASSPHRASE not in page
    if "handle" not in typed:
        assert 'value="Kim"' in page


def test_the_first_coordinator_founds_the_desk(ana: Person) -> None:
    assert desk.has_share(ana.volunteer) is True
    assert (ana.volunteer.is_coordinator, ana.volunteer.is_let_in) == (True, True)


def test_an_account_has_no_name_no_address_and_no_record_of_visits() -> None:
    names = {field.name for field in Volunteer._meta.get_fields()}

    assert names.isdisjoint({"email", "first_name", "last_name", "last_login", "date_joined"})
