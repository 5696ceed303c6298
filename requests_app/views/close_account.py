"""Closing an account: a volunteer leaves for good, and nothing of theirs stays."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from privacy import clock
from privacy.ballast import makes_room
from requests_app import standing
from requests_app.models import Claim
from requests_app.views.ask import BAD_INPUT, get_or_post
from volunteers.decorators import signed_in
from volunteers.forms import UnlockForm


@get_or_post
@sensitive_post_parameters()
@makes_room
def close_account(request: HttpRequest) -> HttpResponse:
    """With the passphrase, so that an open screen is not enough."""
    at, volunteer = clock.now(), signed_in(request)
    form = UnlockForm(request.POST or None, request=request)
    if not form.is_valid():
        taken = Claim.objects.of(volunteer, at).count()
        page = {"form": form, "taken": taken}
        status = BAD_INPUT if form.is_bound else 200
        return render(request, "requests_app/close_account.html", page, status=status)
    try:
        standing.leave(volunteer, at)
    except standing.LeaveTheDeskFirst:
        messages.info(request, _("You work at the desk. Leave it first, so that its key is changed."))
        return redirect("desk_person", volunteer.pk)
    request.session.flush()
    response = render(request, "requests_app/account_closed.html")
    # What shows them that there is news, too: the browser would go on having it.
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response
