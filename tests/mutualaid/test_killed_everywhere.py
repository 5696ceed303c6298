"""Killed (kill -9) at every step of every ending: either nothing has ended, or the next start finishes it.

A step is a commit (or a savepoint) of the database, a slot that is destroyed, a block that is overwritten.
Each is tried in turn, before and after it, until the ending got through without meeting its death.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from privacy.crypto import Unreadable
from privacy.keyring import keyring
from privacy.models import Compartment, Grant
from requests_app import standing
from requests_app.models import Claim, Message, Need
from requests_app.models.claim_queryset import LIVE
from requests_app.visits import Visit
from tests.killed import AFTER, BEFORE, killed
from tests.mutualaid.an_instance import world
from tests.mutualaid.test_killed import DESTROY, implementation, place_of, start
from tests.requests_app.test_access_ends import what_opens
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT, Person

__all__ = ["implementation", "world"]
pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

NOTE, PLACE, WRITTEN = "The blue door.", "By the old fountain", "I wear a green scarf."
COMMIT = "django.db.transaction.Atomic.__exit__"
BLOCK = "privacy.keyring._SlotFile._overwrite"
STEPS = [(place, when) for place in (COMMIT, DESTROY, BLOCK) for when in (BEFORE, AFTER)]


@dataclass
class Coming:
    """Somebody is on the way to her (or holds it, for a hold that runs out)."""

    visit: Visit
    ben: Person
    claim: Claim

    @property
    def need(self) -> Need:
        return self.claim.need

    def opens(self) -> list[str]:
        return what_opens(self.claim, self.ben.private)


End = Callable[[Coming], object]
LATE = timedelta(days=3)
ENDS: dict[str, End] = {
    "withdraw": lambda it: it.need.withdraw(AT),
    "met": lambda it: it.need.met(AT),
    "expire": lambda it: it.need.expire(AT + LATE),
    "erase": lambda it: it.need.erase(AT),
    "erase all of hers": lambda it: it.visit.mailbox.erase(AT),
    "release": lambda it: it.claim.release(AT),
    "release for good": lambda it: it.claim.release(AT, never_again=True),
    "decline": lambda it: it.claim.decline(AT),
    "finish": lambda it: it.claim.finish(AT),
    "lapse": lambda it: it.claim.lapse(AT + LATE / 3),
    "suspend": lambda it: standing.suspend(it.ben.volunteer, AT),
    "suspend after its time": lambda it: standing.suspend(it.ben.volunteer, AT + LATE),
    "close the account": lambda it: standing.leave(it.ben.volunteer, AT),
}
# These go with their volunteer, so each try needs a person of its own.
OF_ACCOUNTS = {"suspend", "suspend after its time", "close the account", "release for good"}


# On the other keyring the order is the same: one ending of each sort.
NETWORK = [pytest.param("network", end, marks=pytest.mark.once) for end in ("withdraw", "release", "suspend")]


@pytest.mark.parametrize(
    ("implementation", "end"), [*(("file", end) for end in ENDS), *NETWORK], indirect=["implementation"]
)
def test_an_ending_killed_at_any_step_is_finished_or_never_began(
    world: World, implementation: str, end: str
) -> None:
    ben, deaths, survived = world.volunteer("Ben"), 0, 0
    for place, when in STEPS:
        nth = 1
        while nth:
            ben = world.volunteer() if end in OF_ACCOUNTS else ben
            it = coming(world, ben, end)
            died = killed(lambda it=it: ENDS[end](it), place_of(place, implementation), when, nth)
            start()
            survived += still_lives(it, end)
            deaths += died
            nth = nth + 1 if died else 0
    # It was met at many steps; at some of them, before the first commit, nothing had ended.
    assert (deaths > 4, survived > 0) == (True, True)


def coming(world: World, ben: Person, end: str) -> Coming:
    if end == "lapse":
        visit, need = world.ask(kind="stay", note=NOTE)
        return Coming(visit, ben, take(ben, only_task(need), place=PLACE))
    visit, need = world.ask(note=NOTE)
    claim = say_yes(visit, take(ben, only_task(need)), place=PLACE)
    claim.write(visit.unlocked, Message.ASKER, WRITTEN, AT)
    return Coming(visit, ben, claim)


def still_lives(it: Coming, end: str) -> bool:
    """Whether it goes on as if nothing had been; else check that nothing of it is left, nor to be done."""
    row = Claim.objects.filter(pk=it.claim.pk).select_related("need", "task", "volunteer").first()
    lives = row is not None and row.status in LIVE and row.need.status == "open"
    if lives and row is not None:
        it.claim = row
        assert it.need.read_note(it.visit.unlocked)[0] == NOTE
        if end != "lapse":
            assert it.opens()[:3] == [NOTE, PLACE, WRITTEN]
        ENDS[end](it)
    assert_it_is_over(it)
    return lives


def assert_it_is_over(it: Coming) -> None:
    need = Need.objects.filter(pk=it.need.pk).first()
    ended = [it.claim] if need is not None and need.status == "open" else [it.claim, it.need]
    slots = [(row.slot_number, row.slot_owner) for row in ended]
    owners = [owner for _number, owner in slots]
    assert keyring().missing(slots) == owners
    left = [
        Compartment.objects.filter(slot_owner__in=owners),
        Grant.objects.filter(slot_owner__in=owners),
        Message.objects.filter(claim=it.claim.pk),
        Claim.objects.filter(pk=it.claim.pk, place__isnull=False),
        Claim.objects.ending(),
        Need.objects.ending(),
    ]
    assert [rows.count() for rows in left] == [0] * len(left)
    if it.need in ended:
        with pytest.raises(Unreadable):
            it.need.read_note(it.visit.unlocked)
        return
    assert Need.objects.get(pk=it.need.pk).read_note(it.visit.unlocked)[0] == NOTE
