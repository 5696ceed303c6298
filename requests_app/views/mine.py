"""The asker's page and what she does there. Every address below it answers only her own mailbox."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from notify.models import Channel
from privacy import clock
from privacy.ballast import makes_room
from privacy.crypto import Unreadable
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import visits
from requests_app.asker_page import Typed, readable
from requests_app.forms.answer import ApproveForm, KeyForm, MessageForm, PlaceForm, WriteAgainForm
from requests_app.models import Claim, KeyChanged, Message, NotNow, NotYet, TooLate
from requests_app.views.ask import BAD_INPUT, get_or_post
from requests_app.views.her_page import her_page
from requests_app.views.second_code import second_code
from requests_app.visits import AskerRequest, asker_only

SAID_YES = gettext_lazy("You said yes. Here is how it is now.")
NOT_WAITING = gettext_lazy("This person is not waiting any more. Here is how it is now.")
NOT_SENT = gettext_lazy("This person is not coming any more. Your message was not sent.")
NOT_STORED = gettext_lazy("This person is not coming any more. The place was not stored.")


@login_not_required
@get_or_post
@asker_only
def mine(request: AskerRequest) -> HttpResponse:
    """Her needs: what happens now, who offered, what she can do. Looking here is a visit. Posted to, it makes
    a second code."""
    at = clock.now()
    if request.method == "POST":
        return second_code(request, at)
    request.visit.mailbox.settle(request.visit.seed, at)
    if not clock.jumped():
        request.visit.mailbox.expire_overdue(at)
    return her_page(request, at)


@login_not_required
@require_POST
@asker_only
def approve(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Yes to this one."""
    at, claim = clock.now(), request.visit.claim(claim_id)
    form = ApproveForm(request.POST)
    if not form.is_valid():
        return _again(request, at, Typed(claim.pk, form), NOT_WAITING)
    data = form.cleaned_data
    try:
        claim.approve(request.visit.unlocked, data["fingerprint"], at, data["place"])
    except NotNow:
        messages.info(request, _("This person cannot come now. You can choose somebody else."))
    except (KeyChanged, Unreadable):
        return _look_again(request, at, claim, data["place"])
    except (TooLate, SomebodyWasFaster, MoveRefused):
        # A button pressed twice says yes twice.
        twice = request.visit.claim(claim_id).is_approved
        messages.info(request, str(SAID_YES if twice else NOT_WAITING))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def approve_key(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Yes, it is still them: their new key opens what the old one did."""
    claim, form = request.visit.claim(claim_id), KeyForm(request.POST)
    if not form.is_valid():
        return redirect("mine")
    try:
        claim.approve_key(request.visit.unlocked, form.cleaned_data["fingerprint"], clock.now())
    except SomebodyWasFaster:
        messages.info(request, _("This person is not coming any more. Here is how it is now."))
    except (KeyChanged, Unreadable):
        messages.info(request, _("Something about this person changed. Please look again first."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def decline(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """No to this one. No reason."""
    claim = request.visit.claim(claim_id)
    try:
        claim.decline(clock.now(), never_again="never" in request.POST)
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, str(NOT_WAITING))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def did_not_come(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Nobody came. One tap: somebody else is asked while there is time."""
    claim = request.visit.claim(claim_id)
    try:
        claim.did_not_come(clock.now())
        messages.info(request, _("We are sorry. This person is not expected any more."))
    except NotYet:
        messages.info(request, _("It has not begun yet. You can say no to this person."))
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, str(NOT_WAITING))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def message(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Write to the one who comes."""
    at, claim = clock.now(), request.visit.claim(claim_id)
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _again(request, at, Typed(claim.pk, form), NOT_SENT)
    text, once = form.cleaned_data["text"], form.cleaned_data["once"]
    try:
        claim.write(request.visit.unlocked, Message.ASKER, text, at, once)
    except SomebodyWasFaster:
        messages.info(request, str(NOT_SENT))
    except Unreadable:
        form.add_error("text", _("These messages are damaged, so this was not sent. Please call the desk."))
        return _again(request, at, Typed(claim.pk, form), NOT_SENT)
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def place(request: AskerRequest, claim_id: UUID) -> HttpResponse:
    """Where to meet, written or changed after the yes."""
    at, claim = clock.now(), request.visit.claim(claim_id)
    form = PlaceForm(request.POST)
    if not form.is_valid():
        return _again(request, at, Typed(claim.pk, form), NOT_STORED)
    try:
        claim.meet_at(form.cleaned_data["place"], at)
    except SomebodyWasFaster:
        messages.info(request, str(NOT_STORED))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def write_again(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """What she wrote could not be read any more: once more, under a new key."""
    at, need = clock.now(), request.visit.need(need_id)
    form = WriteAgainForm(request.POST, need=need, auto_id=f"again-{need_id}-%s")
    if not form.is_valid():
        return her_page(request, at, Typed(need.pk, form), BAD_INPUT)
    try:
        need.write_again(form.asked(), at)
    except SomebodyWasFaster:
        messages.info(request, _("This was stored before. Here is how it is now."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def withdraw(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """She does not need it any more."""
    need = request.visit.need(need_id)
    need.withdraw(clock.now())
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def pause(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """Nobody is to see it just now."""
    need = request.visit.need(need_id)
    need.pause(clock.now())
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def resume(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """Now people may see it, and are asked."""
    need = request.visit.need(need_id)
    # A button pressed twice asks once.
    with suppress(SomebodyWasFaster):
        need.resume(clock.now())
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
def try_telling(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """Whether a message reaches her now."""
    need = request.visit.need(need_id)
    if need.try_telling(clock.now()):
        messages.success(request, _("A message is on its way."))
    elif Channel.objects.of(need.pk).to_be_tried().exists():
        messages.info(request, _("No message was sent: there were many. Try again in an hour."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def stop_telling(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """Her address is forgotten; she looks herself."""
    request.visit.need(need_id).stop_telling()
    messages.success(request, _("We write to you no more. Your address is gone."))
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def met(request: AskerRequest, need_id: UUID) -> HttpResponse:
    """It happened."""
    need = request.visit.need(need_id)
    need.met(clock.now())
    return redirect("mine")


@login_not_required
@require_POST
@asker_only
@makes_room
def erase(request: AskerRequest) -> HttpResponse:
    """Erase everything of hers, now; then the code opens nothing."""
    is_gone = request.visit.mailbox.erase(clock.now())
    visits.leave(request)
    return redirect("erased" if is_gone else "erasing")


@login_not_required
@require_GET
def erased(request: HttpRequest) -> HttpResponse:
    """Said only after it is true."""
    return render(request, "requests_app/erased.html", {"is_gone": True})


@login_not_required
@require_GET
def erasing(request: HttpRequest) -> HttpResponse:
    """It began and nobody can stop it, but the keyring does not answer just now."""
    return render(request, "requests_app/erased.html", {"is_gone": False})


def _again(request: AskerRequest, at: datetime, typed: Typed, gone: str | Promise) -> HttpResponse:
    """The page with a form that came back; where the person left meanwhile nothing shows it: `gone`."""
    if not Claim.objects.filter(pk=typed.belongs_to).offered(at).on_live_needs(at).exists():
        messages.info(request, str(gone))
    return her_page(request, at, typed, BAD_INPUT)


def _look_again(request: AskerRequest, at: datetime, claim: Claim, place: str) -> HttpResponse:
    """The page as it is now: the place she typed is still there, under the key this person has now."""
    shown = {"fingerprint": readable(claim.key_fingerprint, ""), "place": place}
    form = ApproveForm(shown, auto_id=f"approveform-{claim.pk}-%s")
    form.add_error(None, _("Something about this person changed. Please look again first."))
    return her_page(request, at, Typed(claim.pk, form), BAD_INPUT)
