from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """Step 1: what keeps people safe. It knows nothing of aid."""

    name = "privacy"
