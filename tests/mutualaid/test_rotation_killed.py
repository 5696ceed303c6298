"""Rotation, killed after every statement and around every file, and run again: nothing is lost."""

import pytest

from privacy import instance, secret_store
from tests.killed import AFTER, BEFORE, killed
from tests.mutualaid.an_instance import world
from tests.mutualaid.test_rotation import InUse, end_every_need, everything_is_of_root, in_use, roots, rotate

__all__ = ["in_use", "world"]
pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]
STATEMENT = "django.db.backends.utils.CursorWrapper.execute"
FILE = "os.replace"


def one_more() -> str:
    return rotate("--once-more")


def check_accounts(in_use: InUse) -> None:
    """As whatever starts next finds it."""
    secret_store.forget()
    instance.ensure(create=False)
    in_use.check_accounts()


@pytest.mark.parametrize(("place", "when"), [(STATEMENT, AFTER), (FILE, BEFORE), (FILE, AFTER)])
def test_killed_at_every_step_of_adding_a_root(in_use: InUse, place: str, when: str) -> None:
    """Each round adds a root and is killed one step later than the round before, until it runs through."""
    steps = 0
    while killed(one_more, place, when, steps + 1):
        steps += 1
        in_use.check()
        rotate()
        in_use.check()
        assert everything_is_of_root(max(roots()))

    assert steps >= (30 if place == STATEMENT else 1)
    in_use.check()


@pytest.mark.parametrize(("place", "when"), [(STATEMENT, AFTER), (FILE, BEFORE), (FILE, AFTER)])
def test_killed_at_every_step_of_retiring_the_old_ones(in_use: InUse, place: str, when: str) -> None:
    """As above; with no mailbox left, each run retires what it made anew."""
    rotate()
    end_every_need()
    steps = 0
    while killed(rotate, place, when, steps + 1):
        steps += 1
        check_accounts(in_use)
        rotate()
        check_accounts(in_use)

    assert steps >= (30 if place == STATEMENT else 1)
    assert len(roots()) == 1
