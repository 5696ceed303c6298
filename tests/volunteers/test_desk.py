"""The desk's key: who can read for the desk, and who cannot any more."""

import pytest
from django.db import IntegrityError

from privacy.compartments import Reader
from privacy.crypto import Unreadable
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers import desk
from volunteers.account import Volunteer
from volunteers.desk import DeskKey, DeskShare

pytestmark = pytest.mark.django_db


def test_before_anybody_joined_there_is_no_desk_to_read() -> None:
    assert (desk.current(), desk.reader()) == (None, None)


def test_a_second_coordinator_waits_for_a_share(ana: Person) -> None:
    cleo = people.coordinator(ana)

    with pytest.raises(Unreadable):
        desk.desk_private(cleo.volunteer, cleo.private)
    assert list(desk.without_share()) == [cleo.volunteer]

    desk.share_with(cleo.volunteer, ana.volunteer, ana.private)

    shared = desk.desk_private(cleo.volunteer, cleo.private)
    assert shared == desk.desk_private(ana.volunteer, ana.private)
    assert list(desk.without_share()) == []


def test_sharing_twice_is_sharing_once(ana: Person) -> None:
    cleo = people.coordinator(ana)

    for _time in range(2):
        desk.share_with(cleo.volunteer, ana.volunteer, ana.private)

    assert DeskShare.objects.filter(coordinator=cleo.volunteer).count() == 1


def test_a_volunteer_never_gets_a_share(ana: Person, ben: Person) -> None:
    with pytest.raises(ValueError, match="desk role"):
        desk.share_with(ben.volunteer, ana.volunteer, ana.private)


def test_another_key_opens_no_share(ana: Person, ben: Person) -> None:
    with pytest.raises(Unreadable):
        desk.desk_private(ana.volunteer, ben.private)


def test_a_suspended_coordinator_reads_nothing_for_the_desk(ana: Person) -> None:
    cleo = people.coordinator(ana)
    desk.share_with(cleo.volunteer, ana.volunteer, ana.private)

    cleo.volunteer.suspend_account(AT)

    with pytest.raises(Unreadable):
        desk.desk_private(cleo.volunteer, cleo.private)


def test_a_new_pair_leaves_out_who_stepped_down(ana: Person) -> None:
    cleo = people.coordinator(ana)
    desk.share_with(cleo.volunteer, ana.volunteer, ana.private)
    old = desk.desk_private(cleo.volunteer, cleo.private)
    desk.step_down(cleo.volunteer)

    given_back, key = desk.renew(ana.volunteer, ana.private)

    assert given_back == old
    assert desk.current() == key
    assert desk.desk_private(ana.volunteer, ana.private) != old
    assert list(DeskShare.objects.values_list("coordinator", flat=True)) == [ana.volunteer.pk]
    with pytest.raises(Unreadable):
        desk.desk_private(cleo.volunteer, cleo.private)


def test_a_swapped_desk_key_is_refused(ana: Person, ben: Person) -> None:
    DeskKey.objects.update(public_key=ben.volunteer.public_key)

    with pytest.raises(Unreadable):
        desk.reader()
    with pytest.raises(Unreadable):
        desk.desk_private(ana.volunteer, ana.private)


def test_a_share_moved_to_somebody_else_is_refused(ana: Person) -> None:
    cleo = people.coordinator(ana)
    DeskShare.objects.update(coordinator=cleo.volunteer)

    with pytest.raises(Unreadable):
        desk.desk_private(cleo.volunteer, ana.private)


def test_there_is_one_desk(ana: Person) -> None:
    with pytest.raises(IntegrityError):
        desk.found(ana.volunteer)


def test_the_desk_is_a_reader_like_others(ana: Person) -> None:
    key = desk.current()
    assert key is not None

    assert desk.reader() == Reader("desk", key.pk, bytes(key.public_key))


def test_a_coordinator_invited_by_another_is_vouched_for_by_them(ana: Person) -> None:
    cleo = people.coordinator(ana)

    assert Volunteer.objects.coordinators().count() == 2
    assert [(vouch.by, vouch.context) for vouch in cleo.volunteer.vouches.all()] == [(ana.volunteer, "desk")]
