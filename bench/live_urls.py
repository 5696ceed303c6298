"""The real addresses, and two bare ones to compare with. Used by bench/live_settings.py only."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from mutualaid.urls import urlpatterns as real

# Made by bench/pages.py before the server starts.
TABLE = "bench_row"


@login_not_required
def view(request: HttpRequest) -> HttpResponse:
    """One bare view."""
    return HttpResponse("ok")


@login_not_required
def insert(request: HttpRequest) -> HttpResponse:
    """One bare INSERT."""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} (word) VALUES (%s)", ["row"])
    return HttpResponse("ok")


urlpatterns = [path("bench/view/", view), path("bench/insert/", insert), *real]
