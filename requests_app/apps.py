from django.apps import AppConfig


class RequestsConfig(AppConfig):
    """Step 5: needs: asked, matched, claimed, approved, met, forgotten."""

    name = "requests_app"
