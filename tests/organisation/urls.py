"""The organisation's own pages, and a small form that keeps what was typed."""

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from organisation.forms import ShownAsTyped
from organisation.page_language import keeps_typed, typed_only
from organisation.urls import urlpatterns as pages


class WishForm(ShownAsTyped, forms.Form):
    wish = forms.CharField(max_length=5)
    parts = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B"), ("c", "C")])


@keeps_typed
@login_not_required
def wish(request: HttpRequest) -> HttpResponse:
    form = WishForm(request.POST)
    if typed_only(request):
        form.show_as_typed()
        return HttpResponse(form.as_p())
    return HttpResponse("granted" if form.is_valid() else form.as_p())


@login_not_required
def act(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


urlpatterns = [*pages, path("wish/", wish), path("act/", act)]
