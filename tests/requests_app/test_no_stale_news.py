"""News of what is over does not leave any more, and of two who act at the same moment neither loses a row."""

import ast
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeGuard

import pytest
from django.db import connection, transaction

from notify import outbox
from notify.models import Channel, Notice
from requests_app import rings, standing, tasks
from requests_app.models import Claim, Mailbox, Message, Need
from requests_app.models.asked import DESK, FIRST
from requests_app.visits import Visit
from tests.invariants import AT_REST, ask_django
from tests.requests_app.world import World, claim_of, only_task, say_yes, take
from tests.volunteers.people import AT, Person
from volunteers.models import Offer, Volunteer

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def waiting(person: Person) -> int:
    """How many notices are still to leave for them."""
    return Notice.objects.filter(recipient=person.volunteer.pk, status="queued").count()


def asked(world: World) -> tuple[Person, Visit, Need]:
    """Ben was asked about a need, and nothing has left yet."""
    ben = world.volunteer("Ben")
    world.can_be_told(ben)
    visit, need = world.ask()
    rings.ask_next(only_task(need), AT)
    return ben, visit, need


def comes(world: World) -> tuple[Person, Visit, Claim]:
    """She said yes to Ben, wrote to him and said where; nothing has left yet."""
    ben, visit, need = asked(world)
    claim = say_yes(visit, take(ben, only_task(need)), place="By the gate")
    claim.write(visit.unlocked, Message.ASKER, "I wear a green scarf.", AT)
    claim_of(ben, claim.task).meet_at("By the other gate", AT)
    return ben, visit, claim


ENDS: dict[str, Callable[[Visit, Need], object]] = {
    "withdraw": lambda visit, need: need.withdraw(AT),
    "met": lambda visit, need: need.met(AT),
    "expire": lambda visit, need: need.expire(need.expires_at),
    "erase": lambda visit, need: visit.mailbox.erase(AT),
    "pause": lambda visit, need: need.pause(AT),
    "hide": lambda visit, need: visit.mailbox.hide(AT),
    "lose key": lambda visit, need: need.lose_key(AT),
}


@pytest.mark.parametrize("end", ENDS)
def test_whoever_was_asked_does_not_hear_of_what_is_over(world: World, end: str) -> None:
    ben, visit, need = asked(world)
    before = waiting(ben)

    ENDS[end](visit, need)

    assert (before, waiting(ben)) == (1, 0)


@pytest.mark.parametrize("end", [end for end in ENDS if end != "met"])
def test_whoever_was_expected_hears_once_that_it_changed(world: World, end: str) -> None:
    ben, visit, claim = comes(world)
    before = waiting(ben)

    ENDS[end](visit, claim.need)

    # Approved, a message, where to meet.
    assert (before, waiting(ben)) == (3, 1)


@pytest.mark.parametrize(("leave", "left"), [(Claim.decline, 1), (Claim.release, 0), (Claim.finish, 0)])
def test_of_a_claim_that_ended_only_its_end_is_said(
    world: World, leave: Callable[..., None], left: int
) -> None:
    ben, _visit, claim = comes(world)

    leave(claim_of(ben, claim.task), AT)

    assert waiting(ben) == left


def test_the_desk_does_not_hear_of_what_it_need_not_decide_any_more(world: World) -> None:
    ben = world.volunteer("Ben")
    world.can_be_told(world.coordinator)
    _visit, need = world.ask(decides=DESK)
    claim = take(ben, only_task(need))
    before = waiting(world.coordinator)

    claim.release(AT)

    assert (before, waiting(world.coordinator)) == (1, 0)


def test_nothing_that_waits_leaves_for_somebody_suspended(world: World) -> None:
    ben, _visit, _need = asked(world)

    standing.suspend(ben.volunteer, AT)

    assert waiting(ben) == 0


def test_what_was_sent_and_what_is_anothers_stays(world: World) -> None:
    ben, _visit, need = asked(world)
    Notice.objects.update(status="sent")
    _other, other = world.ask()
    rings.ask_next(only_task(other), AT)

    need.withdraw(AT)

    assert (waiting(ben), Notice.objects.count()) == (1, 2)


# Two at the same moment


def beside(
    first: Callable[[], object], second: Callable[[], object], patience: float = 1
) -> tuple[list[BaseException], bool]:
    """`first` in a transaction that stays open until `second` was done beside it, or `patience` seconds.

    What went wrong, and whether it had to wait: `patience` must be long where it must not, because
    whatever a busy machine does slowly looks the same.
    """
    wrong: list[BaseException] = []
    waited = False

    def other() -> None:
        try:
            second()
        except Exception as problem:
            wrong.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    try:
        with transaction.atomic():
            first()
            thread.start()
            thread.join(patience)
            waited = thread.is_alive()
    except Exception as problem:
        wrong.append(problem)
    thread.join(30)
    return wrong, waited


def test_an_address_may_be_forgotten_while_somebody_is_told_there(world: World) -> None:
    ben = world.volunteer("Ben")
    world.can_be_told(ben)
    channel = Channel.objects.get()

    wrong, _waited = beside(lambda: outbox.queue(ben.volunteer.pk, "news", AT), channel.forget)

    assert (wrong, Channel.objects.count(), Notice.objects.count()) == ([], 0, 0)


def test_two_who_tell_the_same_person_do_not_wait_for_each_other(world: World) -> None:
    ben = world.volunteer("Ben")
    world.can_be_told(ben)
    tell = partial(outbox.queue, ben.volunteer.pk)

    # One writes at a time there, whatever it is.
    must_wait = connection.vendor == "sqlite"
    wrong, waited = beside(lambda: tell("news", AT), lambda: tell("more news", AT), 1 if must_wait else 30)

    assert (wrong, Notice.objects.count()) == ([], 2)
    assert waited == must_wait


def test_a_mailbox_goes_with_its_last_need_also_where_two_go_at_once(world: World) -> None:
    visit, first = world.ask()
    _same, second = world.ask(visit)
    for need in (first, second):
        need.withdraw(AT)
    rows = list(Need.objects.select_related("mailbox"))

    wrong, _waited = beside(lambda: rows[0].purge(AT + 2 * DAY), lambda: rows[1].purge(AT + 2 * DAY))

    assert (wrong, Need.objects.count(), Mailbox.objects.count()) == ([], 0, 0)


def test_a_mailbox_stays_for_whoever_asks_for_more_while_its_last_need_goes(world: World) -> None:
    visit, need = world.ask()
    need.withdraw(AT)
    row = Need.objects.select_related("mailbox").get()

    wrong, _waited = beside(lambda: world.ask(visit), lambda: row.purge(AT + 2 * DAY))

    assert (wrong, Need.objects.count(), Mailbox.objects.count()) == ([], 1, 1)


def test_never_again_also_means_what_they_take_of_hers_at_this_moment(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    _visit, other = world.ask(visit, decides=FIRST)
    claim = take(ben, only_task(need))
    task = only_task(other)
    offer = Offer.objects.of(ben.volunteer)[0]

    wrong, _waited = beside(
        lambda: task.claim(ben.volunteer, offer, AT), lambda: claim.decline(AT, never_again=True)
    )

    assert (wrong, Claim.objects.live().count()) == ([], 0)


def test_an_offer_saved_by_somebody_suspended_meanwhile_is_not_found(world: World) -> None:
    ben = world.volunteer("Ben")
    offer = Offer.objects.of(ben.volunteer).select_related("volunteer")[0]
    standing.suspend(Volunteer.objects.get(pk=ben.volunteer.pk), AT)

    offer.write(AT, [])

    name = "somebody is found who is not let in, or not found who is"
    assert ask_django().broken({name: AT_REST[name]}) == {}


# What is counted where rows go


def test_a_place_in_line_is_never_given_twice(world: World) -> None:
    ben, cleo, dee, eli = (world.volunteer(name) for name in ("Ben", "Cleo", "Dee", "Eli"))
    _visit, need = world.ask()
    task = only_task(need)
    take(ben, task)
    for person in (cleo, dee):
        take(person, task, standing_by=True)

    standing.leave(cleo.volunteer, AT)
    take(eli, task, standing_by=True)

    assert [claim_of(person, task).place_in_line for person in (dee, eli)] == [3, 4]


def test_her_newest_need_stays_the_newest_when_the_first_was_purged(world: World) -> None:
    visit, first = world.ask()
    _visit, second = world.ask(visit)
    first.withdraw(AT)
    tasks.purge(AT + 2 * DAY)
    assert Need.objects.get().pk == second.pk

    _visit, third = world.ask(visit, at=AT + 2 * DAY, day=AT.date() + 3 * DAY)

    assert list(Need.objects.shown_to(visit.mailbox).values_list("pk", flat=True)) == [third.pk, second.pk]


# --- The names -------------------------------------------------------------------------------------

ROOMS = [path for room in ("requests_app", "volunteers") for path in Path(room).rglob("*.py")]


Loops = dict[str, list[str]]


def _shapes(node: ast.AST, loops: Loops) -> Iterator[str]:
    """The f-strings in it, with a star for each value; what a loop takes from a literal, written out."""
    for one in getattr(node, "generators", []):
        if isinstance(one.iter, ast.Tuple):
            ways = [str(way.value) for way in one.iter.elts if isinstance(way, ast.Constant)]
            loops = {**loops, ast.unparse(one.target): ways}
    if isinstance(node, ast.JoinedStr):
        parts = [
            loops.get(ast.unparse(part.value), ["*"])
            if isinstance(part, ast.FormattedValue)
            else [str(getattr(part, "value", ""))]
            for part in node.values
        ]
        yield from map("".join, itertools.product(*parts))
    for child in ast.iter_child_nodes(node):
        yield from _shapes(child, loops)


def _named(nodes: Iterable[ast.AST], within: ast.AST, keys: Mapping[str, set[str]]) -> set[str]:
    """The keys these expressions say: written there, in a variable of that function, or a property's."""
    said = list(nodes)
    names = {one.id for node in said for one in ast.walk(node) if isinstance(one, ast.Name)}
    for node in ast.walk(within):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AugAssign) else targets
        if isinstance(node, ast.Assign | ast.AugAssign) and {ast.unparse(one) for one in targets} & names:
            said.append(node.value)
    found = {name for node in said for name in _shapes(node, {})}
    for node in said:
        for one in ast.walk(node):
            found |= keys.get(one.attr, set()) if isinstance(one, ast.Attribute) else set()
    return {name for name in found if ":" in name}


def _is_call(node: ast.AST, *of: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in of


def test_what_is_taken_back_is_called_as_it_was_when_it_was_said() -> None:
    functions = [
        node
        for path in ROOMS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    keys = {one.name: _named(one.body, one, {}) for one in functions if one.name.endswith("_key")}
    said, taken_back = set[str](), set[str]()
    for one in functions:
        for node in ast.walk(one):
            if _is_call(node, "outbox.queue", "rota.tell", "desk.tell"):
                said |= _named(node.args, one, keys)
            elif _is_call(node, "outbox.take_back"):
                taken_back |= _named(node.args, one, keys)

    assert {"proposal:*:asked", "task:*:untaken:*", "claim:*:held", "tap:*:missed"} <= said & taken_back
    assert taken_back - said == set()
