"""Every address, room by room. tests/mutualaid/test_house_rules.py holds the set of public names."""

from django.urls import include, path

from mutualaid import health

handler500 = "privacy.middleware.broken"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", include("organisation.urls")),
    path("", include("volunteers.urls")),
    path("", include("requests_app.urls")),
]
