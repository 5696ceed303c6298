"""Pages from right to left: nothing on them was kept from the translators."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from nacl.pwhash import argon2id

from organisation import languages
from organisation.models import Area, Organisation, PhoneNumber
from privacy import clock, instance
from requests_app.models import OutsideContact
from tests.locale import pseudo
from tests.locale.walk import Page, walk
from volunteers.models import Volunteer

Filled = dict[str, Any]

# The same on both databases.
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def _filled_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[Filled]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr("privacy.derivation.OPS", argon2id.OPSLIMIT_MIN)
        patch.setattr("privacy.derivation.MEMORY", argon2id.MEMLIMIT_MIN)
        instance.ensure(create=True)
        Organisation.objects.ensure(clock.now())
        out = StringIO()
        call_command("demo", "--json", stdout=out)
        yield json.loads(out.getvalue())
        transaction.set_rollback(True)


@pytest.fixture
def filled(_filled_once: Filled, db: None, mirrored: str) -> Filled:
    cache.clear()
    return _filled_once


def browser(**more: Any) -> Client:
    client = Client(**more)
    client.cookies["l"] = pseudo.CODE
    return client


def member(filled: Filled, handle: str) -> Client:
    client = browser()
    account = next(row for row in filled["accounts"] if row["handle"] == handle)
    typed = {"login": account["username"], "password": account["passphrase"]}
    assert client.post("/accounts/login/", typed).status_code == 302
    client.cookies["l"] = pseudo.CODE
    return client


def asker(filled: Filled) -> Client:
    client = browser()
    page = client.get("/a/return/").content.decode()
    ticket = re.search(r'name="ticket" value="([^"]*)"', page)
    assert ticket
    typed = {"ticket": unescape(ticket[1]), "code": filled["return_code"]}
    assert client.post("/a/return/", typed).status_code == 302
    return client


def data() -> list[str]:
    """What people typed, and names of languages, which come from Babel; the longest first."""
    organisation = Organisation.objects.current()
    typed = {organisation.cover_name, organisation.name, organisation.help_text, organisation.leave_url}
    typed |= {area.name for area in Area.objects.all()}
    typed |= {text for row in PhoneNumber.objects.all() for text in (row.label, row.note)}
    typed |= {text for row in Volunteer.objects.all() for text in (row.handle, row.username)}
    typed |= {contact.label for contact in OutsideContact.objects.all()}
    typed |= {name for _code, name in languages.choices()}
    return sorted(filter(None, typed), key=len, reverse=True)


def left_in_english(pages: dict[str, Page]) -> dict[str, list[str]]:
    known = data()
    found = {path: page.plain_english(known) for path, page in pages.items()}
    return {path: words for path, words in found.items() if words}


def test_the_public_pages_hold_no_plain_english(filled: Filled) -> None:
    pages = walk(browser(), "/", "/a/return/", "/accounts/login/", "/accounts/recover/", "/accounts/passkey/")
    assert left_in_english(pages) == {}
    assert {"/", "/help/", "/a/stay/", "/a/ride/", "/a/accompaniment/"} <= pages.keys()


def test_the_askers_pages_hold_no_plain_english(filled: Filled) -> None:
    pages = walk(asker(filled), "/a/mine/")
    assert left_in_english(pages) == {}


@pytest.mark.parametrize("handle", ["Volunteer A", "Volunteer B", "Volunteer D", "Volunteer G"])
def test_a_volunteers_pages_hold_no_plain_english(filled: Filled, handle: str) -> None:
    pages = walk(member(filled, handle), "/board/", "/accounts/passphrase/", "/accounts/2fa/")
    assert left_in_english(pages) == {}
    assert {"/board/", "/offers/", "/profile/"} <= pages.keys()


def test_the_pages_of_somebody_who_waits_hold_no_plain_english(filled: Filled) -> None:
    assert left_in_english(walk(member(filled, "Volunteer H"), "/offers/")) == {}


def test_the_desks_pages_hold_no_plain_english(filled: Filled) -> None:
    pages = walk(member(filled, "Coordinator A"), "/desk/")
    assert left_in_english(pages) == {}
    assert {"/desk/", "/desk/people/", "/desk/settings/"} <= pages.keys()


@pytest.mark.parametrize(
    ("handle", "path"),
    [
        ("", "/a/stay/"),
        ("", "/a/ride/"),
        ("", "/a/return/"),
        ("", "/accounts/login/"),
        ("", "/accounts/recover/"),
        ("Volunteer A", "/offers/new/"),
        ("Volunteer A", "/accounts/passphrase/"),
        ("Volunteer A", "/profile/about/"),
        ("Volunteer A", "/profile/pause/"),
        ("Volunteer A", "/profile/channels/"),
        ("Coordinator A", "/desk/settings/"),
        ("Coordinator A", "/desk/settings/hours/"),
        ("Coordinator A", "/desk/settings/numbers/"),
        ("Coordinator A", "/desk/settings/areas/add/"),
    ],
)
def test_the_complaints_of_an_empty_form_hold_no_plain_english(
    filled: Filled, handle: str, path: str
) -> None:
    client = member(filled, handle) if handle else browser()
    answer = client.post(path, {}, follow=True)
    assert answer.status_code in (200, 422)
    assert left_in_english({path: Page(path, answer.content.decode())}) == {}


@pytest.mark.parametrize(
    ("path", "typed", "status"),
    [
        ("/nothing/", None, 404),
        ("/?area=%00", None, 400),
        ("/accounts/login/", {"login": "x"}, 403),
        ("/accounts/login/", {"login": "x" * 99_999}, 413),
        ("/join/nothing/", None, 404),
    ],
)
def test_error_pages_hold_no_plain_english(filled: Filled, path: str, typed: Any, status: int) -> None:
    client = browser(enforce_csrf_checks=True)
    answer = client.get(path) if typed is None else client.post(path, typed)
    assert answer.status_code == status
    page = answer.content.decode()
    assert left_in_english({path: Page(path, page)}) == {}
    assert '<html lang="ar-xb" dir="rtl">' in page


def test_a_language_without_a_word_list_gets_a_code_of_digits(filled: Filled) -> None:
    client = browser()
    page = client.get("/a/ride/").content.decode()
    token = re.search(r'name="token" value="([^"]*)"', page)
    assert token
    tomorrow = clock.local_day(clock.now()) + timedelta(days=1)
    typed = {"token": token[1], "area": Area.objects.active()[0].pk, "day": tomorrow.isoformat()}
    answer = client.post("/a/ride/", typed, follow=True)
    code = re.findall(r"<li>(\d{4})</li>", answer.content.decode())
    assert (answer.status_code, len(code)) == (200, 7)
    assert left_in_english({"/a/code/": Page("/a/code/", answer.content.decode())}) == {}
    kept = client.post("/a/code/", {"first": code[1], "second": code[-2]})
    assert kept["Location"] == "/a/mine/"
