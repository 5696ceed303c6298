"""The settings a coordinator changes: names and limits, away, hours, numbers to call, areas."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from organisation.areas import LastArea
from organisation.forms import AreaForm, AwayForm, HoursForm, OrganisationForm, PhoneNumberForm
from organisation.models import Area, Hours, Organisation, PhoneNumber
from privacy import clock
from requests_app import map_changes
from requests_app.forms.desk import OnCallForm
from requests_app.views.ask import BAD_INPUT
from volunteers.decorators import SignedIn, coordinator
from volunteers.models import OnCall

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
@coordinator
def settings(request: SignedIn) -> HttpResponse:
    """Everything the desk can set; posting here changes names and limits."""
    if request.method != "POST":
        return _page(request)
    organisation = Organisation.objects.ensure(clock.now())
    form = OrganisationForm(request.POST, instance=organisation)
    if not form.is_valid():
        return _page(request, names=form)
    organisation.change(**form.cleaned_data)
    return _saved(request)


@require_POST
@coordinator
def away(request: SignedIn) -> HttpResponse:
    """Nobody is on until then, whatever the hours say."""
    at = clock.now()
    form = AwayForm(request.POST, instance=Organisation.objects.ensure(at), at=at)
    if not form.is_valid():
        return _page(request, away=form)
    form.instance.go_away(form.cleaned_data["away_until"])
    return _saved(request)


@require_POST
@coordinator
def add_hours(request: SignedIn) -> HttpResponse:
    """One more weekly shift."""
    form = HoursForm(request.POST)
    if not form.is_valid():
        return _page(request, shift=form)
    Hours.objects.add(**form.cleaned_data)
    return _saved(request)


@get_or_post
@coordinator
def hours(request: SignedIn, pk: int) -> HttpResponse:
    """One shift: other times, another day."""
    row = get_object_or_404(Hours.objects.all(), pk=pk)
    form = HoursForm(request.POST or None, instance=row)
    if not form.is_valid():
        return _one(request, form, _("Hours"), "desk_hours_remove", pk)
    row.change(**form.cleaned_data)
    return _saved(request)


@require_POST
@coordinator
def remove_hours(request: SignedIn, pk: int) -> HttpResponse:
    """Nobody is on then any more."""
    get_object_or_404(Hours.objects.all(), pk=pk).delete()
    return _saved(request)


@require_POST
@coordinator
def add_on_call(request: SignedIn) -> HttpResponse:
    """One more weekly shift of somebody who is told first."""
    form = OnCallForm(request.POST)
    if not form.is_valid():
        return _page(request, on_call=form)
    OnCall.objects.add(**form.cleaned_data)
    return _saved(request)


@get_or_post
@coordinator
def on_call(request: SignedIn, pk: int) -> HttpResponse:
    """One of these shifts: somebody else, another day, other times."""
    row = get_object_or_404(OnCall.objects.with_names(), pk=pk)
    form = OnCallForm(request.POST or None, instance=row)
    if not form.is_valid():
        return _one(request, form, _("On call"), "desk_on_call_remove", pk)
    row.change(**form.cleaned_data)
    return _saved(request)


@require_POST
@coordinator
def remove_on_call(request: SignedIn, pk: int) -> HttpResponse:
    """They are not on call then any more."""
    get_object_or_404(OnCall.objects.all(), pk=pk).delete()
    return _saved(request)


@require_POST
@coordinator
def add_number(request: SignedIn) -> HttpResponse:
    """One more number to call instead."""
    form = PhoneNumberForm(request.POST)
    if not form.is_valid():
        return _page(request, number=form)
    PhoneNumber.objects.add(**form.cleaned_data)
    return _saved(request)


@get_or_post
@coordinator
def number(request: SignedIn, pk: int) -> HttpResponse:
    """One number to call: change it."""
    row = get_object_or_404(PhoneNumber.objects.all(), pk=pk)
    form = PhoneNumberForm(request.POST or None, instance=row)
    if not form.is_valid():
        return _one(request, form, _("A number to call"), "desk_number_remove", pk)
    row.change(**form.cleaned_data)
    return _saved(request)


@require_POST
@coordinator
def remove_number(request: SignedIn, pk: int) -> HttpResponse:
    """It is not shown any more."""
    get_object_or_404(PhoneNumber.objects.all(), pk=pk).delete()
    return _saved(request)


@require_GET
@coordinator
def areas(request: SignedIn) -> HttpResponse:
    """The tree of areas."""
    return _areas(request)


@require_POST
@coordinator
def add_area(request: SignedIn) -> HttpResponse:
    """One more area, with its distances."""
    form = AreaForm(request.POST)
    if not form.is_valid():
        return _areas(request, form)
    map_changes.add(clock.now(), **form.cleaned_data)
    return _saved(request, "desk_areas")


@get_or_post
@coordinator
def area(request: SignedIn, pk: int) -> HttpResponse:
    """One area: another name, place in the tree or centre."""
    row = get_object_or_404(Area.objects.all(), pk=pk)
    form = AreaForm(request.POST or None, instance=row)
    if not form.is_valid():
        closing = "desk_area_deactivate" if row.active else "desk_area_activate"
        return _one(request, form, _("An area"), closing, pk)
    map_changes.change(row, clock.now(), **form.cleaned_data)
    return _saved(request, "desk_areas")


@require_POST
@coordinator
def deactivate_area(request: SignedIn, pk: int) -> HttpResponse:
    """It can no longer be chosen; what names it keeps it."""
    try:
        map_changes.deactivate(get_object_or_404(Area.objects.all(), pk=pk), clock.now())
    except LastArea:
        messages.info(request, _("One area must stay. Without any, nobody can ask."))
        return redirect("desk_areas")
    return _saved(request, "desk_areas")


@require_POST
@coordinator
def activate_area(request: SignedIn, pk: int) -> HttpResponse:
    """It can be chosen again."""
    map_changes.activate(get_object_or_404(Area.objects.all(), pk=pk), clock.now())
    return _saved(request, "desk_areas")


def _saved(request: SignedIn, page: str = "desk_settings") -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect(page)


def _page(request: SignedIn, **bound: forms.BaseForm) -> HttpResponse:
    """The whole page; `bound` is a form that came back with an error."""
    organisation = Organisation.objects.current()
    data: dict[str, Any] = {
        "names": OrganisationForm(instance=organisation),
        "away": AwayForm(instance=organisation, at=clock.now()),
        "shift": HoursForm(),
        "number": PhoneNumberForm(),
        "shifts": Hours.objects.all(),
        "on_call": OnCallForm(),
        "rota": OnCall.objects.with_names(),
        "numbers": PhoneNumber.objects.all(),
        **bound,
    }
    status = BAD_INPUT if bound else 200
    return render(request, "requests_app/desk_settings.html", data, status=status)


def _areas(request: SignedIn, form: AreaForm | None = None) -> HttpResponse:
    tree = [(area, "\u2003" * depth) for area, depth in Area.objects.tree()]
    data = {"tree": tree, "form": form or AreaForm()}
    return render(request, "requests_app/desk_areas.html", data, status=BAD_INPUT if form else 200)


def _one(request: SignedIn, form: Any, title: str, closing: str, pk: int) -> HttpResponse:
    """One row and its form; `closing` is the address that takes it out of use (or back into it)."""
    data = {"form": form, "title": title, "closing": closing, "pk": pk}
    status = BAD_INPUT if form.is_bound else 200
    return render(request, "requests_app/desk_one.html", data, status=status)
