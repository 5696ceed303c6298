"""Whom the organisation names outside the desk: a sheet with words, shown once."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from privacy import clock, codes
from privacy.derivation import derive_mailbox
from privacy.gate import Busy
from requests_app.forms.outside import ContactForm
from requests_app.models import OutsideContact
from requests_app.views.ask import BAD_INPUT, get_or_post
from volunteers.decorators import SignedIn, coordinator


@get_or_post
@coordinator
def outside(request: SignedIn) -> HttpResponse:
    """Who it is now; posted, somebody else, whose sheet is on this answer and never again."""
    form = ContactForm(request.POST or None)
    if not form.is_valid():
        return _page(request, form, status=BAD_INPUT if form.is_bound else 200)
    secret, language, data = codes.new_secret(), translation.get_language() or "en", form.cleaned_data
    try:
        derived = derive_mailbox(secret)
    except Busy:
        form.add_error(None, _("Many are trying at this moment. Please press once more."))
        return _page(request, form, status=BAD_INPUT)
    OutsideContact.objects.appoint(data["label"], derived, data["email"], language, clock.now())
    return _page(request, ContactForm(), words=codes.for_language(secret, language))


@require_POST
@coordinator
def nobody(request: SignedIn) -> HttpResponse:
    """Nobody outside the desk is named any more."""
    OutsideContact.objects.appoint_nobody()
    messages.success(request, _("Saved."))
    return redirect("desk_outside")


def _page(request: SignedIn, form: ContactForm, words: str = "", status: int = 200) -> HttpResponse:
    page = {"form": form, "contact": OutsideContact.objects.current(), "words": words}
    return render(request, "requests_app/desk_outside.html", page, status=status)
