"""The form of an offer, and of one dated exception."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from organisation import conditions, geometry, kinds
from organisation.models import Area
from privacy import clock
from volunteers.night_forms import HomeFields
from volunteers.offers import MAX_CAPACITY, Offer
from volunteers.week import BITS, part_choices, week_choices

REACHES = tuple(km for km in (0, 2, 5, 10, 20, 40, 60) if km <= geometry.MAX_REACH_KM)
FURTHEST_DAY = timedelta(days=366)


def reach_choices() -> list[tuple[int, str]]:
    return [
        (km, str(_("Up to %(km)d km away") % {"km": km}) if km else str(_("Only in this area")))
        for km in REACHES
    ]


def condition_choices() -> list[tuple[str, str]]:
    """Every condition any kind asks for, in the volunteer's words."""
    return conditions.offer_choices(slug for kind in kinds.all() for slug in kind.condition_slugs)


def capacity_help() -> str:
    """What is counted, by the kinds that count something."""
    counted = [
        gettext("%(kind)s: %(counted)s") % {"kind": kind.name, "counted": kind.capacity_label}
        for kind in kinds.all()
        if kind.capacity_label
    ]
    return " · ".join(counted)


class WeekInput(forms.CheckboxSelectMultiple):
    """Seven days by four parts, as a table of checkboxes."""

    template_name = "components/week.html"


class OfferForm(HomeFields):
    """Kinds, where, when, how much, and when to be asked."""

    kinds = forms.MultipleChoiceField(
        label=_("What can you do?"), choices=kinds.offer_choices, widget=forms.CheckboxSelectMultiple
    )
    home_area = forms.TypedChoiceField(
        label=_("Where do you start from?"), coerce=int, empty_value=None, required=False
    )
    reach_km = forms.TypedChoiceField(
        label=_("How far would you go from there?"), choices=reach_choices, coerce=int, initial=5
    )
    areas = forms.TypedMultipleChoiceField(
        label=_("Or tick areas, one by one"),
        help_text=_("What lies inside an area counts too."),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    weekly = forms.TypedMultipleChoiceField(
        label=_("When, in a usual week?"), choices=week_choices, coerce=int, widget=WeekInput
    )
    capacity = forms.IntegerField(
        label=_("For how many people?"), min_value=1, max_value=MAX_CAPACITY, initial=1
    )
    conditions = forms.MultipleChoiceField(
        label=_("What is true for you?"),
        help_text=_("Tick what fits. You are only asked where it fits."),
        choices=condition_choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        areas = Area.objects.choices()
        self.fields["home_area"].choices = [("", _("Choose an area")), *areas]  # type: ignore[attr-defined]
        self.fields["areas"].choices = areas  # type: ignore[attr-defined]
        self.fields["capacity"].help_text = capacity_help()

    @classmethod
    def of(cls, offer: Offer, at: datetime) -> OfferForm:
        """The form filled with what is stored."""
        return cls(
            initial={
                "kinds": offer.kinds,
                "home_area": offer.home_area_id,
                "reach_km": offer.reach_km,
                "areas": [area.pk for area in offer.typed_areas.all()],
                "weekly": [bit for bit in range(BITS) if offer.weekly >> bit & 1],
                "capacity": offer.capacity,
                "conditions": conditions.slugs(offer.conditions),
                **cls.home_of(offer, at),
            }
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and cleaned["home_area"] is None and not cleaned["areas"]:
            self.add_error("home_area", ValidationError(_("Choose where you can help."), code="nowhere"))
        return cleaned

    def fill(self, offer: Offer, at: datetime) -> Iterable[Area]:
        """Put what was typed on the offer; returns its typed areas, for Offer.write."""
        cleaned = self.cleaned_data
        offer.kinds = cleaned["kinds"]
        offer.home_area_id = cleaned["home_area"]
        offer.reach_km = cleaned["reach_km"]
        offer.weekly = sum(1 << bit for bit in cleaned["weekly"])
        offer.capacity = cleaned["capacity"]
        offer.conditions = conditions.bits(cleaned["conditions"])
        self.fill_home(offer, at)
        return Area.objects.active().filter(pk__in=cleaned["areas"])


class DayForm(forms.Form):
    """One day that is not like the week says."""

    day = forms.DateField(
        label=_("Which day is different?"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    parts = forms.TypedMultipleChoiceField(
        label=_("When are you free on that day?"),
        help_text=_("Tick nothing if you cannot at all."),
        choices=part_choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = clock.local_day(at)
        self.fields["day"].widget.attrs |= {"min": self.today.isoformat()}

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day < self.today:
            raise ValidationError(_("This day is over. Choose a later one."), code="past")
        if day > self.today + FURTHEST_DAY:
            raise ValidationError(_("Choose a day within the next year."), code="far")
        return day

    def mask(self) -> int:
        """The parts as a mask of clock.Part; 0 is not at all."""
        return sum(self.cleaned_data["parts"])
