"""Her reveal log says exactly what became readable: it is compared with every grant of whole journeys."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from privacy import clock
from privacy.models import Grant
from requests_app import rings, standing
from requests_app.models import Claim, Message, Need, Reveal
from requests_app.models.reveal import FACTS
from requests_app.visits import Visit
from tests.killed import AFTER, BEFORE, killed
from tests.requests_app.desk import browser, locked, read
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.world import World, claim_of, only_task, say_yes, take
from tests.volunteers.people import AT, PASSPHRASE, Person

HOUR = timedelta(hours=1)
WHAT = {"note": "note", "leg": "leg", "plan": "plan", "place": "place", "thread": "messages"}
# Whose, what, when.
Row = tuple[str, str, str, datetime]


class Watch:
    """Every grant there ever was to anybody but her, taken down as it appears."""

    def __init__(self) -> None:
        self.seen: set[tuple[object, ...]] = set()
        self.granted: Counter[Row] = Counter()

    def look(self) -> None:
        for grant in Grant.objects.select_related("compartment").exclude(reader_kind="mailbox"):
            name = (grant.compartment_id, grant.reader_kind, grant.reader_id, bytes(grant.key_fingerprint))
            if (*name, grant.slot_owner) in self.seen:
                continue
            self.seen.add((*name, grant.slot_owner))
            self.granted[self._row(grant)] += 1

    def _row(self, grant: Grant) -> Row:
        owner = grant.slot_owner or grant.compartment.slot_owner
        claim = (
            Claim.objects.filter(pk=owner.partition(":")[2]).first() if owner.startswith("claim") else None
        )
        reader = {"desk": "desk", "volunteer": "comes"}[grant.reader_kind]
        return (
            reader,
            str(claim.pk) if claim else "",
            WHAT[grant.compartment.purpose.partition(" ")[0]],
            grant.granted_at,
        )


def logged() -> Counter[Row]:
    rows = Reveal.objects.filter(opened=False).exclude(what=FACTS)
    return Counter((row.reader, str(row.claim_id or ""), row.what, row.at) for row in rows)


def log() -> list[tuple[str, str, bool, datetime, datetime | None]]:
    rows = Reveal.objects.order_by("at", "reader", "what", "opened")
    return [(row.reader, row.what, row.opened, row.at, row.ended_at) for row in rows]


def hour(count: int = 0) -> datetime:
    return clock.hour(AT) + count * HOUR


def journeys() -> dict[str, Callable[[World, Watch], None]]:
    return {
        "she decides": she_decides,
        "the desk decides": the_desk_decides,
        "the first decides": the_first_decides,
    }


def she_decides(world: World, watch: Watch) -> None:
    """Somebody comes and cannot; a second one comes, has a new key, and she writes and changes the place."""
    visit, need = world.ask(note="Please ring twice.", desk_reads=True, answers={"back": "yes"})
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    task = need.tasks.get(role="there")
    watch.look()
    first = say_yes(visit, take(ben, task), place="Under the clock")
    watch.look()
    first.release(AT + HOUR)
    second = say_yes(visit, take(cleo, task, AT + HOUR), AT + HOUR)
    watch.look()
    second.meet_at("By the gate", AT + HOUR)
    watch.look()
    second = claim_of(cleo, task)
    second.meet_at("By the other gate", AT + 2 * HOUR)
    watch.look()
    standing.start_over(cleo.volunteer, PASSPHRASE, "en", AT + 2 * HOUR)
    second = claim_of(cleo, task)
    # To her alone, while nobody said yes to the new key.
    second.meet_at("By the third gate", AT + 2 * HOUR)
    watch.look()
    second = claim_of(cleo, task)
    second.approve_key(visit.unlocked, second.key_fingerprint(), AT + 3 * HOUR)
    watch.look()
    second = claim_of(cleo, task)
    second.write(visit.unlocked, Message.ASKER, "I wear a green scarf.", AT + 3 * HOUR)
    watch.look()
    say_yes(visit, take(ben, need.tasks.get(role="back"), AT + 3 * HOUR), AT + 3 * HOUR, place="Back here")
    watch.look()


def the_desk_decides(world: World, watch: Watch) -> None:
    visit, need = world.ask(
        note="Please ring twice.", desk_reads=True, decides="desk", place="Under the clock"
    )
    ben = world.volunteer("Ben")
    watch.look()
    claim = take(ben, only_task(need), AT + HOUR)
    claim.approve(world.desk(), claim.key_fingerprint(), AT + HOUR)
    watch.look()
    standing.start_over(ben.volunteer, PASSPHRASE, "en", AT + 2 * HOUR)
    claim = claim_of(ben, claim.task)
    claim.approve_key(world.desk(), claim.key_fingerprint(), AT + 2 * HOUR)
    watch.look()
    claim = claim_of(ben, claim.task)
    claim.approve_key(visit.unlocked, claim.key_fingerprint(), AT + 3 * HOUR)
    watch.look()


def the_first_decides(world: World, watch: Watch) -> None:
    """Nobody who holds a key is there: note and place open at her next visit."""
    visit, need = world.ask(note="Please ring twice.", decides="first")
    ben = world.volunteer("Ben")
    take(ben, only_task(need))
    watch.look()
    visit.mailbox.settle(visit.seed, AT + HOUR)
    visit.mailbox.settle(visit.seed, AT + 2 * HOUR)
    watch.look()
    claim_of(ben, only_task(need)).meet_at("Under the clock", AT + 2 * HOUR)
    watch.look()


@pytest.mark.parametrize("journey", journeys())
def test_the_log_says_what_was_granted_and_nothing_else(world: World, journey: str) -> None:
    watch = Watch()

    journeys()[journey](world, watch)

    assert logged() == watch.granted
    assert sum(watch.granted.values()) >= 2


def test_a_hosts_own_place_is_no_reveal_of_hers(world: World) -> None:
    visit, need = world.ask(kind="stay", note="")
    claim = say_yes(visit, take(world.volunteer("Ben"), only_task(need)))

    assert {(row.what, row.claim_id) for row in Reveal.objects.all()} == {
        ("note", claim.pk),
        ("messages", claim.pk),
    }


def test_it_says_when_nobody_could_open_it_any_more(world: World) -> None:
    visit, need = world.ask(note="Please ring twice.", desk_reads=True)
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    say_yes(visit, take(ben, only_task(need))).release(AT + HOUR)
    say_yes(visit, take(cleo, only_task(need), AT + 2 * HOUR), AT + 2 * HOUR)

    need.withdraw(AT + 3 * HOUR)

    first = [("comes", what, False, hour(), hour(1)) for what in ("leg", "messages", "note")]
    second = [("comes", what, False, hour(2), hour(3)) for what in ("leg", "messages", "note")]
    at_desk = [("desk", what, False, hour(), hour(3)) for what in ("leg", "note")]
    assert log() == [*first, *at_desk, *second]


def test_whoever_closes_their_account_does_not_take_it_out_of_the_log(world: World) -> None:
    visit, need = world.ask(note="")
    ben = world.volunteer("Ben")
    say_yes(visit, take(ben, only_task(need)))

    standing.leave(ben.volunteer, AT + HOUR)

    assert (Claim.objects.count(), log()) == (
        0,
        [("comes", what, False, hour(), hour(1)) for what in ("leg", "messages", "note")],
    )


def test_a_new_key_ends_what_the_old_one_opened_and_begins_with_her_yes(world: World) -> None:
    visit, need = world.ask(note="")
    ben = world.volunteer("Ben")
    say_yes(visit, take(ben, only_task(need)))

    standing.start_over(ben.volunteer, PASSPHRASE, "en", AT + HOUR)
    between = log()
    claim = claim_of(ben, only_task(need))
    claim.approve_key(visit.unlocked, claim.key_fingerprint(), AT + 2 * HOUR)

    first = [("comes", what, False, hour(), hour(1)) for what in ("leg", "messages", "note")]
    assert between == first
    assert log() == [*first, *(("comes", what, False, hour(2), None) for what in ("leg", "messages", "note"))]


def test_the_desk_reading_is_written_down_once_an_hour_for_each_and_names_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _visit, need = world.ask(
        note="Please ring twice.", desk_reads=True, decides="desk", place="Under the clock"
    )
    path = f"/desk/needs/{need.pk}/"
    desk = browser(world.coordinator)

    locked(world.coordinator).page(path)
    unread = [row for row in log() if row[2]]
    desk = browser(world.coordinator)
    for _look in range(3):
        assert "Please ring twice." in desk.page(path)
    once = [row for row in log() if row[2]]
    monkeypatch.setattr("privacy.clock.now", lambda: AT + HOUR)
    desk.page(path)

    assert (unread, once) == ([], [("desk", what, True, hour(), None) for what in ("note", "place")])
    assert len([row for row in log() if row[2]]) == 4
    mark = world.coordinator.volunteer.pk
    rows = str(list(Reveal.objects.values()))
    assert (str(mark) in rows, mark.hex in rows) == (False, False)


def test_the_desk_reading_where_each_leg_goes_is_written_down_too(world: World) -> None:
    _visit, need = world.ask(
        note="Please ring twice.",
        desk_reads=True,
        answers={"to": "The mill", "back": "yes", "back_to": "Home"},
    )
    page = browser(world.coordinator).page(f"/desk/needs/{need.pk}/")

    opened = sorted(what for _reader, what, is_opened, *_when in log() if is_opened)
    assert ("The mill" in page, "Home" in page) == (True, True)
    assert opened == ["leg", "leg", "note"]


def test_a_note_the_desk_may_not_read_is_never_said_to_be_opened(world: World) -> None:
    _visit, need = world.ask(note="Please ring twice.")
    browser(world.coordinator).page(f"/desk/needs/{need.pk}/")
    assert log() == []


def test_the_board_is_said_with_how_many_were_asked(world: World) -> None:
    for _ in range(6):
        world.volunteer()
    visit, need = world.ask(answers={"back": "yes"})

    rings.ask_next(need.tasks.get(role="there"), AT)

    assert [(row.reader, row.what, row.people) for row in Reveal.objects.all()] == [("asked", "facts", 4)]
    assert "4 people who were asked on the board: the ticks, area and day" in page_of(visit)
    need.pause(AT + HOUR)
    assert [row.ended_at for row in Reveal.objects.all()] == [hour(1)]


def page_of(visit: Visit) -> str:
    return read(enter(visit).get("/a/mine/").content.decode())


def test_she_reads_it_by_role_and_hour_and_nobody_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask(note="Please ring twice.", desk_reads=True)
    ben: Person = world.volunteer("Ben")
    say_yes(visit, take(ben, only_task(need)), place="Under the clock").release(AT + HOUR)
    monkeypatch.setattr("privacy.clock.now", lambda: AT + 2 * HOUR)

    log_ = page_of(visit).partition("Who could read what, and when")[2]

    written = "your note, what you wrote for this part"
    comes = f"The person who comes (The way there) could open: {written}, the place, the messages"
    assert f"{comes} 12:00 until 13:00" in log_
    assert f"The desk could open: {written} 12:00" in log_
    assert "Ben" not in log_.partition("nobody can take back")[0]


def test_it_dies_with_its_need(world: World) -> None:
    visit, need = world.ask(note="", desk_reads=True)
    say_yes(visit, take(world.volunteer(), only_task(need)))
    need.erase(AT)
    assert (Need.objects.count(), Reveal.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("place", ["privacy.compartments.GrantQuerySet.put", "notify.outbox.queue"])
def test_a_process_killed_while_it_reveals_leaves_both_or_none(world: World, place: str, when: str) -> None:
    visit, need = world.ask(note="")
    claim = take(world.volunteer(), only_task(need))
    assert killed(lambda: say_yes(visit, claim, place="Under the clock"), place, when)

    watch = Watch()
    watch.look()
    assert (logged(), watch.granted) == (Counter(), Counter())
