"""Every setting, read from the environment and closed by default. docs/settings.md explains each."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var")).resolve()
SECRETS_DIR = Path(os.environ.get("SECRETS_DIR", DATA_DIR / "secrets"))
KEYRING_PATH = Path(os.environ.get("KEYRING_PATH", DATA_DIR / "keyring" / "slots"))
RUN_DIR = Path(os.environ.get("RUN_DIR", DATA_DIR / "run"))

DEBUG = False
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
# Signing keys are derived from the instance secrets at start (mutualaid/apps.py checks them first).
SECRET_KEY = os.environ.get("SECRET_KEY", "")
ROOT_URLCONF = "mutualaid.urls"
WSGI_APPLICATION = "mutualaid.wsgi.application"
AUTH_USER_MODEL = "volunteers.Volunteer"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def _database(url: str) -> dict[str, object]:
    """A DATABASES entry from DATABASE_URL; empty means the SQLite file in DATA_DIR."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATA_DIR / "db.sqlite3"),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("DATABASE_URL must begin with postgresql://, or be empty for SQLite.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        # Without server-side binding, values appear in the server's log and in pg_stat_activity.
        "OPTIONS": {"server_side_binding": True},
    }


DATABASES = {"default": _database(os.environ.get("DATABASE_URL", ""))}

LANGUAGE_CODE = os.environ.get("LANGUAGE_CODE", "en")
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")
USE_TZ = True

INSTALLED_APPS = [
    "mutualaid",
    "requests_app",
    "volunteers",
    "organisation",
    "notify",
    "privacy",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "template_partials",
]

STATIC_URL = "/static/"
