"""Every address, room by room. The set of public names is a literal in tests/mutualaid/test_house_rules.py."""

from django.urls import include, path

from mutualaid import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", include("organisation.urls")),
    path("", include("volunteers.urls")),
    path("", include("requests_app.urls")),
]
