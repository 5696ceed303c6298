"""Somebody leaves the desk: a new pair, what lives passed on to it, and nothing more for the old one."""

from typing import Any

import pytest
from django.test import Client

from privacy.compartments import Reader
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import keyring
from privacy.models import Grant
from requests_app import desk_key, standing
from requests_app.models import Claim, Need
from requests_app.readers import Unlocked
from tests.requests_app import copies
from tests.requests_app.desk import Browser, locked, read
from tests.requests_app.test_pages import ask_for_a_ride, hidden, post
from tests.requests_app.test_races import at_once
from tests.requests_app.world import TOMORROW, World, only_task, take
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers import desk
from volunteers.models import DeskKey, DeskShare, Volunteer

NOTE, PLACE = "The blue door.", "By the old fountain"
WARNED = "Somebody who left the desk could still open its key."
FOR_DESK: dict[str, Any] = {"decides": "desk", "desk_reads": True, "note": NOTE, "place": PLACE}


def at_desk(world: World, handle: str = "Cleo") -> Person:
    """One more coordinator, with a share of the desk's key."""
    person = people.coordinator(world.coordinator, handle)
    ana = world.coordinator
    desk.share_with(person.volunteer, ana.volunteer, ana.private)
    return person


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def remembered(person: Person) -> Unlocked:
    """The pair as somebody at the desk may have written it down."""
    return desk_key.unlocked(now(person), person.private)


def opened_with(pair: Unlocked) -> int:
    """How many of the grants there are open with this private half, whatever reader they name."""
    count = 0
    for grant in Grant.objects.all():
        reader = Reader(grant.reader_kind, grant.reader_id, pair.reader.public_key)
        try:
            grant.unseal(reader, pair.private_key)
        except Unreadable:
            continue
        count += 1
    return count


def leave(world: World, cleo: Person) -> None:
    desk_key.step_down(now(cleo), world.coordinator.volunteer, world.coordinator.private, AT)


def be_suspended(world: World, cleo: Person) -> None:
    standing.suspend(now(cleo), AT)
    desk_key.shut_out(now(cleo), world.coordinator.volunteer, world.coordinator.private, AT)


def leave_by_themself(world: World, cleo: Person) -> None:
    desk_key.step_down(now(cleo), now(cleo), cleo.private, AT)


WAYS = [leave, be_suspended, leave_by_themself]


@pytest.mark.parametrize("way", WAYS)
def test_what_they_remember_opens_nothing_that_was_written_or_granted_since(world: World, way: Any) -> None:
    cleo = at_desk(world)
    visit, need = world.ask(**FOR_DESK)
    old = remembered(cleo)
    before = opened_with(old)

    way(world, cleo)
    _, later = world.ask(visit, **FOR_DESK)

    # The note, the place, and what is for whoever drives there.
    assert (before, opened_with(old)) == (3, 0)
    assert not DeskShare.objects.filter(coordinator=cleo.volunteer).exists()
    for each in (need, later):
        fresh = Need.objects.get(pk=each.pk)
        assert (fresh.read_note(world.desk())[0], fresh.read_desk_place(world.desk())) == (NOTE, PLACE)
        with pytest.raises(Unreadable):
            fresh.read_note(old)


@pytest.mark.parametrize("way", WAYS)
def test_the_old_pair_is_forgotten_when_nothing_needs_it(world: World, way: Any) -> None:
    cleo = at_desk(world)
    world.ask(**FOR_DESK)
    old = remembered(cleo).reader

    way(world, cleo)

    assert [key.pk != old.id for key in DeskKey.objects.all()] == [True]
    assert not Grant.objects.of_reader("desk", old.id).exists()
    assert set(DeskShare.objects.values_list("coordinator", flat=True)) == {world.coordinator.volunteer.pk}


def test_a_copy_from_before_opens_nothing_that_was_written_since(world: World) -> None:
    cleo = at_desk(world)
    world.ask(**FOR_DESK)
    copy = copies.take()
    shares = [row for rows in copy for row in rows if isinstance(row, DeskShare)]
    leave(world, cleo)
    world.ask(**FOR_DESK)

    theirs = next(share for share in shares if share.coordinator_id == cleo.volunteer.pk)
    private = theirs.open(cleo.private)

    old = next(row for rows in copy for row in rows if isinstance(row, DeskKey)).reader()
    assert opened_with(Unlocked(old, private)) == 0


def test_one_damaged_row_keeps_nobody_from_the_others(world: World) -> None:
    cleo = at_desk(world)
    visit, damaged = world.ask(**FOR_DESK)
    _, whole = world.ask(visit, **FOR_DESK)
    Grant.objects.filter(reader_kind="desk", compartment__slot_owner=damaged.slot_owner).update(mac=bytes(32))

    leave(world, cleo)

    assert Need.objects.get(pk=whole.pk).read_note(world.desk())[0] == NOTE
    with pytest.raises(Unreadable):
        Need.objects.get(pk=damaged.pk).read_note(world.desk())


def test_a_coordinator_whose_key_was_swapped_keeps_nobody_from_a_new_pair(world: World) -> None:
    cleo, dee = at_desk(world), at_desk(world, "Dee")
    Volunteer.objects.filter(pk=dee.volunteer.pk).update(public_key=cleo.volunteer.public_key)

    leave(world, cleo)

    assert desk.holders() == {world.coordinator.volunteer.pk}


def test_a_renewal_that_breaks_off_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cleo = at_desk(world)
    _, need = world.ask(**FOR_DESK)
    old = remembered(cleo)

    def power_cut(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("requests_app.desk_key.desk.forget_old_pairs", power_cut)
    with pytest.raises(RuntimeError):
        leave(world, cleo)

    assert (now(cleo).is_coordinator, DeskKey.objects.count(), opened_with(old)) == (True, 1, 3)
    assert Need.objects.get(pk=need.pk).read_note(world.desk())[0] == NOTE


# While nobody with an open key is there


def suspend_with_a_locked_key(world: World, cleo: Person) -> Browser:
    hers = locked(world.coordinator)
    hers.post(f"/desk/people/{cleo.volunteer.pk}/suspend/")
    return hers


def test_without_an_open_key_the_desk_says_what_to_do(world: World) -> None:
    hers = suspend_with_a_locked_key(world, at_desk(world))

    said = [WARNED in hers.words(path) for path in ("/desk/", "/desk/people/")]
    hers.post("/accounts/unlock/", passphrase=world.coordinator.passphrase, next="/desk/people/")
    hers.post("/desk/people/key/renew/")

    assert said == [True, True]
    assert [WARNED in hers.words(path) for path in ("/desk/", "/desk/people/")] == [False, False]


def test_meanwhile_nobody_who_asks_can_let_the_desk_read(world: World) -> None:
    asked = Client(enforce_csrf_checks=True)
    offered = asked.get("/a/ride/").content.decode()
    hers = suspend_with_a_locked_key(world, at_desk(world))

    page = asked.get("/a/ride/").content.decode()
    hers.post("/accounts/unlock/", passphrase=world.coordinator.passphrase, next="/desk/")
    hers.post("/desk/people/key/renew/")
    again = asked.get("/a/ride/").content.decode()

    words = ("May the desk read your note?", "The desk decides for me")
    assert [[word in html for word in words] for html in (offered, page, again)] == [
        [True, True],
        [False, False],
        [True, True],
    ]


def test_a_form_that_was_open_since_before_is_asked_again_and_stores_nothing(world: World) -> None:
    asked = Client(enforce_csrf_checks=True)
    page = asked.get("/a/ride/").content.decode()
    suspend_with_a_locked_key(world, at_desk(world))
    typed = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}

    answers = [
        post(asked, "/a/ride/", page, **typed, note=NOTE, desk_reads="yes"),
        post(asked, "/a/ride/", page, **typed, decides="desk"),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert "The desk cannot read anything just now." in read(answers[0].content.decode())
    assert not Need.objects.exists()


def test_a_need_that_lets_the_desk_read_is_not_stored_for_a_pair_somebody_left_with(world: World) -> None:
    cleo = at_desk(world)
    used = len(keyring().unowned([]))
    standing.suspend(now(cleo), AT)

    with pytest.raises(SealingImpossible):
        world.ask(**FOR_DESK)

    assert (Need.objects.count(), Grant.objects.count()) == (0, 0)
    assert len(keyring().unowned([])) == used


def test_who_leaves_before_a_new_pair_can_be_made_closes_the_old_one(world: World) -> None:
    cleo = at_desk(world)
    dee = people.coordinator(world.coordinator, "Dee")
    _, need = world.ask(**FOR_DESK)

    desk_key.step_down(now(cleo), dee.volunteer, dee.private, AT)

    assert (desk.is_closed(), desk.may_be_granted()) == (True, False)
    # What was written before stays readable for those who are still there.
    assert Need.objects.get(pk=need.pk).read_note(world.desk())[0] == NOTE


def test_somebody_suspended_who_comes_back_does_not_open_the_old_pair_again(world: World) -> None:
    cleo = at_desk(world)
    standing.suspend(now(cleo), AT)

    now(cleo).reinstate(AT)

    assert desk.may_be_granted() is False
    desk_key.renew(world.coordinator.volunteer, world.coordinator.private, AT)
    assert desk.may_be_granted() is True


def test_a_volunteer_who_is_suspended_leaves_the_desk_as_it_is(world: World) -> None:
    standing.suspend(world.volunteer().volunteer, AT)

    assert desk.may_be_granted() is True


def test_a_swapped_desk_key_is_granted_nothing_and_people_can_still_ask(world: World) -> None:
    DeskKey.objects.update(public_key=world.coordinator.volunteer.public_key)

    answer = ask_for_a_ride(Client(enforce_csrf_checks=True), world)

    assert answer.status_code == 302
    assert not Grant.objects.filter(reader_kind="desk").exists()


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_while_the_key_changes_grants_to_the_new_one(world: World) -> None:
    cleo = at_desk(world)
    old = remembered(cleo)
    ana = world.coordinator

    def ask() -> None:
        world.ask(**FOR_DESK)

    at_once([ask, ask, lambda: desk_key.renew(ana.volunteer, ana.private, AT), ask, ask])

    assert opened_with(old) == 0
    needs = list(Need.objects.all())
    assert [need.read_note(world.desk())[0] for need in needs] == [NOTE] * 4
    assert DeskKey.objects.count() == 1


def test_a_claim_the_desk_approved_stays_with_whoever_comes(world: World) -> None:
    cleo, ben = at_desk(world), world.volunteer("Ben")
    _, need = world.ask(**FOR_DESK)
    claim = take(ben, only_task(need))
    claim.approve(world.desk(), claim.key_fingerprint(), AT)

    leave(world, cleo)

    them = Unlocked(ben.volunteer.reader(), ben.private)
    fresh = Claim.objects.get(pk=claim.pk)
    assert (fresh.read_place(them, AT), fresh.need.read_note(them)[0]) == (PLACE, NOTE)
