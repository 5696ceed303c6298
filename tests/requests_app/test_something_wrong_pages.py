"""Something was wrong, as it is pressed: by either side, by the two who read it, and what the others see."""

import logging
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from organisation.models import PhoneNumber
from privacy.models import Grant
from requests_app import wrong
from requests_app.models import Debrief, Need, NeverMatch, Report
from requests_app.visits import Visit
from tests.requests_app.desk import browser, locked, read
from tests.requests_app.test_damaged_rows import enter as with_code
from tests.requests_app.test_pages import hidden, text
from tests.requests_app.test_query_counts import queries_of
from tests.requests_app.test_something_wrong import said, three
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT, Person

__all__ = ["three"]

TEXT = "Heron shouted at me by the blue door."
TYPED = {"choice": "know", "text": TEXT, "how": "", "concerns_desk": "no"}
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|/offers/[^/\"]+/")
RANDOM = re.compile(r'(name="(?:csrfmiddlewaretoken|once|token|ticket)" value=")[^"]*|"X-CSRFToken": "[^"]*"')


def wrong_link(page: str, who: str) -> str:
    found = re.search(rf'href="(/a/mine/people/[^"]+/wrong/)">{who}<', page)
    assert found, f"no way to say that something was wrong with {who}"
    return found[1]


def enter(visit: Visit) -> Client:
    """Her page is open; what a form's token is worth is tested where forms are."""
    client = Client()
    client.cookies = with_code(visit).cookies
    return client


def posted(client: Client, path: str, **typed: Any) -> Any:
    """Post the form of a page as it was shown, and follow."""
    page = text(client.get(path))
    form = {"csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken"), "once": hidden(page, "once")}
    return client.post(path, form | typed, follow=True)


def theirs(found: list[Person], report: Report) -> tuple[list[Person], list[Person]]:
    grants = Grant.objects.filter(compartment__slot_owner=report.slot_owner)
    ids = set(grants.values_list("reader_id", flat=True))
    return [p for p in found if str(p.volunteer.pk) in ids], [
        p for p in found if str(p.volunteer.pk) not in ids
    ]


# The two sides


def test_she_says_it_of_somebody_who_had_something_of_hers_also_after_it_ended(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))
    Need.objects.get(pk=need.pk).withdraw(AT)
    client = enter(visit)
    page = text(client.get("/a/mine/"))

    # As it is read: three letters may stand in a token.
    assert (read(page).count("Ben"), "Closed." in page) == (1, True)
    after = posted(client, wrong_link(page, "Ben"), **TYPED)

    assert (after.redirect_chain, "It is stored locked." in text(after)) == ([("/a/mine/", 302)], True)
    assert [report.about for report in Report.objects.all()] == [ben.volunteer]


def test_a_volunteer_says_it_from_the_board_when_it_is_over_until_the_need_is_purged(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))
    Need.objects.get(pk=need.pk).met(AT)
    client, path = browser(ben).client, f"/needs/{need.pk}/wrong/"
    assert path in text(client.get("/board/"))

    after = posted(client, path, **TYPED)

    assert "It is stored locked." in text(after)
    assert [report.about_mailbox_id for report in Report.objects.all()] == [visit.mailbox.pk]
    visit.mailbox.erase(AT)
    assert path not in text(client.get("/board/"))
    assert {client.get(path).status_code, client.post(path, TYPED).status_code} == {404}


def test_what_is_somebody_elses_is_not_there(world: World, three: list[Person]) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    visit, need = world.ask()
    claim = take(ben, only_task(need))
    other, _need = world.ask()
    hers, theirs = enter(other), browser(cleo).client
    answers = [
        (hers, f"/a/mine/people/{claim.pk}/wrong/"),
        (hers, f"/a/mine/needs/{need.pk}/talk/"),
        (theirs, f"/needs/{need.pk}/wrong/"),
        (theirs, f"/needs/{need.pk}/talk/"),
        (browser(ben).client, f"/needs/{need.pk}/talk/"),
    ]
    found = {who.get(path).status_code for who, path in answers}
    found |= {who.post(path, TYPED).status_code for who, path in answers}
    assert (found, Report.objects.count(), Debrief.objects.count()) == ({404}, 0, 0)
    assert Client().get(f"/a/mine/people/{claim.pk}/wrong/")["Location"] == "/a/return/"
    assert visit.mailbox.pk


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"choice": ""}, "Please choose one."),
        ({"choice": "other"}, "Select a valid choice"),
        ({"concerns_desk": ""}, "it says who can read this"),
        ({"choice": "talk"}, "Please write how and when."),
        ({"text": "x" * 2001}, "too long"),
        ({"concerns_desk": "yes"}, "Nobody outside the desk can read it here."),
        ({"concerns_desk": "unsure"}, "Nobody outside the desk can read it here."),
    ],
)
def test_bad_input_comes_back_with_what_was_typed_and_stores_nothing(
    world: World, three: list[Person], typed: dict[str, str], sentence: str
) -> None:
    visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    sent = TYPED | typed
    after = posted(enter(visit), f"/a/mine/people/{claim.pk}/wrong/", **sent)
    page = unescape(text(after))
    assert (after.status_code, sentence in page, sent["text"] in page) == (422, True, True)
    assert Report.objects.count() == 0


def test_where_nobody_could_read_it_the_page_says_so_before_she_writes_with_the_numbers(
    world: World,
) -> None:
    PhoneNumber.objects.add(label="Night line", number="555 0199")
    visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    client, path = enter(visit), f"/a/mine/people/{claim.pk}/wrong/"

    page = text(client.get(path))

    assert "Nobody can read this here. Please call instead." in page
    assert ("555 0199" in page, "<textarea" in page) == (True, False)
    assert client.post(path, TYPED).status_code == 422
    assert (Report.objects.count(), NeverMatch.objects.count()) == (0, 0)


# The two who read it


def test_only_the_two_find_it_and_open_it_with_their_key(world: World, three: list[Person]) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    say_yes(visit, take(ben, only_task(need)))
    posted(enter(visit), wrong_link(text(enter(visit).get("/a/mine/")), "Ben"), **TYPED)
    report = Report.objects.get()
    two, (third,) = theirs(three, report)
    path = f"/desk/reports/{report.pk}/"

    for reader in two:
        assert path in browser(reader).page("/desk/reports/")
        words = browser(reader).words(path)
        assert [part in words for part in ("About Ben", TEXT, "Somebody who asked")] == [True] * 3
    assert locked(two[0]).client.get(path)["Location"].startswith("/accounts/unlock/")
    other = browser(third)
    assert "Nothing waits for you." in other.words("/desk/reports/")
    assert other.client.get(path).status_code == 404
    assert other.client.post(f"{path}decide/", {"do": "go_on"}).status_code == 404
    assert "Can be asked." in other.words(f"/desk/people/{ben.volunteer.pk}/")
    everywhere = [other.page("/desk/reports/"), other.page("/desk/"), other.page("/desk/people/")]
    everywhere += [other.page(f"/desk/people/{ben.volunteer.pk}/"), other.page(f"/desk/needs/{need.pk}/")]
    assert [page for page in everywhere if TEXT in page or str(report.pk) in page] == []


def test_they_call_off_what_was_promised_and_close_it(world: World, three: list[Person]) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)))
    wrong.about_volunteer(claim, said(), uuid4(), AT)
    report = Report.objects.get()
    (reader, _second), _third = theirs(three, report)
    client, path = browser(reader).client, f"/desk/reports/{report.pk}/"
    assert "Call all of this off" in text(client.get(path))

    assert client.post(f"{path}decide/", {"do": "nothing"}).status_code == 404
    assert client.post(f"{path}decide/", {"do": "call_off"})["Location"] == path
    assert "Please do not go." in browser(ben).words("/board/")
    assert "Somebody is coming" not in text(enter(visit).get("/a/mine/"))
    assert "Nothing is still to come." in text(client.get(path))
    assert client.post(f"{path}decide/", {"do": "keep"})["Location"] == "/desk/reports/"
    assert client.get(path).status_code == 404

    anybody = browser(world.coordinator)
    assert "Held back, as the desk decided." in anybody.words(f"/desk/people/{ben.volunteer.pk}/")
    assert "Ask Ben again" in anybody.words("/desk/reports/")
    anybody.post(f"/desk/reports/people/{ben.volunteer.pk}/")
    assert "Ask Ben again" not in anybody.words("/desk/reports/")
    ben.volunteer.refresh_from_db()
    assert not ben.volunteer.held_back


# What the other side sees


def plain(answer: Any) -> str:
    """A page without what is random for each time it is shown."""
    return RANDOM.sub(r"\1", text(answer))


def board_and_needs(client: Client, needs: list[Need]) -> list[tuple[int, str]]:
    paths = ["/board/", "/profile/", "/offers/", *(f"/needs/{need.pk}/" for need in needs)]
    answers = [client.get(path) for path in paths]
    return [(answer.status_code, plain(answer)) for answer in answers]


def test_whoever_was_reported_sees_what_they_see_when_somebody_said_no_and_nothing_fits(
    world: World, three: list[Person]
) -> None:
    """Every page of theirs, whether she said no for ever and nothing else fits, or said that it was wrong."""
    pages = []
    for how in ("an ordinary no", "something was wrong"):
        ben = world.volunteer("Ben")
        visit, need = world.ask()
        claim = say_yes(visit, take(ben, only_task(need)))
        client = browser(ben).client
        if how == "an ordinary no":
            claim.decline(AT, never_again=True)
        else:
            wrong.about_volunteer(claim, said("stop"), uuid4(), AT)
            _visit, _more_that_would_fit = world.ask()
        shown = board_and_needs(client, [need])
        own = (str(need.pk), str(ben.volunteer.pk), ben.volunteer.username)
        pages.append([(code, _without(page, own)) for code, page in shown])
        visit.mailbox.erase(AT)
    assert pages[0] == pages[1]
    assert "Nothing fits you now." in pages[1][0][1]


def test_never_again_looks_the_same_whichever_of_the_two_said_it(world: World) -> None:
    """Both pages of both, after her no and after theirs."""
    seen = []
    for who in ("she", "they"):
        ben = world.volunteer("Ben")
        visit, need = world.ask()
        _same, more = world.ask(visit)
        claim = take(ben, only_task(need))
        if who == "she":
            claim.decline(AT, never_again=True)
        else:
            claim.release(AT, never_again=True)
        client, hers = browser(ben).client, enter(visit)
        pages = [*board_and_needs(client, [need, more]), (200, _of_needs(hers.get("/a/mine/")))]
        pages.append((hers.get(f"/a/mine/people/{claim.pk}/wrong/").status_code, ""))
        own = (str(need.pk), str(more.pk), str(ben.volunteer.pk), ben.volunteer.username, str(claim.pk))
        seen.append([(code, _without(page, own)) for code, page in pages])
        visit.mailbox.erase(AT)
    assert seen[0] == seen[1]


def _of_needs(answer: Any) -> str:
    """Her page as far as it speaks of needs: a second code's form is another each time."""
    return plain(answer).partition("<summary>Your code</summary>")[0]


def _without(page: str, own: tuple[str, ...]) -> str:
    """Whoever and whatever it is: each run has a need, an offer and a user name of its own."""
    for each in own:
        page = page.replace(each, "")
    return UUID.sub("", page)


def test_nothing_of_it_stands_in_a_log_line(
    world: World, three: list[Person], caplog: pytest.LogCaptureFixture
) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer("Ben"), only_task(need)))
    with caplog.at_level(logging.DEBUG):
        typed = TYPED | {"choice": "talk", "how": "plover@example.org"}
        posted(enter(visit), f"/a/mine/people/{claim.pk}/wrong/", **typed)
        report = Report.objects.get()
        (reader, _other), _third = theirs(three, report)
        browser(reader).client.get(f"/desk/reports/{report.pk}/")
    parts = (TEXT, "plover", str(report.pk), str(claim.pk), str(need.pk), "Ben")
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert [line for line in lines if any(part in line for part in parts)] == []


def test_the_lists_ask_the_database_as_often_for_one_as_for_many(world: World, three: list[Person]) -> None:
    counts = []
    visit = None
    # Of the first few, each coordinator reads at least one.
    for many in (3, 7):
        for _one in range(many):
            visit, need = world.ask(visit)
            other, _need = world.ask()
            ben = world.volunteer()
            claim = take(ben, only_task(need))
            wrong.about_volunteer(claim, said(), uuid4(), AT)
            wrong.about_volunteer(take(world.volunteer(), only_task(need)), said(), uuid4(), AT)
            Debrief.objects.leave(uuid4(), "Something.", "", "asker", AT)
            assert other
        for report in Report.objects.all()[:many]:
            report.lose_key(AT)
        client = browser(world.coordinator).client
        assert visit is not None
        counts.append(
            [
                queries_of(client, "/desk/reports/"),
                queries_of(client, "/desk/debriefs/"),
                queries_of(enter(visit), "/a/mine/"),
            ]
        )
    assert counts[0] == counts[1]


# I would like to talk about it


def test_it_is_read_at_the_desk_names_nobody_and_is_deleted_when_somebody_talked(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)))
    hers, theirs_ = enter(visit), browser(ben).client
    said_ = {"text": "I slept badly since.", "reach": "plover@example.org"}
    after = posted(hers, f"/a/mine/needs/{need.pk}/talk/", **said_)
    assert "for the desk alone, for 14 days" in text(after)
    posted(theirs_, f"/needs/{need.pk}/talk/", text="The drive was long.", reach="")

    names = [str(pk).replace("-", "") for pk in (need.pk, claim.pk, visit.mailbox.pk, ben.volunteer.pk)]
    rows = str(list(Debrief.objects.values())).replace("-", "")
    assert [name for name in names if name in rows] == []
    visit.mailbox.erase(AT)
    coordinator = browser(three[2])
    words = coordinator.words("/desk/debriefs/")
    parts = ("I slept badly since.", "plover@example.org", "The drive was long.", "A volunteer")
    assert [part for part in parts if part not in words] == []
    for debrief in Debrief.objects.all():
        coordinator.post(f"/desk/debriefs/{debrief.pk}/done/")
    assert (Debrief.objects.count(), "Nobody just now." in coordinator.words("/desk/debriefs/")) == (0, True)


def test_without_a_key_that_may_be_granted_anything_it_says_so_and_stores_nothing(
    world: World, three: list[Person]
) -> None:
    visit, need = world.ask()
    wrong.standing.suspend(three[1].volunteer, AT)
    client, path = enter(visit), f"/a/mine/needs/{need.pk}/talk/"
    page = text(client.get(path))
    assert ("Please call instead." in page, "<textarea" in page) == (True, False)
    assert client.post(path, {"text": TEXT}).status_code == 422
    assert Debrief.objects.count() == 0
