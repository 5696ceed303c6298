"""A new key for somebody who has neither passphrase nor sheet. Before it, what will be unreadable."""

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_post_parameters

from privacy import clock
from requests_app import standing
from requests_app.forms.new_key import NewKeyForm
from requests_app.models import Claim
from requests_app.views.ask import BAD_INPUT, get_or_post
from volunteers import keys, sheets
from volunteers.decorators import signed_in
from volunteers.keys import NewKeys
from volunteers.login_restores import RestoreRefused
from volunteers.models import LoginRestore, Volunteer


@get_or_post
@sensitive_post_parameters()
def new_key(request: HttpRequest) -> HttpResponse:
    """For somebody signed in, with a passkey for example, who forgot the passphrase."""
    at, volunteer = clock.now(), signed_in(request)
    if not did_recently_reauthenticate(request):
        # Not allauth's own decorator: it keeps what was posted, the passphrase too, for afterwards.
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")
    form = NewKeyForm(request.POST or None)
    if not form.is_valid():
        return _page(request, form, volunteer)
    made = standing.start_over(volunteer, form.cleaned_data["passphrase"], get_language() or "en", at)
    update_session_auth_hash(request, volunteer)
    return _to_sheet(request, made)


@login_not_required
@get_or_post
@sensitive_post_parameters()
def restore_login(request: HttpRequest, token: str) -> HttpResponse:
    """For whoever holds the link that two coordinators made together. It works once."""
    at, form = clock.now(), NewKeyForm(request.POST or None)
    try:
        volunteer = LoginRestore.objects.find(token, at).volunteer
        if not form.is_valid():
            return _page(request, form, volunteer, restored=True)
        passphrase = form.cleaned_data["passphrase"]
        volunteer, made = standing.restore_login(token, passphrase, get_language() or "en", at)
    except RestoreRefused:
        return render(request, "requests_app/restore_refused.html", status=404)
    get_adapter().login_anew(request, volunteer)
    return _to_sheet(request, made)


def _to_sheet(request: HttpRequest, made: NewKeys) -> HttpResponse:
    keys.remember(request, made.private)
    sheets.keep(request, made.sheet)
    return redirect("recovery_sheet")


def _page(
    request: HttpRequest, form: NewKeyForm, volunteer: Volunteer, *, restored: bool = False
) -> HttpResponse:
    approved = Claim.objects.sealed_to(volunteer, clock.now())
    page = {
        "form": form,
        "closed": len({claim.need_id for claim in approved}),
        "person": volunteer,
        "restored": restored,
    }
    return render(request, "requests_app/new_key.html", page, status=BAD_INPUT if form.is_bound else 200)
