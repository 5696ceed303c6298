"""The real settings, but nobody waits, for a ticket or at the gate: what the gate is measured beside."""

from mutualaid.settings import *  # noqa: F403

ROOT_URLCONF = "bench.ungated_urls"
