"""Whoever does not come any more reads nothing: not on an open page, not with a copy of the database."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from privacy.crypto import Unreadable
from privacy.models import Grant, Session
from requests_app import standing
from requests_app.models import Claim, Message, Need
from requests_app.visits import Visit
from tests.forms_seen import forms_of
from tests.requests_app import copies
from tests.requests_app.world import World, claim_of, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import keys
from volunteers.models import Volunteer

NOTE, PLACE, WRITTEN = "The blue door.", "By the old fountain", "I wear a green scarf."
DAY = timedelta(days=1)


def approved(world: World, ben: Person) -> tuple[Visit, Claim]:
    """Ben comes: note, place and a message are written."""
    visit, need = world.ask(note=NOTE)
    claim = say_yes(visit, take(ben, only_task(need)), place=PLACE)
    claim.write(visit.unlocked, Message.ASKER, WRITTEN, AT)
    return visit, claim_of(ben, claim.task)


def what_opens(claim: Claim, private: bytes) -> list[str]:
    """Everything that somebody with this volunteer's row and private key opens of a claim."""
    claim = Claim.objects.select_related("need__mailbox", "volunteer").get(pk=claim.pk)
    them = unlocked(Person(claim.volunteer, private, ""))

    def thread() -> list[str]:
        return [message.text(claim.thread(them)) for message in claim.messages.all()]

    found: list[str] = []
    for read in (
        lambda: claim.need.read_note(them)[0],
        lambda: claim.read_place(them, AT),
        thread,
        claim.two_words,
    ):
        try:
            got = read()
        except Unreadable:
            continue
        found += [got] if isinstance(got, str) else got
    return found


def release(claim: Claim, visit: Visit) -> None:
    claim.release(AT)


def decline(claim: Claim, visit: Visit) -> None:
    claim.decline(AT)


def suspend(claim: Claim, visit: Visit) -> None:
    standing.suspend(claim.volunteer, AT)


def suspend_late(claim: Claim, visit: Visit) -> None:
    """The need's time was over, and the broom had not come."""
    standing.suspend(claim.volunteer, AT + 3 * DAY)


def finish(claim: Claim, visit: Visit) -> None:
    claim.finish(AT)


def withdraw(claim: Claim, visit: Visit) -> None:
    claim.need.withdraw(AT)


def erase(claim: Claim, visit: Visit) -> None:
    visit.mailbox.erase(AT)


ENDS = [release, decline, suspend, suspend_late, finish, withdraw, erase]
End = Callable[[Claim, Visit], None]


@pytest.mark.parametrize("end", ENDS)
def test_a_copy_of_the_database_and_the_passphrase_open_nothing_afterwards(world: World, end: End) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    copy = copies.take()
    before = what_opens(claim, ben.private)

    end(claim, visit)
    copies.put_back(copy)

    private = keys.unlock(Volunteer.objects.get(pk=ben.volunteer.pk), PASSPHRASE)
    assert before[:3] == [NOTE, PLACE, WRITTEN]
    assert what_opens(claim, private) == []


@pytest.mark.parametrize("end", ENDS)
def test_signed_in_on_a_restored_copy_the_pages_show_nothing_either(world: World, end: End) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    path = f"/needs/{claim.need_id}/"
    copy = copies.take()
    shown = ben.sign_in(Client()).get(path).content.decode()

    end(claim, visit)
    copies.put_back(copy)

    page = ben.sign_in(Client()).get(path).content.decode()
    assert [text in shown for text in (NOTE, PLACE, WRITTEN)] == [True] * 3
    assert [text in page for text in (NOTE, PLACE, WRITTEN)] == [False] * 3
    assert "This cannot be read." in page


@pytest.mark.parametrize("end", ENDS)
def test_the_grant_of_the_note_ends_with_the_claim(world: World, end: End) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    them = unlocked(ben)
    grant = Grant.objects.under(claim.slot_owner).get(compartment__purpose="note")
    assert grant.unseal(them.reader, them.private_key)

    end(claim, visit)

    with pytest.raises(Unreadable):
        grant.unseal(them.reader, them.private_key)
    assert not Grant.objects.of_reader("volunteer", ben.volunteer.pk).exists()


@pytest.mark.parametrize("end", ENDS)
def test_a_page_left_open_and_its_cookie_give_and_take_nothing(world: World, end: End) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    path = f"/needs/{claim.need_id}/"
    browser = ben.sign_in(Client())
    assert WRITTEN in browser.get(path).content.decode()
    asker_wrote = Message.objects.count()

    end(claim, visit)

    typed = {"task": str(claim.task_id), "text": "Let me in."}
    answers = [browser.get(path, follow=True), browser.post(f"{path}message/", typed, follow=True)]
    answers += [browser.post(f"{path}finish/", typed, follow=True)]
    pages = [answer.content.decode() for answer in answers]
    assert [text for text in (NOTE, PLACE, WRITTEN) for page in pages if text in page] == []
    assert (asker_wrote, Message.objects.count()) == (1, 0)


@pytest.mark.parametrize("end", ENDS)
def test_an_old_cookie_and_a_copy_with_its_session_show_nothing(world: World, end: End) -> None:
    """The key of whoever was signed in lies in that session, and the cookie opens it."""
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    path, browser = f"/needs/{claim.need_id}/", ben.sign_in(Client())
    shown = browser.get(path).content.decode()
    copy, sessions, cookie = copies.take(), list(Session.objects.all()), browser.cookies["s"].value

    end(claim, visit)
    browser.get(path)
    copies.put_back(copy)
    Session.objects.all().delete()
    Session.objects.bulk_create(sessions)

    thief = Client()
    thief.cookies["s"] = cookie
    page = thief.get(path).content.decode()
    assert WRITTEN in shown
    assert "This cannot be read." in page
    assert [text for text in (NOTE, PLACE, WRITTEN) if text in page] == []


@pytest.mark.parametrize("end", ENDS)
def test_every_button_of_a_page_left_open_in_two_tabs_reads_and_changes_nothing(
    world: World, end: End
) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    path, browser = f"/needs/{claim.need_id}/", ben.sign_in(Client())
    calendar = f"/calendar/{ben.volunteer.new_calendar_token()}.ics"
    forms = {form.action or path: form for form in forms_of(browser.get(path).content.decode())}
    entries = [Client().get(calendar).content.count(b"BEGIN:VEVENT")]

    end(claim, visit)
    after = Claim.objects.filter(pk=claim.pk).values_list("status", flat=True).first()
    answers = [
        browser.post(action, form.filled(), follow=True)
        for action, form in forms.items()
        if action.startswith(path)
        for _tab in range(2)
    ]
    answers += [browser.get(page, headers={"HX-Request": "true"}) for page in (path, "/board/")]
    entries.append(Client().get(calendar).content.count(b"BEGIN:VEVENT"))

    pages = [answer.content.decode() for answer in answers]
    assert len(answers) >= 8
    assert [text for text in (NOTE, PLACE, WRITTEN) for page in pages if text in page] == []
    assert (Message.objects.count(), entries) == (0, [1, 0])
    assert Claim.objects.filter(pk=claim.pk).values_list("status", flat=True).first() == after
    assert not Claim.objects.filter(volunteer=ben.volunteer, status="approved").exists()


def test_a_host_whose_hold_ran_out_cannot_read_back_even_their_own_place(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, need = world.ask(kind="stay")
    claim = take(ben, only_task(need), place=PLACE)
    copy = copies.take()
    late = AT + DAY

    claim.lapse(late)
    copies.put_back(copy)

    Claim.objects.filter(pk=claim.pk).update(status="approved")
    assert claim.place is None
    assert what_opens(claim, ben.private) == []


def test_somebody_who_stood_by_has_nothing_of_the_one_who_comes(world: World) -> None:
    ben, dee = world.volunteer("Ben"), world.volunteer("Dee")
    _visit, claim = approved(world, ben)
    take(dee, claim.task, standing_by=True)

    hers = claim_of(dee, claim.task)
    opened = what_opens(hers, dee.private)
    # Two words of her own, by which she would be recognised: one of them may be one of his.
    assert [text for text in opened if text] == hers.two_words()
    assert hers.two_words() != claim.two_words()
    assert not Grant.objects.of_reader("volunteer", dee.volunteer.pk).exists()


def test_whoever_drives_both_ways_keeps_the_note_when_one_way_is_done(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(note=NOTE, answers={"back": "yes"})
    tasks = list(need.tasks.order_by("role"))
    for task in tasks:
        say_yes(visit, take(ben, task))

    claim_of(ben, tasks[0]).finish(AT)

    assert len(tasks) == 2
    assert Need.objects.get(pk=need.pk).read_note(unlocked(ben))[0] == NOTE
    claim_of(ben, tasks[1]).release(AT)
    with pytest.raises(Unreadable):
        Need.objects.get(pk=need.pk).read_note(unlocked(ben))
