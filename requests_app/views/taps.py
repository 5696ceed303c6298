"""One tap of either side, when they meet, the backup, and the plan."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from organisation.kind import ASKER, VOLUNTEER
from privacy import clock
from privacy.crypto import Unreadable
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import desk_key
from requests_app.asker_page import Typed
from requests_app.forms.taps import PlanForm, PromoteForm, SayForm, WhenForm
from requests_app.models import Claim, NotAlone, Task
from requests_app.readers import Unlocked
from requests_app.views.ask import BAD_INPUT
from requests_app.views.her_page import her_page
from requests_app.visits import AskerRequest, asker_only
from requests_app.volunteer_page import need_page
from volunteers import keys
from volunteers.decorators import SignedIn, coordinator, hidden, let_in, signed_in


@login_not_required
@require_POST
@asker_only
def say(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """One tap of hers, to the one who comes."""
    claim, form = request.visit.claim(claim_id), SayForm(request.POST)
    preset = form.preset(ASKER, claim.need.kind)
    try:
        claim.say(request.visit.unlocked, ASKER, preset, clock.now(), form.cleaned_data["once"])
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, _("This person is not coming any more. Your message was not sent."))
    except Unreadable:
        messages.info(request, _("These messages are damaged, so this was not sent. Please call the desk."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def meet_when(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """She says when they meet."""
    at, claim = clock.now(), request.visit.claim(claim_id)
    form = WhenForm(request.POST, need=claim.need, parts=claim.task.parts, at=at)
    if not form.is_valid():
        return her_page(request, at, Typed(claim.pk, form), BAD_INPUT)
    try:
        claim.meet_when(form.moment(), at)
    except SomebodyWasFaster:
        messages.info(request, _("This person is not coming any more. Here is how it is now."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def promote(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """The backup comes now."""
    claim = request.visit.claim(claim_id)
    task = _task(PromoteForm(request.POST), claim.need_id)
    try:
        claim.promote(request.visit.unlocked, task, clock.now())
    except (SomebodyWasFaster, MoveRefused, Unreadable):
        messages.info(request, _("That is not possible any more. Here is how it is now."))
    except NotAlone:
        messages.info(request, _("Your backup is new here and goes only with somebody experienced."))
    else:
        messages.success(request, _("Your backup was told to come."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def plan(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """If she does not come out: written, changed, or taken back."""
    at, need = clock.now(), request.visit.need(need_id)
    form = PlanForm(request.POST, auto_id=f"plan-{need_id}-%s")
    if not form.is_valid():
        return her_page(request, at, Typed(need.pk, form), BAD_INPUT)
    try:
        need.write_plan(request.visit.unlocked, form.cleaned_data["plan"], at)
    except SomebodyWasFaster:
        messages.info(request, _("This is over. Nothing was stored."))
    else:
        messages.success(request, _("Stored. What was there before is destroyed."))
    return redirect("mine")


@hidden
@require_POST
@let_in
def need_say(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """One tap of the volunteer, to the asker."""
    at, private = clock.now(), keys.private_key(request)
    here = reverse("need", args=[need_id])
    if private is None:
        messages.info(request, _("Your passphrase first. Then tap once more."))
        return redirect(f"{reverse('account_unlock')}?{urlencode({'next': here})}")
    key = Unlocked(signed_in(request).reader(), private)
    page, form = need_page(signed_in(request), need_id, key, at), SayForm(request.POST)
    preset = form.preset(VOLUNTEER, page.need.kind)
    claim = page.part(request.POST.get("task", "")).own_claim()
    try:
        claim.say(key, VOLUNTEER, preset, at, form.cleaned_data["once"])
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, _("This was over already. Your message was not sent."))
        return redirect("board")
    except Unreadable:
        messages.info(request, _("Your key changed. Messages open when the person looks here next."))
    return redirect(here)


@hidden
@require_POST
@coordinator
def desk_promote(request: SignedIn, need_id: UUID) -> HttpResponse:
    """The desk sends the backup: where nobody has the task, somebody did not say a word, or it decides."""
    form, at = PromoteForm(request.POST), clock.now()
    task = _task(form, need_id)
    claim = get_object_or_404(Claim.objects.backups_of(need_id, at), pk=form.cleaned_data["claim"])
    try:
        claim.promote_by_desk(_desk_or_none(request), task, at)
    except (SomebodyWasFaster, MoveRefused, Unreadable):
        messages.info(request, _("That is not possible any more. Here is how it is now."))
    except NotAlone:
        messages.info(request, _("The backup is new here and goes only with somebody experienced."))
    else:
        messages.success(request, _("The backup was told to come. Both see it."))
    return redirect("desk_need", need_id)


def _task(form: PromoteForm, need_id: UUID) -> Task:
    """The task that is to be taken. A 404 for one of another need."""
    if not form.is_valid():
        raise Http404
    return get_object_or_404(Task.objects.of_need(need_id), pk=form.cleaned_data["task"])


def _desk_or_none(request: SignedIn) -> Unlocked | None:
    """The desk with its key open, where this coordinator has opened it."""
    private = keys.private_key(request)
    try:
        return desk_key.unlocked(request.user, private) if private else None
    except Unreadable:
        return None
