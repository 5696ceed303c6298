"""The calendar a volunteer subscribes to. Its address is the secret."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from privacy import clock
from requests_app.calendar import calendar_of
from volunteers.models import Volunteer


@login_not_required
@require_GET
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Neutral entries; an unknown, replaced or suspended address is a 404."""
    volunteer = Volunteer.objects.by_calendar_token(token)
    if volunteer is None:
        raise Http404
    return HttpResponse(calendar_of(volunteer, clock.now()), content_type="text/calendar; charset=utf-8")
