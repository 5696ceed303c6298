"""What was wrong, for the two at the desk it was sealed to; who would like to talk, for the whole desk."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from privacy import clock
from privacy.ballast import makes_room
from privacy.crypto import Unreadable
from requests_app import desk_key, facts, report_page, wrong
from requests_app.debrief_page import read_by_desk
from requests_app.models import Debrief, Report
from requests_app.readers import Unlocked
from volunteers import keys
from volunteers.decorators import SignedIn, coordinator, hidden, unlocked
from volunteers.models import Volunteer


@require_GET
@coordinator
def reports(request: SignedIn) -> HttpResponse:
    """Theirs; and, for everybody at the desk but whom it is about, who is held back and waits for a word."""
    at, me = clock.now(), request.user
    lost = Report.objects.cannot_be_read(at)
    page = {
        "rows": report_page.rows(Report.objects.for_reader(me, at)),
        "unread": Report.objects.unread_for_long(at, me),
        "lost": report_page.rows(one for one in lost if one.about_id != me.pk),
        "people": [one for one in wrong.kept_back_people(at) if one != me],
        "needs": [(need.pk, facts.title(need), facts.day(need.day)) for need in wrong.kept_back_needs(at)],
    }
    return render(request, "requests_app/desk_reports.html", page)


@hidden
@require_GET
@coordinator
@unlocked
def report(request: SignedIn, report_id: UUID) -> HttpResponse:
    """One of theirs, opened with their key; and, with nothing in it, one that nobody can open any more."""
    found = _found(request, report_id)
    page = report_page.opened(found, _mine(request), report_page.DESK, clock.now())
    return render(request, "requests_app/desk_report.html", {"page": page})


@hidden
@require_POST
@coordinator
@makes_room
def decide(request: SignedIn, report_id: UUID) -> HttpResponse:
    """What they press on it."""
    at, found = clock.now(), _found(request, report_id)
    about = found.about
    is_open = report_page.decide(found, request.POST.get("do", ""), report_page.DESK, at)
    if about is not None and not Volunteer.objects.let_in().filter(pk=about.pk).exists():
        desk_key.shut_out(about, request.user, keys.private_key(request), at)
    messages.success(request, _("Done."))
    return redirect("desk_report", report_id) if is_open else redirect("desk_reports")


@hidden
@require_POST
@coordinator
def ask_again(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Whoever was kept back is asked again."""
    person = next((one for one in wrong.kept_back_people(clock.now()) if one.pk == person_id), None)
    if person is None or person == request.user:
        raise Http404
    wrong.ask_again(person, clock.now())
    messages.success(request, _("They can be asked again."))
    return redirect("desk_reports")


@hidden
@require_POST
@coordinator
def ask_for_again(request: SignedIn, need_id: UUID) -> HttpResponse:
    """People are asked again for whoever was kept back."""
    at = clock.now()
    need = next((one for one in wrong.kept_back_needs(at) if one.pk == need_id), None)
    if need is None:
        raise Http404
    wrong.ask_for_again(need, at)
    messages.success(request, _("People are asked for them again."))
    return redirect("desk_reports")


@require_GET
@coordinator
@unlocked
def debriefs(request: SignedIn) -> HttpResponse:
    """Who would like to talk, as the desk's key opens it."""
    try:
        at_desk = desk_key.unlocked(request.user, _mine(request).private_key)
    except Unreadable:
        at_desk = None
    lines = read_by_desk(Debrief.objects.kept(clock.now()), at_desk) if at_desk else []
    page = {"lines": lines, "no_share": at_desk is None}
    return render(request, "requests_app/desk_debriefs.html", page)


@hidden
@require_POST
@coordinator
@makes_room
def debrief_done(request: SignedIn, debrief_id: UUID) -> HttpResponse:
    """Somebody talked to them: it is deleted at once."""
    get_object_or_404(Debrief.objects.kept(clock.now()), pk=debrief_id).forget()
    messages.success(request, _("Deleted."))
    return redirect("desk_debriefs")


def _mine(request: SignedIn) -> Unlocked:
    private = keys.private_key(request)
    if private is None:
        raise Unreadable
    return Unlocked(request.user.reader(), private)


def _found(request: SignedIn, report_id: UUID) -> Report:
    """One that was sealed to them, or one that nobody can open any more and that is not about them."""
    at = clock.now()
    theirs = Report.objects.for_reader(request.user, at).filter(pk=report_id).first()
    lost = Report.objects.cannot_be_read(at) if theirs is None else []
    found = theirs or next((one for one in lost if one.pk == report_id), None)
    if found is None or found.about_id == request.user.pk:
        raise Http404
    return found
