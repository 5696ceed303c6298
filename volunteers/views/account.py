"""The pages under /accounts/ that allauth does not have: unlock, recover, passkey, QR code."""

from __future__ import annotations

from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from privacy.crypto import Unreadable
from volunteers import keys, qr, seeds
from volunteers.adapter import home_of
from volunteers.decorators import signed_in
from volunteers.forms import RecoverForm, UnlockForm


def going_on(request: HttpRequest) -> str:
    """Where to go on: a path of this instance, or where they start."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return home_of(request.user)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def unlock(request: HttpRequest) -> HttpResponse:
    """Asks for the passphrase, which opens what is sealed to whoever is signed in."""
    signed_in(request)
    going_to = going_on(request)
    form = UnlockForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        return HttpResponseRedirect(going_to)
    shown = {"form": form, "next": going_to}
    return render(request, "account/unlock.html", shown, status=422 if form.errors else 200)


@require_http_methods(["POST"])
def lock(request: HttpRequest) -> HttpResponse:
    """Forget the open key; they stay signed in."""
    keys.forget(request)
    return redirect("profile")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def recover(request: HttpRequest) -> HttpResponse:
    """The recovery sheet and a new passphrase. The second factor is still asked at login."""
    form = RecoverForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        messages.success(request, _("Your new passphrase works now. Sign in with it."))
        return redirect("account_login")
    return render(request, "account/recover.html", {"form": form}, status=422 if form.errors else 200)


@login_not_required
@require_safe
def passkey(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey: a page of its own, so that the login page needs no script."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(home_of(request.user))
    return render(request, "account/passkey.html")


@require_safe
@never_cache
def totp_qr(request: HttpRequest) -> HttpResponse:
    """The secret of an app being set up, as a PNG."""
    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret:
        raise Http404
    url = get_mfa_adapter().build_totp_url(signed_in(request), secret)
    return HttpResponse(qr.png(url), content_type="image/png")


def spare_codes(request: HttpRequest) -> HttpResponseBase:
    """allauth's page of spare codes; where theirs do not open any more, the page that makes new ones."""
    try:
        answer: HttpResponseBase = recovery_codes.view_recovery_codes(request)
    except Unreadable:
        return redirect("mfa_generate_recovery_codes")
    return answer


def new_spare_codes(request: HttpRequest) -> HttpResponseBase:
    """allauth's page that makes new ones, also where the old ones do not open."""
    with seeds.belonging_to(signed_in(request), trying=True):
        answer: HttpResponseBase = recovery_codes.generate_recovery_codes(request)
    return answer
