"""What must be true of needs and people, in plain Python: the second implementation the random walks are held
against (tests/mutualaid/test_model.py). It knows no database, no key and no queue.

Every verb says whether it is done, and changes the model as it must change the system. Where the system
chooses a moment (how long a hold lasts), `Clock` is told it; everything else is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

HELD, STANDBY, APPROVED = "held", "standby", "approved"
DONE, RELEASED, DECLINED, LAPSED = "done", "released", "declined", "lapsed"
LIVE, HOLDING = (HELD, STANDBY, APPROVED), (HELD, APPROVED)
OPEN, PAUSED, MET, WITHDRAWN, EXPIRED, ERASED = "open", "paused", "met", "withdrawn", "expired", "erased"
SHE, DESK, FIRST = "asker", "desk", "first"


@dataclass(eq=False)
class Somebody:
    """A volunteer. `may_come_after`: their own pause."""

    name: str
    suspended: bool = False
    gone: bool = False
    paused_until: datetime | None = None
    # Which of their keys this is; and the addresses that are theirs now.
    key: int = 0
    addresses: set[str] = field(default_factory=set)

    def may_act(self, at: datetime) -> bool:
        resting = self.paused_until is not None and at < self.paused_until
        return not (self.suspended or self.gone or resting)


@dataclass(eq=False)
class Has:
    """Somebody's claim on one part. `until` of a hold; `key`: the key she said yes to."""

    id: UUID
    who: Somebody
    status: str
    until: datetime | None = None
    key: int = 0
    reads_note: bool = False
    place: str = ""
    place_keys: set[int] = field(default_factory=set)
    messages: list[str] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def is_current(self, at: datetime) -> bool:
        """Also without a broom: a hold whose time is over is none."""
        return self.status in (STANDBY, APPROVED) or (self.status == HELD and self.until > at)  # type: ignore[operator]

    def end(self, to: str) -> None:
        self.status, self.until, self.place, self.messages, self.reads_note = to, None, "", [], False


@dataclass(eq=False)
class Part:
    """One task of a need, and whoever has or had it, in the order they came."""

    id: UUID
    need: Wanted
    line: list[Has] = field(default_factory=list)
    over: str = ""

    def holder(self) -> Has | None:
        return next((has for has in self.line if has.status in HOLDING), None)

    @property
    def status(self) -> str:
        holder = self.holder()
        return self.over or (holder.status if holder else OPEN)

    def of(self, who: Somebody) -> Has | None:
        """Their newest claim on it."""
        return next((has for has in reversed(self.line) if has.who is who), None)


@dataclass(eq=False)
class Wanted:
    """One need."""

    id: UUID
    her: Her
    kind: str
    decides: str
    desk_reads: bool
    one_each: bool
    hosted: bool
    note: str
    expires_at: datetime
    # From then on nobody new is asked, and nobody who stands by is next.
    over_at: datetime
    status: str = OPEN
    purge_after: datetime | None = None
    parts: list[Part] = field(default_factory=list)
    refused: set[Somebody] = field(default_factory=set)
    address: str = ""

    def lives(self, at: datetime) -> bool:
        return self.status == OPEN and self.expires_at > at

    @property
    def has_ended(self) -> bool:
        return self.status not in (OPEN, PAUSED)

    def refuses(self, who: Somebody) -> bool:
        return who in self.refused or who in self.her.never

    def claims(self) -> Iterator[tuple[Part, Has]]:
        return ((part, has) for part in self.parts for has in part.line)


@dataclass(eq=False)
class Knocked:
    """A second code was typed: whom it hides or erases, and until when."""

    first: Her
    does: str
    forget_after: datetime
    answered: bool = False

    def hides(self, at: datetime) -> bool:
        return not self.answered or self.forget_after > at


@dataclass(eq=False)
class Her:
    """One asker: what her code opens. `visit` in the test's hands; `open`: nobody ended her visits."""

    needs: list[Wanted] = field(default_factory=list)
    never: set[Somebody] = field(default_factory=set)
    knocks: list[Knocked] = field(default_factory=list)
    open: bool = True

    def hidden(self, at: datetime) -> bool:
        return any(knock.hides(at) for knock in self.knocks)

    @property
    def gone(self) -> bool:
        return not self.needs


# What the system chose: until when a hold lasts, when the rows of an ended need go.
@dataclass
class Chosen:
    until: Callable[[Has], datetime]
    purge: Callable[[Wanted], datetime | None]


@dataclass
class Model:
    """All of it. Verbs return whether they were done; what is refused changes nothing."""

    chosen: Chosen
    askers: list[Her] = field(default_factory=list)
    people: list[Somebody] = field(default_factory=list)

    def needs(self) -> list[Wanted]:
        return [need for her in self.askers for need in her.needs]

    # Taking

    def lapse(self, part: Part, at: datetime) -> None:
        holder = part.holder()
        if holder and not holder.is_current(at) and part.need.lives(at):
            holder.end(LAPSED)
            self._free(part, at)

    def claim(
        self, part: Part, who: Somebody, at: datetime, new: UUID, standing_by: bool, place: str
    ) -> bool:
        self.lapse(part, at)
        need, has = part.need, part.of(who)
        taken = part.holder() is not None
        if not need.lives(at) or part.over or (taken and not standing_by) or (has and has.is_live):
            return False
        if need.refuses(who) or self._elsewhere(part, who, at) or not who.may_act(at):
            return False
        mine = Has(new, who, STANDBY)
        part.line.append(mine)
        if need.hosted:
            mine.place, mine.place_keys = place, {who.key}
        if not (standing_by and taken):
            self._hold(mine, need)
        return True

    def _elsewhere(self, part: Part, who: Somebody, at: datetime) -> bool:
        others = [has for other, has in part.need.claims() if other is not part and has.who is who]
        return part.need.one_each and any(has.is_current(at) for has in others)

    def _hold(self, has: Has, need: Wanted) -> None:
        has.status, has.until = HELD, self.chosen.until(has)
        if need.decides == FIRST:
            self._approve(has)

    def _approve(self, has: Has) -> None:
        has.status, has.until, has.key = APPROVED, None, has.who.key

    def _free(self, part: Part, at: datetime) -> None:
        if at >= part.need.over_at:
            return
        for has in part.line:
            if has.status == STANDBY and has.who.may_act(at) and not part.need.refuses(has.who):
                self._hold(has, part.need)
                return

    def step_in(self, part: Part, has: Has, at: datetime) -> bool:
        self.lapse(part, at)
        if not part.need.lives(at):
            return False
        if has.status in HOLDING:
            return True
        may = has.who.may_act(at) and not part.need.refuses(has.who)
        if has.status != STANDBY or part.holder() or not may:
            return False
        self._hold(has, part.need)
        return True

    # Deciding

    def approve(self, part: Part, has: Has, at: datetime, place: str, reads_note: bool) -> bool:
        self.lapse(part, at)
        need, holder = part.need, part.holder()
        if not need.lives(at) or has.status not in (HELD, STANDBY) or has.who in need.her.never:
            return False
        if has.status == STANDBY and not has.who.may_act(at):
            return False
        if has.status == STANDBY and holder:
            if holder.status == APPROVED:
                return False
            holder.status, holder.until = STANDBY, None
        self._approve(has)
        if place and not need.hosted:
            has.place, has.place_keys = place, {has.who.key}
        has.reads_note = reads_note
        return True

    def meet_at(self, part: Part, has: Has, at: datetime, place: str) -> bool:
        if not part.need.lives(at) or has.status != APPROVED or part.need.hosted:
            return False
        has.place, has.place_keys = place, {has.who.key} if has.key == has.who.key else set()
        return True

    def write(self, part: Part, has: Has, at: datetime, text: str, by_her: bool) -> bool:
        may = by_her or has.key == has.who.key
        if not part.need.lives(at) or has.status != APPROVED or not may:
            return False
        has.messages.append(text)
        return True

    def approve_key(self, part: Part, has: Has, at: datetime) -> bool:
        if not part.need.lives(at) or has.status != APPROVED:
            return False
        has.key, has.reads_note = has.who.key, True
        if has.place:
            has.place_keys.add(has.who.key)
        return True

    def settle(self, her: Her, at: datetime) -> None:
        """She is here with her key: whoever was said yes to without her reads the note now."""
        for need in her.needs:
            for _part, has in need.claims():
                here = need.lives(at) and need.decides != SHE and has.status == APPROVED
                if here and has.key == has.who.key:
                    has.reads_note = True

    # Leaving

    def leave(self, part: Part, has: Has, to: str, at: datetime, never: bool) -> bool:
        if never:
            part.need.her.never.add(has.who)
        done = self._leave(part, has, to, at)
        if never:
            states = LIVE if to == DECLINED else (HELD, STANDBY)
            for need in part.need.her.needs:
                for other, its in need.claims():
                    if its.who is has.who and its.status in states:
                        self._leave(other, its, to, at)
        return done

    def _leave(self, part: Part, has: Has, to: str, at: datetime) -> bool:
        if not part.need.lives(at) or not has.is_live:
            return False
        held = has.status in HOLDING
        has.end(to)
        if to == DECLINED:
            part.need.refused.add(has.who)
        if held:
            self._free(part, at)
        return True

    def finish(self, part: Part, has: Has, at: datetime) -> bool:
        need = part.need
        if not need.lives(at) or has.status != APPROVED:
            return False
        has.end(DONE)
        part.over = DONE
        for other in part.line:
            if other.is_live:
                other.end(RELEASED)
        if all(one.over for one in need.parts):
            self._end(need, MET)
        return True

    def suspend(self, who: Somebody, at: datetime) -> None:
        who.suspended = True
        overdue = []
        for need in self.needs():
            for part, has in need.claims():
                if has.who is who and has.is_live and not self._leave(part, has, RELEASED, at):
                    overdue.append(need)
        for need in overdue:
            self.end(need, EXPIRED, at)

    def close_account(self, who: Somebody, at: datetime) -> None:
        self.suspend(who, at)
        who.gone = True
        who.addresses.clear()
        for need in self.needs():
            need.refused.discard(who)
            need.her.never.discard(who)
            for part in need.parts:
                part.line = [has for has in part.line if has.who is not who]

    # A need's own

    def end(self, need: Wanted, to: str, at: datetime) -> None:
        """Once: what ended stays as it ended, but may still be erased."""
        if to == EXPIRED and need.expires_at > at:
            return
        if not need.has_ended:
            self._end(need, to)

    def _end(self, need: Wanted, to: str) -> None:
        for part, has in need.claims():
            if has.is_live:
                done = to == MET and has.status == APPROVED
                has.end(DONE if done else RELEASED)
                part.over = part.over or (DONE if done else "")
        for part in need.parts:
            part.over = part.over or "closed"
        need.status, need.note, need.address = to, "", ""
        need.purge_after = self.chosen.purge(need)

    def pause(self, need: Wanted) -> None:
        if need.status == OPEN:
            need.status = PAUSED
            for _part, has in need.claims():
                if has.is_live:
                    has.end(RELEASED)

    def resume(self, need: Wanted, at: datetime) -> bool:
        if need.status != PAUSED or need.expires_at <= at:
            return False
        need.status = OPEN
        return True

    def erase(self, her: Her) -> None:
        for need in list(her.needs):
            need.status = ERASED
        her.needs.clear()
        her.open = False

    # What falls due

    def lapses(self, at: datetime) -> None:
        for need in self.needs():
            for part in need.parts:
                self.lapse(part, at)

    def expires(self, at: datetime) -> None:
        for need in self.needs():
            self.end(need, EXPIRED, at)

    def purges(self, at: datetime) -> None:
        for her in self.askers:
            her.needs = [need for need in her.needs if need.purge_after is None or need.purge_after > at]
            her.open = her.open and not her.gone

    def answers(self, forget_after: datetime) -> None:
        """What follows from the second codes that were typed."""
        for her in self.askers:
            for knock in [one for one in her.knocks if not one.answered]:
                knock.answered, knock.forget_after = True, forget_after
                if knock.does == "erase":
                    self.erase(her)
                else:
                    her.open = False
                    for need in her.needs:
                        self.pause(need)
