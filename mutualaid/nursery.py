"""`python -m mutualaid.nursery`: load everything once, then fork the web process and the worker.

Forked, they hold the same pages of memory once, and a process that died is there again without the wait. The
nursery itself never opens the database or a socket, and has one thread: nothing is shared that must not be.
"""

import gc
from importlib import import_module

from celery.apps import worker as _worker_is_loaded
from celery.concurrency import thread as _pool_is_loaded
from django.conf import settings
from kombu.transport import memory as _transport_is_loaded

from mutualaid import celery, web, worker
from mutualaid.run import Child, Runner

LOADED = (celery, _worker_is_loaded, _pool_is_loaded, _transport_is_loaded)


def main() -> None:
    import_module(settings.ROOT_URLCONF)
    # Collected once and then left alone: a page the collector touched is no longer shared.
    gc.collect()
    gc.freeze()
    Runner([Child("web", web.main), Child("worker", worker.main)]).run()


if __name__ == "__main__":
    main()
