"""Who may be asked: vouched for, not in a pause, not suspended."""

from datetime import date, timedelta

import pytest

from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers.account import Volunteer

TODAY = date(2026, 3, 2)


def standing(person: Person) -> bool:
    """One row and the QuerySet say the same."""
    row = Volunteer.objects.get(pk=person.volunteer.pk)
    listed = Volunteer.objects.standing(AT).filter(pk=row.pk).exists()
    assert row.may_act(AT) is listed
    return listed


def test_somebody_new_waits_until_somebody_vouches(ana: Person) -> None:
    kim = people.newcomer(ana)
    assert standing(kim) is False
    assert list(Volunteer.objects.waiting()) == [kim.volunteer]

    kim.volunteer.vouch(ana.volunteer, AT, "met")

    assert standing(kim) is True
    assert kim.volunteer.vouched_at == AT.replace(minute=0)


def test_a_second_vouch_does_not_change_since_when(ana: Person, ben: Person) -> None:
    cleo = people.coordinator(ana)

    ben.volunteer.vouch(cleo.volunteer, AT + timedelta(days=9), "known")
    ben.volunteer.vouch(cleo.volunteer, AT + timedelta(days=10), "met")

    assert Volunteer.objects.get(pk=ben.volunteer.pk).vouched_at == AT.replace(minute=0)
    assert [vouch.context for vouch in ben.volunteer.vouches.all()] == ["met", "known"]


def test_nobody_vouches_for_themselves(ana: Person) -> None:
    with pytest.raises(ValueError, match="themselves"):
        ana.volunteer.vouch(ana.volunteer, AT, "met")


def test_a_pause_ends_in_the_morning_of_its_day(ben: Person) -> None:
    ben.volunteer.pause(TODAY + timedelta(days=1), AT)
    assert standing(ben) is False

    assert ben.volunteer.may_act(AT.replace(day=3, hour=4, minute=59)) is False
    assert ben.volunteer.may_act(AT.replace(day=3, hour=5, minute=0)) is True


def test_coming_back_ends_a_pause(ben: Person) -> None:
    ben.volunteer.pause(TODAY + timedelta(days=9), AT)

    ben.volunteer.resume(AT)

    assert standing(ben) is True


def test_a_suspended_volunteer_is_not_asked_until_reinstated(ben: Person) -> None:
    ben.volunteer.suspend_account(AT)
    assert standing(ben) is False

    ben.volunteer.reinstate(AT)

    assert standing(ben) is True


def test_after_a_restore_everybody_waits_for_the_desk(ben: Person) -> None:
    ben.volunteer.wait_for_the_desk(AT)

    assert standing(ben) is False
    assert ben.volunteer.vouches.count() == 1


def test_nobody_sets_their_own_standing(ben: Person) -> None:
    with pytest.raises(ValueError, match="is_coordinator"):
        ben.volunteer.describe(AT, is_coordinator=True)


def test_generated_names_are_two_words_and_two_digits(ana: Person) -> None:
    first, second, digits = ana.volunteer.username.split("-")

    assert (first.isalpha(), second.isalpha(), len(digits), digits.isdecimal()) == (True, True, 2, True)
