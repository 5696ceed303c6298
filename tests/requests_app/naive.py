"""Matching once more, as slowly and plainly as it can be said: every offer, every condition, in Python."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import asin, ceil, cos, radians, sin, sqrt
from uuid import UUID

from organisation import kinds
from organisation.models import Area, Organisation
from privacy import clock
from requests_app.models import BedNight, Claim, Need, NeverMatch, Proposal, Taken, Task
from volunteers.models import Check, Offer, Volunteer

EARTH_KM = 6371.0088
Names = frozenset[str]


@dataclass(frozen=True)
class Place:
    """One offer seen from one area, for one kind."""

    offer: Offer
    volunteer: Volunteer
    kind: str
    area: int
    reach: int
    km: int

    def order(self) -> tuple[object, ...]:
        """The nearest first; then who goes less far; then who was asked least recently."""
        steps = next(step for step in (10, 20, 40, 60) if self.reach <= step)
        return self.km, self.area, steps, self.volunteer.last_asked_at, self.offer.pk.hex

    def score(self, task: Task, at: datetime) -> int:
        need = task.need
        week = sum(1 << bit for bit in range(28) if self.offer.weekly >> bit & 1)
        wanted = clock.weekly_bits(need.day, task.parts)
        hours = min(720, max(0, int((at - self.volunteer.last_asked_at) / timedelta(hours=1))))
        points = 40 * (60 - self.km) // 60 + 30 * hours // 720
        points += 20 if self.volunteer.languages & need.languages else 0
        points += 10 if week & wanted == wanted else 0
        wished = {bit for bit in range(63) if need.wishes >> bit & 1}
        had = {bit for bit in wished if self.offer.conditions >> bit & 1}
        points += 20 * len(had) // len(wished) if wished else 0
        return points + (5 if self.offer.capacity == need.people else 0)


class Naive:
    """What is stored at this moment, and every answer about it."""

    def __init__(self, at: datetime) -> None:
        self.at, self.today = at, clock.local_day(at)
        self.areas = {area.pk: area for area in Area.objects.all()}
        related = Offer.objects.select_related("volunteer")
        self.offers = list(related.prefetch_related("exceptions", "typed_areas", "nights"))
        self.beds = Counter(BedNight.objects.values_list("offer_id", "night"))
        claims: dict[tuple[UUID, UUID], set[date]] = {}
        for who, claim, night in BedNight.objects.values_list("offer__volunteer_id", "claim_id", "night"):
            claims.setdefault((who, claim), set()).add(night)
        self.stays = [(who, nights) for (who, _claim), nights in claims.items()]
        week = Taken.objects.filter(day__gte=self.today - timedelta(days=6))
        self.taken = Counter(week.values_list("volunteer_id", flat=True))
        self.never = set(NeverMatch.objects.values_list("mailbox_id", "volunteer_id"))
        self.asks_per_day = Organisation.objects.current().asks_per_day
        asked = Proposal.objects.filter(asked_at__isnull=False)
        self.asked = set(asked.values_list("task_id", "volunteer_id"))
        declined = Proposal.objects.filter(outcome="declined")
        self.declined = set(declined.values_list("task__need_id", "volunteer_id"))
        self.must_agree = Organisation.objects.current().household_must_agree
        self.rules: dict[str, Callable[[Place, Task], bool]] = {
            "let_in": lambda p, t: p.offer.active and p.volunteer.is_let_in and not self._lacks(p),
            "reach": lambda p, t: p.km <= p.reach,
            "kind": lambda p, t: p.kind == t.need.kind,
            "capacity": lambda p, t: p.offer.capacity >= t.need.people,
            "conditions": lambda p, t: t.need.conditions & ~p.offer.conditions == 0,
            "language": self._language,
            "parts": self._parts,
            "checks": lambda p, t: all(day is None or day > self.today for day in self._ends(p)),
            "probation": self._is_not_alone,
            "pause": lambda p, t: not p.volunteer.is_paused(self.at),
            "most_nights": self._most_nights,
            "notice": self._notice,
            "arrival": self._arrival,
            "household": self._household,
            "nights": self._nights,
            "rest": self._rest,
            "cap": self._cap,
            "never": self._never,
            "declined": self._declined,
            "asked": lambda p, t: not self.had_enough(p.volunteer),
            "partner": lambda p, t: not p.volunteer.is_partner,
        }
        self.required = set(Organisation.objects.current().required_checks)
        self.checked: dict[UUID, dict[str, date | None]] = defaultdict(dict)
        for check in Check.objects.exclude(status="waiting"):
            self.checked[check.volunteer_id][check.item] = check.expires_on
        held = Claim.objects.filter(volunteer__probation=False).exclude(held_until__lte=at)
        # Neither is there with the others: one comes instead of somebody, one after them.
        held = held.exclude(task__role__in=("backup", "relief"))
        self.holding = list(held.filter(status__in=("held", "approved")))
        live = Task.objects.filter(need__status="open", need__expires_at__gt=at, status__in=("open", "held"))
        self.live = [task for task in live.select_related("need") if not self._is_over(task)]
        # Each place is looked at once about each task; nothing is changed while this lives.
        self.looked_at = lru_cache(maxsize=None)(self._looked_at)

    def _is_over(self, task: Task) -> bool:
        """No night is left of what goes on for nights, else no part that would do."""
        need = task.need
        nights = [need.day + timedelta(days=number) for number in range(need.nights)]
        last = max(part for part in clock.Part if part & task.parts)
        ends = clock.part_end(nights[-1], clock.Part.NIGHT) if nights else clock.part_end(need.day, last)
        return ends <= self.at

    def km(self, one: int, other: int) -> int:
        """Whole km between two centres (haversine), rounded up."""
        if one == other:
            return 0
        a, b = self.areas[one], self.areas[other]
        lat1, lat2 = radians(a.lat or 0), radians(b.lat or 0)
        half_lat, half_lon = (lat2 - lat1) / 2, radians((b.lon or 0) - (a.lon or 0)) / 2
        square = sin(half_lat) ** 2 + cos(lat1) * cos(lat2) * sin(half_lon) ** 2
        return ceil(2 * EARTH_KM * asin(sqrt(square)))

    def below(self, area: Area) -> set[int]:
        found = {area.pk}
        for child in self.areas.values():
            if child.parent_id == area.pk and child.active:
                found |= self.below(child)
        return found

    def places(self, need: Need) -> list[Place]:
        found = []
        for offer in self.offers:
            reach = {pk: 0 for area in offer.typed_areas.all() for pk in self.below(area)}
            if offer.home_area_id:
                reach[offer.home_area_id] = offer.reach_km
            for kind in offer.kinds:
                for area, km in reach.items():
                    far = self.km(area, need.area_id)
                    found.append(Place(offer, offer.volunteer, kind, area, km, far))
        return found

    def _looked_at(self, task: Task) -> list[tuple[Place, Names]]:
        """Each place, and the names of the hard conditions that stand between it and this task."""
        return [
            (place, frozenset(name for name, rule in self.rules.items() if not rule(place, task)))
            for place in self.places(task.need)
        ]

    def _failing_at_most(self, names: set[str], task: Task) -> list[Place]:
        return [place for place, failing in self.looked_at(task) if failing <= names]

    def _lacks(self, place: Place) -> bool:
        """Whether a check that is required of this kind was never done."""
        listed = set(kinds.get(place.kind).checks)
        return not listed & self.required <= self.checked[place.volunteer.pk].keys()

    def _ends(self, place: Place) -> list[date | None]:
        done = self.checked[place.volunteer.pk]
        return [done[item] for item in kinds.get(place.kind).checks if item in done]

    def _is_not_alone(self, place: Place, task: Task) -> bool:
        """Not on probation; or beside somebody who is not, who has another part of it at the same time. Of
        whoever is a backup one is still there when another cannot come."""
        beside = {held.task_id for held in self.holding if held.need_id == task.need_id} - {task.pk}
        together = kinds.get(task.need.kind).one_person_each and task.role != "relief"
        enough = 2 if task.role == "backup" else 1
        return not place.volunteer.probation or (together and len(beside) >= enough)

    def _parts(self, place: Place, task: Task) -> bool:
        need = task.need
        free = place.offer.weekly_on
        first = free(need.day)
        nights = [need.day + timedelta(days=n) for n in range(need.nights)]
        return (
            bool(first & task.parts)
            and first & task.covers == task.covers
            and all(free(night) & clock.Part.NIGHT for night in nights)
        )

    def _language(self, place: Place, task: Task) -> bool:
        return not task.need.languages_hard or bool(place.volunteer.languages & task.need.languages)

    def _most_nights(self, place: Place, task: Task) -> bool:
        need = task.need
        most = place.offer.most_nights
        return not kinds.get(place.kind).has_nights or most is None or need.nights <= most

    def _notice(self, place: Place, task: Task) -> bool:
        """Full hours, as on a clock without minutes, until the last part that would do begins."""
        last = max(part for part in clock.Part if part & task.parts)
        left = clock.hour(clock.part_start(task.need.day, last)) - clock.hour(self.at)
        hours = place.offer.notice_hours
        return hours == 0 or left >= timedelta(hours=hours)

    def _arrival(self, place: Place, task: Task) -> bool:
        return not kinds.get(place.kind).has_nights or bool(place.offer.arrivals & task.parts)

    def _household(self, place: Place, task: Task) -> bool:
        if not self.must_agree or not kinds.get(place.kind).household_agrees:
            return True
        said = place.offer.adults_agreed_on
        return said is not None and (self.today - said).days < 365

    def _nights(self, place: Place, task: Task) -> bool:
        need = task.need
        offer = place.offer
        for number in range(need.nights):
            night = need.day + timedelta(days=number)
            beds = offer.capacity
            if offer.beds_week is not None:
                digits = f"{offer.beds_week:042b}"[::-1]
                beds = int(digits[6 * night.weekday() : 6 * night.weekday() + 6][::-1], 2)
            beds = {row.night: row.beds for row in offer.nights.all()}.get(night, beds)
            if min(beds, offer.capacity) - self.beds[offer.pk, night] < need.people:
                return False
        return True

    def _rest(self, place: Place, task: Task) -> bool:
        """No other stay ends or begins too shortly before or after; one at the same time is no matter."""
        need = task.need
        asked = {need.day + timedelta(days=number) for number in range(need.nights)}
        near = range(-place.volunteer.rest_days, place.volunteer.rest_days + 1)
        too_near = {night + timedelta(days=days) for night in asked for days in near}
        stays = [nights for volunteer, nights in self.stays if volunteer == place.volunteer.pk]
        if not place.volunteer.rest_days:
            return True
        return not any(nights & too_near and not nights & asked for nights in stays)

    def _cap(self, place: Place, task: Task) -> bool:
        cap = place.volunteer.cap_per_week
        return cap is None or self.taken[place.volunteer.pk] < cap

    def _never(self, place: Place, task: Task) -> bool:
        need = task.need
        return (need.mailbox_id, place.volunteer.pk) not in self.never

    def _declined(self, place: Place, task: Task) -> bool:
        need = task.need
        return (need.pk, place.volunteer.pk) not in self.declined

    def had_enough(self, volunteer: Volunteer) -> bool:
        """Whether they were asked today as often as they, or the organisation, allow."""
        most = min(self.asks_per_day, volunteer.asks_per_day or self.asks_per_day)
        return volunteer.asked_day == self.today.toordinal() and volunteer.asked_today >= most

    def fitting(self, task: Task) -> list[Place]:
        return self._failing_at_most(set(), task)

    def askable(self, task: Task) -> list[Place]:
        """Who may be asked at this moment: after all the rings, with her yes, partners as well."""
        is_last = task.ring > len(kinds.get(task.need.kind).rings)
        return self._failing_at_most({"partner"} if is_last and task.need.partner_ok else set(), task)

    def _shown(self, task: Task) -> list[Place]:
        """Whoever had enough sees it all the same; a partner what it was asked, with her yes."""
        return [
            place
            for place in self._failing_at_most({"asked", "partner"}, task)
            if not place.volunteer.is_partner
            or (task.need.partner_ok and (task.pk, place.volunteer.pk) in self.asked)
        ]

    def best(self, task: Task, count: int, nearest: int) -> list[tuple[UUID, UUID, int, int]]:
        """(volunteer, offer, km, points) of the best among the nearest, one for each volunteer."""
        near = sorted(self.fitting(task), key=Place.order)[:nearest]
        near.sort(key=lambda p: (-p.score(task, self.at), p.km, p.offer.pk.hex))
        first: dict[UUID, Place] = {}
        for place in near:
            first.setdefault(place.volunteer.pk, place)
        return [
            (p.volunteer.pk, p.offer.pk, p.km, p.score(task, self.at)) for p in list(first.values())[:count]
        ]

    def board(self, volunteer: Volunteer) -> list[tuple[UUID, UUID, int, int]]:
        """(task, offer, km, points) of what somebody could do, the best first."""
        found = []
        for task in self.live:
            own = [p for p in self._shown(task) if p.volunteer.pk == volunteer.pk]
            own.sort(key=lambda p: (-p.score(task, self.at), p.km, p.offer.pk.hex))
            for place in own[:1]:
                points = place.score(task, self.at)
                found.append(((-points, place.km, place.offer.pk.hex, task.pk.hex), task, place, points))
        found.sort(key=lambda row: row[0])
        return [(task.pk, place.offer.pk, place.km, points) for _key, task, place, points in found]

    def why_nobody(self, task: Task) -> dict[str, int]:
        """Condition → how many volunteers fail at this one only, those without anybody left out."""
        found: dict[str, set[UUID]] = {}
        for place, failing in self.looked_at(task):
            if len(failing) == 1:
                found.setdefault(next(iter(failing)), set()).add(place.volunteer.pk)
        return {name: len(people) for name, people in found.items()}
