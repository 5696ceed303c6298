"""People at the desk's hand: invite, vouch, pause, suspend, reinstate, and who works at the desk."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from privacy import clock
from privacy.ballast import makes_room
from privacy.crypto import Unreadable
from requests_app import desk_key, standing
from requests_app.desk_people import people as people_page
from requests_app.desk_people import person_page
from requests_app.forms.desk import InviteForm, PauseOtherForm, VouchForm
from requests_app.forms.trust import TickForm
from requests_app.views.ask import BAD_INPUT
from volunteers import desk, keys
from volunteers.decorators import SignedIn, coordinator, unlocked
from volunteers.models import Invitation, LoginRestore, Volunteer


@require_GET
@coordinator
def people(request: SignedIn) -> HttpResponse:
    """Everybody with an account, and the open invitations."""
    return _people(request)


@require_POST
@coordinator
def invite(request: SignedIn) -> HttpResponse:
    """A link for one person, shown on this answer and never again."""
    at, form = clock.now(), InviteForm(request.POST)
    if not form.is_valid():
        return _people(request, invite=form)
    token = Invitation.objects.make(request.user, at, **form.cleaned_data)
    return _people(request, link=request.build_absolute_uri(reverse("join", args=[token])))


@require_POST
@coordinator
@makes_room
def withdraw_invitation(request: SignedIn, invitation_id: UUID) -> HttpResponse:
    """The link stops working."""
    get_object_or_404(Invitation.objects.open(clock.now()), pk=invitation_id).withdraw()
    messages.success(request, _("This link opens nothing any more."))
    return redirect("desk_people")


@require_GET
@coordinator
def person(request: SignedIn, person_id: UUID) -> HttpResponse:
    """One of them, and what the desk can do."""
    return _person(request, _found(person_id))


@require_POST
@coordinator
def vouch(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Stand up for somebody, which lets them in."""
    found, form = _found(person_id), VouchForm(request.POST)
    if found == request.user:
        messages.info(request, _("Nobody vouches for themselves. Ask somebody else at the desk."))
        return redirect("desk_person", person_id)
    if not form.is_valid():
        return _person(request, found, vouch=form)
    found.vouch(request.user, clock.now(), form.cleaned_data["context"])
    messages.success(request, _("Thank you. They are let in."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def pause(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Nobody asks them before that day."""
    at, found = clock.now(), _found(person_id)
    form = PauseOtherForm(request.POST, at=at)
    if not form.is_valid():
        return _person(request, found, pause=form)
    found.pause(form.cleaned_data["until"], at)
    messages.success(request, _("They are not asked until then."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def resume(request: SignedIn, person_id: UUID) -> HttpResponse:
    """They can be asked again from now on."""
    _found(person_id).resume(clock.now())
    messages.success(request, _("They can be asked again."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
@makes_room
def suspend(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Everything they took goes to others, and every session of theirs ends."""
    at, found = clock.now(), _found(person_id)
    if found == request.user:
        messages.info(request, _("You cannot suspend yourself. Ask somebody else at the desk."))
        return redirect("desk_person", person_id)
    standing.suspend(found, at)
    desk_key.shut_out(found, request.user, keys.private_key(request), at)
    messages.success(request, _("They are suspended. What they took is free again."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def reinstate(request: SignedIn, person_id: UUID) -> HttpResponse:
    """They may sign in again."""
    _found(person_id).reinstate(clock.now())
    messages.success(request, _("They may sign in again."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def partner(request: SignedIn, person_id: UUID) -> HttpResponse:
    """This account is a partner organisation's from now on, or is not any more."""
    found, is_partner = _found(person_id), "is_partner" in request.POST
    if is_partner and found.is_coordinator:
        messages.info(request, _("Somebody at the desk is no partner organisation."))
        return redirect("desk_person", person_id)
    found.set_partner(clock.now(), is_partner=is_partner)
    messages.success(request, _("Saved."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
def restore_login(request: SignedIn, person_id: UUID) -> HttpResponse:
    """One of the two who restore a login. The second gets a link, shown on this answer and never again."""
    found = _found(person_id)
    try:
        token = LoginRestore.objects.press(found, request.user, clock.now())
    except ValueError:
        messages.info(request, _("Others at the desk do this, and never for somebody suspended."))
        return redirect("desk_person", person_id)
    if token:
        return _person(request, found, request.build_absolute_uri(reverse("restore_login", args=[token])))
    messages.success(request, _("Now somebody else at the desk has to press, too."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
@makes_room
def stop_restoring(request: SignedIn, person_id: UUID) -> HttpResponse:
    """The link, if there is one, opens nothing any more."""
    if begun := LoginRestore.objects.of(_found(person_id), clock.now()):
        begun.stop()
    messages.success(request, _("Stopped. A link opens nothing any more."))
    return redirect("desk_person", person_id)


@require_POST
@coordinator
@unlocked
def join_desk(request: SignedIn, person_id: UUID) -> HttpResponse:
    """The desk role, and the desk's key with it."""
    found = _found(person_id)
    if not found.is_let_in:
        messages.info(request, _("Let them in first."))
        return redirect("desk_person", person_id)
    desk.join(found)
    return _share(request, found)


@require_POST
@coordinator
@unlocked
def share_key(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Hand the desk's key on to somebody who works at the desk already."""
    return _share(request, get_object_or_404(Volunteer.objects.coordinators(), pk=person_id))


@require_POST
@coordinator
@unlocked
def leave_desk(request: SignedIn, person_id: UUID) -> HttpResponse:
    """Somebody works at the desk no longer: the role and the key go, and the key is changed."""
    found = get_object_or_404(Volunteer.objects.coordinators(), pk=person_id)
    try:
        desk_key.step_down(found, request.user, _key(request), clock.now())
    except desk_key.LastAtTheDesk:
        messages.info(request, _("Somebody else at the desk must hold the desk's key first."))
        return redirect("desk_person", person_id)
    messages.success(request, _("They work at the desk no longer."))
    return redirect("board" if found == request.user else "desk_people")


@require_POST
@coordinator
@unlocked
def renew_key(request: SignedIn) -> HttpResponse:
    """A new key for the desk: whoever left opens nothing with the old one."""
    try:
        desk_key.renew(request.user, _key(request), clock.now())
    except Unreadable:
        messages.info(request, _("You cannot open the desk's key yet. Ask somebody to share it."))
    else:
        messages.success(request, _("The desk has a new key. Everybody at the desk holds it."))
    return redirect("desk_people")


@require_POST
@coordinator
def begin_again(request: SignedIn) -> HttpResponse:
    """A first key anew, where nobody at the desk can open the old one."""
    try:
        desk_key.begin_again(request.user)
    except desk_key.NotLost:
        messages.info(request, _("Somebody at the desk can still open it. Ask them to share it."))
    else:
        messages.success(request, _("The desk has a new key. Share it with the others."))
    return redirect("desk_people")


def _share(request: SignedIn, found: Volunteer) -> HttpResponse:
    try:
        desk.share_with(found, request.user, _key(request))
    except Unreadable:
        messages.info(request, _("You cannot open the desk's key yet. Ask somebody to share it."))
    else:
        messages.success(request, _("They work at the desk and can open its key."))
    return redirect("desk_person", found.pk)


def _key(request: SignedIn) -> bytes:
    private = keys.private_key(request)
    if private is None:
        raise Unreadable
    return private


def _found(person_id: UUID) -> Volunteer:
    return get_object_or_404(Volunteer.objects.all(), pk=person_id)


def _people(request: SignedIn, link: str = "", **bound: Any) -> HttpResponse:
    """The list; `link` is a new invitation's, `bound` a form that came back with an error."""
    data = {"people": people_page(clock.now()), "link": link, "invite": InviteForm(), **bound}
    return render(request, "requests_app/desk_people.html", data, status=_status(bound))


def _person(request: SignedIn, found: Volunteer, link: str = "", **bound: Any) -> HttpResponse:
    """One of them; `link` restores their login, `bound` is a form that came back with an error."""
    at = clock.now()
    data = {
        "page": person_page(found, request.user, at),
        "link": link,
        "vouch": VouchForm(),
        "pause": PauseOtherForm(at=at),
        "tick": TickForm(at=at),
        **bound,
    }
    return render(request, "requests_app/desk_person.html", data, status=_status(bound))


# Also for the other pages about one person (desk_trust.py).
person_answer = _person


def _status(bound: dict[str, Any]) -> int:
    return BAD_INPUT if bound else 200
