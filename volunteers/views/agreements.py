"""/profile/agreements/: what everybody who helps agrees to; read and accepted before they go on."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from privacy import clock
from volunteers.agreements import Acceptance, Agreement
from volunteers.decorators import signed_in
from volunteers.views.account import going_on


@require_http_methods(["GET", "HEAD", "POST"])
def agreements(request: HttpRequest) -> HttpResponse:
    """One page, one button. Whoever has accepted everything reads it again."""
    volunteer = signed_in(request)
    going_to = going_on(request)
    if request.method == "POST":
        Acceptance.objects.accept(volunteer, request.POST.getlist("read"), clock.now())
    missing = Acceptance.objects.missing(volunteer)
    if not missing and request.method == "POST":
        return redirect(going_to)
    shown = {
        "agreements": missing or Agreement.objects.current(),
        "agreed": not missing,
        "next": going_to,
    }
    return render(request, "volunteers/agreements.html", shown)
