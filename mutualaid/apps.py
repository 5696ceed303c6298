"""The wiring of the rooms. It holds no rules."""

from django.apps import AppConfig


class MutualaidConfig(AppConfig):
    name = "mutualaid"
    verbose_name = "mutual aid"
