"""The asker's page as it is now, with whatever form came back to it."""

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from organisation.models import Organisation, PhoneNumber
from requests_app.asker_page import Typed, cards
from requests_app.forms.second_code import SecondCodeForm
from requests_app.visits import AskerRequest


def her_page(
    request: AskerRequest,
    at: datetime,
    typed: Typed | None = None,
    status: int = 200,
    second: SecondCodeForm | None = None,
) -> HttpResponse:
    """`typed` and `second` are forms that came back with an error."""
    page = {
        "cards": cards(request.visit, at, typed),
        "numbers": PhoneNumber.objects.all(),
        "presence": Organisation.objects.current().presence(at),
        "second_form": second or SecondCodeForm(at=at),
        "typed_form": typed.form if typed else second,
        "visit": request.visit,
        "page_path": reverse("mine"),
    }
    return render(request, "requests_app/mine.html", page, status=status)
