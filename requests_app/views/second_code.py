"""A second code, for when somebody makes her open her page."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from privacy import clock, tickets
from privacy.gate import Busy
from requests_app import asking, visits
from requests_app.forms.second_code import SecondCodeForm
from requests_app.views.ask import ASKING, BAD_INPUT, csrf_secret
from requests_app.views.mine import her_page
from requests_app.visits import AskerRequest, asker_only


@login_not_required
@require_POST
@asker_only
def second_code(request: AskerRequest) -> HttpResponse:
    """Make one. The address says nothing, and stays in no history: it leads on to where codes are shown."""
    at, visit = clock.now(), request.visit
    form = SecondCodeForm(request.POST, at=at)
    if not form.is_valid():
        return her_page(request, at, second=form, status=BAD_INPUT)
    key = asking.form_key(form.cleaned_data["second_token"], csrf_secret(request), form.typed())
    language = visit.mailbox.language
    try:
        # It derives once, as asking does, and costs the same.
        at = tickets.pay(request, ASKING, at)
        second = asking.ask(form.asked(), key, None, language, at, visit.errand(form.cleaned_data["does"]))
    except Busy:
        return her_page(request, at, second=form.once_more(), status=BAD_INPUT)
    except asking.PostedBefore:
        return redirect("mine")
    visits.show_second(request, second)
    return redirect("code")
