"""`python -m mutualaid.nursery`: load everything once, then fork the web process and the worker.

Forked, they hold the same pages of memory once, and a process that died is there again without the wait. The
nursery itself never opens the database or a socket, and has one thread: nothing is shared that must not be.
"""

import gc
import os
import sys
from importlib import import_module

from celery.apps import worker as _worker_is_loaded
from celery.concurrency import thread as _pool_is_loaded
from django.conf import settings
from django.core.cache import caches
from kombu.transport import memory as _transport_is_loaded

from mutualaid import celery, web, worker
from mutualaid.duties import AT_START
from mutualaid.run import REFUSED, Child, Runner
from privacy import clock, instance

LOADED = (celery, _worker_is_loaded, _pool_is_loaded, _transport_is_loaded)


def is_refused() -> bool:
    """Whether secrets, database and keyring do not belong together: then one sentence says so.

    In a process of its own, which also finishes what the last start, or a crash, left half done.
    """
    pid = os.fork()
    if pid == 0:
        os._exit(_check())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == REFUSED


def _check() -> int:
    try:
        instance.ensure(create=False)
        for _sentence, work in AT_START:
            work(clock.now())
    except instance.InstanceRefused as reason:
        sys.stderr.write(f"{reason}\n")
        return REFUSED
    except Exception as problem:
        # The database may be back in a moment: web and worker wait for it, and say what is wrong.
        sys.stderr.write(f"The start could not be checked: {type(problem).__name__}\n")
        return 1
    return 0


def main() -> None:
    if is_refused():
        sys.exit(REFUSED)
    import_module(settings.ROOT_URLCONF)
    # Made here, its memory belongs to all of them, and to those that come after one that died.
    caches.all(initialized_only=False)
    # Collected once and then left alone: a page the collector touched is no longer shared.
    gc.collect()
    gc.freeze()
    Runner([Child("web", web.main), Child("worker", worker.main)]).run()


if __name__ == "__main__":
    main()
