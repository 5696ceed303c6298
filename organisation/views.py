"""The public pages that belong to the organisation: the first page, how to help, the language."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from organisation import kinds, page_language
from organisation.models import Organisation, PhoneNumber
from privacy import clock


@require_safe
@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """What do you need? And before that: whether anybody is on, and whom to call instead."""
    at = clock.now()
    organisation = Organisation.objects.current()
    page = {
        "organisation": organisation,
        "presence": organisation.presence(at),
        "numbers": PhoneNumber.objects.all(),
        "kinds": kinds.all(),
    }
    return render(request, "organisation/home.html", page)


@require_safe
@login_not_required
def help_out(request: HttpRequest) -> HttpResponse:
    """How to become a volunteer: by invitation."""
    return render(request, "organisation/help.html")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def language(request: HttpRequest) -> HttpResponse:
    """Remember a language and go back to the page; without one, a page to choose."""
    asked = request.POST if request.method == "POST" else request.GET
    back = page_language.page_here(request, asked.get("next"))
    code = asked.get("language", "")
    if not page_language.is_offered(code):
        return render(request, "organisation/language.html", {"next": back})
    response = HttpResponseRedirect(back)
    page_language.remember(response, code)
    return response
