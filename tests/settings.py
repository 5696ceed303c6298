"""The real settings, in a folder of their own that is gone afterwards."""

import os
import tempfile
from pathlib import Path

# Workers of pytest-xdist inherit these from the process that started them.
os.environ.setdefault("TEST_CONTROLLER_PID", str(os.getpid()))
if "TEST_DIR" not in os.environ:
    os.environ["TEST_DIR"] = tempfile.mkdtemp(prefix="mutualaid-tests-")
    # PostgreSQL runs as somebody else when the tests run as root.
    Path(os.environ["TEST_DIR"]).chmod(0o711)
TEST_DIR = Path(os.environ["TEST_DIR"])
for _name in ("DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL", "SECRETS_DIR", "RUN_DIR"):
    os.environ.pop(_name, None)
for _name in ("KEYRING", "KEYRING_PATH", "KEYRING_URL"):
    os.environ.pop(_name, None)
os.environ["ENV_FILE"] = "-"
# A browser that was driven leaves an event loop in the thread; no test here is asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
os.environ["DATA_DIR"] = str(TEST_DIR / os.environ.get("PYTEST_XDIST_WORKER", "main"))

from mutualaid import translations  # noqa: E402
from mutualaid.settings import *  # noqa: E402
from mutualaid.settings import DATA_DIR, DATABASES, LOCALE_PATHS, _database  # noqa: E402
from tests.servers import postgres_url  # noqa: E402

DATA_DIR.mkdir(parents=True, exist_ok=True)
if os.environ.get("TEST_DATABASE") == "postgresql":
    DATABASES["default"] = _database(postgres_url("postgres"))
else:
    # A file, as in use: an SQLite database in memory has no journal and locks otherwise.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
# As set-up does it, before anything is translated.
translations.compile_all(LOCALE_PATHS[0])
