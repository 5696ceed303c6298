"""What volunteers and the desk do in a random walk (tests/mutualaid/test_model.py)."""

from notify.models import Channel
from notify.transports import AddressGone
from privacy import clock
from requests_app import standing
from requests_app.models import Claim, Task
from tests.mutualaid.model import (
    RELEASED,
)
from tests.mutualaid.walk_ground import DAY, Ground, step
from tests.volunteers.people import PASSPHRASE, Person
from volunteers.models import Offer


class Volunteers(Ground):
    """Each step draws what it needs; what is refused must be refused by the model as well."""

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
