"""What a host says: beds on each weekday, until when somebody may arrive, the home; and dated nights."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from organisation import conditions, house, kinds
from privacy import clock
from volunteers.nights import (
    BY_AFTERNOON,
    BY_EVENING,
    BY_MIDNIGHT,
    FURTHEST_NIGHT,
    MOST_NIGHTS,
    WEEK,
    nights_between,
    packed,
)
from volunteers.offers import MAX_CAPACITY, Offer
from volunteers.week import day_names

NOTICE = (0, 2, 4, 8, 12, 24, 48, 72, 168)
LATE = "late_arrival"


def notice_choices() -> list[tuple[int, str]]:
    def words(hours: int) -> str:
        if not hours:
            return str(_("It can be at once"))
        if hours < 24:
            return str(_("%(hours)d hours") % {"hours": hours})
        days = hours // 24
        return str(_("A day") if days == 1 else _("%(days)d days") % {"days": days})

    return [(hours, words(hours)) for hours in NOTICE]


def arrival_choices() -> list[tuple[int, str]]:
    return [
        (BY_MIDNIGHT, str(_("Until midnight"))),
        (BY_EVENING, str(_("Until 22:00"))),
        (BY_AFTERNOON, str(_("Until 17:00"))),
    ]


def house_choices() -> list[tuple[str, str]]:
    """Every fact about a home that any kind asks for."""
    return house.choices(slug for kind in kinds.all() for slug in kind.house_slugs)


def weekday_choices() -> list[tuple[int, str]]:
    return list(enumerate(day_names()))


class BedsInput(forms.MultiWidget):
    """Seven small numbers, each with the name of its day."""

    template_name = "components/beds.html"

    def __init__(self) -> None:
        number = {"min": 0, "max": MAX_CAPACITY, "inputmode": "numeric"}
        super().__init__({str(day): forms.NumberInput(attrs=number) for day in range(WEEK)})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        for widget, day in zip(context["widget"]["subwidgets"], day_names(), strict=True):
            widget["day"] = day
        return context

    def decompress(self, value: list[int | None] | None) -> list[int | None]:
        return value or [None] * WEEK


class BedsField(forms.MultiValueField):
    """Seven numbers of beds, Monday first; None where it is as many as usual."""

    widget = BedsInput

    def __init__(self, **kwargs: Any) -> None:
        number = forms.IntegerField(min_value=0, max_value=MAX_CAPACITY, required=False)
        super().__init__([number] * WEEK, require_all_fields=False, required=False, **kwargs)

    def compress(self, data_list: list[int | None]) -> list[int | None]:
        return data_list or [None] * WEEK


class HomeFields(forms.Form):
    """The part of an offer that only matters where somebody sleeps there, and the notice anybody may want."""

    notice_hours = forms.TypedChoiceField(
        label=_("How long before do you need to know?"),
        choices=notice_choices,
        coerce=int,
        empty_value=None,
        initial=0,
        required=False,
    )
    beds = BedsField(
        label=_("Other numbers of beds on some days of the week?"),
        help_text=_("Empty: as many as the people above. 0: none."),
    )
    most_nights = forms.IntegerField(
        label=_("How many nights at most?"),
        help_text=_("Empty: as many as the organisation allows."),
        min_value=1,
        max_value=MOST_NIGHTS,
        required=False,
    )
    arrivals = forms.TypedChoiceField(
        label=_("Until when can somebody arrive?"),
        help_text=_("Later than midnight: tick it above."),
        choices=arrival_choices,
        coerce=int,
        empty_value=None,
        initial=BY_MIDNIGHT,
        required=False,
    )
    house = forms.MultipleChoiceField(
        label=_("What is it like, and what do you ask of guests?"),
        help_text=_("Whoever may come reads it before they decide."),
        choices=house_choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    adults_agree = forms.BooleanField(
        label=_("All adults in the home agree"),
        help_text=_("We keep the day you said it. After a year, please say it again."),
        required=False,
    )

    @staticmethod
    def home_of(offer: Offer, at: datetime) -> dict[str, Any]:
        """What is stored, as the form shows it."""
        usual = [None if beds == offer.capacity else beds for beds in offer.beds_of_week()]
        return {
            "notice_hours": offer.notice_hours,
            "beds": usual,
            "most_nights": offer.most_nights,
            "arrivals": offer.arrivals,
            "house": house.slugs(offer.house),
            "adults_agree": offer.adults_agree(at),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        people = cleaned.get("capacity")
        if people is not None and any(beds > people for beds in cleaned.get("beds") or [] if beds):
            wrong = ValidationError(
                _("You cannot have more beds than people. Raise the people, or lower this.")
            )
            self.add_error("beds", wrong)
        late = LATE in cleaned.get("conditions", [])
        if late and (cleaned.get("arrivals") or BY_MIDNIGHT) != BY_MIDNIGHT:
            said = conditions.get(LATE).offer_label
            self.add_error(
                "arrivals", ValidationError(_("Choose midnight, or untick “%(said)s”.") % {"said": said})
            )
        return cleaned

    def home_is_open(self) -> bool:
        """Whether the fold around these questions is open: something is said there, or wrong."""
        names = ("beds", "most_nights", "house", "adults_agree", "arrivals")
        if any(self[name].errors for name in names):
            return True
        if self.is_bound:
            return any(self[name].data for name in names[1:4]) or any(self["beds"].data or [])
        first = self.initial
        return bool(
            first.get("most_nights")
            or first.get("house")
            or first.get("adults_agree")
            or any(beds is not None for beds in first.get("beds", []))
        )

    def fill_home(self, offer: Offer, at: datetime) -> None:
        """Put this part of what was typed on the offer, whose capacity is set already."""
        cleaned = self.cleaned_data
        offer.notice_hours = cleaned["notice_hours"] or 0
        offer.beds_week = _week(cleaned["beds"], offer.capacity)
        offer.most_nights = cleaned["most_nights"]
        offer.arrivals = cleaned["arrivals"] or BY_MIDNIGHT
        offer.house = house.bits(cleaned["house"])
        if not cleaned["adults_agree"]:
            offer.adults_agreed_on = None
        elif not offer.adults_agree(at):
            offer.adults_agreed_on = clock.local_day(at)


def _week(beds: Iterable[int | None], capacity: int) -> int | None:
    """As Offer.beds_week; None where every day is as usual."""
    numbers = [capacity if number is None else number for number in beds]
    return None if numbers == [capacity] * WEEK else packed(numbers)


class NightsForm(forms.Form):
    """From one night to another, on some weekdays or all: exactly so many beds."""

    first_night = forms.DateField(
        label=_("From the night of"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_night = forms.DateField(
        label=_("Until the night of"),
        help_text=_("Empty: only that one night."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Only on some days of the week?"),
        help_text=_("Tick nothing for all of them."),
        choices=weekday_choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    beds = forms.IntegerField(
        label=_("How many beds are there on these nights?"), help_text=_("0: nobody can come."), min_value=0
    )

    def __init__(self, *args: Any, capacity: int, at: datetime, **kwargs: Any) -> None:
        # The page has another field named "beds".
        super().__init__(*args, **{"auto_id": "nights_%s", **kwargs})
        self.today, self.capacity = clock.local_day(at), capacity
        days = {"min": self.today.isoformat(), "max": (self.today + FURTHEST_NIGHT).isoformat()}
        for name in ("first_night", "last_night"):
            self.fields[name].widget.attrs |= days
        self.fields["beds"].widget.attrs |= {"max": capacity}

    def clean_first_night(self) -> date:
        return self._night("first_night")

    def clean_last_night(self) -> date | None:
        return self._night("last_night") if self.cleaned_data["last_night"] else None

    def clean_beds(self) -> int:
        beds: int = self.cleaned_data["beds"]
        if beds > self.capacity:
            raise ValidationError(
                _("You offer room for %(people)d. Choose at most so many beds.") % {"people": self.capacity},
                code="many",
            )
        return beds

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("first_night"), cleaned.get("last_night")
        if first and last and last < first:
            self.add_error(
                "last_night", ValidationError(_("The last night comes after the first."), code="order")
            )
        elif first and not list(nights_between(first, last or first, cleaned.get("weekdays") or [])):
            self.add_error(
                "weekdays",
                ValidationError(_("None of these days lies between the two nights."), code="none"),
            )
        return cleaned

    def _night(self, name: str) -> date:
        night: date = self.cleaned_data[name]
        if night < self.today:
            raise ValidationError(_("This night is over. Choose a later one."), code="past")
        if night > self.today + FURTHEST_NIGHT:
            raise ValidationError(_("Choose a night within the next year."), code="far")
        return night
