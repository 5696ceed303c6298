"""`python -m mutualaid.worker`: one worker without Celery's command line, which would cost memory."""

import os
import warnings

from celery.platforms import SecurityWarning

from mutualaid.celery import THREADS, app


def main() -> None:
    # Set-up has run Django's checks, and they load what only migrations need.
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    # It warns of pickle for root; here only JSON is accepted.
    warnings.simplefilter("ignore", SecurityWarning)
    worker = app.Worker(
        pool="threads",
        concurrency=THREADS,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    raise SystemExit(worker.exitcode or 0)


if __name__ == "__main__":
    main()
