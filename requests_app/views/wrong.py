"""Something was wrong, and "I would like to talk about it": for either side, until the need is purged."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organisation.models import Organisation, PhoneNumber
from privacy import clock
from privacy.crypto import SealingImpossible
from requests_app import facts, wrong
from requests_app.forms.wrong import TalkForm, WrongForm
from requests_app.models import Claim, Debrief
from requests_app.models.report import ASKER, VOLUNTEER
from requests_app.views.ask import BAD_INPUT, UNAVAILABLE, get_or_post
from requests_app.visits import AskerRequest, asker_only
from requests_app.wrong import NobodyReads
from volunteers import desk
from volunteers.decorators import SignedIn, hidden, let_in

STORED = gettext_lazy("Thank you. It is stored locked. Whoever can read it hears that there is news.")


@login_not_required
@get_or_post
@asker_only
def asker_wrong(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Hers, about somebody who has, or had, something of a need of hers."""
    at, claim = clock.now(), request.visit.claim(claim_id)
    who = wrong.who_reads(claim.volunteer)
    form = WrongForm(request.POST or None, who=who)
    page = {"template": "asker_wrong", "form": form, "who": who, "claim": claim}
    if who.nobody or not form.is_valid():
        return _page(request, page, at, BAD_INPUT if form.is_bound else 200)
    try:
        wrong.about_volunteer(claim, form.said(), form.id(), at)
    except NobodyReads:
        return _page(request, page | {"form": form.nobody_reads()}, at, BAD_INPUT)
    except SealingImpossible:
        return _page(request, page | {"form": form.not_now()}, at, UNAVAILABLE)
    messages.success(request, str(STORED))
    return redirect("mine")


@hidden
@get_or_post
@let_in
def volunteer_wrong(request: SignedIn, need_id: UUID) -> HttpResponse:
    """A volunteer's, about whoever asked for something they have or had."""
    at, claim = clock.now(), _known(request, need_id)
    who = wrong.who_reads(None, request.user)
    form = WrongForm(request.POST or None, who=who)
    page = {"template": "volunteer_wrong", "form": form, "who": who, "claim": claim}
    if who.nobody or not form.is_valid():
        return _page(request, page, at, BAD_INPUT if form.is_bound else 200)
    try:
        wrong.about_asker(request.user, claim.need, form.said(), form.id(), at)
    except NobodyReads:
        return _page(request, page | {"form": form.nobody_reads()}, at, BAD_INPUT)
    except SealingImpossible:
        return _page(request, page | {"form": form.not_now()}, at, UNAVAILABLE)
    messages.success(request, str(STORED))
    return redirect("board")


@login_not_required
@get_or_post
@asker_only
def asker_talk(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """She would like to talk about it."""
    request.visit.need(need_id)
    page = {"template": "asker_talk", "need_id": need_id}
    return _talk(request, page, ASKER, "mine")


@hidden
@get_or_post
@let_in
def volunteer_talk(request: SignedIn, need_id: UUID) -> HttpResponse:
    """A volunteer who was said yes to would like to talk about it."""
    claim = _known(request, need_id)
    if not Claim.objects.known_to(request.user, clock.now()).filter(need=need_id).was_yes().exists():
        raise Http404
    page = {"template": "volunteer_talk", "claim": claim, "title": facts.title(claim.need)}
    return _talk(request, page, VOLUNTEER, "board")


def _talk(request: HttpRequest, page: dict[str, Any], side: str, after: str) -> HttpResponse:
    at, form = clock.now(), TalkForm(request.POST or None)
    page |= {"form": form, "can_be_read": desk.may_be_granted()}
    if not page["can_be_read"] or not form.is_valid():
        return _page(request, page, at, BAD_INPUT if form.is_bound else 200)
    data = form.cleaned_data
    try:
        Debrief.objects.leave(form.id(), data["text"], data["reach"], side, at)
    except SealingImpossible:
        return _page(request, page | {"form": form.not_now()}, at, UNAVAILABLE)
    messages.success(request, _("Thank you. It is stored locked, for the desk alone, for 14 days."))
    return redirect(after)


def _known(request: SignedIn, need_id: UUID) -> Claim:
    """What they have or had of this need; everything else is a 404."""
    found = Claim.objects.known_to(request.user, clock.now()).filter(need=need_id).first()
    if found is None:
        raise Http404
    return found


def _page(request: HttpRequest, page: dict[str, Any], at: datetime, status: int) -> HttpResponse:
    page |= {
        "presence": Organisation.objects.current().presence(at),
        "numbers": PhoneNumber.objects.all(),
    }
    return render(request, f"requests_app/{page['template']}.html", page, status=status)
