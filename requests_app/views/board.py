"""What a volunteer sees and does: the board, one need, claim, stand by, release, finish, messages."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from privacy import clock
from privacy.ballast import makes_room
from privacy.crypto import Unreadable
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import drafts
from requests_app.agreed import agreed
from requests_app.drafts import Draft
from requests_app.forms.answer import MessageForm
from requests_app.forms.stay import LongerForm
from requests_app.forms.take import HostForm
from requests_app.models import CalledOff, Claim, Message, NotAlone, NotChecked, NotForYou, NotNow
from requests_app.readers import Unlocked
from requests_app.views.ask import BAD_INPUT
from requests_app.volunteer_page import NeedPage, Opened, Part, need_page
from requests_app.volunteer_page import board as board_of
from volunteers import keys
from volunteers.decorators import hidden, let_in, signed_in

GONE = 409


@require_GET
@let_in
@agreed
def board(request: HttpRequest) -> HttpResponse:
    """What this volunteer could do, the best first, with why."""
    template = "requests_app/board.html" + ("#rows" if request.headers.get("HX-Request") else "")
    data = {"board": board_of(signed_in(request), clock.now())}
    return render(request, template, data)


@hidden
@require_GET
@let_in
@agreed
def need(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """One need, with what was sealed to this volunteer once she said yes."""
    at, volunteer = clock.now(), signed_in(request)
    key = _unlocked(request)
    try:
        page = need_page(volunteer, need_id, key, at)
    except Http404:
        # Whoever is on the way looks here again, not at the board.
        called_off, is_over = CalledOff.objects.counts(volunteer, at)
        data = {"called_off": called_off, "stay_is_over": is_over}
        return render(request, "404.html", data, status=404)
    return _page(request, page, draft=drafts.take(request, need_id) if key else None)


@hidden
@require_POST
@let_in
@agreed
def claim(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """ "I can do this": a hold with a visible end."""
    return _take(request, need_id, standing_by=False)


@hidden
@require_POST
@let_in
@agreed
def stand_by(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """There if the one who has it cannot come."""
    return _take(request, need_id, standing_by=True)


@hidden
@require_POST
@let_in
@makes_room
def release(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """I can't after all. No blame."""
    at, task = clock.now(), request.POST.get("task", "")
    if Claim.objects.was_over(signed_in(request), need_id, task, at):
        return _over(request)
    part = need_page(signed_in(request), need_id, None, at).part(task)
    try:
        part.own_claim().release(at, never_again="never" in request.POST)
        messages.success(request, _("Thank you for saying so. Somebody else will be asked."))
    except (SomebodyWasFaster, MoveRefused):
        return _over(request)
    return redirect("board")


@hidden
@require_POST
@let_in
@makes_room
def cannot_go_on(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """My car broke down: all they have of it is somebody else's to take, at once."""
    at, volunteer = clock.now(), signed_in(request)
    if not Claim.objects.had_something(volunteer, need_id):
        raise Http404
    claim = Claim.objects.on_need(volunteer, need_id, at)
    if claim is None:
        return _over(request)
    try:
        claim.cannot_go_on(at)
        messages.success(request, _("Thank you for saying so. We look for somebody else at once."))
    except (SomebodyWasFaster, MoveRefused):
        return _over(request)
    return redirect("board")


@hidden
@require_POST
@let_in
@makes_room
def finish(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """It was done."""
    at, task = clock.now(), request.POST.get("task", "")
    if Claim.objects.was_over(signed_in(request), need_id, task, at):
        return _over(request)
    part = need_page(signed_in(request), need_id, None, at).part(task)
    try:
        part.own_claim().finish(at)
        messages.success(request, _("Thank you. What was written is closed now."))
    except (SomebodyWasFaster, MoveRefused):
        return _over(request)
    return redirect("board")


@hidden
@require_POST
@let_in
@agreed
def message(request: HttpRequest, need_id: UUID) -> HttpResponse:
    """Write to the asker."""
    at, key = clock.now(), _unlocked(request)
    if key is None:
        # The passphrase first; what was typed waits on the page.
        drafts.keep(request, need_id, request.POST.get("task", ""), request.POST.get("text", ""))
        here = reverse("need", args=[need_id])
        return redirect(f"{reverse('account_unlock')}?{urlencode({'next': here})}")
    page = need_page(signed_in(request), need_id, key, at)
    form, part = MessageForm(request.POST), page.part(request.POST.get("task", ""))
    if not form.is_valid():
        return _page(request, page, typed=(part, form), status=BAD_INPUT)
    try:
        data = form.cleaned_data
        part.own_claim().write(key, Message.VOLUNTEER, data["text"], at, data["once"])
    except (SomebodyWasFaster, MoveRefused):
        messages.info(request, _("This was over already. Your message was not sent."))
        return redirect("board")
    except Unreadable:
        messages.info(request, _("Your key changed. Messages open when the person looks here next."))
    return redirect("need", need_id)


def _over(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("This was over already. Here is how it is now."))
    return redirect("board")


def _take(request: HttpRequest, need_id: UUID, standing_by: bool) -> HttpResponse:
    at = clock.now()
    page = need_page(signed_in(request), need_id, _unlocked(request), at)
    part = page.part(request.POST.get("task", ""))
    # Whoever stands by wrote it then.
    form = HostForm(request.POST) if page.host and part.claim is None else None
    if form and not form.is_valid():
        return _page(request, page, host_form=form, status=BAD_INPUT)
    place, is_address = (form.cleaned_data["place"], form.is_address()) if form else ("", False)
    try:
        part.take(signed_in(request), place, is_address, standing_by, at)
    except SomebodyWasFaster:
        return _faster(request, at)
    except NotForYou:
        raise Http404 from None
    except NotChecked:
        messages.info(request, _("A check of yours ran out, or is missing. Please talk to the desk."))
    except NotAlone:
        messages.info(request, _("You go with somebody experienced, and nobody has the other part yet."))
    except NotNow:
        messages.info(request, _("You are on a break, or took enough this week. Nothing was taken."))
    return redirect("need", need_id)


def _faster(request: HttpRequest, at: datetime) -> HttpResponse:
    """Somebody was faster: the board as it is now, and standing by where that is possible."""
    messages.info(request, _("Somebody was faster. You can stand by, or take something else."))
    data = {
        "board": board_of(signed_in(request), at),
        "page_path": reverse("board"),
    }
    return render(request, "requests_app/board.html", data, status=GONE)


def need_again(request: HttpRequest, need_id: UUID, longer_form: LongerForm, at: datetime) -> HttpResponse:
    """The page of one need with a form for more nights that came back."""
    page = need_page(signed_in(request), need_id, _unlocked(request), at)
    return _page(request, page, longer_form=longer_form, status=BAD_INPUT)


def _page(
    request: HttpRequest,
    page: NeedPage,
    host_form: HostForm | None = None,
    longer_form: LongerForm | None = None,
    typed: tuple[Part, MessageForm] | None = None,
    draft: Draft | None = None,
    status: int = 200,
) -> HttpResponse:
    """`typed`: a message that came back with an error, and the part it is about; `draft`: one that waited."""
    data = {
        "page": page,
        "page_path": reverse("need", args=[page.need.pk]),
        "host_form": host_form or HostForm(),
        "opened": [(opened, _message_form(opened, typed, draft)) for opened in page.opened],
        "longer_form": longer_form,
        "typed_form": host_form or longer_form or (typed[1] if typed else None),
    }
    return render(request, "requests_app/need.html", data, status=status)


def _message_form(opened: Opened, typed: tuple[Part, MessageForm] | None, draft: Draft | None) -> MessageForm:
    """The form under one thread: with what was typed there, where it came back or waited."""
    task_id = opened.claim.task_id
    if typed and typed[0].task.pk == task_id:
        return typed[1]
    waited = draft.text if draft and draft.task in ("", str(task_id)) else ""
    return MessageForm(initial={"text": waited}, auto_id=f"message-{task_id}-%s")


def _unlocked(request: HttpRequest) -> Unlocked | None:
    private = keys.private_key(request)
    return Unlocked(signed_in(request).reader(), private) if private else None
