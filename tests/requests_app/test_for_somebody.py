"""An outreach worker asks for somebody beside them: the code is theirs alone, on paper."""

import re
from html import unescape
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test import Client

from privacy import codes
from privacy.sessions import SessionStore
from requests_app import rings
from requests_app.models import Mailbox, Need, Proposal
from tests.requests_app.desk import Browser, browser, read
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.world import TOMORROW, World, only_task, take
from tests.volunteers.people import AT, Person

FORM = "/for-somebody/ride/"
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@pytest.fixture
def ben(world: World) -> Person:
    return world.volunteer("Ben")


def typed(page: str, world: World, **more: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    hidden = {name: unescape(value) for name, value in HIDDEN.findall(page)}
    return {**hidden, "area": world.area.pk, "day": TOMORROW.isoformat(), **more}


def asks(one: Browser, world: World, **more: Any) -> tuple[dict[str, Any], Any]:
    form = typed(one.page(FORM), world, **more)
    return form, one.client.post(FORM, form)


def code_on(answer: Any) -> str:
    found = re.search(r'<ol class="code".*?</ol>', answer.content.decode(), re.S)
    return " ".join(re.findall(r"<li>(.*?)</li>", found[0])) if found else ""


def presses_paper(one: Browser, answer: Any) -> Any:
    hidden = dict(HIDDEN.findall(answer.content.decode()))
    return one.client.post(f"{FORM}paper/", {"paper": unescape(hidden["paper"])})


def test_the_board_leads_there_and_they_alone_come_back_with_the_code(world: World, ben: Person) -> None:
    one = browser(ben)
    assert 'href="/for-somebody/"' in one.page("/board/")
    assert f'href="{FORM}"' in one.page("/for-somebody/")

    _form, answer = asks(one, world, note="Please ring twice.", desk_reads="no")

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    found = Mailbox.objects.behind(codes.read(code_on(answer)), AT)
    assert found is not None
    need = Need.objects.get()
    assert need.read_note(found[0].unlocked(found[1]))[0] == "Please ring twice."
    words = " ".join(codes.words_from(codes.read(code_on(answer)) * 3, 2, "en"))
    assert words not in read(answer.content.decode())


def test_it_counts_as_on_paper_once_the_button_was_pressed(world: World, ben: Person, rare_code: str) -> None:
    one = browser(ben)
    form, answer = asks(one, world)
    before = Mailbox.objects.get().confirmed

    done = presses_paper(one, answer)

    assert (before, Mailbox.objects.get().confirmed) == (False, True)
    assert code_on(answer) == rare_code
    assert "It is stored" in read(done.content.decode())
    # Going back, loading again, sending the same form again: it is not shown any more.
    pages = [done, one.client.get(FORM), one.client.get(f"{FORM}paper/"), one.client.post(FORM, form)]
    assert [code_on(page) for page in pages] == [""] * 4
    said = {word for page in pages for word in read(page.content.decode()).split()}
    assert said & set(rare_code.split()) == set()
    assert Need.objects.count() == 1


def test_the_same_form_twice_is_one_need_and_one_code_until_then(world: World, ben: Person) -> None:
    one = browser(ben)
    form, answer = asks(one, world)

    again = one.client.post(FORM, form)

    assert (code_on(again), Need.objects.count()) == (code_on(answer), 1)


def test_garbage_confirms_nothing_and_is_answered_alike(world: World, ben: Person) -> None:
    one = browser(ben)
    asks(one, world)
    for garbage in ("", "x", "AAAA", "é" * 30):
        done = one.client.post(f"{FORM}paper/", {"paper": garbage})
        assert (done.status_code, code_on(done)) == (200, "")
    assert Mailbox.objects.get().confirmed is False


def everything(but: type[models.Model] | None = None) -> dict[str, list[Any]]:
    """Every row of every table, as it is stored."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model is not but
    }


def test_nothing_leads_from_the_need_to_whoever_typed_it(world: World, ben: Person) -> None:
    one = browser(ben)
    page = one.page(FORM)
    before, session = everything(), dict(one.client.session.items())

    answer = one.client.post(FORM, typed(page, world))
    presses_paper(one, answer)

    new = {label: [row for row in rows if row not in before[label]] for label, rows in everything().items()}
    theirs = {ben.volunteer.pk.hex, str(ben.volunteer.pk), ben.volunteer.username}
    changed = {label for label, rows in new.items() if rows}
    assert (
        changed
        - {
            "requests_app.Mailbox",
            "requests_app.Need",
            "requests_app.NeedDay",
            "requests_app.Task",
            "requests_app.Event",
            "privacy.Compartment",
            "privacy.Grant",
            "privacy.Counter",
            "privacy.Session",
        }
        == set()
    )
    rows = [str(row) for label, found in new.items() if label != "privacy.Session" for row in found]
    assert rows
    assert not [row for row in rows for mark in theirs if mark in row]
    # Nor the other way round: their session is as it was before.
    assert dict(one.client.session.items()) == session
    assert isinstance(one.client.session, SessionStore)


def test_it_is_a_mailbox_of_its_own_also_where_an_askers_page_is_open_beside(
    world: World, ben: Person
) -> None:
    visit, _need = world.ask()
    client = Client()
    client.cookies = enter(visit).cookies
    one = Browser(ben.sign_in(client))

    asks(one, world)

    assert sorted(box.needs.count() for box in Mailbox.objects.all()) == [1, 1]


def test_whoever_typed_it_can_be_asked_and_take_it_like_anybody(world: World, ben: Person) -> None:
    asks(browser(ben), world)
    need = Need.objects.get()

    rings.ask_next(only_task(need), AT)

    assert [row.volunteer for row in Proposal.objects.all()] == [ben.volunteer]
    assert take(ben, only_task(need)).status == "held"


def test_a_form_that_is_not_filled_in_comes_back_with_what_was_typed(world: World, ben: Person) -> None:
    one = browser(ben)
    form = typed(one.page(FORM), world, note="Under the bridge.") | {"day": ""}

    answer = one.client.post(FORM, form)

    assert (answer.status_code, Need.objects.count()) == (422, 0)
    assert "Under the bridge." in answer.content.decode()


def test_only_those_let_in_find_it(world: World) -> None:
    assert Client().get(FORM).status_code == 302
    ben = world.volunteer("Ben")
    ben.volunteer.wait_for_the_desk(AT)
    assert ben.sign_in(Client()).get(FORM).status_code == 404
    assert browser(world.coordinator).client.get("/for-somebody/nothing/").status_code == 404
