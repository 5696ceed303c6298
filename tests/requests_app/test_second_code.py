"""A second code, for when somebody makes her open her page: how she makes it, what it opens, what it does."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from notify.models import Channel, Notice
from privacy import codes, crypto
from privacy.crypto import Unreadable
from privacy.models import Compartment
from requests_app import asking, tasks
from requests_app.models import Mailbox, Need
from requests_app.models.asked import Tell
from requests_app.models.knock import ERASE, HIDE
from requests_app.visits import Visit
from tests.full_gate import everybody_waits
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_pages import code_words, hidden, post, text, volunteer_client
from tests.requests_app.world import TODAY, TOMORROW, World, claim_of, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT

HOUR = timedelta(hours=1)
NOTHING_HERE = "This code opens nothing here. Please look at your paper and try again."


@dataclass
class Pair:
    """Her own mailbox, and the one her second code opens."""

    first: Visit
    second: Visit
    need: Need


def second_of(world: World, first: Visit, does: str = HIDE) -> Visit:
    """As the form makes it."""
    asked = world.asked(paused=True, kind="accompaniment", note="")
    return asking.ask(asked, crypto.new_key(), None, "en", AT, first.errand(does))


def pair(world: World, does: str = HIDE, **asked: Any) -> Pair:
    first, need = world.ask(**asked)
    return Pair(first, second_of(world, first, does), need)


def code_of(visit: Visit) -> str:
    return codes.as_words(visit.secret or b"", "en")


def types(code: str, client: Client | None = None) -> Any:
    """Somebody types a code. The answer."""
    client = client or Client(enforce_csrf_checks=True)
    page = text(client.get("/a/return/"))
    return post(client, "/a/return/", page, code=code, ticket=hidden(page, "ticket"))


def opens(visit: Visit) -> bool:
    return types(code_of(visit)).status_code == 302


# What she does


def at_the_form(world: World, visit: Visit) -> tuple[Client, str, dict[str, Any]]:
    """Her browser, her page in it, and the form for a second code as she fills it."""
    asker = enter(visit)
    page = text(asker.get("/a/mine/"))
    typed = {"does": "hide", "kind": "ride", "area": world.area.pk, "day": TOMORROW.isoformat()}
    return asker, page, typed | {"second_token": hidden(page, "second_token")}


def test_she_makes_one_on_her_page_and_types_two_of_its_words_back(world: World) -> None:
    first, _need = world.ask()
    asker, page, typed = at_the_form(world, first)

    shown = text(post(asker, "/a/mine/", page, **typed))
    words = code_words(shown)
    another = "zebra" if words[6] != "zebra" else "walrus"
    wrong = post(asker, "/a/mine/", shown, **typed, first=words[1], second=another)
    right = post(asker, "/a/mine/", shown, **typed, first=words[1], second=words[6])

    assert ("Your second code" in shown, words != code_of(first).split()) == (True, True)
    assert (wrong.status_code, "This is another word." in text(wrong)) == (422, True)
    assert (right["Location"], Mailbox.objects.filter(confirmed=True).count()) == ("/a/mine/", 1)
    assert types(" ".join(words)).status_code == 302


def test_the_same_form_sent_twice_makes_one_second_code(world: World) -> None:
    first, _need = world.ask()
    asker, page, typed = at_the_form(world, first)

    shown = [code_words(text(post(asker, "/a/mine/", page, **typed))) for _ in range(2)]

    assert (shown[0] == shown[1], Mailbox.objects.count()) == (True, 2)


def test_it_is_shown_nowhere_but_in_the_answer_to_its_form(world: World) -> None:
    first, _need = world.ask()
    asker, page, typed = at_the_form(world, first)
    shown = text(post(asker, "/a/mine/", page, **typed))
    words = code_words(shown)

    addresses = ["/a/mine/", "/a/code/", "/", "/a/return/"]
    seen = "".join(text(asker.get(address, follow=True)) for address in addresses)

    assert words[0] in shown
    assert [word for word in words if f"<li>{word}</li>" in seen] == []
    # Once it is on paper, its form shows it no more either.
    post(asker, "/a/mine/", shown, **typed, first=words[1], second=words[6])
    assert post(asker, "/a/mine/", page, **typed)["Location"] == "/a/mine/"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("does", "burn"), ("kind", "nonsense"), ("area", "0"), ("day", "2020-01-01"), ("day", "")],
)
def test_bad_answers_come_back_with_a_sentence_and_make_nothing(world: World, field: str, wrong: str) -> None:
    first, _need = world.ask()
    asker = enter(first)
    page = text(asker.get("/a/mine/"))
    typed = {
        "does": "erase",
        "kind": "ride",
        "area": world.area.pk,
        "day": TOMORROW.isoformat(),
        field: wrong,
    }

    answer = post(asker, "/a/mine/", page, **typed)

    assert (answer.status_code, Mailbox.objects.count(), "Please choose" in text(answer)) == (422, 1, True)
    # The choice she made is still there; one that is none is the one that does less.
    ticked = re.findall(r'name="does" value="(\w+)"[^>]*checked', text(answer))
    assert ticked == ([] if field == "does" else ["erase"])


def test_where_too_many_are_asking_the_form_comes_back_as_it_was(world: World) -> None:
    first, _need = world.ask()
    asker = enter(first)
    page = text(asker.get("/a/mine/"))
    typed = {"does": "erase", "kind": "ride", "area": world.area.pk, "day": TOMORROW.isoformat()}

    with everybody_waits():
        answer = post(asker, "/a/mine/", page, second_token=hidden(page, "second_token"), **typed)

    assert (answer.status_code, Mailbox.objects.count()) == (422, 1)
    assert "Many people are here. Please press it once more." in text(answer)
    assert re.findall(r'name="does" value="(\w+)"[^>]*checked', text(answer)) == ["erase"]


# What it opens


def test_it_opens_a_page_with_one_need_and_nothing_of_hers(world: World) -> None:
    both = pair(world, note="The blue door.")

    page = text(enter(both.second).get("/a/mine/"))

    assert page.count('<section class="need">') == 1
    assert ("Someone to come with you" in page, "The blue door." in page) == (True, False)


def test_nobody_is_bothered_by_that_need(world: World) -> None:
    both = pair(world)
    ben = world.volunteer("Ben")
    tasks.escalate(AT)

    board = text(volunteer_client(ben).get("/board/"))

    assert re.findall(r"/needs/([0-9a-f-]{36})/", board) == [str(both.need.pk)]
    assert not both.second.mailbox.needs.get().claims.exists()


# What it does


@pytest.mark.parametrize("does", [HIDE, ERASE])
def test_from_that_moment_on_the_first_code_opens_nothing_also_with_no_worker(
    world: World, does: str
) -> None:
    both = pair(world, does)
    assert opens(both.first)

    assert opens(both.second)

    assert not opens(both.first)


def test_her_page_that_is_open_elsewhere_is_closed_at_the_same_moment(world: World) -> None:
    both = pair(world)
    elsewhere = enter(both.first)
    assert elsewhere.get("/a/mine/").status_code == 200

    types(code_of(both.second))

    assert elsewhere.get("/a/mine/")["Location"] == "/a/return/"


def test_whoever_is_on_the_way_is_told_not_to_go_and_opens_nothing_any_more(world: World) -> None:
    ben = world.volunteer("Ben")
    world.can_be_told(ben)
    Channel.objects.update(paces=True)
    both = pair(world)
    say_yes(both.first, take(ben, only_task(both.need)), place="Under the clock")
    Notice.objects.all().delete()

    types(code_of(both.second))
    tasks.answer(AT)

    claim = claim_of(ben, only_task(both.need))
    assert claim.status == "released"
    with pytest.raises(Unreadable):
        claim.thread(unlocked(ben))
    assert [notice.pace for notice in Notice.objects.filter(recipient=ben.volunteer.pk)] == ["changed"]
    assert "Please do not go." in text(volunteer_client(ben).get("/board/"))


def test_no_message_reaches_the_telephone_somebody_else_holds_now(world: World) -> None:
    ben = world.volunteer("Ben")
    both = pair(world, tell=Tell("email", "her@example.org", "en"))
    take(ben, only_task(both.need))
    assert Notice.objects.filter(recipient=both.need.pk).exists()

    types(code_of(both.second))
    tasks.answer(AT)

    assert not Notice.objects.filter(recipient=both.need.pk).exists()
    # She is told again once she lets people see it.
    assert Channel.objects.filter(recipient=both.need.pk).count() == 1


def test_after_a_day_her_own_code_opens_her_page_as_it_was_but_for_who_was_coming(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair(world, day=TODAY + timedelta(days=4), note="The blue door.")
    types(code_of(both.second))
    tasks.answer(AT)

    monkeypatch.setattr("privacy.clock.now", lambda: AT + 25 * HOUR)
    page = text(enter(both.first).get("/a/mine/"))

    assert ("The blue door." in page, "Nobody sees this now. Nobody is coming." in page) == (True, True)


def test_typed_once_more_it_hides_her_page_for_another_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair(world, day=TODAY + timedelta(days=4))
    types(code_of(both.second))
    monkeypatch.setattr("privacy.clock.now", lambda: AT + 20 * HOUR)
    types(code_of(both.second))

    monkeypatch.setattr("privacy.clock.now", lambda: AT + 30 * HOUR)

    assert not opens(both.first)


def test_where_she_chose_it_everything_is_erased_for_good(world: World) -> None:
    both = pair(world, ERASE)
    owner = both.need.slot_owner

    types(code_of(both.second))
    tasks.answer(AT)

    assert [mailbox.pk for mailbox in Mailbox.objects.all()] == [both.second.mailbox.pk]
    assert not Need.objects.filter(pk=both.need.pk).exists()
    assert not Compartment.objects.of(owner).exists()


def test_used_again_when_there_is_nothing_left_to_do_it_still_opens_its_page(world: World) -> None:
    both = pair(world, ERASE)
    for _ in range(2):
        assert opens(both.second)
        tasks.answer(AT)

    assert Mailbox.objects.count() == 1


def test_an_answer_that_was_interrupted_is_given_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    both = pair(world)
    types(code_of(both.second))
    whole = Mailbox.hide
    monkeypatch.setattr(Mailbox, "hide", lambda *_: 1 / 0)
    assert tasks.answer(AT).failed == 1
    monkeypatch.setattr(Mailbox, "hide", whole)

    tasks.answer(AT + timedelta(seconds=2))

    assert Need.objects.get(pk=both.need.pk).status == "paused"


def test_a_worker_that_was_away_for_a_day_still_does_it_before_it_forgets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair(world, ERASE, day=TODAY + timedelta(days=4))
    types(code_of(both.second))
    late = AT + 30 * HOUR

    tasks.forget_knocks(late)
    tasks.answer(late)

    assert not Need.objects.filter(pk=both.need.pk).exists()


def test_one_need_that_cannot_be_paused_keeps_nobody_on_the_way_to_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair(world)
    _visit, other = world.ask(both.first)
    whole = Need.pause

    def pause(need: Need, at: Any) -> None:
        if need.pk == both.need.pk:
            raise ValueError
        whole(need, at)

    monkeypatch.setattr(Need, "pause", pause)
    types(code_of(both.second))
    assert tasks.answer(AT).failed == 1

    assert Need.objects.get(pk=other.pk).status == "paused"
    monkeypatch.setattr(Need, "pause", whole)
    tasks.answer(AT + timedelta(seconds=2))
    assert Need.objects.get(pk=both.need.pk).status == "paused"


def test_what_she_sends_at_that_very_moment_does_not_join_the_hidden_mailbox(world: World) -> None:
    both = pair(world)
    types(code_of(both.second))
    tasks.answer(AT)

    opened, need = world.ask(both.first)

    assert opened.mailbox != both.first.mailbox
    assert set(Need.objects.filter(mailbox=both.first.mailbox).values_list("status", flat=True)) == {"paused"}
    assert need.mailbox == opened.mailbox


def test_a_clock_that_leaps_ahead_shows_nothing_that_is_hidden(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair(world, day=TODAY + timedelta(days=4))
    types(code_of(both.second))
    tasks.answer(AT)
    monkeypatch.setattr("privacy.clock.now", lambda: AT + 25 * HOUR)
    monkeypatch.setattr("privacy.clock.jumped", lambda: True)

    assert not opens(both.first)
