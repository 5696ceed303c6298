"""/offers/: what a volunteer offers. Somebody else's offer is a 404."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from privacy import clock
from volunteers.decorators import signed_in
from volunteers.night_forms import NightsForm
from volunteers.night_page import home_words, nights_shown, promised_words
from volunteers.nights import Promised
from volunteers.offer_forms import DayForm, OfferForm
from volunteers.offers import Offer, TooManyDays


def _own(request: HttpRequest, offer_id: UUID) -> Offer:
    mine = Offer.objects.of(signed_in(request)).with_details()
    return get_object_or_404(mine, pk=offer_id)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Everything they offer, active ones first."""
    volunteer = signed_in(request)
    at = clock.now()
    shown = {
        "offers": [(offer, home_words(offer, at)) for offer in Offer.objects.of(volunteer).with_details()],
        "volunteer": volunteer,
        "paused": volunteer.is_paused(at),
        "today": clock.local_day(at),
    }
    return render(request, "volunteers/offers.html", shown)


class _Once(forms.Form):
    """The mark of one filled-in form: posted twice it makes one offer."""

    once = forms.UUIDField(widget=forms.HiddenInput)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new offer."""
    at = clock.now()
    mark = _Once(request.POST)
    once = mark.cleaned_data["once"] if mark.is_valid() else uuid4()
    offer = Offer.objects.draft(signed_in(request), once, at)
    form = OfferForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _write(request, offer, form, at)
    shown = {"form": form, "once": once}
    return render(request, "volunteers/offer.html", shown, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """An offer of theirs, and the days that differ from its week."""
    at = clock.now()
    offer = _own(request, offer_id)
    form = OfferForm(request.POST) if request.method == "POST" else OfferForm.of(offer, at)
    if request.method == "POST" and form.is_valid():
        try:
            return _write(request, offer, form, at)
        except Promised as promised:
            form.add_error(None, promised_words(promised))
            # The nights below, and what is taken, are those that are stored.
            offer = _own(request, offer_id)
    return _page(request, offer, at, form=form)


def _write(request: HttpRequest, offer: Offer, form: OfferForm, at: datetime) -> HttpResponse:
    areas = form.fill(offer, at)
    try:
        offer.write(at, areas)
    except IntegrityError:
        # The same form at the same moment: the other post was faster, and stored the same.
        return redirect("offers")
    messages.success(request, _("Your offer is saved."))
    return redirect("offers")


def _page(request: HttpRequest, offer: Offer, at: datetime, **typed: forms.Form) -> HttpResponse:
    """The page of one offer, with the form that came back with an error, if one did."""
    today = clock.local_day(at)
    shown: dict[str, Any] = {
        "form": OfferForm.of(offer, at),
        "day_form": DayForm(at=at),
        "nights_form": NightsForm(capacity=offer.capacity, at=at),
    } | typed
    shown |= {
        "offer": offer,
        "days": [day for day in offer.exceptions.all() if day.day >= today],
        **(nights_shown(offer, at) if offer.takes_nights() else {}),
    }
    wrong = any(form.errors for form in typed.values())
    return render(request, "volunteers/offer.html", shown, status=422 if wrong else 200)


@require_POST
def add_day(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """One day that differs from the week."""
    at = clock.now()
    offer = _own(request, offer_id)
    form = DayForm(request.POST, at=at)
    if form.is_valid():
        try:
            offer.set_day(form.cleaned_data["day"], form.mask(), at)
        except TooManyDays:
            form.add_error("day", _("These are too many days. Remove some first."))
        else:
            return redirect("offer_edit", offer_id=offer.pk)
    return _page(request, offer, at, day_form=form)


class _Day(forms.Form):
    day = forms.DateField()


@require_POST
def remove_day(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """The week decides over that day again."""
    offer = _own(request, offer_id)
    form = _Day(request.POST)
    if form.is_valid():
        offer.clear_day(form.cleaned_data["day"], clock.now())
    return redirect("offer_edit", offer_id=offer.pk)


@require_POST
def agree(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """All adults in the home agree, said today."""
    _own(request, offer_id).say_adults_agree(clock.now())
    return redirect("offers")


@require_POST
def set_nights(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Nights that have another number of beds than the week says."""
    at = clock.now()
    offer = _own(request, offer_id)
    form = NightsForm(request.POST, capacity=offer.capacity, at=at)
    if form.is_valid():
        said = form.cleaned_data
        try:
            offer.set_nights(
                said["first_night"],
                said["last_night"] or said["first_night"],
                said["weekdays"],
                said["beds"],
                at,
            )
        except Promised as promised:
            form.add_error("beds", promised_words(promised))
        else:
            return redirect("offer_edit", offer_id=offer.pk)
    return _page(request, offer, at, nights_form=form)


class _Nights(forms.Form):
    first_night = forms.DateField()
    last_night = forms.DateField()


@require_POST
def clear_nights(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """The week decides over these nights again."""
    at = clock.now()
    offer = _own(request, offer_id)
    form = _Nights(request.POST)
    if form.is_valid():
        try:
            offer.clear_nights(form.cleaned_data["first_night"], form.cleaned_data["last_night"], at)
        except Promised as promised:
            messages.error(request, promised_words(promised))
    return redirect("offer_edit", offer_id=offer.pk)


@require_POST
def pause(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Nobody asks for this offer until it is taken up again."""
    _own(request, offer_id).set_active(clock.now(), active=False)
    return redirect("offers")


@require_POST
def activate(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Take the offer up again."""
    _own(request, offer_id).set_active(clock.now(), active=True)
    return redirect("offers")


@require_POST
def remove(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Delete the offer."""
    try:
        _own(request, offer_id).remove(clock.now())
        messages.success(request, _("The offer is gone."))
    except Promised as promised:
        messages.error(request, promised_words(promised))
    return redirect("offers")
