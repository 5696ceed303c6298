"""While she is there: more nights, moving on, and taking back what was asked together."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from organisation.models import Organisation
from privacy import clock
from privacy.ballast import makes_room
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app.asker_page import Typed
from requests_app.forms.stay import AnswerForm, LongerForm
from requests_app.models import Claim, Extension, TooLong
from requests_app.models.extension import ASKER, AT_DESK, HOST, ExtensionQuerySet, most_more
from requests_app.views.ask import BAD_INPUT
from requests_app.views.board import need_again
from requests_app.views.her_page import her_page
from requests_app.visits import AskerRequest, asker_only
from requests_app.volunteer_page import need_page
from volunteers.decorators import SignedIn, coordinator, hidden, let_in, signed_in


@login_not_required
@require_POST
@asker_only
@makes_room
def move_on(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Check-out. No reason."""
    claim = request.visit.claim(claim_id)
    try:
        claim.move_on(clock.now(), elsewhere="elsewhere" in request.POST)
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, _("This was over already. Here is how it is now."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def longer(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """She would like to stay longer."""
    at, claim = clock.now(), request.visit.claim(claim_id)
    form = _longer_form(request, claim)
    if not form.is_valid():
        return her_page(request, at, Typed(claim.pk, form), BAD_INPUT)
    try:
        Extension.objects.ask(claim, form.cleaned_data["nights"], ASKER, at)
    except TooLong:
        return her_page(request, at, Typed(claim.pk, form.too_long()), BAD_INPUT)
    except SomebodyWasFaster:
        messages.info(request, _("This was over already. Here is how it is now."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def longer_answer(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Her yes or no to more nights."""
    claim = request.visit.claim(claim_id)
    _answer(request, Extension.objects.on_need(claim.need_id).filter(claim=claim), ASKER, clock.now())
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def withdraw_together(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """She needs neither this nor what was asked with it."""
    request.visit.need(need_id).withdraw_together(clock.now())
    return redirect("mine")


@hidden
@require_POST
@let_in
def host_longer(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """The host offers more nights."""
    at = clock.now()
    claim = _hosted(request, need_id, at)
    form = _longer_form(request, claim)
    if not form.is_valid():
        return need_again(request, need_id, form, at)
    try:
        Extension.objects.ask(claim, form.cleaned_data["nights"], HOST, at)
    except TooLong:
        return need_again(request, need_id, form.too_long(), at)
    except SomebodyWasFaster:
        messages.info(request, _("This was over already. Here is how it is now."))
    return redirect("need", need_id)


@hidden
@require_POST
@let_in
def host_longer_answer(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """The host's yes or no to more nights."""
    at = clock.now()
    mine = Extension.objects.on_need(need_id).filter(claim=_hosted(request, need_id, at))
    _answer(request, mine, HOST, at)
    return redirect("need", need_id)


@hidden
@require_POST
@coordinator
def desk_longer(request: SignedIn, need_id: UUID) -> HttpResponse:
    """The desk's yes or no to more nights."""
    found = Extension.objects.on_need(need_id).for_desk(request.user)
    _answer(request, found, AT_DESK, clock.now())
    return redirect("desk_need", need_id)


def _hosted(request: HttpRequest, need_id: UUID, at: datetime) -> Claim:
    """The claim of whoever is signed in. A 404 where they have none."""
    page = need_page(signed_in(request), need_id, None, at)
    return page.part(request.POST.get("task", "")).own_claim()


def _longer_form(request: HttpRequest, claim: Claim) -> LongerForm:
    """A 404 for what has no nights."""
    if not claim.need.nights:
        raise Http404
    most = most_more(claim, Organisation.objects.current())
    return LongerForm(request.POST, most=most, auto_id=f"longer-{claim.pk}-%s")


def _answer(request: HttpRequest, theirs: ExtensionQuerySet, side: str, at: datetime) -> None:
    """The answer to what the page showed. A 404 for what is not theirs to answer."""
    form = AnswerForm(request.POST)
    if not form.is_valid():
        raise Http404
    extension = get_object_or_404(theirs, pk=form.cleaned_data["extension"])
    try:
        if form.says_yes():
            extension.agree(side, at)
        else:
            extension.refuse(at)
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, _("This was decided already. Here is how it is now."))
        return
    if extension.no_bed:
        messages.info(request, _("No bed is left for these nights. All goes on as agreed before."))
