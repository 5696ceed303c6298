"""A second code, for when somebody makes her open her page. It has no address that a history could say.

It is shown in the answer to the form that makes it, and again to the same form, with two of its words typed
back: nothing of it is kept anywhere, not in her session either.
"""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from privacy import codes, tickets
from privacy.gate import Busy
from requests_app import asking
from requests_app.forms.answer import TwoWordsForm
from requests_app.forms.second_code import SecondCodeForm
from requests_app.views.ask import ASKING, BAD_INPUT, csrf_secret
from requests_app.views.her_page import her_page
from requests_app.visits import AskerRequest, Visit


def second_code(request: AskerRequest, at: datetime) -> HttpResponse:
    """Make one and show it; or, once two of its words were typed back, her page."""
    form = SecondCodeForm(request.POST, at=at)
    if not form.is_valid():
        return her_page(request, at, second=form, status=BAD_INPUT)
    key = asking.form_key(form.cleaned_data["second_token"], csrf_secret(request), form.typed())
    # Two words are of a code that was shown before.
    words = request.POST if asking.was_posted(key) and "first" in request.POST else None
    try:
        second = _made(request, form, key, at)
    except Busy:
        return her_page(request, at, second=form.once_more(), status=BAD_INPUT)
    except asking.PostedBefore:
        return redirect("mine")
    shown = codes.for_language(second.secret or b"", second.mailbox.language)
    typed = TwoWordsForm(words, words=shown.split())
    if typed.is_valid():
        second.mailbox.confirm()
        messages.success(request, _("It is on paper."))
        return redirect("mine")
    page = {"code": shown, "form": typed, "again": form}
    return render(request, "requests_app/second_code.html", page, status=BAD_INPUT if typed.is_bound else 200)


def _made(request: AskerRequest, form: SecondCodeForm, key: bytes, at: datetime) -> Visit:
    """The mailbox of the second code; the same for the same form. Raises Busy, PostedBefore."""
    # It derives once, as asking does, and costs the same.
    at = tickets.pay(request, ASKING, at)
    visit = request.visit
    errand = visit.errand(form.cleaned_data["does"])
    return asking.ask(form.asked(), key, None, visit.mailbox.language, at, errand)
