"""The real settings, in a folder of their own that is gone afterwards."""

import os
import tempfile
from pathlib import Path

# Workers of pytest-xdist inherit these from the process that started them.
os.environ.setdefault("TEST_CONTROLLER_PID", str(os.getpid()))
os.environ.setdefault("TEST_DIR", tempfile.mkdtemp(prefix="mutualaid-tests-"))
os.environ["ENV_FILE"] = "-"
TEST_DIR = Path(os.environ["TEST_DIR"])
os.environ["DATA_DIR"] = str(TEST_DIR / os.environ.get("PYTEST_XDIST_WORKER", "main"))
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
for _name in ("CACHE_URL", "CELERY_BROKER_URL", "SECRETS_DIR", "KEYRING_PATH", "RUN_DIR", "PUBLIC_URL"):
    os.environ.pop(_name, None)

from mutualaid.settings import *  # noqa: E402
from mutualaid.settings import DATA_DIR, DATABASES  # noqa: E402

DATA_DIR.mkdir(parents=True, exist_ok=True)
# A file, as in use: an SQLite database in memory has no journal and locks otherwise.
DATABASES["default"]["TEST"] = (
    {"NAME": str(DATA_DIR / "test.sqlite3")} if not os.environ["DATABASE_URL"] else {}
)
