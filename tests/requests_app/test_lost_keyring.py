"""The keyring was lost: live needs come back as clear facts, and wait until their askers write again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from notify.models import Channel, Notice
from privacy.crypto import Unreadable
from privacy.keyring import FileKeyring, keyring
from privacy.models import Compartment
from privacy.states import SomebodyWasFaster
from requests_app import matching, rings, start
from requests_app.models import Claim, Need, Proposal, Task
from tests.requests_app.desk import browser, read
from tests.requests_app.test_pages import ask_for_a_ride, code_words, post, text
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT


@pytest.fixture
def ring(tmp_path: Any, settings: Any) -> FileKeyring:
    """A keyring of this test's own."""
    settings.KEYRING_PATH = tmp_path / "keyring" / "slots"
    FileKeyring().create()
    return FileKeyring()


def lose(ring: FileKeyring) -> None:
    """The file is gone; whoever runs the machine says so, and there is a new one."""
    ring.path.unlink()
    start.lose_every_key(AT)
    ring.create()
    start.finish_endings(AT)
    start.close_what_has_no_key(AT)


def test_facts_stay_and_nothing_sealed_does(world: World, ring: FileKeyring) -> None:
    visit, need = world.ask(note="Please ring twice.")
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place="Under the clock")
    before = (need.kind, need.area_id, need.day, need.parts)

    lose(ring)

    need.refresh_from_db()
    claim.refresh_from_db()
    assert need.status == "unreadable"
    assert (need.kind, need.area_id, need.day, need.parts) == before
    assert (need.note, need.answers, claim.place) == (None, None, None)
    assert (claim.status, claim.ending, Compartment.objects.count()) == ("released", False, 0)
    assert only_task(need).status == "open"
    with pytest.raises(Unreadable):
        need.read_note(visit.unlocked)


def test_nobody_is_asked_and_nobody_can_take_it_until_she_writes_again(
    world: World, ring: FileKeyring
) -> None:
    _visit, need = world.ask()
    person = world.volunteer()
    lose(ring)

    rings.ask_next(only_task(need), AT)

    assert matching.board(person.volunteer, AT) == []
    assert matching.on_need(person.volunteer, need.pk, AT) == []
    assert (Task.objects.to_escalate(AT).count(), Proposal.objects.count()) == (0, 0)
    assert Task.objects.on_the_desk(AT).count() == 0
    with pytest.raises(SomebodyWasFaster):
        only_task(need).claim(person.volunteer, person.volunteer.offers.get(), AT)


def test_once_written_again_it_is_like_any_other(world: World, ring: FileKeyring) -> None:
    visit, need = world.ask(note="Please ring twice.")
    asked_before = world.volunteer()
    rings.ask_next(only_task(need), AT)
    take(asked_before, only_task(need))
    lose(ring)

    Need.objects.get().write_again(world.asked(note="The door is green."), AT)
    rings.ask_next(only_task(need), AT)

    need = Need.objects.get()
    assert (need.status, need.read_note(visit.unlocked)[0]) == ("open", "The door is green.")
    assert [row.volunteer_id for row in Proposal.objects.all()] == [asked_before.volunteer.pk]
    claim = say_yes(visit, take(asked_before, only_task(need)), place="Under the clock")
    assert claim.read_place(visit.unlocked, AT) == "Under the clock"
    assert ring.unowned([need.slot_owner, *(row.slot_owner for row in Claim.objects.all())]) == []


def test_writing_again_twice_keeps_the_first_and_no_key_of_the_second(
    world: World, ring: FileKeyring
) -> None:
    visit, need = world.ask()
    lose(ring)
    first, second = Need.objects.get(), Need.objects.get()
    first.write_again(world.asked(note="First."), AT)

    with pytest.raises(SomebodyWasFaster):
        second.write_again(world.asked(note="Second."), AT)

    need = Need.objects.get()
    assert need.read_note(visit.unlocked)[0] == "First."
    live = [n for n in range(4096) if not keyring().missing([(n, need.slot_owner)])]
    assert live == [need.slot_number]


def test_whoever_was_coming_and_she_hear_that_there_is_news(world: World, ring: FileKeyring) -> None:
    visit, need = world.ask()
    person = world.volunteer()
    for recipient in (need.pk, person.volunteer.pk):
        Channel.objects.add(
            recipient=recipient, transport="email", address="x@example.org", language="en", at=AT
        )
    say_yes(visit, take(person, only_task(need)))
    Notice.objects.all().delete()

    lose(ring)

    told: set[UUID] = set(Notice.objects.values_list("recipient", flat=True))
    assert told == {need.pk, person.volunteer.pk}


def test_it_still_expires_and_then_it_is_purged(world: World, ring: FileKeyring) -> None:
    _visit, need = world.ask()
    lose(ring)
    later = need.expires_at + timedelta(minutes=1)

    for row in Need.objects.overdue(later):
        row.expire(later)
    for row in Need.objects.purgeable(later + timedelta(days=2)):
        row.purge(later)

    assert Need.objects.count() == 0


def test_losing_is_not_ending_and_can_be_cut_short(world: World, ring: FileKeyring) -> None:
    """Killed before the new keyring is there: said once more, nothing more happens."""
    world.ask()
    ring.path.unlink()
    start.lose_every_key(AT)

    assert start.lose_every_key(AT) == 0
    ring.create()
    assert start.close_what_has_no_key(AT) == 0
    assert Need.objects.get().status == "unreadable"


def test_her_page_says_what_happened_and_takes_it_again(world: World, ring: FileKeyring) -> None:
    asker = Client(enforce_csrf_checks=True)
    ask_for_a_ride(asker, world, note="Please ring twice.", desk_reads="no")
    assert len(code_words(text(asker.get("/a/code/")))) == 8
    lose(ring)

    page = text(asker.get("/a/mine/"))
    need = Need.objects.get()
    answer = post(asker, f"/a/mine/needs/{need.pk}/write-again/", page, note="The door is green.")

    said = "Our key was lost. Nobody can read what you wrote, and nobody is coming."
    assert said in read(page)
    assert (answer.status_code, answer["Location"]) == (302, "/a/mine/")
    after = read(text(asker.get("/a/mine/")))
    assert said not in after
    assert "The door is green." in after


def test_what_is_too_long_comes_back_with_a_sentence(world: World, ring: FileKeyring) -> None:
    asker = Client(enforce_csrf_checks=True)
    ask_for_a_ride(asker, world)
    lose(ring)
    page, need = text(asker.get("/a/mine/")), Need.objects.get()

    answer = post(asker, f"/a/mine/needs/{need.pk}/write-again/", page, note="x" * 2001)

    assert answer.status_code == 422
    assert "Please use at most 2000 characters." in read(text(answer))
    assert Need.objects.get().status == "unreadable"


def test_the_desk_sees_that_it_waits(world: World, ring: FileKeyring) -> None:
    world.ask()
    desk = browser(world.coordinator)
    said = "The keyring was lost. These cannot be read, and nobody is asked."
    before = desk.words("/desk/")
    lose(ring)

    after = desk.words("/desk/")

    assert (said in before, said in after) == (False, True)
    assert f"{world.area.name}, " in after
