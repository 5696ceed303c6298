"""The wiring of the rooms. It holds no rules."""

from django.apps import AppConfig, apps

from mutualaid.third_party_fields import keep_no_times


class MutualaidConfig(AppConfig):
    name = "mutualaid"
    verbose_name = "mutual aid"

    def ready(self) -> None:
        keep_no_times(apps.get_model("mfa", "Authenticator"))
