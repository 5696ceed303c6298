"""Every setting, read from the environment and closed by default. docs/settings.md explains each."""

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.utils.functional import lazystr
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from mutualaid.environment import BASE_DIR, data_dir, read

DATA_DIR = data_dir()
SECRETS_DIR = Path(read("SECRETS_DIR", str(DATA_DIR / "secrets")))
KEYRING = read("KEYRING", "privacy.keyring.FileKeyring")
KEYRING_PATH = Path(read("KEYRING_PATH", str(DATA_DIR / "keyring" / "slots")))
KEYRING_URL = read("KEYRING_URL")
RUN_DIR = Path(read("RUN_DIR", str(DATA_DIR / "run")))
# Room that is kept on the disk, to be let go of when it is full.
BALLAST_PATH = DATA_DIR / "ballast"
BALLAST_MB = int(read("BALLAST_MB", "16"))

# Nothing switches DEBUG on: its error pages show values.
DEBUG = False


class _SigningKey:
    """Derived from the instance secrets when it is first needed, which is after the rooms are loaded."""

    def __str__(self) -> str:
        return str(import_string("privacy.instance.signing_key")())


SECRET_KEY = lazystr(_SigningKey())


def _address(value: str) -> str:
    """An address people type, without a path: "" or such as "https://example.org"."""
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/")):
        raise ValueError("PUBLIC_URL must be like https://example.org, without a path.")
    return value.rstrip("/")


def _onion_address(value: str) -> str:
    """The same for ONION_URL. Tor encrypts it, so it is http, and no name outside of Tor is."""
    if value and not re.fullmatch(r"http://[a-z0-9.-]+\.onion(:\d+)?/?", value):
        raise ValueError("ONION_URL must be like http://….onion, without a path.")
    return value.rstrip("/")


PUBLIC_URL = _address(read("PUBLIC_URL"))
ONION_URL = _onion_address(read("ONION_URL"))
# privacy/origins.py does for each request what is right at its address.
ORIGINS = [url for url in (PUBLIC_URL, ONION_URL) if url]
HTTPS = PUBLIC_URL.startswith("https:")
ALLOWED_HOSTS = [
    *(host.strip() for host in read("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")),
    *(str(urlsplit(url).hostname) for url in ORIGINS),
]
ROOT_URLCONF = "mutualaid.urls"
WSGI_APPLICATION = "mutualaid.wsgi.application"

# --- Database -------------------------------------------------------------------------------------

# WAL and FULL: a commit that was answered survives a power cut. secure_delete: freed pages are zeroed.
# The rest keeps rows out of temporary files and memory maps, and the journal short after a checkpoint.
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
    "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA journal_size_limit=0"
)


# A server whose machine lost its power, or its network, says nothing: the kernel would wait for a quarter of
# an hour, and every duty with it. Seconds; the last one in milliseconds.
NOTICED_WITHIN_TEN_SECONDS = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 8000,
}


def _database(url: str) -> dict[str, object]:
    """A DATABASES entry from DATABASE_URL; empty means the SQLite file in DATA_DIR."""
    parts = urlsplit(url)
    if parts.scheme in {"", "sqlite"}:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path) or str(DATA_DIR / "db.sqlite3"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": SQLITE_PRAGMAS,
            },
        }
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("DATABASE_URL must begin with postgresql://, or be empty for SQLite.")
    # A unix socket's folder is given as ?host=/folder, as libpq does.
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": asked.get("host") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or asked.get("port") or ""),
        # A web process has many threads, most of them asleep: a connection is for as long as a request.
        "CONN_MAX_AGE": 0,
        # Without server-side binding, values appear in the server's log and in pg_stat_activity.
        "OPTIONS": {"server_side_binding": True, "connect_timeout": 5, **NOTICED_WITHIN_TEN_SECONDS},
    }


DATABASES = {"default": _database(read("DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache and broker -----------------------------------------------------------------------------

CACHE_URL = read("CACHE_URL")
CACHES: dict[str, dict[str, object]] = {"default": {"BACKEND": "privacy.shared_cache.SharedMemory"}}
if CACHE_URL:
    # Short timeouts: a Redis that hangs must not hold the few threads of the web process.
    CACHES["default"] = {
        "BACKEND": "privacy.caches.ForgivingRedis",
        "LOCATION": CACHE_URL,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
CACHES["default"]["KEY_FUNCTION"] = "privacy.cache_keys.blinded"
CELERY_BROKER_URL = read("CELERY_BROKER_URL", "memory://localhost/")

# --- Language and time ----------------------------------------------------------------------------

LANGUAGE_CODE = read("LANGUAGE_CODE", "en")
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LANGUAGE_COOKIE_NAME = "l"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = True
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = read("TIME_ZONE", "UTC")
USE_TZ = True

# --- Rooms ----------------------------------------------------------------------------------------

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
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "template_partials",
]

MIDDLEWARE = [
    # As far out as possible: every answer carries these headers, whatever the others do.
    "privacy.middleware.SecurityHeaders",
    "privacy.origins.Origins",
    "django.middleware.security.SecurityMiddleware",
    "privacy.middleware.BodyLimit",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Django's, not the proxy's: it adds random bytes, so that lengths say little about a page.
    "django.middleware.gzip.GZipMiddleware",
    "privacy.middleware.SealedOr503",
    "privacy.middleware.Sessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "volunteers.middleware.LoginRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    # After whatever may refuse: it answers the language buttons inside a form.
    "organisation.page_language.SwitchLanguage",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "privacy.middleware.OneUp",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "organisation.context.organisation",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
# What set-up collected is served, and nothing else: no look on the disk for each address asked.
WHITENOISE_USE_FINDERS = False
WHITENOISE_AUTOREFRESH = False

# --- Sessions, cookies, limits --------------------------------------------------------------------

SESSION_ENGINE = "privacy.sessions"
SESSION_COOKIE_NAME = "s"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# privacy.origins takes "Secure" away where there is no https, and renames all three where there is.
SESSION_COOKIE_SECURE = True
# The cookie ends with the browser; the row ends earlier, when nobody uses it (privacy/sessions.py).
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_NAME = "c"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_AGE = None
CSRF_TRUSTED_ORIGINS = ORIGINS
# In the encrypted session: the messages cookie says who signed in.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# "no-referrer" would make browsers send "Origin: null", and every plain form would be refused.
SECURE_REFERRER_POLICY = "same-origin"
# Sent over https only. No subdomains: they may not be ours. No preloading: that list is public for good.
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None

MAX_BODY = 64 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY
DATA_UPLOAD_MAX_NUMBER_FIELDS = 400
DATA_UPLOAD_MAX_NUMBER_FILES = 0
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY

# --- Accounts -------------------------------------------------------------------------------------

AUTH_USER_MODEL = "volunteers.Volunteer"
# Django's own: allauth's answers a suspended account differently from a wrong passphrase.
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
# Argon2id, inside the gate that bounds how many run at once.
PASSWORD_HASHERS = ["volunteers.hashers.GatedArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/board/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "volunteers.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_RATE_LIMITS = {"login": None, "signup": None, "login_failed": "10/5m/key"}
ACCOUNT_FORMS = {
    "login": "volunteers.forms.LoginForm",
    "reauthenticate": "volunteers.forms.ReauthenticateForm",
    "change_password": "volunteers.forms.ChangePassphraseForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_GET = False
# They choose. A remembered device shows the board, and asks for the passphrase where something is sealed.
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_SESSION_COOKIE_AGE = 14 * 24 * 60 * 60
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "volunteers.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RATE_LIMITS = {"webauthn_login": None}
MFA_FORMS = {
    "authenticate": "volunteers.second_factor.AuthenticateForm",
    "reauthenticate": "volunteers.second_factor.ReauthenticateForm",
    "activate_totp": "volunteers.second_factor.ActivateTOTPForm",
    "add_webauthn": "volunteers.second_factor.AddWebAuthnForm",
    "authenticate_webauthn": "volunteers.second_factor.AuthenticateWebAuthnForm",
    "login_webauthn": "volunteers.second_factor.LoginWebAuthnForm",
    "reauthenticate_webauthn": "volunteers.second_factor.ReauthenticateWebAuthnForm",
    "edit_webauthn": "volunteers.second_factor.EditWebAuthnForm",
}
# Accounts have no address that could be verified.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# A passkey opens the account; what is sealed still asks for the passphrase.
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
# With the usual 64, every visitor of an onion address would share one bucket.
ALLAUTH_RATE_LIMIT_IPV6_PREFIX = 128

# Whom a nudge is from: the organisation's cover name, asked when it is sent.
NOTIFY_SENDER_NAME = "organisation.models.cover_name"

# --- Watching -------------------------------------------------------------------------------------

# Every promise about the future; rooms below that say whether they are kept do not know the others'.
DUTIES = "mutualaid.duties.DUTIES"

# --- Nudges by e-mail -----------------------------------------------------------------------------

EMAIL_HOST = read("EMAIL_HOST")
# Without a host there is nobody to hand mail to: the e-mail channel is then not offered.
EMAIL_BACKEND = (
    "notify.transports.smtp.NeutralBackend" if EMAIL_HOST else "django.core.mail.backends.dummy.EmailBackend"
)
EMAIL_PORT = int(read("EMAIL_PORT", "587"))
EMAIL_HOST_USER = read("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = read("EMAIL_HOST_PASSWORD")
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_USE_TLS = read("EMAIL_STARTTLS", "yes" if EMAIL_PORT == 587 else "no") == "yes"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = read("EMAIL_FROM", "news@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Django would mail tracebacks with what was typed.
ADMINS: list[tuple[str, str]] = []
MANAGERS: list[tuple[str, str]] = []

# --- Nudges through other services ----------------------------------------------------------------

# Each is offered once the operator set it up: where this machine sends to is the operator's to say.


def _server(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/")):
        raise ValueError("NTFY_SERVER must be like https://ntfy.sh, without a path.")
    return value.rstrip("/")


def _gateway(name: str, value: str) -> str:
    """A URL of apprise with {to} where the address goes: "" or such as "signal://host:8080/+32…/{to}"."""
    if value and not (re.match(r"[a-z0-9]+://", value) and value.count("{to}") == 1):
        raise ValueError(f"{name} must be a URL of apprise, with {{to}} where the address goes.")
    return value


NTFY_SERVER = _server(read("NTFY_SERVER"))
SIGNAL_GATEWAY = _gateway("SIGNAL_GATEWAY", read("SIGNAL_GATEWAY"))
SMS_GATEWAY = _gateway("SMS_GATEWAY", read("SMS_GATEWAY"))
MATRIX_GATEWAY = _gateway("MATRIX_GATEWAY", read("MATRIX_GATEWAY"))
OTHER_SERVICES = read("OTHER_SERVICES", "no") == "yes"

# --- Nudges by web push ---------------------------------------------------------------------------

# A push service sees where our posts come from: an instance that has an onion address alone would be found.
PUSH = read("PUSH", "no" if ONION_URL and not PUBLIC_URL else "yes") == "yes"
PUSH_HOSTS = [host.strip() for host in read("PUSH_HOSTS").split(",") if host.strip()]

# --- Logs -----------------------------------------------------------------------------------------

LOG_LEVEL = read("LOG_LEVEL", "WARNING").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "mutualaid.logs.Formatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain"},
        "none": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers print paths, and mail what was typed.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.security.DisallowedHost": {"handlers": ["none"], "propagate": False},
        # Statements carry values.
        "django.db.backends": {"handlers": ["none"], "level": "ERROR", "propagate": False},
        # Those who send print addresses, tokens and text.
        **{
            name: {"handlers": ["none"], "level": "CRITICAL", "propagate": False}
            for name in ("apprise", "requests", "urllib3")
        },
    },
}
LOGGING_CONFIG = "logging.config.dictConfig"
