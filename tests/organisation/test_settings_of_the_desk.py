"""What a coordinator sets: names, limits, hours, numbers. Clear sentences for what cannot be."""

import dataclasses
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from organisation import kinds
from organisation.areas import Area
from organisation.forms import AwayForm, HoursForm, OrganisationForm, PhoneNumberForm
from organisation.hours import Hours, PhoneNumber
from organisation.models import Organisation

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, 34, tzinfo=UTC)
NAMES = {"name": "", "cover_name": "Garden", "leave_url": "https://www.example.org/", "max_nights": "5"}


def test_a_fresh_instance_has_neutral_names_and_one_area() -> None:
    organisation = Organisation.objects.ensure(AT)
    assert (organisation.cover_name, organisation.leave_url) == ("Notes", "https://www.wikipedia.org/")
    assert organisation.set_up_at == AT.replace(minute=0)
    assert [name for _pk, name in Area.objects.choices()] == ["Here"]


def test_setting_up_twice_changes_nothing() -> None:
    Organisation.objects.ensure(AT).change(cover_name="Garden")
    Organisation.objects.ensure(AT)
    assert Organisation.objects.current().cover_name == "Garden"
    assert (Organisation.objects.count(), Area.objects.count()) == (1, 1)


def test_the_first_area_is_named_in_the_language_of_the_instance() -> None:
    with translation.override("fr"):
        Organisation.objects.ensure(AT)
    assert Area.objects.get().name == "Here"


def test_before_set_up_there_are_defaults() -> None:
    assert Organisation.objects.current().cover_name == "Notes"


def test_there_is_only_one_organisation() -> None:
    Organisation.objects.ensure(AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Organisation.objects.create(pk=2)


def test_what_the_forms_accept_is_what_the_verbs_take() -> None:
    organisation = Organisation.objects.ensure(AT)
    names = OrganisationForm(NAMES, instance=organisation)
    shift = HoursForm({"weekday": "0", "from_time": "20:00", "until_time": "02:00"})
    number = PhoneNumberForm({"label": "Night line", "number": "+33 1 23", "note": "", "order": "0"})
    assert (names.errors, shift.errors, number.errors) == ({}, {}, {})

    organisation.change(**names.cleaned_data)
    row = Hours.objects.add(**shift.cleaned_data)
    Hours.objects.add(**shift.cleaned_data)
    row.change(**shift.cleaned_data | {"until_time": time(3)})
    line = PhoneNumber.objects.add(**number.cleaned_data)
    line.change(**number.cleaned_data | {"note": "free"})

    kept = Organisation.objects.current()
    assert (kept.cover_name, kept.max_nights, kept.hold_minutes) == ("Garden", 5, None)
    assert [str(row) for row in kept.hours] == ["Monday 20:00 – 03:00"]
    assert [(str(line), line.dial, line.note) for line in PhoneNumber.objects.all()] == [
        ("Night line", "+33123", "free")
    ]


def test_a_shift_is_there_once() -> None:
    typed = {"weekday": "0", "from_time": "20:00", "until_time": "02:00"}
    form = HoursForm(typed)
    assert form.is_valid()
    Hours.objects.add(**form.cleaned_data)
    assert HoursForm(typed).errors == {"__all__": ["This shift is there already."]}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"leave_url": "http://www.example.org/"}, "Give a whole address that begins with https://"),
        ({"leave_url": "javascript:alert(1)"}, "Give a whole address that begins with https://"),
        (
            {"leave_url": "https://me:secret@example.org/"},
            "Give an address without a name or password in it.",
        ),
    ],
)
def test_leave_now_goes_to_a_public_page(typed: dict[str, str], said: str) -> None:
    assert OrganisationForm(NAMES | typed).errors["leave_url"] == [said]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("max_nights", "0"),
        ("max_nights", "61"),
        ("hold_minutes", "5"),
        ("keep_days", "31"),
        ("cover_name", ""),
    ],
)
def test_limits_have_limits(field: str, typed: str) -> None:
    assert list(OrganisationForm(NAMES | {field: typed}).errors) == [field]


@pytest.mark.parametrize("number", ["", "12", "call me", "1" * 16, "+1+2+3", "12;34", "١٢\x00٣٤"])
def test_a_number_is_one_a_telephone_can_dial(number: str) -> None:
    form = PhoneNumberForm({"label": "Line", "number": number, "order": "0"})
    assert list(form.errors) == ["number"]


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [(" +33 (0)1-23.45/67 ", "+331234567"), ("3114", "3114"), ("٣١١٤", "3114")],
)
def test_a_number_is_dialled_without_its_marks(typed: str, dialled: str) -> None:
    assert PhoneNumber(number=typed).dial == dialled


def test_nobody_is_on_while_away() -> None:
    organisation = Organisation.objects.ensure(AT)
    Hours.objects.add(weekday=0, from_time=time(9), until_time=time(17))
    form = AwayForm({"away_until": "2026-03-02T15:00"}, instance=organisation, at=AT)
    assert form.is_valid()
    organisation.go_away(form.cleaned_data["away_until"])
    assert Organisation.objects.current().is_on(AT) is None
    organisation.go_away(None)
    assert Organisation.objects.current().is_on(AT) == AT.replace(hour=17, minute=0)


def test_the_organisation_may_change_how_long_things_live() -> None:
    organisation, stay, day = Organisation(), kinds.get("stay"), date(2026, 3, 2)
    usual = organisation.lives_until(stay, day)
    assert (organisation.hold(stay), usual) == (stay.hold, stay.lives_until(day))

    organisation.hold_minutes, organisation.keep_days = 45, 0

    assert organisation.hold(stay) == timedelta(minutes=45)
    assert organisation.lives_until(stay, day) < usual
    ride = dataclasses.replace(kinds.get("ride"), place_seen_for=timedelta(hours=12))
    assert organisation.lives_until(ride, day) == organisation.place_seen_until(ride, day)
