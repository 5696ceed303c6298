"""One command, one process tree: the web process and a worker, started again when they die.

Standard library only, and never Django: the parent stays small, and cannot fall over what the children do.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from mutualaid import parent_death
from mutualaid.environment import BASE_DIR, read

QUICK = 10.0  # seconds: who lives less than this died quickly
QUICK_DEATHS = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0  # seconds before a restart
PATIENCE = 10.0  # seconds to stop politely
SIGNALS = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def web_command(host: str, port: int) -> list[str]:
    options = "--interface wsgi --http 1 --no-ws --workers 1 --blocking-threads 2 --runtime-threads 1"
    quiet = "--log-level warning --no-access-log"
    respawn = "--respawn-failed-workers --respawn-interval 0.5 --workers-kill-timeout 5"
    address = ["--host", host, "--port", str(port)]
    words = f"{options} {quiet} {respawn}".split()
    return [sys.executable, "-m", "granian", *words, *address, "mutualaid.wsgi:application"]


def worker_command() -> list[str]:
    return [sys.executable, "-m", "mutualaid.worker"]


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the terminal of whoever typed `make run`


@dataclass
class Child:
    """One process with a session of its own, and what it has left behind killed before it starts again."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_deaths: int = 0
    start_after: float = field(default=0.0)

    def start(self) -> None:
        parent = os.getpid()

        def before_exec() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            parent_death.die_with(parent)

        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=BASE_DIR,
            env={**os.environ, parent_death.SUPERVISED: "1", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=before_exec,  # safe: this process has one thread
        )

    def pause(self, lived: float) -> float:
        """Seconds before the next start: short at first, longer after three quick deaths."""
        self.quick_deaths = self.quick_deaths + 1 if lived < QUICK else 0
        over = self.quick_deaths - QUICK_DEATHS
        return FIRST_PAUSE if over < 0 else min(LONGEST_PAUSE, 2.0**over)

    def bury(self) -> None:
        """The leader is dead, not yet waited for: kill its group while the number is still its own."""
        if self.process is None:
            return
        self.kill()
        self.process.wait()
        self.process = None
        pause = self.pause(time.monotonic() - self.started)
        self.start_after = time.monotonic() + pause
        say(f"The {self.name} process died. It starts again in {pause:g} s.")

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Politely first; whatever is left of the group after PATIENCE is killed."""
        if self.process is None:
            return
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            _wait(self.process, PATIENCE)
        self.kill()
        self.process.wait()
        self.process = None


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait without reaping, so that the process group cannot be somebody else's when it is killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.02)


class Runner:
    """Starts its children in order, keeps them running, and stops them in the same order: web, then worker."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = children

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        parent_death.adopt_orphans()
        while not self.asked_to_stop():
            self.bury_the_dead()
            for child in self.children:
                if child.process is None and time.monotonic() >= child.start_after:
                    child.start()
        for child in self.children:
            child.stop()
        self.bury_the_dead()

    def asked_to_stop(self) -> bool:
        """Sleep until a signal comes or a child may start again."""
        waiting = [child.start_after for child in self.children if child.process is None]
        pause = max(0.0, min(waiting) - time.monotonic()) if waiting else 60.0
        came = signal.sigtimedwait(SIGNALS, pause)
        return came is not None and came.si_signo != signal.SIGCHLD

    def bury_the_dead(self) -> None:
        while dead := _next_dead():
            for child in self.children:
                if child.process is not None and child.process.pid == dead:
                    child.bury()
                    break
            else:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(dead, 0)


def _next_dead() -> int:
    """The number of a process that ended and was not yet waited for; 0 when there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


def refuse_a_busy_port(host: str, port: int) -> None:
    """Exit with one sentence when somebody else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as problem:
            sys.exit(f"Cannot listen on {host}:{port} ({problem.strerror}). Set HOST or PORT to another.")


def main() -> None:
    host, port = read("HOST", "127.0.0.1"), int(read("PORT", "8000"))
    refuse_a_busy_port(host, port)
    say(f"Serving on http://{host}:{port} (Ctrl-C stops it).")
    Runner([Child("web", web_command(host, port)), Child("worker", worker_command())]).run()
    say("Stopped.")


if __name__ == "__main__":
    main()
