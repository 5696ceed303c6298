"""One command, one process tree, started again where it dies.

    runner ── nursery ── web ── the process that serves
                     └── worker

The runner is small: standard library only, never Django, so that it cannot fall over what the others do.
The nursery (mutualaid/nursery.py) loads everything once and forks the rest, which share its memory.
"""

import contextlib
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from mutualaid import no_core, parent_death
from mutualaid.environment import BASE_DIR, read

QUICK = 10.0  # seconds: who lives less than this died quickly
QUICK_DEATHS = 3
# Seconds before a restart. Whatever killed it may be over: messages must not wait for long then.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
PATIENCE = 10.0  # seconds to stop politely
RENEWAL = 30.0  # seconds that one process serves pages (mutualaid/web.py)
SETTLE = 5  # seconds in which whoever it had let in may still begin to speak
DRAIN = 10  # seconds it may then take to finish what it began
REFUSED = 78  # what a child ends with that must not be started again: EX_CONFIG of sysexits.h
SIGNALS = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the terminal of whoever typed `make run`


class Child:
    """A process with a session of its own. What it leaves behind is killed before it starts again."""

    def __init__(self, name: str, work: Callable[[], object], patience: float = PATIENCE) -> None:
        self.name = name
        self.work = work
        self.patience = patience
        self.pid = 0
        self.started = 0.0
        self.start_after = 0.0
        self.quick_deaths = 0

    def start(self) -> None:
        parent = os.getpid()
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self._live(parent)

    def _live(self, parent: int) -> None:
        """In the new process: do the work, and never return into what the parent was doing."""
        status = 1
        try:
            os.setsid()
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            parent_death.die_with(parent)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            self.work()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def pause(self, lived: float) -> float:
        """Seconds before the next start: short at first, longer after three quick deaths."""
        self.quick_deaths = self.quick_deaths + 1 if lived < QUICK else 0
        over = self.quick_deaths - QUICK_DEATHS
        return FIRST_PAUSE if over < 0 else min(LONGEST_PAUSE, 2.0**over)

    def bury(self) -> None:
        """It is dead and not yet waited for: kill its group while the number is still its own."""
        if self.kill() == REFUSED:
            sys.exit(REFUSED)
        pause = self.pause(time.monotonic() - self.started)
        self.start_after = time.monotonic() + pause
        say(f"The {self.name} process died. It starts again in {pause:g} s.")

    def stop(self) -> None:
        """Politely first; whatever is left of the group when patience ends is killed."""
        if not self.pid:
            return
        os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + self.patience
        while not _is_dead(self.pid) and time.monotonic() < end:
            time.sleep(0.02)
        self.kill()

    def kill(self) -> int:
        """What it ended with; negative is the signal that ended it."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)
        _pid, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


class Runner:
    """Starts children in order, keeps them running, and stops them in the same order."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = children

    def run(self) -> None:
        """Returns once SIGINT, SIGTERM or SIGHUP came and every child has ended."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        parent_death.adopt_orphans()
        while not self.asked_to_stop():
            self.bury_the_dead()
            for child in self.children:
                if not child.pid and time.monotonic() >= child.start_after:
                    child.start()
        for child in self.children:
            child.stop()
        self.bury_the_dead()

    def asked_to_stop(self) -> bool:
        """Sleep until a signal comes or a child may start again."""
        waiting = [child.start_after for child in self.children if not child.pid]
        pause = max(0.0, min(waiting) - time.monotonic()) if waiting else 60.0
        came = signal.sigtimedwait(SIGNALS, pause)
        return came is not None and came.si_signo != signal.SIGCHLD

    def bury_the_dead(self) -> None:
        ours = {child.pid: child for child in self.children if child.pid}
        while dead := _next_dead():
            if dead in ours:
                ours.pop(dead).bury()
            else:
                # An orphan that came to us.
                os.waitpid(dead, 0)


def _next_dead() -> int:
    """The number of a process that ended and was not yet waited for; 0 when there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


def _is_dead(pid: int) -> bool:
    """Ended, and not yet waited for: its number is not given to anybody else."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def refuse_a_busy_port(host: str, port: int) -> None:
    """Exit with one sentence when somebody else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as problem:
            sys.exit(f"Cannot listen on {host}:{port} ({problem.strerror}). Set HOST or PORT to another.")


def hand_down_a_memory() -> None:
    """Of which clock is trusted (privacy/clock.py): a nursery that died must not forget that one was set."""
    with contextlib.suppress(OSError):
        os.ftruncate(os.memfd_create("mutualaid clocks", 0), 64)


def nursery() -> None:
    os.chdir(BASE_DIR)
    # One arena for all threads: with one each, the allocator keeps several megabytes for nothing.
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    os.execv(sys.executable, [sys.executable, "-m", "mutualaid.nursery"])  # noqa: S606


def main() -> None:
    no_core.leave_no_core()
    host, port = read("HOST", "127.0.0.1"), int(read("PORT", "8000"))
    refuse_a_busy_port(host, port)
    hand_down_a_memory()
    # mutualaid/web.py says when it serves.
    say("Starting …")
    Runner([Child("nursery", nursery, patience=2 * PATIENCE + 5)]).run()
    say("Stopped.")


if __name__ == "__main__":
    main()
