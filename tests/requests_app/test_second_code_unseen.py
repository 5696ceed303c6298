"""What nobody can tell of a second code: not by the answer, nor from the rows, nor from day to day."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from privacy import codes
from privacy.models import Compartment
from requests_app import tasks
from requests_app.models import Claim, Knock, Mailbox, Need
from requests_app.models.knock import HIDE, STAY
from requests_app.models.mailbox import hidden_name
from requests_app.visits import Visit
from tests.requests_app.test_pages import text
from tests.requests_app.test_second_code import code_of, opens, pair, types
from tests.requests_app.world import TODAY, World
from tests.volunteers.people import AT
from volunteers.models import Volunteer

HOUR = timedelta(hours=1)
NOTHING_HERE = "This code opens nothing here. Please look at your paper and try again."


def statements(does: Any) -> list[str]:
    """What the database was asked, without the values."""
    with CaptureQueriesContext(connection) as queries:
        does()
    asked = [query["sql"].split(" VALUES")[0].split(" WHERE")[0].split(" SET")[0] for query in queries]
    # A savepoint has a number of its own each time.
    return [re.sub(r'"s\d+_x\d+"', "", one) for one in asked]


def test_both_codes_are_answered_alike_and_with_the_same_statements(world: World) -> None:
    both = pair(world)
    asked = {"paused": True, "kind": "accompaniment", "note": ""}
    ordinary, _need = world.ask(**asked)
    answers = {}

    def come(visit: Visit) -> None:
        client = Client(enforce_csrf_checks=True)
        answers[visit.mailbox.pk] = (types(code_of(visit), client), client.get("/a/mine/"))

    assert statements(lambda: come(both.second)) == statements(lambda: come(ordinary))
    (first, page), (other, other_page) = answers.values()
    assert (first.status_code, first["Location"]) == (other.status_code, other["Location"])
    # Each has two words of its own for the telephone, of whatever length.
    words = [visit.call_words.encode() for visit in (both.second, ordinary)]
    assert [page.content.count(words[0]), other_page.content.count(words[1])] == [1, 1]
    assert len(page.content) - len(words[0]) == len(other_page.content) - len(words[1])


def test_a_hidden_code_is_answered_as_one_that_never_was(world: World) -> None:
    both = pair(world)
    types(code_of(both.second))
    never = codes.as_words(codes.new_secret(), "en")

    answers: list[Any] = []
    said = [
        statements(lambda code=code: answers.append(types(code))) for code in (code_of(both.first), never)
    ]

    assert said[0] == said[1]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert [NOTHING_HERE in text(answer) for answer in answers] == [True, True]


def test_a_code_that_opens_nothing_leaves_no_row_behind(world: World) -> None:
    types(codes.as_words(codes.new_secret(), "en"))
    assert Knock.objects.count() == 1

    tasks.answer(AT)

    assert Knock.objects.count() == 0


def test_what_a_code_set_off_is_no_longer_written_down_once_it_is_done(world: World) -> None:
    both = pair(world)
    ordinary, _need = world.ask()
    for visit in (both.second, ordinary):
        types(code_of(visit))

    tasks.answer(AT)

    rows = [(row.errand, row.answer_after, len(row.name), row.forget_after) for row in Knock.objects.all()]
    assert rows == [(None, None, 32, AT.replace(minute=0) + 25 * HOUR)] * 2


def test_the_rows_of_both_mailboxes_differ_in_nothing_but_what_is_random(world: World) -> None:
    both = pair(world)
    ordinary, _need = world.ask(paused=True, kind="accompaniment", note="")
    random = {"id", "lookup", "public_key", "public_key_mac", "epoch", "errand", "call_words"}

    def clear(mailbox: Mailbox) -> dict[str, Any]:
        row = Mailbox.objects.filter(pk=mailbox.pk).values().get()
        return {name: value for name, value in row.items() if name not in random} | {
            "errand": len(row["errand"]),
            "call_words": len(row["call_words"]),
        }

    def need(mailbox: Mailbox) -> dict[str, Any]:
        row = Need.objects.filter(mailbox=mailbox).values().get()
        for name in ("id", "mailbox_id", "slot_number", "form_key"):
            row.pop(name)
        return {name: len(value) if isinstance(value, bytes) else value for name, value in row.items()}

    assert clear(both.second.mailbox) == clear(ordinary.mailbox)
    assert need(both.second.mailbox) == need(ordinary.mailbox)


def test_not_even_the_secrets_say_which_mailbox_has_a_second_code(world: World) -> None:
    both = pair(world)
    mailboxes = list(Mailbox.objects.all())

    # Only the code itself opens what follows from it, and only a mailbox's own.
    seeds = {both.first.mailbox.pk: both.first.seed, both.second.mailbox.pk: both.second.seed}
    found = {
        m.pk: m.what_follows(seed).do for m in mailboxes for seed in seeds.values() if seed == seeds[m.pk]
    }
    crossed = {m.what_follows(seed).do for m in mailboxes for pk, seed in seeds.items() if pk != m.pk}

    assert found == {both.first.mailbox.pk: STAY, both.second.mailbox.pk: HIDE}
    assert crossed == {STAY}


def names() -> list[bytes]:
    return [bytes(row.name) for row in Knock.objects.all()]


def test_typed_again_and_again_no_name_stands_in_two_rows(world: World) -> None:
    both = pair(world)

    for _ in range(12):
        types(code_of(both.second))
        tasks.answer(AT)

    assert len(set(names())) == len(names()) > 1
    assert not opens(both.first)


def test_another_days_name_is_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    both = pair(world, day=TODAY + timedelta(days=4))
    types(code_of(both.second))
    tasks.answer(AT)
    before = names()
    later = AT + 30 * HOUR
    monkeypatch.setattr("privacy.clock.now", lambda: later)
    tasks.forget_knocks(later)

    types(code_of(both.second))

    assert set(names()) & set(before) == set()


def test_the_name_of_a_hidden_mailbox_is_written_in_no_other_row(world: World) -> None:
    both = pair(world)
    types(code_of(both.second))
    tasks.answer(AT)
    found = [*names(), hidden_name(both.first.seed)]

    for model in (Mailbox, Need, Claim, Volunteer, Compartment):
        for row in model._default_manager.values_list():
            values = [bytes(value) for value in row if isinstance(value, bytes | memoryview)]
            assert [value for value in values if value in found] == []
