"""What every template knows of the organisation."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from organisation.models import Organisation


def organisation(request: HttpRequest) -> dict[str, object]:
    """`organisation` (cover_name, leave_url, …), read at most once a page and only where it is shown."""
    return {"organisation": SimpleLazyObject(Organisation.objects.current)}
