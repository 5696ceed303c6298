"""`python -m mutualaid.worker`: one worker without Celery's command line, which would cost memory."""

from mutualaid.celery import THREADS, app
from mutualaid.parent_death import die_with_parent_if_supervised


def main() -> None:
    die_with_parent_if_supervised()
    worker = app.Worker(
        pool="threads",
        concurrency=THREADS,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        optimization="fair",
    )
    worker.start()
    raise SystemExit(worker.exitcode or 0)


if __name__ == "__main__":
    main()
