"""The real settings with the addresses of bench/live_urls.py beside the real ones."""

from mutualaid.settings import *  # noqa: F403

ROOT_URLCONF = "bench.live_urls"
