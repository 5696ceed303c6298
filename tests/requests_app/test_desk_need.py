"""One need at the desk: why nobody, who was asked, what may be read, and deciding for an asker."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from organisation import conditions, languages
from privacy.crypto import Unreadable
from requests_app import matching, rings, why_nobody
from requests_app.models import Claim, Need, NeverMatch
from tests.requests_app.desk import Browser, browser, locked
from tests.requests_app.world import World, claim_of, only_task, take, unlocked
from tests.volunteers import people
from tests.volunteers.people import AT

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOTE, PLACE = "The blue door.", "Under the clock"


@pytest.fixture
def desk(world: World) -> Browser:
    return browser(world.coordinator)


def path(need: Need, verb: str = "") -> str:
    return f"/desk/needs/{need.pk}/{verb}"


def decide(desk: Browser, verb: str, claim: Claim, **typed: Any) -> str:
    """Press yes or no on the page that shows the claim."""
    sent = {"claim": claim.pk, "fingerprint": claim.key_fingerprint()} | typed
    return desk.post_words(path(claim.need, f"{verb}/"), **sent)


# Why nobody


def test_it_says_which_condition_stands_in_the_way(world: World, desk: Browser) -> None:
    for _ in range(2):
        world.volunteer()
    _, need = world.ask(languages=languages.bits(["ro"]), languages_hard=True)
    page = desk.words(path(need))
    assert "Nobody fits now. 2 more would fit without the language." in page


def test_it_says_each_condition_in_a_sentence_of_its_own(world: World, desk: Browser) -> None:
    world.volunteer(kinds=["stay"])
    world.volunteer(capacity=1)
    world.volunteer().volunteer.pause(AT.date() + timedelta(days=9), AT)
    people.newcomer(world.coordinator)
    _, need = world.ask(people=2)
    page = desk.words(path(need))
    assert "Nobody fits now." in page
    assert "1 more would fit, but is on a break." in page
    assert "1 more would fit, but has no room for so many." in page
    assert "1 more would fit, but offers something else." in page
    assert "let in" not in page


def test_every_hard_condition_has_its_sentence() -> None:
    for condition in ("let_in", "reach", "kind", *matching.CONDITIONS):
        for count in (1, 3):
            text = why_nobody.would_fit(condition, count)
            assert text.startswith(f"{count} more would fit"), condition
            assert len(text.split()) <= 15, condition


def test_it_says_how_many_fit_and_did_not_answer(world: World, desk: Browser) -> None:
    world.volunteer()
    _, need = world.ask()
    assert "1 person fits now." in desk.words(path(need))


def test_it_does_not_ask_why_nobody_once_somebody_has_it(world: World, desk: Browser) -> None:
    _, need = world.ask()
    take(world.volunteer(), only_task(need))
    assert "Why nobody" not in desk.words(path(need))


def test_where_no_single_condition_helps_it_says_so(world: World, desk: Browser) -> None:
    _, need = world.ask(conditions=conditions.bits(["wheelchair"]))
    assert "No single condition stands in the way. Perhaps you know somebody." in desk.words(path(need))


# Who was asked


def test_it_says_who_was_asked_and_what_came_of_it(world: World, desk: Browser) -> None:
    _, need = world.ask()
    names = ["Dara", "Ebo", "Fay", "Gil"]
    asked = {name: world.volunteer(name) for name in names}
    rings.ask_next(only_task(need), AT)
    take(asked["Dara"], only_task(need)).release(AT)
    take(asked["Ebo"], only_task(need)).decline(AT)
    take(asked["Fay"], only_task(need))
    found = world.volunteer("Hal")
    take(found, only_task(need), standing_by=True)
    page = desk.words(path(need))
    for said in (
        "Dara The way there Monday 12:00 Could not after all",
        "Ebo The way there Monday 12:00 The answer was no",
        "Fay The way there Monday 12:00 Holds it",
        "Gil The way there Monday 12:00 No answer yet",
        "Hal The way there Found it Stands by",
    ):
        assert said in page


# What the desk may read


def test_a_note_for_the_desk_opens_with_the_passphrase(world: World) -> None:
    _, need = world.ask(desk_reads=True, note=NOTE, answers={"wait": "outside", "to": "The old mill"})
    hers = locked(world.coordinator)
    page = hers.page(path(need))
    assert (NOTE in page, f'href="/accounts/unlock/?next={path(need)}"' in page) == (False, True)
    hers.post("/accounts/unlock/", passphrase=world.coordinator.passphrase, next=path(need))
    words = hers.words(path(need))
    assert "The way there: Where to? The old mill" in words
    assert f"{NOTE} While you are there, should somebody wait? The driver, outside" in words


def test_a_note_that_is_not_for_the_desk_stays_closed(world: World, desk: Browser) -> None:
    _, need = world.ask(desk_reads=False, note=NOTE, decides="desk")
    page = desk.words(path(need))
    assert ("The note is not for the desk." in page, NOTE in page) == (True, False)


def test_a_place_for_the_desk_opens_and_the_note_beside_it_does_not(world: World, desk: Browser) -> None:
    _, need = world.ask(desk_reads=False, note=NOTE, decides="desk", place=PLACE)
    page = desk.words(path(need))
    assert f"The note is not for the desk. Where to meet: {PLACE}" in page
    assert NOTE not in page


def test_a_coordinator_without_a_share_of_the_key_is_told_whom_to_ask(world: World) -> None:
    _, need = world.ask(desk_reads=True, note=NOTE)
    page = browser(people.coordinator(world.coordinator)).words(path(need))
    assert ("Ask somebody to share it." in page, NOTE in page) == (True, False)


def test_a_note_that_was_tampered_with_says_so_and_the_page_stays_whole(world: World, desk: Browser) -> None:
    visit, need = world.ask(desk_reads=True, note=NOTE)
    _, other = world.ask(visit, desk_reads=True, note="Another.")
    Need.objects.filter(pk=need.pk).update(note=other.note)
    page = desk.words(path(need))
    assert ("The note cannot be read any more." in page, "Who was asked" in page) == (True, True)


# Deciding


def test_the_desk_says_yes_and_the_volunteer_reads_note_and_place(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk", desk_reads=True, note=NOTE, place=PLACE)
    ben = world.volunteer("Ben")
    claim = take(ben, only_task(need))
    assert "Ben The way there. Holds it until 13:15." in desk.words(path(need))
    assert "You said yes." in decide(desk, "approve", claim)
    now = claim_of(ben, claim.task)
    assert (now.status, now.read_place(unlocked(ben), AT)) == ("approved", PLACE)
    assert now.need.read_note(unlocked(ben))[0] == NOTE
    assert "Yes, Ben may come" not in desk.words(path(need))


def test_yes_without_the_note_leaves_it_closed_until_she_looks(world: World, desk: Browser) -> None:
    visit, need = world.ask(decides="desk", note=NOTE)
    ben = world.volunteer()
    decide(desk, "approve", take(ben, only_task(need)))
    now = claim_of(ben, only_task(need))
    with pytest.raises(Unreadable):
        now.need.read_note(unlocked(ben))
    visit.mailbox.settle(visit.seed, AT)
    assert Need.objects.get(pk=need.pk).read_note(unlocked(ben))[0] == NOTE


def test_the_desk_may_choose_somebody_who_stands_by(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk")
    first, second = world.volunteer(), world.volunteer()
    take(first, only_task(need))
    decide(desk, "approve", take(second, only_task(need), standing_by=True))
    states = (claim_of(first, only_task(need)).status, claim_of(second, only_task(need)).status)
    assert states == ("standby", "approved")


def test_the_desk_says_no_and_the_next_one_is_asked(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk")
    first, second = world.volunteer(), world.volunteer()
    claim = take(first, only_task(need))
    take(second, only_task(need), standing_by=True)
    assert "You said no." in decide(desk, "decline", claim)
    states = (claim_of(first, only_task(need)).status, claim_of(second, only_task(need)).status)
    assert states == ("declined", "held")


@pytest.mark.parametrize("decides", ["asker", "first"])
@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_the_desk_never_decides_where_nobody_asked_it_to(
    world: World, desk: Browser, decides: str, verb: str
) -> None:
    _, need = world.ask(decides=decides, desk_reads=True)
    claim = take(world.volunteer(), only_task(need), standing_by=decides == "first")
    before = claim.status
    answer = desk.client.post(
        path(need, f"{verb}/"), {"claim": claim.pk, "fingerprint": claim.key_fingerprint()}
    )
    assert (answer.status_code, Claim.objects.get(pk=claim.pk).status) == (404, before)
    assert f"{verb}/" not in desk.page(path(need))


def test_a_claim_of_another_need_cannot_be_answered_here(world: World, desk: Browser) -> None:
    visit, need = world.ask(decides="desk")
    _, other = world.ask(visit, decides="desk")
    claim = take(world.volunteer(), only_task(other))
    for typed in ({"claim": claim.pk}, {"claim": uuid4()}, {"claim": "x"}, {}):
        assert desk.client.post(path(need, "decline/"), typed).status_code == 404


def test_a_late_yes_is_told_politely(world: World, desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    _, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    monkeypatch.setattr("privacy.clock.now", lambda: claim.held_until)
    assert "This offer is not waiting any more." in decide(browser(world.coordinator), "approve", claim)


def test_an_answer_after_the_need_ended_is_told_politely(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    Need.objects.get(pk=need.pk).withdraw(AT)
    for verb in ("approve", "decline"):
        assert "This offer is not waiting any more." in decide(desk, verb, claim)


def test_two_at_the_desk_who_answer_at_once_undo_nothing(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    decide(desk, "approve", claim)
    for verb in ("approve", "decline"):
        assert "This offer is not waiting any more." in decide(desk, verb, claim)
    assert Claim.objects.get(pk=claim.pk).status == "approved"


def test_a_key_that_changed_since_the_page_was_shown_is_refused(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    for shown in ("", "00" * 16):
        page = decide(desk, "approve", claim, fingerprint=shown)
        assert "Something about this person changed." in page
    assert Claim.objects.get(pk=claim.pk).status == "held"


def test_a_yes_asks_for_the_passphrase_first(world: World) -> None:
    _, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    hers = locked(world.coordinator)
    answer = hers.client.post(
        path(need, "approve/"), {"claim": claim.pk}, headers={"referer": f"http://testserver{path(need)}"}
    )
    assert answer["Location"] == f"/accounts/unlock/?next=%2Fdesk%2Fneeds%2F{need.pk}%2F"


def test_a_coordinator_without_a_share_cannot_say_yes(world: World) -> None:
    _, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    cleo = browser(people.coordinator(world.coordinator))
    assert "Ask somebody to share it." in decide(cleo, "approve", claim)
    assert Claim.objects.get(pk=claim.pk).status == "held"


def test_she_sees_what_the_desk_decided_and_can_still_say_no(world: World, desk: Browser) -> None:
    visit, need = world.ask(decides="desk")
    claim = take(world.volunteer(), only_task(need))
    decide(desk, "approve", claim)
    hers = visit.claim(claim.pk)
    hers.decline(AT, never_again=True)
    assert (Claim.objects.get(pk=claim.pk).status, NeverMatch.objects.count()) == ("declined", 1)


def test_a_need_with_two_tasks_says_yes_to_each(world: World, desk: Browser) -> None:
    _, need = world.ask(decides="desk", answers={"back": "yes"})
    there, back = need.tasks.order_by("-role")
    ben, dee = world.volunteer("Ben"), world.volunteer("Dee")
    decide(desk, "approve", take(ben, there))
    page = desk.words(path(need))
    assert "Ben The way there. Comes." in page
    assert "Why nobody" in page
    decide(desk, "approve", take(dee, back))
    assert "Why nobody" not in desk.words(path(need))
