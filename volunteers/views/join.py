"""/join/<token>/ and the recovery sheet that follows."""

from __future__ import annotations

from datetime import datetime

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from privacy import clock
from privacy.wordlists import fold
from volunteers import keys, qr, sheets
from volunteers.account import new_username
from volunteers.agreements import Agreement
from volunteers.decorators import signed_in, unlocked
from volunteers.forms import JoinForm, SheetForm
from volunteers.invitations import Invitation, InvitationRefused
from volunteers.joining import join as join_with

NAME = "join_name"


def _language() -> str:
    return get_language() or "en"


def _name(request: HttpRequest) -> str:
    """The user name generated for this session; the same one when the form comes back."""
    if NAME not in request.session:
        request.session[NAME] = new_username(_language())
    return str(request.session[NAME])


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def join(request: HttpRequest, token: str) -> HttpResponse:
    """What helping means, and an account for whoever holds an open invitation."""
    at = clock.now()
    try:
        Invitation.objects.find(token, at)
        form = JoinForm(request.POST or None, name=_name(request))
        if request.method == "POST" and form.is_valid():
            return _joined(request, token, form, at)
    except InvitationRefused:
        return render(request, "volunteers/join_refused.html", status=404)
    shown = {"form": form, "agreements": Agreement.objects.current()}
    return render(request, "volunteers/join.html", shown, status=422 if form.errors else 200)


@sensitive_variables()
def _joined(request: HttpRequest, token: str, form: JoinForm, at: datetime) -> HttpResponse:
    typed = form.cleaned_data
    joined = join_with(
        token,
        username=typed["username"],
        handle=typed["handle"],
        passphrase=typed["passphrase"],
        language=_language(),
        at=at,
        # A form without them is one that somebody filled without the page: what there is now.
        read=request.POST.getlist("read") or None,
    )
    get_adapter().login_anew(request, joined.volunteer)
    request.session.pop(NAME, None)
    keys.remember(request, joined.private)
    sheets.keep(request, joined.sheet)
    return redirect("recovery_sheet")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def sheet(request: HttpRequest) -> HttpResponse:
    """The recovery sheet, until two of its words were typed; then never again."""
    volunteer = signed_in(request)
    kept = sheets.kept(request)
    if kept is None:
        return redirect("profile")
    form = SheetForm(request.POST or None, **kept)
    if request.method == "POST" and form.is_valid():
        sheets.is_on_paper(request)
        return redirect("offers" if volunteer.offers.exists() else "offer_new")
    shown = {"form": form, "words": kept["words"], "username": volunteer.username}
    return render(request, "volunteers/sheet.html", shown, status=422 if form.errors else 200)


@require_safe
@never_cache
def sheet_qr(request: HttpRequest) -> HttpResponse:
    """The words of the sheet as a PNG, in the session that is to print them; a 404 for everybody else."""
    kept = sheets.kept(request)
    if kept is None:
        raise Http404
    # Without accents, which some cameras read wrongly; typed without them the words are the same.
    return HttpResponse(qr.png(fold(kept["words"])), content_type="image/png")


@require_POST
@unlocked
def new_sheet(request: HttpRequest) -> HttpResponse:
    """A fresh sheet; the one before opens nothing any more."""
    private = keys.private_key(request)
    if private is None:
        return redirect("account_unlock")
    sheets.keep(request, keys.new_sheet(signed_in(request), private, _language()))
    return redirect("recovery_sheet")
