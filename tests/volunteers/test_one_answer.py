"""Unknown, wrong, suspended: one and the same answer, down to the bytes, the queries and the work."""

import logging
import re
from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import indistinguishable
from tests.indistinguishable import Answer
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from tests.volunteers.test_login import with_second_step

pytestmark = pytest.mark.urls("tests.volunteers.urls")
NEW = "orchard window paper boat"
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')
VALUE = re.compile(r"'[^']*'|\b\d+\b")
WRONG = "not the right one"


def answer(path: str, typed: dict[str, str], derivations: list[int], session: str = "") -> Answer:
    """The page that answers, with the CSRF token and the name that was typed masked.

    `session`: the cookie of a device that was signed in before.
    """
    client = Client(enforce_csrf_checks=True)
    token = client.get(path).context["csrf_token"]
    if session:
        client.cookies["s"] = session
    derivations.clear()
    with CaptureQueriesContext(connection) as queries:
        page = client.post(path, {"csrfmiddlewaretoken": str(token), **typed})
    name = typed.get("login", typed.get("username", ""))
    body = TOKEN.sub(b"", page.content).replace(name.encode(), b"-")
    # The second in which it was said; and how long the name is that was typed.
    assert int(page.headers["Content-Length"]) == len(page.content)
    of_the_moment = {"Content-Length": "-"} | ({"Expires": "-"} if "Expires" in page.headers else {})
    headers = tuple(sorted({**page.headers, **of_the_moment}.items()))
    statements = tuple(VALUE.sub("?", query["sql"]) for query in queries.captured_queries)
    cookies = tuple(sorted((key, repr({**morsel})) for key, morsel in page.cookies.items()))
    return Answer(page.status_code, headers, cookies, body, statements, len(derivations))


@pytest.fixture
def ada(ana: Person) -> Person:
    """With a second factor."""
    ada = people.volunteer(ana, "Ada")
    return with_second_step(ada)


@pytest.fixture
def kim(ana: Person) -> Person:
    """Suspended, with the right passphrase and the right sheet."""
    kim = people.volunteer(ana, "Kim")
    kim.volunteer.suspend_account(AT)
    return kim


def wrong_tries(ana: Person, ben: Person, kim: Person, ada: Person) -> dict[str, dict[str, str]]:
    """Every try that lets nobody in: unknown, wrong, suspended, with a second factor, not let in yet."""
    new = people.newcomer(ana, "New")
    names = {"unknown": ("nobody-here-10", PASSPHRASE), "unknown, too": ("nobody-here-11", WRONG)}
    names |= {"suspended, right": (kim.volunteer.username, PASSPHRASE)}
    some = {"known": ben, "suspended": kim, "second factor": ada, "newcomer": new, "coordinator": ana}
    names |= {what: (person.volunteer.username, WRONG) for what, person in some.items()}
    return {what: {"login": name, "password": typed} for what, (name, typed) in names.items()}


def test_at_the_door_nobody_learns_who_has_an_account(
    ana: Person, ben: Person, kim: Person, ada: Person, derivations: list[int]
) -> None:
    tries = wrong_tries(ana, ben, kim, ada)

    answers = {what: answer("/accounts/login/", typed, derivations) for what, typed in tries.items()}

    unknown = answers["unknown"]
    assert answers == dict.fromkeys(answers, unknown)
    assert (unknown.derivations, unknown.writes) == (1, [])


def test_a_device_that_was_remembered_says_nothing_about_its_suspended_owner(
    ana: Person, ben: Person, ada: Person, derivations: list[int]
) -> None:
    device = Client()
    kim = people.volunteer(ana, "Kim")
    typed = {"login": kim.volunteer.username, "password": PASSPHRASE, "remember": "on"}
    assert device.post("/accounts/login/", typed).status_code == 302
    kim.volunteer.suspend_account(AT)
    tries = wrong_tries(ana, ben, kim, ada)

    answers = {
        what: answer("/accounts/login/", typed, derivations, device.cookies["s"].value)
        for what, typed in tries.items()
    }

    unknown = answers["unknown"]
    assert answers == dict.fromkeys(answers, unknown)
    assert b"do not go together" in unknown.body


def time_of(path: str, typed: dict[str, str]) -> Callable[[], object]:
    """The answer to a form that is there; nobody tried before, or the name would be held up."""
    client = Client(enforce_csrf_checks=True)
    token = str(client.get(path).context["csrf_token"])

    def work() -> object:
        cache.clear()
        return client.post(path, {"csrfmiddlewaretoken": token, **typed})

    return work


@pytest.mark.drill
@pytest.mark.usefixtures("_quiet")
def test_no_wrong_try_at_the_door_takes_longer_than_another(
    ana: Person, ben: Person, kim: Person, ada: Person
) -> None:
    tries = wrong_tries(ana, ben, kim, ada)

    kinds = {what: time_of("/accounts/login/", typed) for what, typed in tries.items()}
    assert not indistinguishable.is_told_apart(kinds)


@pytest.mark.drill
@pytest.mark.usefixtures("_quiet")
def test_no_wrong_sheet_takes_longer_than_another(ana: Person, ben: Person, kim: Person) -> None:
    new = {"passphrase": NEW, "again": NEW}
    tries = wrong_sheets(ben, kim)

    kinds = {what: time_of("/accounts/recover/", typed | new) for what, typed in tries.items()}
    assert not indistinguishable.is_told_apart(kinds)


@pytest.fixture
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def wrong_sheets(ben: Person, kim: Person) -> dict[str, dict[str, str]]:
    return {
        "unknown": {"username": "nobody-here-10", "sheet": ben.sheet},
        "another's": {"username": ben.volunteer.username, "sheet": kim.sheet},
        "suspended": {"username": kim.volunteer.username, "sheet": kim.sheet},
        "no sheet": {"username": kim.volunteer.username, "sheet": "not eight words at all"},
    }


def test_with_a_sheet_nobody_learns_who_has_an_account(
    ana: Person, ben: Person, kim: Person, derivations: list[int]
) -> None:
    answers = {
        what: answer("/accounts/recover/", typed | {"passphrase": NEW, "again": NEW}, derivations)
        for what, typed in wrong_sheets(ben, kim).items()
    }

    unknown = answers["unknown"]
    assert answers == dict.fromkeys(answers, unknown)
    assert (unknown.derivations, unknown.writes) == (1, [])


def test_after_many_tries_an_unknown_name_is_held_up_as_a_known_one(
    ana: Person, ben: Person, kim: Person, derivations: list[int]
) -> None:
    held_up = set()
    for name in ("nobody-here-10", ben.volunteer.username, kim.volunteer.username):
        typed = {"login": name, "password": "not the right one"}
        for _try in range(10):
            answer("/accounts/login/", typed, derivations)
        held_up.add(answer("/accounts/login/", typed, derivations))

    assert len(held_up) == 1
    assert b"Too many tries." in held_up.pop().body
