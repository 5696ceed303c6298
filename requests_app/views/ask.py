"""Asking, the return code, coming back with it, and leaving. No account, no script."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from organisation import kinds
from organisation.models import Organisation, PhoneNumber
from organisation.page_language import keeps_typed, typed_only
from privacy import clock, codes, tickets
from privacy.gate import Busy
from privacy.tickets import Purpose, Ticket
from requests_app import asking, visits
from requests_app.forms.answer import ReturnForm, TwoWordsForm
from requests_app.forms.ask import AskForm
from requests_app.models import Mailbox
from requests_app.visits import Visit, asker_only
from volunteers import desk

BAD_INPUT, UNAVAILABLE = 422, 503
TYPING_A_CODE = Purpose("code")
# Looking at the form counts, too. One that is sent twice is answered twice.
ASKING = Purpose("ask", free_tries=100, uses=3)
get_or_post = require_http_methods(["GET", "POST"])


@login_not_required
@keeps_typed
@get_or_post
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """The form of one kind; posted, the return code follows."""
    try:
        kind = kinds.get(slug)
    except kinds.UnknownKind:
        raise Http404 from None
    at, visit = clock.now(), visits.current(request)
    form = AskForm(request.POST or None, kind=kind, at=at, desk=desk.may_be_granted())
    if typed_only(request):
        form.show_as_typed()
        return _ask_form(request, form, at, 200)
    if not form.is_valid():
        return _ask_form(request, form, at, _status(form.is_bound))
    key = asking.form_key(form.cleaned_data["token"], csrf_secret(request), form.typed())
    try:
        at = tickets.pay(request, ASKING, at)
        opened = asking.ask(form.asked(), key, visit, translation.get_language() or "", at)
    except (Busy, OperationalError) as problem:
        return _once_more(request, form, at, problem)
    except asking.PostedBefore:
        return redirect("return")
    if opened is not visit:
        visits.enter(request, opened)
    return redirect("code" if opened.secret else "mine")


@login_not_required
@get_or_post
@asker_only
def code(request: visits.AskerRequest) -> HttpResponse:
    """The return code, until two of its words were typed back."""
    visit = request.visit
    if visit.secret is None:
        return redirect("mine")
    shown = codes.for_language(visit.secret, visit.mailbox.language)
    form = TwoWordsForm(request.POST or None, words=shown.split())
    if not form.is_valid():
        page = {"code": shown, "form": form, "call_words": visit.call_words}
        return render(request, "requests_app/code.html", page, status=_status(form.is_bound))
    visit.mailbox.confirm()
    visits.forget_code(request, visit)
    return redirect("mine")


@login_not_required
@get_or_post
def return_(request: HttpRequest) -> HttpResponse:
    """Type the code. Wrong, unknown, expired, erased: one and the same answer."""
    at = clock.now()
    form = ReturnForm(request.POST or None)
    if not form.is_bound:
        return _ask_for_code(request, form, at)
    try:
        at = tickets.pay(request, TYPING_A_CODE, at)
        # One row is written, whatever the code opens, or not.
        found = form.is_valid() and Mailbox.objects.knock(codes.read(form.cleaned_data["code"]), at)
    except Busy:
        return _ask_for_code(request, form.again(), at)
    if not found:
        return _ask_for_code(request, form.opening_nothing(), at)
    visit = Visit(*found)
    visits.enter(request, visit)
    visit.mailbox.settle(visit.seed, at)
    return redirect("mine")


# However old the page is that it was pressed on, and whatever is missing: whoever wants to go, goes.
@csrf_exempt
@login_not_required
@get_or_post
def leave(request: HttpRequest) -> HttpResponse:
    """End whatever session there is, clear what the browser keeps of us, land somewhere neutral."""
    visits.leave(request)
    response = HttpResponseRedirect(Organisation.objects.way_out())
    response.status_code = 303
    # Where "cookies" is said over http, Chromium neither clears them nor lets them be taken back one by one.
    everything = '"cache", "cookies", "storage"' if request.is_secure() else '"cache", "storage"'
    response["Clear-Site-Data"] = everything
    # Ours by name: a browser may bring others that nobody can write down again.
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME):
        response.delete_cookie(name)
    return response


def _who_is_on(at: datetime) -> dict[str, object]:
    """What she sees before she types: until when somebody is on, and whom to call instead."""
    presence = Organisation.objects.current().presence(at)
    return {"presence": presence, "numbers": PhoneNumber.objects.all()}


def _ask_form(request: HttpRequest, form: AskForm, at: datetime, status: int) -> HttpResponse:
    """The form, with everything that was typed, and a ticket that ripens while she fills it."""
    page = {"form": form, "kind": form.kind, "ticket": Ticket.for_form(request, ASKING, at), **_who_is_on(at)}
    return render(request, "requests_app/ask.html", page, status=status)


def _once_more(request: HttpRequest, form: AskForm, at: datetime, problem: Exception) -> HttpResponse:
    """Too many at once, or the database cannot write. Whether or not it did: sent again it makes one need."""
    if isinstance(problem, Busy):
        return _ask_form(request, form.once_more(), at, BAD_INPUT)
    return _ask_form(request, form.not_now(), at, UNAVAILABLE)


def _ask_for_code(request: HttpRequest, form: ReturnForm, at: datetime) -> HttpResponse:
    """The form, with a fresh ticket that ripens while she types."""
    page = {"form": form, "ticket": Ticket.issue(request, TYPING_A_CODE, at)}
    return render(request, "requests_app/return.html", page, status=_status(form.is_bound))


def _status(posted: bool) -> int:
    return BAD_INPUT if posted else 200


def csrf_secret(request: HttpRequest) -> str:
    """The secret of this browser's CSRF cookie: a form is posted by who opened it."""
    get_token(request)
    return str(request.META["CSRF_COOKIE"])
