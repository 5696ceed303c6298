"""Asking for somebody beside you. They alone keep the code, on paper; here nothing says who typed it.

The code stands in the answer to the form that was posted, and again in the answer to the same form, until the
button says that it is on paper. It is in no session, and no row leads from the need to whoever typed it.
"""

from datetime import datetime

from django.db import OperationalError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_GET, require_POST

from organisation import kinds
from organisation.kind import Kind
from organisation.models import Organisation, PhoneNumber
from organisation.page_language import keeps_typed, typed_only
from privacy import clock, codes, tickets
from privacy.gate import Busy
from privacy.tickets import Ticket
from requests_app import asking
from requests_app.forms.ask import AskForm
from requests_app.forms.paper import PaperForm
from requests_app.views.ask import ASKING, BAD_INPUT, UNAVAILABLE, csrf_secret, get_or_post
from requests_app.visits import Visit
from volunteers import desk
from volunteers.decorators import SignedIn, let_in


@require_GET
@let_in
def choose(request: SignedIn) -> HttpResponse:
    """What it is about."""
    return render(request, "requests_app/for_somebody.html", {"kinds": kinds.all()})


@keeps_typed
@get_or_post
@let_in
def for_somebody(request: SignedIn, slug: str) -> HttpResponse:
    """The form of one kind, typed for somebody else; posted, it shows their code."""
    at = clock.now()
    form = AskForm(request.POST or None, kind=_kind(slug), at=at, desk=desk.may_be_granted())
    if typed_only(request):
        form.show_as_typed()
        return _form(request, form, at, 200)
    if not form.is_valid():
        return _form(request, form, at, BAD_INPUT if form.is_bound else 200)
    key = asking.form_key(form.cleaned_data["token"], csrf_secret(request), form.typed())
    try:
        at = tickets.pay(request, ASKING, at)
        # A mailbox of its own, whoever's page is open in this browser.
        opened = asking.ask(form.asked(), key, None, translation.get_language() or "", at)
    except Busy:
        return _form(request, form.once_more(), at, BAD_INPUT)
    except OperationalError:
        return _form(request, form.not_now(), at, UNAVAILABLE)
    except asking.PostedBefore:
        return render(request, "requests_app/for_somebody_done.html")
    return _paper(request, opened, slug)


@require_POST
@let_in
def on_paper(request: SignedIn, slug: str) -> HttpResponse:
    """They have it on paper: from now on the form that asked shows it no more."""
    form = PaperForm(request.POST)
    if form.is_valid():
        form.confirm()
    return render(request, "requests_app/for_somebody_done.html")


def _kind(slug: str) -> Kind:
    try:
        return kinds.get(slug)
    except kinds.UnknownKind:
        raise Http404 from None


def _form(request: SignedIn, form: AskForm, at: datetime, status: int) -> HttpResponse:
    page = {
        "form": form,
        "kind": form.kind,
        "ticket": Ticket.for_form(request, ASKING, at),
        "presence": Organisation.objects.current().presence(at),
        "numbers": PhoneNumber.objects.all(),
        "for_somebody": True,
    }
    return render(request, "requests_app/ask.html", page, status=status)


def _paper(request: SignedIn, opened: Visit, slug: str) -> HttpResponse:
    """What is to be written down or printed, and nothing that says what it is about."""
    shown = codes.for_language(opened.secret or b"", opened.mailbox.language)
    page = {
        "code": shown,
        "call_words": opened.call_words,
        "paper": PaperForm.of(opened.mailbox),
        "slug": slug,
        "page_path": reverse("board"),
    }
    return render(request, "requests_app/for_somebody_code.html", page)
