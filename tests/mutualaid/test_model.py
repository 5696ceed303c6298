"""Random interleavings of what everybody can do and of everything that falls due, held against a model.

After every step the rows say what the model says, no query of tests/invariants.py finds anything, whoever may
read reads, and nobody else does, not with every key and every row there ever was. MODEL_SEED draws others.
"""

import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mutualaid.duties import DUTIES
from notify import deliver, outbox, transports
from notify.models import Channel
from notify.transports import AddressGone, TransportDown
from organisation import kinds
from privacy import clock, instance
from privacy.crypto import Unreadable
from privacy.due import Watch
from privacy.keyring import keyring
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import asking, standing
from requests_app.models import Claim, KeyChanged, Mailbox, Message, Need, NotForYou, NotNow, Task, TooLate
from requests_app.models.asked import Tell
from requests_app.visits import Visit
from tests.invariants import ALWAYS, AT_REST, LATE, ask_django, slots_that_disagree
from tests.mutualaid.an_instance import world
from tests.mutualaid.model import (
    APPROVED,
    DECLINED,
    DESK,
    EXPIRED,
    MET,
    RELEASED,
    SHE,
    WITHDRAWN,
    Chosen,
    Has,
    Her,
    Knocked,
    Model,
    Part,
    Somebody,
    Wanted,
)
from tests.mutualaid.vault import Vault
from tests.notify.pigeons import Pigeons
from tests.requests_app.world import World, unlocked
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers.models import Offer, Volunteer

__all__ = ["world"]

REFUSED = (SomebodyWasFaster, MoveRefused, NotNow, NotForYou, TooLate, KeyChanged, Unreadable)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


@dataclass(frozen=True)
class Step:
    """What somebody, or time, can do: how often it is drawn, and what from."""

    weight: int
    drawn: dict[str, Sequence[Any]]


def step(weight: int, **drawn: Sequence[Any]) -> Callable[[Any], Any]:
    def mark(verb: Any) -> Any:
        STEPS[verb.__name__] = Step(weight, drawn)
        return verb

    return mark


STEPS: dict[str, Step] = {}


class Walk(RuleBasedStateMachine):
    """One instance in use. `people` and the coordinator were there before; what a walk adds is undone."""

    world: World
    people: list[Person]
    did: Counter[str]
    loft: Pigeons
    set_clock: Callable[[datetime], None]

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.at = AT
        self.set_clock(AT)
        self.model = Model(Chosen(self._until, self._purge))
        self.persons: dict[Somebody, Person] = {}
        self.visits: dict[Her, Visit] = {}
        self.second: dict[Her, tuple[Visit, str, Her]] = {}
        self.vault = Vault()
        self.told: dict[str, str] = {}
        self.owners: dict[str, Somebody | Wanted] = {}
        self.loft.posted.clear()
        self.loft.trouble.clear()
        deliver.breakers.clear()
        self.roofs = self.turn = 0

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

    # What the system chose

    def _until(self, has: Has) -> datetime:
        until = Claim.objects.get(pk=has.id).held_until
        return until or self.at

    def _purge(self, need: Wanted) -> datetime | None:
        return Need.objects.get(pk=need.id).purge_after

    # Whom and what a step is about

    def _somebody(self, n: int) -> Somebody:
        return self.model.people[n % len(self.model.people)]

    def _volunteer(self, who: Somebody) -> Volunteer:
        return Volunteer.objects.get(pk=self.persons[who].volunteer.pk)

    def _need(self, n: int) -> Wanted | None:
        needs = self.model.needs()
        return needs[n % len(needs)] if needs else None

    def _part(self, n: int, m: int) -> Part | None:
        need = self._need(n)
        return need.parts[m % len(need.parts)] if need else None

    def _has(self, n: int, m: int, k: int, *states: str) -> tuple[Part, Has] | None:
        """Somebody's claim on a part; most often one in which something goes on."""
        claims = [pair for need in self.model.needs() for pair in need.claims()]
        wanted = [pair for pair in claims if pair[1].status in states] or claims
        return wanted[(n + 6 * m + 36 * k) % len(wanted)] if wanted else None

    def _row(self, has: Has) -> Claim:
        related = ("task", "need", "need__mailbox", "volunteer", "offer")
        return Claim.objects.select_related(*related).get(pk=has.id)

    def _done(self, verb: Callable[[], object]) -> bool:
        """Whether it was not refused; counted under the step that did it."""
        try:
            verb()
        except REFUSED:
            return False
        self.did[sys._getframe(1).f_code.co_name] += 1
        return True

    def _open(self, her: Her) -> Visit | None:
        """Her open page, as the session looks for it at every request."""
        visit = self.visits[her]
        found = Mailbox.objects.visited(str(visit.mailbox.pk), visit.mailbox.epoch, visit.seed, self.at)
        if her.open and not her.hidden(self.at):
            assert found is not None
        if not her.open:
            assert found is None
        return Visit(found, visit.seed, visit.secret) if found else None

    # What an asker does

    @step(
        10,
        n=range(6),
        kind=["ride", "ride", "there and back", "two", "stay"],
        decides=[SHE, SHE, SHE, "first", DESK],
        reads=(False, True),
        told=(False, True),
        paused=[False] * 5 + [True],
        joins=(False, True),
    )
    def asks(
        self, n: int, kind: str, decides: str, reads: bool, told: bool, paused: bool, joins: bool
    ) -> None:
        if sum(not need.has_ended for need in self.model.needs()) >= MOST_NEEDS:
            return
        answers = {"there and back": {"back": "yes"}, "two": {"companions": "two"}}.get(kind, {})
        slug = {"there and back": "ride", "two": "accompaniment"}.get(kind, kind)
        self.roofs += 1
        address, note = f"roof of hers {self.roofs}" if told else "", f"Note {self.roofs}"
        asked = self.world.asked(
            kind=slug,
            answers=answers,
            decides=decides,
            desk_reads=reads,
            note=note,
            paused=paused,
            day=clock.local_day(self.at) + DAY,
            tell=Tell("pigeons", address, "en") if told else None,
        )
        her = self.model.askers[n % len(self.model.askers)] if joins and self.model.askers else None
        visit = self._open(her) if her else None
        opened = asking.ask(asked, secrets.token_bytes(32), visit, "en", self.at)
        if visit is None or her is None:
            her = self._comes(opened)
        self._wanted(her, Need.objects.of(opened.mailbox).latest("sequence"), note, address)

    def _comes(self, visit: Visit) -> Her:
        her = Her()
        self.model.askers.append(her)
        self.visits[her] = visit
        self.vault.key(visit.unlocked.reader, visit.unlocked.private_key)
        return her

    def _wanted(self, her: Her, row: Need, note: str, address: str) -> None:
        kind = kinds.get(row.kind)
        need = Wanted(
            row.pk,
            her,
            row.kind,
            row.decides,
            row.desk_reads,
            kind.one_person_each,
            kind.host_seals_place,
            note,
            row.expires_at,
            row.status,
            address=address,
        )
        need.parts = [Part(task.pk, need) for task in Task.objects.filter(need=row).order_by("role")]
        her.needs.append(need)
        if address:
            self.owners[address] = need

    @step(3, n=range(6))
    def looks(self, n: int) -> None:
        """She looks at her page: who was said yes to without her reads the note from now on."""
        need = self._need(n)
        visit = self._open(need.her) if need else None
        if need and visit:
            visit.mailbox.settle(visit.seed, self.at)
            self.model.settle(need.her, self.at)

    @step(24, n=range(6), m=range(6), k=range(6), place=(False, True), by_desk=(False, True))
    def approves(self, n: int, m: int, k: int, place: bool, by_desk: bool) -> None:
        pair = self._has(n, m, k, "held", "standby")
        if pair is None:
            return
        part, has = pair
        if part.need.decides == DESK and by_desk:
            giver, reads = self.desk, part.need.desk_reads
        else:
            visit = self._open(part.need.her)
            if visit is None:
                return
            giver, reads = visit.unlocked, True
        claim, words = self._row(has), f"Place {self.at}" if place else ""
        done = self._done(lambda: claim.approve(giver, claim.key_fingerprint(), self.at, words))
        assert done == self.model.approve(part, has, self.at, words, reads)

    @step(4, n=range(6), m=range(6), k=range(6), never=[False] * 5 + [True])
    def declines(self, n: int, m: int, k: int, never: bool) -> None:
        self._leaves(self._has(n, m, k, "held", "standby", "approved"), DECLINED, never)

    @step(3, n=range(6), m=range(6), k=range(6))
    def says_where(self, n: int, m: int, k: int) -> None:
        pair = self._has(n, m, k, "approved")
        if pair:
            (part, has), words = pair, f"Elsewhere {self.at}"
            done = self._done(lambda: self._row(has).meet_at(words, self.at))
            assert done == self.model.meet_at(part, has, self.at, words)

    @step(6, n=range(6), m=range(6), k=range(6), hers=(False, True))
    def somebody_writes(self, n: int, m: int, k: int, hers: bool) -> None:
        pair = self._has(n, m, k, "approved")
        if pair is None:
            return
        part, has = pair
        reader = self.visits[part.need.her].unlocked if hers else unlocked(self.persons[has.who])
        author, text = Message.ASKER if hers else Message.VOLUNTEER, f"Words {self.at} {len(has.messages)}"
        done = self._done(lambda: self._row(has).write(reader, author, text, self.at))
        assert done == self.model.write(part, has, self.at, text, hers)

    @step(3, n=range(6), m=range(6), k=range(6))
    def says_yes_to_the_new_key(self, n: int, m: int, k: int) -> None:
        pair = self._has(n, m, k, "approved")
        visit = self._open(pair[0].need.her) if pair else None
        if pair and visit:
            (part, has), claim = pair, self._row(pair[1])
            done = self._done(lambda: claim.approve_key(visit.unlocked, claim.key_fingerprint(), self.at))
            assert done == self.model.approve_key(part, has, self.at)

    @step(2, n=range(6), how=[WITHDRAWN, MET, EXPIRED])
    def it_ends(self, n: int, how: str) -> None:
        need = self._need(n)
        if need:
            row = Need.objects.get(pk=need.id)
            {WITHDRAWN: row.withdraw, MET: row.met, EXPIRED: row.expire}[how](self.at)
            self.model.end(need, how, self.at)

    @step(1, n=range(6))
    def pauses(self, n: int) -> None:
        need = self._need(n)
        if need:
            Need.objects.get(pk=need.id).pause(self.at)
            self.model.pause(need)

    @step(3, n=range(6))
    def asks_now(self, n: int) -> None:
        need = self._need(n)
        if need:
            done = self._done(lambda: Need.objects.get(pk=need.id).resume(self.at))
            assert done == self.model.resume(need, self.at)

    @step(1, n=range(6))
    def is_told_no_more(self, n: int) -> None:
        need = self._need(n)
        if need:
            Need.objects.get(pk=need.id).stop_telling()
            need.address = ""

    @step(1, n=range(6))
    def erases(self, n: int) -> None:
        need = self._need(n)
        visit = self._open(need.her) if need else None
        if need and visit:
            assert visit.mailbox.erase(self.at)
            self.model.erase(need.her)

    @step(2, n=range(6), does=["hide", "hide", "erase"])
    def makes_a_second_code(self, n: int, does: str) -> None:
        need = self._need(n)
        visit = self._open(need.her) if need else None
        if need is None or visit is None:
            return
        asked = self.world.asked(paused=True, kind="ride", note="", day=clock.local_day(self.at) + DAY)
        opened = asking.ask(asked, secrets.token_bytes(32), None, "en", self.at, visit.errand(does))
        her = self._comes(opened)
        self._wanted(her, Need.objects.of(opened.mailbox).get(), "", "")
        self.second[her] = (opened, does, need.her)

    @step(2, n=range(6))
    def types_a_second_code(self, n: int) -> None:
        made = list(self.second)
        if not made:
            return
        her = made[n % len(made)]
        visit, does, first = self.second[her]
        found = Mailbox.objects.knock(visit.secret or b"", self.at)
        if found is not None:
            self.visits[her] = Visit(*found, visit.secret)
            her.open = True
            first.knocks.append(Knocked(first, does, clock.hour(self.at) + HOUR + DAY))
        shown = [need for need in her.needs if need.purge_after is None or need.purge_after > self.at]
        assert (found is not None) == (bool(shown) and not her.hidden(self.at))

    @step(2, n=range(6))
    def types_her_code(self, n: int) -> None:
        askers = [her for her in self.model.askers if her not in self.second]
        if not askers:
            return
        her = askers[n % len(askers)]
        found = Mailbox.objects.knock(self.visits[her].secret or b"", self.at)
        shown = [need for need in her.needs if need.purge_after is None or need.purge_after > self.at]
        assert (found is not None) == (bool(shown) and not her.hidden(self.at))
        if found is not None:
            self.visits[her] = Visit(*found, self.visits[her].secret)
            her.open = True
            found[0].settle(found[1], self.at)
            self.model.settle(her, self.at)

    # What a volunteer does

    @step(24, n=range(6), m=range(6), w=range(6), standing_by=[False, False, True])
    def claims(self, n: int, m: int, w: int, standing_by: bool) -> None:
        part, who = self._part(n, m), self._somebody(w)
        if part is None or who.gone:
            return
        volunteer, place = self._volunteer(who), f"Bench {self.at}"
        offer = Offer.objects.of(volunteer)[0]
        task = Task.objects.select_related("need").get(pk=part.id)
        verb = task.stand_by if standing_by else task.claim
        before = set(Claim.objects.values_list("pk", flat=True))
        done = self._done(lambda: verb(volunteer, offer, self.at, place))
        new = next(iter(set(Claim.objects.values_list("pk", flat=True)) - before), part.id)
        assert done == self.model.claim(part, who, self.at, new, standing_by, place)

    @step(2, n=range(6), m=range(6), k=range(6))
    def steps_in(self, n: int, m: int, k: int) -> None:
        pair = self._has(n, m, k, "standby")
        if pair:
            done = self._done(lambda: self._row(pair[1]).step_in(self.at))
            assert done == self.model.step_in(*pair, self.at)

    @step(4, n=range(6), m=range(6), k=range(6), never=[False] * 5 + [True])
    def releases(self, n: int, m: int, k: int, never: bool) -> None:
        self._leaves(self._has(n, m, k, "held", "standby", "approved"), RELEASED, never)

    def _leaves(self, pair: tuple[Part, Has] | None, to: str, never: bool) -> None:
        if pair is None:
            return
        claim = self._row(pair[1])
        verb = claim.decline if to == DECLINED else claim.release
        done = self._done(lambda: verb(self.at, never_again=never))
        assert done == self.model.leave(*pair, to, self.at, never)

    @step(3, n=range(6), m=range(6), k=range(6))
    def finishes(self, n: int, m: int, k: int) -> None:
        pair = self._has(n, m, k, "approved")
        if pair:
            done = self._done(lambda: self._row(pair[1]).finish(self.at))
            assert done == self.model.finish(*pair, self.at)

    @step(2, w=range(6), days=[0, 0, 0, 1])
    def takes_a_break(self, w: int, days: int) -> None:
        who = self._somebody(w)
        if who.gone:
            return
        day = clock.local_day(self.at) + days * DAY
        if days:
            self._volunteer(who).pause(day, self.at)
        else:
            self._volunteer(who).resume(self.at)
        who.paused_until = clock.day_end(day - DAY) if days else None

    @step(4, w=range(6))
    def gives_an_address(self, w: int) -> None:
        who = self._somebody(w)
        if who.gone:
            return
        self.roofs += 1
        address = f"roof {self.roofs}"
        pk = self.persons[who].volunteer.pk
        Channel.objects.add(recipient=pk, transport="pigeons", address=address, language="en", at=self.at)
        who.addresses.add(address)
        self.owners[address] = who

    @step(2, w=range(6), k=range(6), breaks=(False, True))
    def loses_an_address(self, w: int, k: int, breaks: bool) -> None:
        who = self._somebody(w)
        channels = list(Channel.objects.of(self.persons[who].volunteer.pk).working())
        if not channels:
            return
        channel = channels[k % len(channels)]
        if breaks:
            self.loft.trouble[channel.read_address()] = AddressGone()
        else:
            who.addresses.discard(channel.read_address())
            channel.forget()

    @step(2, w=range(6))
    def begins_with_a_new_key(self, w: int) -> None:
        who = self._somebody(w)
        if who.gone or who.suspended:
            return
        volunteer = self._volunteer(who)
        made = standing.start_over(volunteer, PASSPHRASE, "en", self.at)
        self.persons[who] = Person(self._volunteer(who), made.private, made.sheet)
        who.key += 1
        self.vault.key(self.persons[who].volunteer.reader(), made.private)

    @step(1, w=range(6))
    def closes_the_account(self, w: int) -> None:
        who = self._somebody(w)
        # Two stay, so that there is somebody.
        if who.gone or sum(not one.gone for one in self.model.people) <= 2:
            return
        standing.leave(self._volunteer(who), self.at)
        self.model.close_account(who, self.at)

    # What the desk does

    @step(2, w=range(6))
    def is_suspended(self, w: int) -> None:
        who = self._somebody(w)
        if not who.gone:
            standing.suspend(self._volunteer(who), self.at)
            self.model.suspend(who, self.at)

    @step(6, w=range(6))
    def is_let_back_in(self, w: int) -> None:
        who = next((one for one in self.model.people if one.suspended and not one.gone), None)
        if who:
            self._volunteer(who).reinstate(self.at)
            who.suspended = False

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

    keyring_path: Any

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
        if self.at < claim.need.place_seen_until():
            assert claim.read_place(her, self.at) == has.place
            if has.place and has.who.key in has.place_keys:
                assert claim.read_place(theirs, self.at) == has.place
        texts = [message.text(claim.thread(her)) for message in claim.messages.all()]
        assert texts == has.messages
        assert self._done(lambda: claim.thread(theirs)) == (has.key == has.who.key)

    def what_ended_opens_for_nobody(self) -> None:
        self.vault.remember()
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


# More of them would only be fewer steps for each.
MOST_NEEDS = 6
SHORT, LONG = (5, 50), (30, 50)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [SHORT, pytest.param(*LONG, marks=[pytest.mark.drill, pytest.mark.timeout(600)])],
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
    drawn = seeded(os.environ.get("MODEL_SEED", "a walk in November"))
    run_state_machine_as_test(drawn(walk), settings=chosen)
    print(walk.did)
