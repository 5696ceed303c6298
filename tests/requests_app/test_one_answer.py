"""Every code that opens nothing gets one answer: status, headers, bytes, queries, one write, and time.

Another reason to open nothing is one more entry of OPENS_NOTHING.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from privacy import codes, limits
from privacy.crypto import SealingImpossible
from privacy.keyring import FileKeyring
from privacy.wordlists import word_list
from requests_app import tasks
from requests_app.models import Mailbox, Need
from requests_app.models.knock import ERASE
from requests_app.visits import Visit
from tests import indistinguishable
from tests.requests_app.test_pages import hidden, text
from tests.requests_app.test_second_code import pair, types
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT

DAY = timedelta(days=1)
# Random for each page: the CSRF token, and the ticket.
OF_THE_PAGE = re.compile(rb'name="(csrfmiddlewaretoken|ticket)" value="[^"]+"')
VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+\b")


def words(visit: Visit) -> str:
    return codes.as_words(visit.secret or b"", "en")


def never_existed(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    return codes.as_words(codes.new_secret(), "en")


def a_near_miss(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two words of a code that opens something, each replaced by another word of the list."""
    visit, _need = world.ask()
    right = words(visit).split()
    for other in word_list("en").words:
        typed = " ".join([other, *right[1:-1], other])
        if codes.read(typed) != visit.secret and other not in right:
            return typed
    raise AssertionError


def expired(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its time was over two days ago, and the broom came."""
    visit, need = world.ask(at=AT - 4 * DAY, day=(AT - 4 * DAY).date())
    tasks.expire(need.expires_at)
    tasks.purge(AT)
    assert not Mailbox.objects.filter(pk=visit.mailbox.pk).exists()
    return words(visit)


def expired_and_no_broom_came(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """It ended, was shown for a day, and nobody deleted the row since."""
    visit, need = world.ask(at=AT - 4 * DAY, day=(AT - 4 * DAY).date())
    need.expire(need.expires_at)
    assert Need.objects.get(pk=need.pk).purge_after <= AT
    return words(visit)


def withdrawn(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """Approved, taken back, and its row deleted a day later."""
    visit, need = world.ask(at=AT - 2 * DAY)
    claim = take(world.volunteer(), only_task(need), at=AT - 2 * DAY)
    say_yes(visit, claim, at=AT - 2 * DAY, place="At the fountain")
    Need.objects.get(pk=need.pk).withdraw(AT - 2 * DAY)
    tasks.purge(AT)
    assert not Mailbox.objects.filter(pk=visit.mailbox.pk).exists()
    return words(visit)


def erased(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    visit, _need = world.ask()
    world.ask(visit)
    assert visit.mailbox.erase(AT)
    return words(visit)


def erased_while_the_keyring_was_away(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """Nothing is destroyed yet: rows and mailbox are still there."""
    visit, _need = world.ask()

    def away(self: FileKeyring, number: int, owner: bytes) -> None:
        raise SealingImpossible

    monkeypatch.setattr(FileKeyring, "destroy", away)
    assert not visit.mailbox.erase(AT)
    assert Mailbox.objects.filter(pk=visit.mailbox.pk).exists()
    return words(visit)


def hidden_by_her_second_code(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    both = pair(world)
    assert types(words(both.second)).status_code == 302
    return words(both.first)


def erased_by_her_second_code(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """And the broom has not come yet."""
    both = pair(world, ERASE)
    assert types(words(both.second)).status_code == 302
    return words(both.first)


def no_code_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    return "١٢٣ zebra \U0001f6b2 Ⅷ"


OPENS_NOTHING = [
    never_existed,
    a_near_miss,
    expired,
    expired_and_no_broom_came,
    withdrawn,
    erased,
    erased_while_the_keyring_was_away,
    hidden_by_her_second_code,
    erased_by_her_second_code,
    no_code_at_all,
]
Reason = Callable[[World, pytest.MonkeyPatch], str]


def filled(client: Client, code: str) -> dict[str, str]:
    page = text(client.get("/a/return/"))
    return {"code": code} | {name: hidden(page, name) for name in ("csrfmiddlewaretoken", "ticket")}


def answer(code: str, derivations: list[int]) -> indistinguishable.Answer:
    """What a browser that was never here before gets for a code."""
    client = Client(enforce_csrf_checks=True)
    typed = filled(client, code)
    derivations.clear()
    with CaptureQueriesContext(connection) as queries:
        page = client.post("/a/return/", typed)
    cookies = tuple(sorted((name, repr({**morsel})) for name, morsel in page.cookies.items()))
    return indistinguishable.Answer(
        page.status_code,
        tuple(sorted(page.headers.items())),
        cookies,
        OF_THE_PAGE.sub(rb"\1", page.content),
        tuple(VALUE.sub("?", query["sql"]) for query in queries.captured_queries),
        len(derivations),
    )


@pytest.mark.parametrize("reason", OPENS_NOTHING, ids=lambda reason: reason.__name__)
def test_a_code_that_opens_nothing_gets_the_one_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, derivations: list[int], reason: Reason
) -> None:
    code = reason(world, monkeypatch)
    world.ask()

    unknown = answer(codes.as_words(codes.new_secret(), "en"), derivations)
    found = answer(code, derivations)

    assert found == unknown
    assert (found.status, found.derivations, len(found.writes)) == (422, 1, 1)
    assert b"This code opens nothing here." in found.body


def test_the_right_code_costs_the_same_up_to_the_answer(world: World, derivations: list[int]) -> None:
    visit, _need = world.ask()

    unknown = answer(codes.as_words(codes.new_secret(), "en"), derivations)
    right = answer(words(visit), derivations)

    assert (right.status, right.derivations) == (302, 1)
    asked = unknown.queries.index(unknown.writes[0]) + 1
    assert right.queries[:asked] == unknown.queries[:asked]


def test_too_long_to_be_a_code_is_refused_before_any_derivation(world: World, derivations: list[int]) -> None:
    found = answer("zebra " * 40, derivations)

    assert (found.status, found.derivations, len(found.writes)) == (422, 0, 0)


# How long it takes


def how_long(code: str) -> Callable[[], object]:
    """The answer to a form that is there already."""
    client = Client(enforce_csrf_checks=True)
    typed = filled(client, code)
    return lambda: client.post("/a/return/", typed)


@pytest.fixture
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A thousand tries from one address would be kept waiting; what is timed here is the answer."""
    monkeypatch.setattr(limits, "hit", lambda request, purpose, at: 1)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.drill
@pytest.mark.usefixtures("_nobody_waits")
def test_no_code_that_opens_nothing_takes_longer_than_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {reason.__name__: how_long(reason(world, monkeypatch)) for reason in OPENS_NOTHING}

    assert not indistinguishable.is_told_apart(kinds)


@pytest.mark.drill
@pytest.mark.usefixtures("_nobody_waits")
def test_a_code_that_took_longer_would_be_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: one of the kinds takes a third longer."""
    late = codes.as_words(codes.new_secret(), "en")
    plain = {f"unknown {number}": how_long(codes.as_words(codes.new_secret(), "en")) for number in range(3)}
    usual = sorted(times[0] for times in indistinguishable.timed(plain, 20))[10]
    real = codes.read

    def read(typed: str) -> bytes:
        if typed == late:
            time.sleep(usual / 3)
        return real(typed)

    monkeypatch.setattr(codes, "read", read)

    def is_seen() -> bool:
        found, by_chance = indistinguishable.apart(indistinguishable.timed({"late": how_long(late), **plain}))
        return found > by_chance

    # A machine that is busy hides it sometimes, not each time.
    assert any(is_seen() for _look in range(3))
