"""What an asker does in a random walk (tests/mutualaid/test_model.py), in the system and in the model."""

import secrets

from organisation import kinds
from privacy import clock
from requests_app import asking
from requests_app.models import Mailbox, Message, Need, Task
from requests_app.models.asked import Tell
from requests_app.visits import Visit
from tests.mutualaid.model import (
    DECLINED,
    DESK,
    EXPIRED,
    MET,
    SHE,
    WITHDRAWN,
    Her,
    Knocked,
    Part,
    Wanted,
)
from tests.mutualaid.walk_ground import DAY, HOUR, Ground, step
from tests.requests_app.world import unlocked

# More of them would only be fewer steps for each.
MOST_NEEDS = 6


class Askers(Ground):
    """Each step draws what it needs; what is refused must be refused by the model as well."""

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
        answers = {"there and back": {"back": "yes"}, "two": {"companions": "two", "backup": "no"}}.get(
            kind, {}
        )
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
            row.over_at(),
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
