"""What the desk sees of needs, and what it does where an asker wants it to decide."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from notify.models import Channel
from privacy import clock, instance
from privacy.ballast import makes_room
from privacy.crypto import Unreadable
from privacy.models import CLOCK_TRUSTED, Heartbeat
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import desk_checks, desk_key, desk_page, desk_trouble
from requests_app.desk_need import need_page
from requests_app.forms.desk import CallForm, DecideForm, FilterForm, KeySheetForm
from requests_app.models import Claim, KeyChanged, Need, NotNow, TooLate
from requests_app.readers import Unlocked
from requests_app.views.ask import BAD_INPUT
from volunteers import desk as desk_keys
from volunteers import keys
from volunteers.decorators import SignedIn, coordinator, hidden, unlocked

NOTHING_NEW = 204


@require_GET
@coordinator
def desk(request: SignedIn) -> HttpResponse:
    """Every live task, what burns first."""
    return _table(request)


@require_GET
@coordinator
def trouble(request: SignedIn) -> HttpResponse:
    """What is wrong with the machine. An open desk asks every few seconds; nothing new is no content."""
    troubles = desk_trouble.look()
    if request.GET.get("seen") == troubles.seen:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, "requests_app/desk.html#trouble", {"trouble": troubles})


@require_POST
@coordinator
def key_sheet(request: SignedIn) -> HttpResponse:
    """A word of the key sheet, typed back: somebody has it on paper."""
    form = KeySheetForm(request.POST, number=instance.asked_word())
    if not form.is_valid():
        return _table(request, form)
    if not instance.confirm(form.cleaned_data["word"]):
        form.refuse()
        return _table(request, form)
    messages.success(request, _("Thank you. Keep the sheet away from this machine."))
    return redirect("desk")


@require_POST
@coordinator
def trust_clock(request: SignedIn) -> HttpResponse:
    """Somebody looked at a watch: the clock is right, and what waited goes on."""
    clocks = clock.read()
    if Heartbeat.objects.clock_is_doubted(clocks.raw):
        Heartbeat.objects.beat(CLOCK_TRUSTED, [], clocks.raw)
    messages.success(request, _("Thank you. What waited goes on within a minute."))
    return redirect("desk")


@hidden
@require_GET
@coordinator
def need(request: SignedIn, need_id: UUID) -> HttpResponse:
    """One need: why nobody, who was asked, who offered, what the desk may read."""
    at = clock.now()
    return _need(request, get_object_or_404(Need.objects.on_the_desk(at), pk=need_id), at)


@hidden
@require_POST
@coordinator
@makes_room
def call(request: SignedIn, need_id: UUID) -> HttpResponse:
    """She calls, and has her two words: it is closed, and nobody has read anything."""
    at = clock.now()
    found = get_object_or_404(Need.objects.on_the_desk(at), pk=need_id)
    form = CallForm(request.POST)
    if not form.is_valid() or not found.close_by_words(form.cleaned_data["words"], at):
        return _need(request, found, at, form.refused())
    messages.success(request, _("It is closed. Nobody is coming to them any more."))
    return redirect("desk")


@hidden
@require_POST
@coordinator
@unlocked
def approve(request: SignedIn, need_id: UUID) -> HttpResponse:
    """Yes to this one, for an asker who wanted the desk to decide."""
    claim, fingerprint = _answered(request, need_id)
    try:
        claim.approve(_desk(request), fingerprint, clock.now())
    except (TooLate, SomebodyWasFaster, MoveRefused, NotNow):
        return _too_late(request)
    except KeyChanged:
        messages.info(request, _("Something about this person changed. Please look again first."))
    except Unreadable:
        messages.info(request, _("You cannot open the desk's key yet. Ask somebody to share it."))
    else:
        messages.success(request, _("You said yes. Both see it when they look here."))
    return redirect("desk_need", need_id)


@hidden
@require_POST
@coordinator
@unlocked
def approve_key(request: SignedIn, need_id: UUID) -> HttpResponse:
    """Yes, it is still them: what the desk may open, their new key opens, too."""
    claim, fingerprint = _answered(request, need_id)
    try:
        claim.approve_key(_desk(request), fingerprint, clock.now())
    except SomebodyWasFaster:
        return _too_late(request)
    except KeyChanged:
        messages.info(request, _("Something about this person changed. Please look again first."))
    except Unreadable:
        messages.info(request, _("You cannot open the desk's key yet. Ask somebody to share it."))
    else:
        messages.success(
            request, _("Their new key opens what the desk may open. Messages wait for the person who asked.")
        )
    return redirect("desk_need", need_id)


@hidden
@require_POST
@coordinator
def decline(request: SignedIn, need_id: UUID) -> HttpResponse:
    """No to this one. No reason."""
    claim, _fingerprint = _answered(request, need_id)
    if claim.is_approved:
        return _too_late(request)
    try:
        claim.decline(clock.now())
    except (SomebodyWasFaster, MoveRefused):
        return _too_late(request)
    messages.success(request, _("You said no. The next one is asked."))
    return redirect("desk_need", need_id)


def _need(request: SignedIn, found: Need, at: datetime, call: CallForm | None = None) -> HttpResponse:
    """The page of one need; `call` is a form that came back."""
    page = need_page(found, request.user, keys.private_key(request), at)
    data = {"page": page, "call": call or CallForm(), "page_path": reverse("desk_need", args=[found.pk])}
    return render(request, "requests_app/desk_need.html", data, status=BAD_INPUT if call else 200)


def _answered(request: SignedIn, need_id: UUID) -> tuple[Claim, str]:
    """The claim that is answered and the key that was shown. A 404 where the desk does not decide."""
    form = DecideForm(request.POST)
    if not form.is_valid():
        raise Http404
    claim = get_object_or_404(Claim.objects.for_desk(need_id), pk=form.cleaned_data["claim"])
    return claim, form.cleaned_data["fingerprint"]


def _desk(request: SignedIn) -> Unlocked:
    private = keys.private_key(request)
    if private is None:
        raise Unreadable
    return desk_key.unlocked(request.user, private)


def _too_late(request: SignedIn) -> HttpResponse:
    messages.info(request, _("This offer is not waiting any more. Here is how it is now."))
    return redirect("desk")


def _table(request: SignedIn, key_sheet_form: KeySheetForm | None = None) -> HttpResponse:
    at = clock.now()
    page = desk_page.desk(at)
    chosen = FilterForm.chosen(request.GET)
    rows = page.only(chosen)
    data = {"desk": page, "rows": rows[: desk_page.MOST_SHOWN], "found": len(rows), "chosen": chosen}
    if request.headers.get("HX-Request"):
        return render(request, "requests_app/desk.html#rows", data)
    data["trouble"] = desk_trouble.look()
    data["key_is_out"] = desk_keys.is_closed()
    data["broken_way"] = Channel.objects.of(request.user.pk).broken().exists()
    data["ends_soon"] = desk_checks.ends_soon(at)
    data["filters"] = FilterForm(chosen, page.rows)
    data["key_sheet"] = key_sheet_form or _unconfirmed()
    return render(request, "requests_app/desk.html", data, status=BAD_INPUT if key_sheet_form else 200)


def _unconfirmed() -> KeySheetForm | None:
    """The form of the key sheet, until a word of it was typed back."""
    return None if instance.is_confirmed() else KeySheetForm(number=instance.asked_word())
