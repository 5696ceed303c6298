"""The real settings, but nobody waits, neither for a ticket nor at the gate: what the gate is measured beside."""

from mutualaid.settings import *  # noqa: F403

ROOT_URLCONF = "bench.ungated_urls"
