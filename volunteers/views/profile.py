"""/profile/: who they are to others, how much they can take, how news reaches them, their locks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from notify import transports
from notify.forms import ChannelForm, PushForm
from notify.models import Channel, PushKey
from organisation import page_language
from privacy import clock
from privacy.crypto import Unreadable
from volunteers import keys
from volunteers.decorators import let_in, signed_in
from volunteers.models import Check, LoginRestore, Slip
from volunteers.profile_forms import AboutForm, PauseForm

CALENDAR = "calendar_token"


def _page(request: HttpRequest, **bound: Any) -> HttpResponse:
    """The whole page; `bound` are forms that came back with an error."""
    volunteer = signed_in(request)
    at = clock.now()
    shown = {
        "volunteer": volunteer,
        "paused": volunteer.is_paused(at),
        "about": AboutForm.of(volunteer),
        "pause": PauseForm(at=at),
        "channels": [_shown(channel) for channel in Channel.objects.of(volunteer.pk)],
        "channel": ChannelForm(),
        "can_be_told": bool(transports.typed()),
        "push": PushForm(),
        "push_key": _push_key(),
        "calendar_token": request.session.pop(CALENDAR, ""),
        "unlocked": keys.private_key(request) is not None,
        "second_factor": is_mfa_enabled(volunteer),
        "login_restore": LoginRestore.objects.of(volunteer, at),
        "keeps_back": Check.objects.keeps_back(volunteer, at),
        "ends_soon": Check.objects.soon(at).filter(volunteer=volunteer),
        "slips": Slip.objects.of(volunteer, at),
    }
    wrong = any(form.errors for form in bound.values())
    return render(request, "volunteers/profile.html", shown | bound, status=422 if wrong else 200)


def _push_key() -> str:
    """What a browser subscribes with; "" where this instance sends none."""
    key = PushKey.objects.current() if transports.PUSH in transports.offered() else None
    return key.public_text() if key else ""


def _shown(channel: Channel) -> dict[str, Any]:
    """A channel as its owner recognises it; the rest of the address stays hidden from who looks over."""
    if channel.transport not in transports.known():
        return {"row": channel, "label": "", "hint": "", "mark": ""}
    way = transports.get(channel.transport)
    try:
        address = channel.read_address()
    except Unreadable:
        return {"row": channel, "label": way.label, "hint": "", "mark": ""}
    return {"row": channel, "label": way.label, "hint": way.hint(address), "mark": way.mark(address)}


@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def about(request: HttpRequest) -> HttpResponse:
    """What they say about themselves."""
    form = AboutForm(request.POST)
    if not form.is_valid():
        return _page(request, about=form)
    values = form.values()
    signed_in(request).describe(clock.now(), **values)
    messages.success(request, _("Saved."))
    response = redirect("profile")
    page_language.remember(response, values["interface_language"])
    return response


@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Nobody asks them before that day."""
    at = clock.now()
    form = PauseForm(request.POST, at=at)
    if not form.is_valid():
        return _page(request, pause=form)
    signed_in(request).pause(form.cleaned_data["until"], at)
    messages.success(request, _("You will not be asked until then. Rest well."))
    return redirect("profile")


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """They can be asked again from now on."""
    signed_in(request).resume(clock.now())
    messages.success(request, _("Welcome back. You can be asked again."))
    return redirect("profile")


@require_POST
def stop_login_restore(request: HttpRequest) -> HttpResponse:
    """They can sign in themselves: what the desk had begun ends."""
    begun = LoginRestore.objects.of(signed_in(request), clock.now())
    if begun is not None:
        begun.stop()
    messages.success(request, _("Stopped. Nobody gets a link to your account."))
    return redirect("profile")


@require_POST
@let_in
def new_calendar(request: HttpRequest) -> HttpResponse:
    """A fresh calendar address, shown once; the one before stops working."""
    request.session[CALENDAR] = signed_in(request).new_calendar_token()
    return redirect("profile")


@require_POST
def drop_calendar(request: HttpRequest) -> HttpResponse:
    signed_in(request).drop_calendar_token()
    messages.success(request, _("The calendar address stopped working."))
    return redirect("profile")


@require_POST
def add_channel(request: HttpRequest) -> HttpResponse:
    """One more way for news to reach them, and a first message to see how it looks."""
    by_push = request.POST.get("transport") == transports.PUSH
    form = PushForm(request.POST) if by_push else ChannelForm(request.POST)
    if not form.is_valid():
        return _page(request, **{"push" if by_push else "channel": form})
    at, volunteer = clock.now(), signed_in(request)
    if Channel.objects.is_full(volunteer.pk):
        messages.error(request, _("You have many ways already. Stop using one of them first."))
        return redirect("profile")
    language = volunteer.interface_language
    added = Channel.objects.add(**form.cleaned_data, recipient=volunteer.pk, language=language, at=at)
    _say(request, added.test(at), _("Saved. A first message is on its way."))
    return redirect("profile")


@login_not_required
@require_safe
def news_script(_request: HttpRequest) -> HttpResponse:
    """What a browser runs when news reaches it. It asks for it also when nobody is signed in."""
    return HttpResponse(render_to_string("volunteers/news.js"), content_type="text/javascript; charset=utf-8")


def _own_channel(request: HttpRequest, channel_id: UUID) -> Channel:
    return get_object_or_404(Channel.objects.of(signed_in(request).pk), pk=channel_id)


@require_POST
def try_channel(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """Send there what a notice says."""
    _say(request, _own_channel(request, channel_id).test(clock.now()), _("A message is on its way."))
    return redirect("profile")


def _say(request: HttpRequest, left: bool, words: str) -> None:
    """Whether a message to try has left."""
    if left:
        messages.success(request, words)
    else:
        messages.error(request, _("No message was sent: there were many. Try again in an hour."))


@require_POST
def remove_channel(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    _own_channel(request, channel_id).forget()
    messages.success(request, _("No message goes there any more."))
    return redirect("profile")
