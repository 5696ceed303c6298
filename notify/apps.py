"""How a nudge reaches somebody. Knows nothing of needs."""

from django.apps import AppConfig


class NotifyConfig(AppConfig):
    name = "notify"
    verbose_name = "notices"
