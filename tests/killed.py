"""A process that is killed (kill -9) at one exact place of the code."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.utils.module_loading import import_string

FORK = multiprocessing.get_context("fork")
BEFORE, AFTER = "before", "after"


def killed(work: Callable[[], object], place: str, when: str, nth: int = 1) -> bool:
    """Do `work` in a process of its own that is killed before or after the `nth` call of `place`
    ("package.module.function" or "….Class.method"). False where it ended by itself before.
    """
    # A connection of two processes would end with the first of them.
    connections.close_all()
    process = FORK.Process(target=_work, args=(work, place, when, nth))
    process.start()
    process.join(60)
    return process.exitcode == -signal.SIGKILL


def _work(work: Callable[[], object], place: str, when: str, nth: int) -> None:
    owner_path, _dot, name = place.rpartition(".")
    owner = import_string(owner_path) if owner_path.rpartition(".")[2][0].isupper() else _module(owner_path)
    before = getattr(owner, name)
    calls = 0

    def deadly(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and when == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        result = before(*args, **named)
        if calls == nth and when == AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)
    work()


def _module(path: str) -> Any:
    return __import__(path, fromlist=["_"])
