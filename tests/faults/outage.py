"""`python -m tests.faults.outage`: in an instance's environment, lay twenty of all that falls due within
a quarter of an hour in which the system was down; afterwards say what was done, and how often.

Made by the verbs that make such rows, an hour ago; then only due times are moved.
"""

import json
import random
import sys
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from django.db import models, transaction  # noqa: E402

from mutualaid.duties import DUTIES  # noqa: E402
from notify import outbox  # noqa: E402
from notify.models import SENT, Channel, Notice  # noqa: E402
from organisation import checks  # noqa: E402
from organisation.models import Organisation  # noqa: E402
from privacy import clock  # noqa: E402
from privacy.keyring import keyring  # noqa: E402
from privacy.models import Counter as Counted  # noqa: E402
from privacy.models import Session  # noqa: E402
from privacy.sessions import SessionStore  # noqa: E402
from requests_app.models import (  # noqa: E402
    CalledOff,
    Claim,
    Debrief,
    Errand,
    Event,
    Knock,
    Need,
    Plan,
    Proposal,
    Report,
    Taken,
    Tap,
    Task,
)
from requests_app.models.knock import FORGET, STAY  # noqa: E402
from requests_app.models.report import ASKER  # noqa: E402
from tests.requests_app import world as worlds  # noqa: E402
from tests.requests_app.world import World, only_task, say_yes, take  # noqa: E402
from tests.volunteers import people  # noqa: E402
from tests.volunteers.people import Person  # noqa: E402
from volunteers.invitations import Invitation  # noqa: E402
from volunteers.login_restores import LoginRestore  # noqa: E402
from volunteers.models import Check, OfferNight, Slip  # noqa: E402

MANY = 20
DOWN = timedelta(minutes=15)
HOUR = timedelta(hours=1)


class Laying:
    """One of each sort for each of twenty volunteers."""

    def __init__(self, seed: int) -> None:
        self.now = clock.now()
        self.at = self.now - HOUR
        self.chance = random.Random(seed)
        self.world: World = worlds.make()
        # As many as there are to ask about: the cap of a day has tests of its own.
        Organisation.objects.update(asks_per_day=MANY)
        self.desk = [self.world.coordinator, people.coordinator(self.world.coordinator, "Dora")]
        self._can_be_told(self.desk[0], "desk")
        self.people = [self._volunteer(number) for number in range(MANY)]

    def lay(self) -> None:
        for person in self.people:
            self._hold_and_end(person)
            self._needs()
            self._company(person)
            self._small_things(person)
            self._person(person)
            self._reports(person)
            self._debriefs()
        self._sessions()
        # What was told while this was laid is no news of the outage.
        Notice.objects.all().delete()
        self._notices()

    def _volunteer(self, number: int) -> Person:
        person = self.world.volunteer()
        self._can_be_told(person, f"v{number}")
        return person

    def _can_be_told(self, person: Person, name: str) -> None:
        Channel.objects.add(
            recipient=person.volunteer.pk,
            transport="email",
            address=f"{name}@example.org",
            language="en",
            at=self.at,
        )

    def _asked(self, **values: Any) -> tuple[Any, Need]:
        return self.world.ask(at=self.at, day=clock.local_day(self.now) + timedelta(days=1), **values)

    def _moment(self) -> datetime:
        """Somewhere in the outage."""
        return self.now - self.chance.random() * DOWN

    def _due(self, rows: "models.QuerySet[Any]", field: str) -> None:
        assert rows.update(**{field: self._moment()}) == 1

    def _hold_and_end(self, person: Person) -> None:
        """A hold that runs out; a claim whose end a crash interrupted; one approved for a need that ends."""
        held = take(person, only_task(self._asked()[1]), self.at)
        self._due(Claim.objects.filter(pk=held.pk), "held_until")
        left = take(person, only_task(self._asked()[1]), self.at)
        with transaction.atomic():
            left.leave_within("released", self.at)
        visit, need = self._asked()
        say_yes(visit, take(person, only_task(need), self.at), self.at, "By the old fountain")
        self._due(Need.objects.filter(pk=need.pk), "expires_at")

    def _needs(self) -> None:
        """One to be asked about, one whose end a crash interrupted, one that ended long ago."""
        _visit, waiting = self._asked()
        self._due(Task.objects.filter(need=waiting), "escalate_after")
        _visit, ending = self._asked()
        with transaction.atomic():
            ending._begin_ending("withdrawn", self.at)
        _visit, ended = self._asked()
        ended.withdraw(self.at)
        self._due(Need.objects.filter(pk=ended.pk), "purge_after")

    def _small_things(self, person: Person) -> None:
        volunteer, at = person.volunteer, self.at
        for do in (FORGET, STAY):
            with _new(Knock) as new:
                Knock.objects.leave(Errand(do), at)
            self._due(new.rows(), "answer_after")
        with _new(Knock) as new:
            Knock.objects.leave(Errand(), at)
        new.rows().get().answered(Errand(), at)
        self._due(new.rows(), "forget_after")
        with _new(CalledOff) as new:
            CalledOff.objects.tell(volunteer, at)
        self._due(new.rows(), "forget_after")
        with _new(Taken) as new:
            Taken.objects.note(volunteer, at - timedelta(days=7))
        self._due(new.rows(), "forget_after")
        with _new(Invitation) as new:
            Invitation.objects.make(self.world.coordinator.volunteer, at)
        self._due(new.rows(), "purge_after")
        with _new(LoginRestore) as new:
            LoginRestore.objects.press(volunteer, self.world.coordinator.volunteer, at)
        self._due(new.rows(), "expires_at")

    def _company(self, person: Person) -> None:
        """Somebody sits with her: she has not said that she is home, and her plan's time is over."""
        visit, need = self._asked(kind="accompaniment", answers={"setting": "office"})
        claim = say_yes(visit, take(person, only_task(need), self.at), self.at)
        need.write_plan(visit.unlocked, "Call the lawyer", self.at)
        hers = Tap.objects.filter(claim=claim, side=ASKER)
        self._due(Tap.objects.filter(pk=hers.earliest("missed_after").pk), "missed_after")
        self._due(Plan.objects.filter(need=need), "over_at")

    def _person(self, person: Person) -> None:
        """A check that ends soon, one that is over, something to forget, a night that is over."""
        volunteer, today = person.volunteer, clock.local_day(self.now)
        # Over: of homes, and nobody here has taken a stay.
        for item, days in (("licence", 10), ("home-visit", 0)):
            told = checks.ALL[item]
            done_on = today + timedelta(days=days) - (told.holds or timedelta())
            check = Check.objects.tick(
                volunteer, told, self.desk[0].volunteer, done_on, self.at - timedelta(days=2)
            )
            if told.second:
                check.confirm(self.desk[1].volunteer, self.at - timedelta(days=2))
            self._due(Check.objects.filter(pk=check.pk), "due_after")
        with _new(Slip) as new:
            Slip.objects.note(volunteer, "late", self.at)
        self._due(new.rows(), "forget_after")
        with _new(OfferNight) as new:
            volunteer.offers.get().set_nights(today, today, [], 1, self.at)
        self._due(new.rows(), "forget_after")

    def _reports(self, person: Person) -> None:
        """One nobody has read, one whose 90 days are over, one whose end a crash interrupted."""
        unread, old, closed = (self._report(person) for _ in range(3))
        self._due(Report.objects.filter(pk=unread.pk), "remind_after")
        self._due(Report.objects.filter(pk=old.pk), "forget_after")
        assert closed.begin_ending()

    def _report(self, person: Person) -> Report:
        report = Report(id=uuid.uuid4(), about=person.volunteer)
        report.set_reminder(self.at)
        with report.in_a_slot_of_its_own():
            report.write({"text": "Something"}, [one.volunteer.reader() for one in self.desk], self.at)
        return report

    def _debriefs(self) -> None:
        """One whose two weeks are over, one whose end a crash interrupted."""
        for end in (self._is_old, self._was_interrupted):
            once = uuid.uuid4()
            Debrief.objects.leave(once, "I slept badly", "", ASKER, self.at)
            end(Debrief.objects.get(pk=Debrief.id_of(once)))

    def _is_old(self, debrief: Debrief) -> None:
        self._due(Debrief.objects.filter(pk=debrief.pk), "forget_after")

    def _was_interrupted(self, debrief: Debrief) -> None:
        assert debrief.begin_ending()

    def _sessions(self) -> None:
        for _person in self.people:
            with _new(Session) as new:
                SessionStore().create()
            self._due(new.rows(), "expires_at")

    def _notices(self) -> None:
        for person in self.people:
            outbox.queue(person.volunteer.pk, "told long ago", self.at)
        for row in Notice.objects.all():
            Notice.objects.filter(pk=row.pk).update(status=SENT, purge_after=self._moment())
        for person in self.people:
            outbox.queue(person.volunteer.pk, "news", self._moment())


class _new:
    """The rows of one model that a block makes."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.before: set[Any] = set()

    def __enter__(self) -> "_new":
        self.before = set(self._keys())
        return self

    def __exit__(self, *_raised: object) -> None:
        self.made = [key for key in self._keys() if key not in self.before]

    def rows(self) -> "models.QuerySet[Any]":
        return self.model._default_manager.filter(pk__in=self.made)

    def _keys(self) -> Iterable[Any]:
        keys = self.model._default_manager.values_list("pk", flat=True)
        return [bytes(key) if isinstance(key, memoryview) else key for key in keys]


def due() -> dict[str, int]:
    """How many rows of each duty are due."""
    at = clock.now()
    return {duty.name: duty.due(at).count() for duty in DUTIES}


def found() -> dict[str, Any]:
    """What there is now, so that anything done twice, or not at all, is another number."""
    at = clock.now()
    asked = Proposal.objects.filter(asked_at__isnull=False).values_list("task", flat=True)
    needs = [(need.slot_number, need.slot_owner) for need in Need.objects.filter(status="open")]
    return {
        "due": sum(due().values()),
        "claims": Counter(Claim.objects.values_list("status", flat=True)),
        "events": Counter(Event.objects.exclude(claim=None).values_list("verb", flat=True)),
        "needs": Counter(Need.objects.values_list("status", flat=True)),
        "asked about each task": Counter(map(str, Counter(asked).values())),
        "rings": Counter(f"{task.ring}, again later: {_later(task, at)}" for task in _open_tasks()),
        "called off": CalledOff.objects.count(),
        "expired, as counted": sum(row.value for row in Counted.objects.filter(name="expired.ride")),
        "knocks": Knock.objects.count(),
        "invitations": Invitation.objects.filter(used_at=None, coordinator=False).count(),
        "login restores": LoginRestore.objects.count(),
        "sessions": Session.objects.count(),
        "taps": Counter(Tap.objects.filter(side=ASKER).values_list("status", flat=True)),
        "plans": Plan.objects.count(),
        "checks": Counter(Check.objects.values_list("status", flat=True)),
        "slips": Slip.objects.count(),
        "nights": OfferNight.objects.count(),
        "reports, and those nobody was reminded of": [Report.objects.count(), _unread()],
        "debriefs": Debrief.objects.count(),
        "notices": Counter(Notice.objects.values_list("status", flat=True)),
        "open needs without a key": len(keyring().missing(needs)),
    }


def _unread() -> int:
    return Report.objects.exclude(remind_after=None).count()


def _open_tasks() -> Iterable[Task]:
    return Task.objects.filter(status="open", need__status="open")


def _later(task: Task, at: datetime) -> bool:
    return task.escalate_after is not None and task.escalate_after > at


def main() -> None:
    question = json.load(sys.stdin)
    if "seed" in question:
        Laying(question["seed"]).lay()
    json.dump({"due": due(), "found": found()}, sys.stdout)


if __name__ == "__main__":
    main()
