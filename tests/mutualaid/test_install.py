"""scripts/install, as `make run` calls it: what it says where something is missing, and nothing otherwise.

Python, its packages and the account come from outside; here they are small shell programs.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
PYTHON = """#!/bin/sh
me=$(basename "$(readlink -f "$0")")
case "$*" in
  "-c import sys"*) ;;
  "-c import ensurepip"*) test -z "$NO_VENV" ;;
  "-m venv .venv")
    mkdir -p .venv/bin
    ln -s "$(readlink -f "$0")" .venv/bin/python
    echo "$me" >.venv/made_by ;;
  "-m pip --version") test "$(cat .venv/made_by)" = "$me" ;;
  *uv.txt) test -z "$OFFLINE" && ln -s /bin/true .venv/bin/uv ;;
  *) test -z "$OFFLINE" ;;
esac
"""


@dataclass
class Copy:
    """A fresh clone, and a system with two Pythons, of which `python3` is the one in use."""

    folder: Path
    system: Path

    def use(self, name: str) -> None:
        (self.system / "python3").unlink(missing_ok=True)
        (self.system / "python3").symlink_to(self.system / name)

    def install(self, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.system}:{os.environ['PATH']}"
        return subprocess.run(
            [self.folder / "scripts/install", "run"],
            env={"NO_VENV": "", "OFFLINE": "", **environment, "PATH": path},
            capture_output=True,
            text=True,
        )


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    copy = Copy(tmp_path / "copy", tmp_path / "system")
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, copy.folder / name)
    copy.system.mkdir()
    programs = {"python3.11": PYTHON, "python3.13": PYTHON}
    # No package of the system is installed, and this account may install none.
    programs |= {"dpkg-query": "#!/bin/sh\nexit 1\n", "id": "#!/bin/sh\necho 1000\n"}
    for name, text in programs.items():
        (copy.system / name).write_text(text)
        (copy.system / name).chmod(0o755)
    copy.use("python3.11")
    return copy


def test_the_first_time_says_what_it_does_and_the_second_time_nothing(copy: Copy) -> None:
    first, second = copy.install(), copy.install()

    assert first.stdout == "Making .venv …\nInstalling the packages of requirements/run.txt …\n"
    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_no_network_is_one_sentence_and_the_next_time_goes_on(copy: Copy) -> None:
    offline, online = copy.install(OFFLINE="yes"), copy.install()

    said = "The packages could not be fetched: is this machine online? Then try again.\n"
    assert (offline.returncode, offline.stderr) == (1, said)
    assert (online.returncode, online.stdout) == (0, "Installing the packages of requirements/run.txt …\n")


def test_without_the_venv_module_it_says_what_to_install(copy: Copy) -> None:
    result = copy.install(NO_VENV="yes")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("python3-venv is missing: install it, then try again.\n")


def test_after_an_upgrade_of_the_system_everything_is_installed_for_its_new_python(copy: Copy) -> None:
    copy.install()
    # Debian's python3 is another one now, and .venv follows it.
    (copy.folder / ".venv/bin/python").unlink()
    (copy.folder / ".venv/bin/python").symlink_to(copy.system / "python3.13")
    copy.use("python3.13")

    result = copy.install()

    assert (result.returncode, result.stderr) == (0, "")
    assert (copy.folder / ".venv/made_by").read_text() == "python3.13\n"
