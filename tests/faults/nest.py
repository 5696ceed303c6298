"""`python -m tests.faults.nest <how many> [module]`: real workers, forked as the nursery forks its one, and
forked again at once when one is killed.

The runner gives whoever dies quickly three times some time; here they die for as long as a drill lasts.
`module` is imported before: it may change how workers of a bench do their work.
"""

import gc
import os
import sys
from importlib import import_module

from celery.apps import worker as _worker_is_loaded
from celery.concurrency import thread as _pool_is_loaded
from kombu.transport import memory as _transport_is_loaded
from kombu.transport import redis as _redis_is_loaded

from mutualaid import celery, parent_death, worker
from mutualaid.run import Child, Runner

LOADED = (celery, _worker_is_loaded, _pool_is_loaded, _transport_is_loaded, _redis_is_loaded)
AT_ONCE = 0.02


class Restless(Child):
    def pause(self, lived: float) -> float:
        return AT_ONCE


def main() -> None:
    parent_death.die_with(os.getppid())
    for module in sys.argv[2:]:
        import_module(module)
    gc.collect()
    gc.freeze()
    Runner([Restless(f"worker {number}", worker.main) for number in range(int(sys.argv[1]))]).run()


if __name__ == "__main__":
    main()
