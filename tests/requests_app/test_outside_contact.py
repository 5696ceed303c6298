"""Whoever the organisation named outside the desk: a sheet, a page, and what concerns the desk."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notify.models import Channel, Notice
from privacy import codes
from privacy.crypto import Unreadable
from privacy.keyring import keyring
from requests_app import desk_key, wrong, wrong_tasks
from requests_app.models import OutsideContact, Report
from requests_app.models.report import YES
from tests.requests_app.desk import browser, read
from tests.requests_app.test_pages import hidden, text
from tests.requests_app.test_something_wrong import TEXT, about, said, three
from tests.requests_app.world import World, only_task, take, unlocked
from tests.volunteers.people import AT, Person

__all__ = ["three"]

OF_THE_PAGE = re.compile(rb'name="(csrfmiddlewaretoken|ticket)" value="[^"]+"')


def appoint(world: World, label: str = "Cleo of the legal clinic", email: str = "") -> str:
    """The words of the sheet, as the desk's page shows them once."""
    page = browser(world.coordinator).post("/desk/settings/outside/", label=label, email=email)
    assert page.status_code == 200
    words = re.findall(r"<li>([a-z]+)</li>", text(page).split('class="code"')[1])[: codes.WORDS]
    # One word alone may be any word of the page.
    afterwards = browser(world.coordinator).words("/desk/settings/outside/")
    assert [" ".join(words[:3]) in shown for shown in (read(text(page)), afterwards)] == [True, False]
    return " ".join(words)


def types(words: str, client: Client | None = None) -> tuple[Client, Any]:
    client = client or Client()
    page = text(client.get("/outside/"))
    sent = {"csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken"), "ticket": hidden(page, "ticket")}
    return client, client.post("/outside/", {**sent, "code": words})


@pytest.fixture
def reported(world: World, three: list[Person]) -> tuple[str, Report]:
    """Somebody at the desk was reported, and the one outside has a sheet."""
    words = appoint(world, email="cleo@example.org")
    world.offer(three[1].volunteer)
    _visit, need = world.ask()
    return words, about(take(three[1], only_task(need)), said(concerns=YES))


def test_what_concerns_the_desk_opens_with_the_sheet_and_for_nobody_at_the_desk(
    world: World, three: list[Person], reported: tuple[str, Report]
) -> None:
    words, report = reported
    client, entered = types(words)
    assert entered["Location"] == "/outside/"

    assert f"/outside/{report.pk}/" in text(client.get("/outside/"))
    page = text(client.get(f"/outside/{report.pk}/"))
    assert (TEXT in page, "About Dora" in page, "Suspend them" in page) == (True, True, False)
    for person in three:
        desk = browser(person)
        assert desk.client.get(f"/desk/reports/{report.pk}/").status_code == 404
        assert "Dora" not in desk.words("/desk/reports/")
        with pytest.raises(Unreadable):
            report.read(unlocked(person))
    with pytest.raises(Unreadable):
        report.read(world.desk())


def test_they_are_told_by_e_mail_where_the_desk_typed_an_address(
    three: list[Person], reported: tuple[str, Report]
) -> None:
    contact = OutsideContact.objects.get()
    (channel,) = Channel.objects.of(contact.pk)
    assert channel.read_address() == "cleo@example.org"
    # Whoever lost a hold hears that there is news, as whenever one ends.
    told = Notice.objects.exclude(recipient=three[1].volunteer.pk)
    assert [notice.channel_id for notice in told] == [channel.pk]


def test_they_close_it_and_the_key_is_destroyed(three: list[Person], reported: tuple[str, Report]) -> None:
    words, report = reported
    client, _entered = types(words)
    path = f"/outside/{report.pk}/decide/"
    assert client.post(path, {"do": "suspend"}).status_code == 404
    assert client.post(path, {"do": "go_on"})["Location"] == "/outside/"
    three[1].volunteer.refresh_from_db()
    assert (Report.objects.count(), three[1].volunteer.held_back) == (0, False)
    assert keyring().missing([(report.slot_number, report.slot_owner)]) == [report.slot_owner]
    assert client.post(path, {"do": "go_on"}).status_code == 404


def test_whoever_has_not_typed_the_words_finds_the_door_and_leaving_ends_it(
    reported: tuple[str, Report],
) -> None:
    words, report = reported
    for path in (f"/outside/{report.pk}/", f"/outside/{report.pk}/decide/"):
        answer = Client().get(path) if path.endswith(f"{report.pk}/") else Client().post(path)
        assert answer["Location"] == "/outside/"
    client, _entered = types(words)
    client.get("/a/leave/")
    assert "I have a sheet" in text(client.get("/outside/"))
    assert text(client.get("/outside/")).count("<title>Notes</title>") == 1


def test_a_new_sheet_opens_nothing_older_and_the_older_one_nothing_newer(
    world: World, three: list[Person], reported: tuple[str, Report]
) -> None:
    """The desk cannot take away what was written about it, by naming somebody else."""
    words, old = reported
    newer_words = appoint(world, "Ana of the neighbours")
    _visit, need = world.ask()
    new = about(take(world.volunteer(), only_task(need)), said(concerns=YES))
    older, newer = types(words)[0], types(newer_words)[0]

    paths = {which: f"/outside/{report.pk}/" for which, report in (("old", old), ("new", new))}
    found = [[client.get(path).status_code for path in paths.values()] for client in (older, newer)]
    assert found == [[200, 404], [404, 200]]
    Report.objects.get(pk=old.pk).forget(AT)
    assert OutsideContact.objects.count() == 1
    assert "I have a sheet" in text(older.get("/outside/"))
    assert Channel.objects.count() == 3


def test_the_reminder_of_what_concerns_the_desk_reaches_only_the_one_outside(
    reported: tuple[str, Report],
) -> None:
    Notice.objects.all().delete()
    wrong_tasks.remind_of_reports(AT + timedelta(days=8))
    assert {n.recipient for n in Notice.objects.all()} == {OutsideContact.objects.get().pk}


def test_the_desks_new_key_and_whoever_leaves_it_change_nothing_of_theirs(
    world: World, three: list[Person], reported: tuple[str, Report]
) -> None:
    words, report = reported
    desk_key.renew(world.coordinator.volunteer, world.coordinator.private, AT)
    desk_key.step_down(three[2].volunteer, world.coordinator.volunteer, world.coordinator.private, AT)
    client, _entered = types(words)
    assert TEXT in text(client.get(f"/outside/{report.pk}/"))
    assert Report.objects.cannot_be_read(AT) == []


def test_where_there_are_not_two_at_the_desk_the_one_outside_reads_it(world: World) -> None:
    appoint(world)
    _visit, need = world.ask()
    report = about(take(world.volunteer(), only_task(need)))
    contact = OutsideContact.objects.get()
    assert list(Report.objects.for_reader(contact, AT)) == [report]


def test_words_that_open_nothing_get_one_answer_whatever_they_are(
    world: World, reported: tuple[str, Report]
) -> None:
    visit, _need = world.ask()
    sheet_of_nobody_now = appoint(world, "Ana of the neighbours")
    OutsideContact.objects.appoint_nobody()
    opens_nothing = {
        "never made": codes.as_words(codes.new_secret(), "en"),
        "a return code": codes.as_words(visit.secret or b"", "en"),
        "named no more": sheet_of_nobody_now,
        "no code": "zebra",
        "nothing": "",
    }
    answers = {}
    for name, typed in opens_nothing.items():
        client = Client()
        page = text(client.get("/outside/"))
        sent = {"csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken"), "ticket": hidden(page, "ticket")}
        with CaptureQueriesContext(connection) as queries:
            answer = client.post("/outside/", {**sent, "code": typed})
        said_ = OF_THE_PAGE.sub(b"", answer.content)
        statements = [re.sub(r"'[^']*'|X'[^']*'|\d+", "?", q["sql"]) for q in queries.captured_queries]
        answers[name] = (answer.status_code, sorted(answer.headers), said_, statements)
    nothing = answers.pop("nothing")
    assert nothing[0] == 422
    assert [name for name, found in answers.items() if found != answers["never made"]] == []
    assert answers["never made"][0] == 422
    assert wrong.who_reads(None).outside is None


def test_a_sheet_is_no_return_code(world: World, reported: tuple[str, Report]) -> None:
    words, _report = reported
    client = Client()
    page = text(client.get("/a/return/"))
    answer = client.post("/a/return/", {"code": words, "ticket": hidden(page, "ticket")})
    assert (answer.status_code, "This code opens nothing here." in text(answer)) == (422, True)
