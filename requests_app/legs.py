"""Who has which task of a need, in order: one wording for its asker, whoever could come, and the desk."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext

from requests_app import facts
from requests_app.models import Claim, Task
from requests_app.models.task import DONE


def nobody_has(tasks: Sequence[Task], claims: Iterable[Claim], at: datetime) -> list[str]:
    """A sentence for each of a need's tasks that nobody holds and nobody does; none where there is only one.

    `tasks`: all that were not closed; `claims`: those that are offered now.
    """
    if len(tasks) < 2:
        return []
    held = {claim.task_id for claim in claims if claim.holds}
    free = [task for task in _in_order(tasks) if task.status != DONE and task.pk not in held]
    return [_nobody(task, at) for task in free]


def somebody_has(tasks: Sequence[Task], claims: Iterable[Claim]) -> list[str]:
    """A sentence for each of the others: what is done, who comes, who offered."""
    holding = {claim.task_id: claim for claim in claims if claim.holds}
    return [
        _somebody(task, holding.get(task.pk))
        for task in _in_order(tasks if len(tasks) > 1 else ())
        if task.status == DONE or task.pk in holding
    ]


def somebody_offered(tasks: Sequence[Task], claims: Iterable[Claim]) -> list[str]:
    """Of these sentences, those about a task that waits for a yes."""
    waiting = {claim.task_id: claim for claim in claims if claim.holds and not claim.is_approved}
    several = _in_order(tasks if len(tasks) > 1 else ())
    return [_somebody(task, waiting[task.pk]) for task in several if task.pk in waiting]


def _in_order(tasks: Iterable[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: task.position)


def _nobody(task: Task, at: datetime) -> str:
    title = {"task": facts.title(task.need, task)}
    if task.needed_by(at) is None:
        return gettext("%(task)s: nobody, and its time is over.") % title
    return gettext("%(task)s: nobody yet.") % title


def _somebody(task: Task, claim: Claim | None) -> str:
    title = {"task": facts.title(task.need, task)}
    if task.status == DONE or claim is None:
        return gettext("%(task)s: done.") % title
    if claim.is_approved:
        return gettext("%(task)s: somebody comes.") % title
    return gettext("%(task)s: somebody offered.") % title
