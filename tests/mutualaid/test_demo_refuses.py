"""`make demo` on an instance that is not ready, or in use; and that it is all or nothing."""

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from mutualaid import demo
from organisation.models import Area
from privacy import clock, instance
from requests_app.models import Need
from tests.requests_app import world as worlds
from volunteers.models import Invitation, Volunteer

ROOT = Path(__file__).resolve().parents[2]


def printed() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_what_is_printed_for_people_opens_and_no_older_link_does(db: None) -> None:
    instance.ensure(create=True)
    Invitation.objects.make(None, clock.now(), coordinator=True)
    page = printed()
    for username in Volunteer.objects.values_list("username", flat=True):
        assert username in page
    assert re.search(r'"I have a code":\n  (\w+ ){7}\w+\n', page)
    assert list(Invitation.objects.open(clock.now())) == []


def test_an_instance_with_a_need_is_left_alone(db: None) -> None:
    instance.ensure(create=True)
    world = worlds.make()
    world.ask(at=clock.now(), day=clock.local_day(clock.now()))
    Volunteer.objects.all().delete()
    with pytest.raises(CommandError, match="in use"):
        printed()
    assert (Volunteer.objects.count(), Need.objects.count()) == (0, 1)


def test_where_something_fails_nothing_is_left(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    instance.ensure(create=True)
    monkeypatch.setattr(demo.tasks, "escalate", lambda at: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        printed()
    assert (Volunteer.objects.count(), Need.objects.count(), Area.objects.count()) == (0, 0, 0)


@pytest.mark.once
def test_before_set_up_it_says_what_to_do_and_after_it_works_once(tmp_path: Path) -> None:
    early = manage(tmp_path, "demo")
    assert (early.returncode, early.stdout) == (1, "")
    assert "Run `make setup` first." in early.stderr
    assert manage(tmp_path, "setup").returncode == 0
    assert len(json.loads(manage(tmp_path, "demo", "--json").stdout)["accounts"]) == 9
    again = manage(tmp_path, "demo")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.strip() == "CommandError: This instance is in use: an example needs an empty one."


def manage(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**kept, "DATA_DIR": str(folder), "ENV_FILE": "-"}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
