"""The pages of whoever the organisation named outside the desk. No account; a sheet with words, no script."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from privacy import clock, codes, tickets
from privacy.ballast import makes_room
from privacy.gate import Busy
from privacy.tickets import Purpose, Ticket
from requests_app import outside_visits, report_page
from requests_app.forms.answer import ReturnForm
from requests_app.forms.outside import SheetForm
from requests_app.models import OutsideContact, Report
from requests_app.outside_visits import OutsideRequest, OutsideVisit, outside_only
from requests_app.views.ask import BAD_INPUT, get_or_post

TYPING_A_SHEET = Purpose("sheet")


@login_not_required
@get_or_post
def outside(request: HttpRequest) -> HttpResponse:
    """Type the words; then, what was sealed to them. Whatever opens nothing gets one and the same answer."""
    at, visit = clock.now(), outside_visits.current(request)
    if visit is not None:
        rows = report_page.rows(Report.objects.for_reader(visit.contact, at))
        return render(request, "requests_app/outside.html", {"rows": rows})
    form = SheetForm(request.POST or None)
    if not form.is_bound:
        return _ask_for_words(request, form)
    try:
        tickets.pay(request, TYPING_A_SHEET, at)
        found = form.is_valid() and OutsideContact.objects.behind(codes.read(form.cleaned_data["code"]))
    except Busy:
        return _ask_for_words(request, form.again())
    if not found:
        return _ask_for_words(request, form.opening_nothing())
    outside_visits.enter(request, OutsideVisit(*found))
    return redirect("outside")


@login_not_required
@require_GET
@outside_only
def report(request: OutsideRequest, report_id: UUID) -> HttpResponse:
    """One of them, opened with the words."""
    found = request.outside.report(report_id)
    page = report_page.opened(found, request.outside.unlocked, report_page.OUTSIDE, clock.now())
    return render(request, "requests_app/outside_report.html", {"page": page})


@login_not_required
@require_POST
@outside_only
@makes_room
def decide(request: OutsideRequest, report_id: UUID) -> HttpResponse:
    """What they press on it."""
    found = request.outside.report(report_id)
    is_open = report_page.decide(found, request.POST.get("do", ""), report_page.OUTSIDE, clock.now())
    messages.success(request, _("Done."))
    return redirect("outside_report", report_id) if is_open else redirect("outside")


def _ask_for_words(request: HttpRequest, form: ReturnForm) -> HttpResponse:
    """The form, with a fresh ticket that ripens while they type."""
    page = {"form": form, "ticket": Ticket.issue(request, TYPING_A_SHEET, clock.now())}
    return render(request, "requests_app/outside_door.html", page, status=BAD_INPUT if form.is_bound else 200)
