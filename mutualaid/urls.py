"""Every address, room by room. The set of public names is a literal in tests/mutualaid/test_public.py."""

from django.urls import path

from mutualaid import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
]
