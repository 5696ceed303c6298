"""Random interleavings of what everybody can do and of everything that falls due, held against a model.

After every step the rows say what the model says, no query of tests/invariants.py finds anything, whoever may
read reads, and nobody else does, not with every key and every row there ever was. MODEL_SEED draws others.
"""

import os
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mutualaid.duties import DUTIES
from notify import outbox, transports
from notify.models import Channel
from notify.transports import TransportDown
from privacy import clock, instance
from privacy.due import Watch
from privacy.keyring import keyring
from requests_app.models import Claim, Mailbox, Need, Task
from tests.invariants import ALWAYS, AT_REST, LATE, ask_django, slots_that_disagree
from tests.mutualaid.an_instance import world
from tests.mutualaid.model import (
    APPROVED,
    SHE,
    Has,
    Somebody,
)
from tests.mutualaid.walk_askers import Askers
from tests.mutualaid.walk_ground import DAY, HOUR, MINUTE, SECOND, STEPS, step
from tests.mutualaid.walk_volunteers import Volunteers
from tests.notify.pigeons import Pigeons
from tests.requests_app.world import World, unlocked
from tests.volunteers.people import Person
from volunteers.models import Volunteer

__all__ = ["world"]


class Walk(Askers, Volunteers, RuleBasedStateMachine):
    """Everybody at once, and time."""

    def teardown(self) -> None:
        try:
            self.vault.opens_nothing_of(self.vault.owners() - self._live_owners())
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)
            keyring().reclaim(keyring().unowned([]))

    @initialize()
    def somebody_is_there(self) -> None:
        for person in self.people:
            somebody = Somebody(person.volunteer.handle)
            fresh = Person(Volunteer.objects.get(pk=person.volunteer.pk), person.private, person.sheet)
            self.persons[somebody] = fresh
            self.model.people.append(somebody)
            self.vault.key(fresh.volunteer.reader(), fresh.private)
        self.desk = self.world.desk()
        self.vault.key(self.desk.reader, self.desk.private_key)

        for n in range(3):
            self.gives_an_address(n)
            self.asks(0, ("ride", "stay", "two")[n], SHE, True, True, False, False)

    # One rule for all of them: hypothesis would leave out half of the rules in each walk, and most steps
    # need others before them.
    @rule(
        name=st.deferred(lambda: st.sampled_from([n for n, s in STEPS.items() for _ in range(s.weight)])),
        seed=st.integers(0, 2**20),
    )
    def somebody_does_something(self, name: str, seed: int) -> None:
        rng = Random(seed)
        drawn = {what: rng.choice(values) for what, values in STEPS[name].drawn.items()}
        self.did["step"] += 1
        getattr(self, name)(**drawn)

    # What time does

    @step(10, by=[30 * SECOND, 20 * MINUTE, 20 * MINUTE, HOUR, HOUR, 3 * HOUR, 9 * HOUR, DAY])
    def time_passes(self, by: timedelta) -> None:
        self.at += by
        self.set_clock(self.at)

    @step(10, seed=range(10_000))
    def some_duties_run(self, seed: int) -> None:
        rng = Random(seed)
        for duty in rng.sample(DUTIES, rng.randrange(1, len(DUTIES))):
            self._run(duty)

    @step(3, down=[False, False, True])
    def every_duty_runs(self, down: bool) -> None:
        """Whatever is due is done then, whatever happened before; news waits only while nothing leaves."""
        if down:
            self.loft.trouble[""] = TransportDown()
        for _round in range(6):
            for duty in DUTIES:
                self._run(duty)
            self.at += 5 * SECOND
            self.set_clock(self.at)
        left = ask_django().broken(AT_REST, self.at - 30 * SECOND + LATE)
        if self.loft.trouble.pop("", None):
            left.pop("a notice nobody sent", None)
        assert left == {}
        assert slots_that_disagree(ask_django(), self.keyring_path) == []

    def _run(self, duty: Any) -> None:
        if not duty.is_due(self.at):
            return
        self.loft.posted.clear()
        tried = len(self.loft.tried)
        duty.run(self.at)
        after = {
            "lapse": lambda: self.model.lapses(self.at),
            "expire": lambda: self.model.expires(self.at),
            "purge": lambda: self.model.purges(self.at),
            "answer": lambda: self.model.answers(clock.hour(self.at) + HOUR + DAY),
        }
        after.get(duty.name, lambda: None)()
        for address in self.loft.tried[tried:]:
            owner = self.owners[address]
            if address in self.loft.trouble and isinstance(owner, Somebody):
                owner.addresses.discard(address)
        for address, message in self.loft.posted:
            self.did["delivered " + self.told.get(message.key, "?").split(":")[0]] += 1
            self._is_theirs(address, self.told.get(message.key, ""))

    def _is_theirs(self, address: str, key: str) -> None:
        """News reaches whoever it is for, about what is still there."""
        owner = self.owners[address]
        if isinstance(owner, Somebody):
            assert address in owner.addresses
            assert (owner.gone, owner.suspended) == (False, False)
        else:
            assert owner.address == address
            assert owner in self.model.needs()
            assert not any(knock.answered and knock.hides(self.at) for knock in owner.her.knocks)
        about, _colon, rest = key.partition(":")
        name, _colon, what = rest.partition(":")
        claims = {str(has.id): has for need in self.model.needs() for _part, has in need.claims()}
        parts = {str(part.id): part for need in self.model.needs() for part in need.parts}
        if about == "task":
            assert name in parts, key
            assert parts[name].need.status == "open", key
        elif about == "claim" and what not in ("left", "ended", "done"):
            assert name in claims, key
            assert claims[name].is_live, key

    # What is true after every step

    @invariant()
    def it_is_as_it_must_be(self) -> None:
        self.vault.remember()
        self.the_rows_say_what_the_model_says()
        self.nothing_is_found_that_must_not_be()
        self.whoever_may_read_reads()
        self.what_ended_opens_for_nobody()

    def the_rows_say_what_the_model_says(self) -> None:
        needs = {need.pk: need.status for need in Need.objects.all()}
        assert needs == {need.id: need.status for need in self.model.needs()}
        tasks = {task.pk: task.status for task in Task.objects.all()}
        assert tasks == {part.id: part.status for need in self.model.needs() for part in need.parts}
        claims = {claim.pk: (claim.status, claim.held_until) for claim in Claim.objects.all()}
        wanted = [pair for need in self.model.needs() for pair in need.claims()]
        assert claims == {has.id: (has.status, has.until) for _part, has in wanted}
        assert Mailbox.objects.count() == sum(not her.gone for her in self.model.askers)

    def nothing_is_found_that_must_not_be(self) -> None:
        assert ask_django().broken(ALWAYS, self.at) == {}
        assert slots_that_disagree(ask_django(), self.keyring_path, at_rest=False) == []

    def whoever_may_read_reads(self) -> None:
        """Of two of the needs after each step, in turn."""
        living = [need for need in self.model.needs() if not need.has_ended and need.expires_at > self.at]
        self.turn += 2
        for need in {living[(self.turn + n) % len(living)] for n in range(2)} if living else ():
            row = Need.objects.select_related("mailbox").get(pk=need.id)
            her = self.visits[need.her].unlocked
            assert row.read_note(her)[0] == need.note
            readers = [(her, True), (self.desk, need.desk_reads)]
            for who in (one for one in self.model.people if not one.gone):
                reads = any(
                    has.who is who and has.status == APPROVED and has.reads_note and has.key == who.key
                    for _part, has in need.claims()
                )
                readers.append((unlocked(self.persons[who]), reads))
            for reader, may in readers:
                assert self._done(lambda row=row, reader=reader: row.read_note(reader)) == may
            for _part, has in need.claims():
                if has.status == APPROVED:
                    self._is_shared(has, her)

    def _is_shared(self, has: Has, her: Any) -> None:
        """Place and messages, between the two of them."""
        claim, theirs = self._row(has), unlocked(self.persons[has.who])
        # Otherwise that nothing opens later would say nothing.
        assert self.vault.opens(f"claim:{has.id}")
        if self.at < claim.need.place_seen_until():
            assert claim.read_place(her, self.at) == has.place
            if has.place and has.who.key in has.place_keys:
                assert claim.read_place(theirs, self.at) == has.place
        texts = [message.text(claim.thread(her)) for message in claim.messages.all()]
        assert texts == has.messages
        assert self._done(lambda: claim.thread(theirs)) == (has.key == has.who.key)

    def what_ended_opens_for_nobody(self) -> None:
        ended = self.vault.owners() - self._live_owners() - self.vault.checked
        self.vault.opens_nothing_of(ended)
        self.vault.checked |= ended

    def _live_owners(self) -> set[str]:
        needs = [need for need in self.model.needs() if not need.has_ended]
        return {f"need:{need.id}" for need in needs} | {
            f"claim:{has.id}" for need in needs for _part, has in need.claims() if has.is_live
        }


@pytest.fixture
def walk(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[Walk]:
    loft = Pigeons()
    monkeypatch.setattr(transports, "_transports", {"pigeons": loft})
    monkeypatch.setattr(Watch, "elapsed", lambda watch: timedelta(0))
    people = [world.volunteer(name, capacity=50) for name in ("Ben", "Cleo", "Dee", "Eli")]
    members = {
        "world": world,
        "people": people,
        "did": Counter(),
        "loft": loft,
        "keyring_path": settings.KEYRING_PATH,
        "set_clock": staticmethod(lambda at: monkeypatch.setattr("privacy.clock.now", lambda: at)),
    }
    made = type("OneWalk", (Walk,), members)
    current: list[Walk] = []
    begin, queue = made.__init__, outbox.queue

    def init(self: Walk) -> None:
        current[:] = [self]
        begin(self)

    def recorded(recipient: Any, key: str, *args: Any, **more: Any) -> None:
        for channel in Channel.objects.of(recipient):
            stored = instance.blind("notice", f"{key}:{channel.pk}")
            current[0].told[instance.blind("notice.message", stored)[:32]] = key
        queue(recipient, key, *args, **more)

    monkeypatch.setattr(made, "__init__", init)
    monkeypatch.setattr(outbox, "queue", recorded)
    return made


SEED = os.environ.get("MODEL_SEED", "a walk in November")
# How often at least these were done in a long run, and not refused: otherwise it proves nothing.
ENOUGH = {"claims": 15, "approves": 5, "_leaves": 5, "delivered proposal": 15, "delivered claim": 3}
SHORT, LONG = (4, 40), (20, 50)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(*SHORT, marks=pytest.mark.timeout(300)),
        pytest.param(*LONG, marks=[pytest.mark.drill, pytest.mark.timeout(900)]),
    ],
    ids=["short", "long"],
)
def test_whatever_people_and_time_do_the_model_holds(walk: type[Walk], examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        # Ids and orders are drawn by the system as well: a shorter walk would be another one.
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    drawn = seeded(SEED)
    run_state_machine_as_test(drawn(walk), settings=chosen)
    did = walk.did
    print(f"{SEED!r}: {dict(did)}")
    few = {what: did[what] for what, least in ENOUGH.items() if did[what] * LONG[0] < least * examples}
    assert few == {}
