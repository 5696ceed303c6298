"""Organisations of chance: areas, people, what they offer, night by night, and what was asked and booked."""

import random
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from organisation import conditions, kinds, languages
from organisation.areas import NewArea
from organisation.models import Area, Organisation
from privacy import clock
from privacy.states import SomebodyWasFaster
from requests_app.models import BedNight, Claim, Need, NeverMatch, Proposal, Taken, Task
from tests.requests_app.world import TODAY, World
from tests.volunteers.people import AT
from volunteers.account import NEVER
from volunteers.models import Check, Offer, Volunteer
from volunteers.nights import packed
from volunteers.week import ALL_WEEK

SPOKEN = ("en", "fr", "es", "ar")
TICKED = ("step_free", "smoke_free", "only_women", "scent_free")


@dataclass(frozen=True)
class Town:
    """An organisation of chance."""

    dice: random.Random
    areas: list[Area]
    volunteers: list[Volunteer]
    needs: list[Need]

    def tasks(self) -> Iterator[Task]:
        for need in self.needs:
            yield from need.tasks.select_related("need").order_by("position")


def build(world: World, seed: str, *, people: int = 45, needs: int = 12, districts: int = 10) -> Town:
    """The same for the same seed, whatever else there is."""
    dice = random.Random(seed)
    if dice.random() < 0.5:
        Organisation.objects.ensure(AT).change(household_must_agree=True)
    if dice.random() < 0.5:
        Organisation.objects.ensure(AT).change(required_checks=["boundaries"])
    areas = _areas(dice, districts)
    volunteers = [_volunteer(dice, number) for number in range(people)]
    for volunteer in volunteers:
        _check(dice, volunteer)
        for _offer in range(dice.choice((1, 1, 1, 2))):
            _make_offer(world, dice, volunteer, areas)
    asked = [_need(world, dice, areas) for _one in range(needs)]
    _history(dice, asked, volunteers)
    _book(dice, asked)
    return Town(dice, areas, volunteers, asked)


def _areas(dice: random.Random, districts: int) -> list[Area]:
    """Two counties with districts, all within 150 km."""
    lines = [NewArea(county, "", 48.0, 11.0 + east) for east, county in enumerate(("East", "West"))]
    for number in range(districts):
        centre = 47.7 + dice.random() * 0.7, 10.9 + dice.random()
        lines.append(NewArea(f"District {number}", dice.choice(("East", "West")), *centre))
    return list(Area.objects.plant(lines).values())


def _volunteer(dice: random.Random, number: int) -> Volunteer:
    return Volunteer.objects.create(
        username=f"somebody-{number}",
        handle=f"Somebody {number}",
        vouched_at=AT if dice.random() < 0.9 else None,
        probation=dice.random() < 0.2,
        status="active" if dice.random() < 0.95 else "suspended",
        paused_until=TODAY + timedelta(days=dice.randint(-1, 1)) if dice.random() < 0.2 else None,
        languages=languages.bits(dice.sample(SPOKEN, dice.randint(1, 2))),
        rest_days=dice.choice((0, 0, 1, 3)),
        cap_per_week=dice.choice((None, None, 1, 2)),
        asks_per_day=dice.choice((None, None, 1, 2, 30)),
        asked_day=TODAY.toordinal() - dice.choice((0, 0, 1)),
        asked_today=dice.choice((0, 0, 1, 2, 9, 10)),
        is_partner=dice.random() < 0.1,
        last_asked_at=dice.choice((NEVER, clock.hour(AT) - timedelta(hours=dice.randint(0, 1000)))),
        public_key=bytes(32),
        public_key_mac=bytes(32),
        wrapped_private=b"",
        wrap_salt=b"",
        wrapped_recovery=b"",
        recovery_salt=b"",
    )


def _check(dice: random.Random, volunteer: Volunteer) -> None:
    """Most of what is required was done; some of it has run out, or waits for a second person."""
    for item, often in (("boundaries", 0.9), ("licence", 0.5), ("home-visit", 0.5), ("companion", 0.5)):
        if dice.random() < often:
            Check.objects.create(
                volunteer=volunteer,
                item=item,
                status=dice.choice(("done", "done", "done", "expired", "waiting")),
                done_on=TODAY,
                expires_on=dice.choice((None, TODAY + timedelta(days=dice.randint(-1, 3)))),
            )


def _make_offer(world: World, dice: random.Random, volunteer: Volunteer, areas: list[Area]) -> None:
    ours = [kind.slug for kind in kinds.all()]
    typed = dice.random() < 0.3
    capacity = dice.randint(1, 4)
    world.offer(
        volunteer,
        id=uuid.UUID(int=dice.getrandbits(128), version=4),
        kinds=dice.sample(ours, dice.randint(1, len(ours))),
        home_area=None if typed else dice.choice(areas),
        areas=dice.sample(areas, 2) if typed or dice.random() < 0.1 else [],
        reach_km=dice.choice((0, 5, 10, 11, 20, 35, 60)),
        weekly=dice.choice((ALL_WEEK, ALL_WEEK, dice.getrandbits(28) | dice.getrandbits(28))),
        capacity=capacity,
        conditions=conditions.bits(dice.sample(TICKED, dice.randint(1, 4))),
        active=dice.random() < 0.95,
        days={TODAY + timedelta(days=dice.randint(0, 6)): dice.choice((0, 7, 15)) for _day in range(2)}
        if dice.random() < 0.4
        else {},
        # Some say more beds on a day than people they can take: the people count.
        beds_week=packed([dice.randint(0, 5) for _day in range(7)]) if dice.random() < 0.2 else None,
        beds_on={
            TODAY + timedelta(days=dice.randint(0, 8)): dice.choice((0, 1, capacity)) for _night in range(3)
        }
        if dice.random() < 0.3
        else {},
        most_nights=dice.choice((None, None, None, 1, 2)),
        notice_hours=dice.choice((0, 0, 0, 4, 12, 24, 72)),
        arrivals=dice.choice((15, 15, 7, 3)),
        adults_agreed_on=dice.choice((TODAY, TODAY - timedelta(days=364), TODAY - timedelta(days=365), None)),
    )


def _need(world: World, dice: random.Random, areas: list[Area]) -> Need:
    kind = dice.choice(kinds.all())
    parts = dice.choice((1, 2, 4, 8, 6, 15))
    asked = [slug for slug in TICKED if slug in kind.condition_slugs]
    spoken = languages.bits(dice.sample(SPOKEN, dice.randint(0, 2)))
    _visit, need = world.ask(
        kind=kind.slug,
        area=dice.choice(areas),
        day=TODAY + timedelta(days=dice.randint(0, 6)),
        parts=parts,
        covers=parts if kind.covers_parts else 0,
        nights=dice.randint(1, 3) if kind.has_nights else 0,
        people=dice.choice((1, 1, 2, 3)) if kind.has_capacity else 1,
        languages=spoken,
        languages_hard=bool(spoken) and dice.random() < 0.5,
        wishes=_wishes(dice, asked),
        partner_ok=dice.random() < 0.5,
        conditions=conditions.bits(dice.sample(asked, min(len(asked), dice.choice((0, 0, 1, 2))))),
        answers={
            **{role: dice.choice(("no", "yes")) for role in ("onward", "backup")},
            "back": dice.choice(("no", "yes", "message")),
            "companions": dice.choice(("one", "two")),
            "relief": dice.choice(("no", "no", "4")),
        },
        parts_of={"back": dice.choice((0, 4, 8, 12)), "onward": 8} if dice.random() < 0.7 else {},
    )
    return need


def _wishes(dice: random.Random, asked: list[str]) -> int:
    """None, some, or all of what can only be wished for."""
    soft = [slug for slug, _label in conditions.wish_choices(asked)]
    return conditions.bits(dice.sample(soft, min(len(soft), dice.choice((0, 1, 2, 3)))))


def _history(dice: random.Random, needs: list[Need], volunteers: list[Volunteer]) -> None:
    """Weeks are full, some were declined, some are never brought together."""
    for volunteer in dice.sample(volunteers, len(volunteers) // 3):
        Taken.objects.note(volunteer, AT - timedelta(days=dice.choice((0, 3, 6, 7))))
    for need in needs:
        task = need.tasks.order_by("role")[0]
        some = dice.sample(volunteers, 3)
        Proposal.objects.create(task=task, volunteer=some[0], asked_at=AT, outcome="declined")
        Proposal.objects.create(task=task, volunteer=some[1], asked_at=AT)
        NeverMatch.objects.create(mailbox=need.mailbox, volunteer=some[2])
        for task in need.tasks.order_by("position")[dice.choice((0, 1, 1)) : dice.choice((2, 2, 4))]:
            _hold(dice, need, task, dice.choice(volunteers))


def _hold(dice: random.Random, need: Need, task: Task, volunteer: Volunteer) -> None:
    """Somebody has the other part, be they new or not; or had it until a moment ago."""
    status = dice.choice(("approved", "held"))
    until = AT + timedelta(hours=dice.choice((-1, 1)))
    Claim.objects.create(
        need=need,
        task=task,
        volunteer=volunteer,
        status=status,
        held_until=until if status == "held" else None,
        claimed_at=AT,
        slot_number=need.slot_number,
    )
    Task.objects.filter(pk=task.pk).update(status=status)


def _book(dice: random.Random, needs: list[Need]) -> None:
    """Beds are taken, by the verb: never more than there are."""
    offers = list(Offer.objects.order_by("pk"))
    for offer in dice.sample(offers, len(offers) // 3):
        for _stay in range(dice.randint(1, 3)):
            need = dice.choice(needs)
            claim = Claim.objects.create(
                need=need,
                task=need.tasks.order_by("role")[0],
                volunteer=offer.volunteer,
                offer=offer,
                status="done",
                claimed_at=AT,
                slot_number=need.slot_number,
            )
            first = dice.randint(0, 8)
            nights = [TODAY + timedelta(days=n) for n in range(first, first + dice.randint(1, 4))]
            # None is left on one of them: that stay is somewhere else.
            with suppress(SomebodyWasFaster):
                BedNight.objects.take(claim, nights)
