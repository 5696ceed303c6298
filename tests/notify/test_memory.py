"""What sends is loaded when the first message leaves: a machine that waits is small."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("apprise", "requests", "http_ece", "py_vapid")
LOOK = f"print(*[name for name in {HEAVY!r} if name in sys.modules])"


def loaded_after(code: str) -> list[str]:
    """Which of the heavy ones a fresh interpreter has, once it ran `code`."""
    settings = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; {settings}\n{code}\n{LOOK}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()


@pytest.mark.parametrize("module", ["mutualaid.celery", "mutualaid.wsgi", "mutualaid.urls"])
def test_neither_the_worker_nor_the_pages_load_what_only_sending_needs(module: str) -> None:
    first = "import django; django.setup(); " if module == "mutualaid.urls" else ""

    assert loaded_after(f"{first}import {module}") == []


def test_looking_at_an_address_loads_none_of_it() -> None:
    looks = (
        "import django; django.setup()\n"
        "from notify.forms import ChannelForm\n"
        "from notify import transports\n"
        "str(ChannelForm())\n"
        "transports.get('ntfy').clean('https://ntfy.sh/topic')\n"
        "transports.get('other').clean('gotifys://a.example/Ax')"
    )

    assert loaded_after(looks) == []


def test_the_first_message_loads_it() -> None:
    """So that the tests above look for the right names."""
    sends = "import django; django.setup()\nfrom notify.transports import messengers\nmessengers._library()"

    assert loaded_after(sends) == ["apprise", "requests"]
