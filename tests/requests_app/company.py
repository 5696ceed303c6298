"""A pair of companions with their backup, as tests of taps, backups and plans need them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from notify.models import Channel, Notice
from organisation import presets
from organisation.presets import Preset
from privacy import clock
from requests_app.models import Claim, Need, Task
from requests_app.visits import Visit
from tests.requests_app.world import TOMORROW, World, claim_of, say_yes, take
from tests.volunteers.people import AT, Person

NOTE, PLACE, PLAN = "The blue door.", "By the old fountain", "Call my sister, then the lawyer."
ASKER, VOLUNTEER = "asker", "volunteer"
MORNING = int(clock.Part.MORNING)
# Tomorrow's first part, which must be covered: nobody said when they meet.
ENDS = clock.part_end(TOMORROW, clock.Part.MORNING)
LATE = ENDS + timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Company:
    """An accompaniment tomorrow morning: Ben and Cleo come, Dora is the backup."""

    visit: Visit
    need: Need
    ben: Person
    cleo: Person
    dora: Person

    def task(self, role: str) -> Task:
        return Task.objects.select_related("need").get(need=self.need, role=role)

    def claim(self, person: Person) -> Claim:
        """Their latest claim of this need, whatever its task is now."""
        related = Claim.objects.select_related("task", "need__mailbox", "volunteer", "offer")
        return related.filter(need=self.need, volunteer=person.volunteer).latest("claimed_at")


def asked(**values: Any) -> dict[str, Any]:
    """A pair, for the morning of tomorrow."""
    return {
        "kind": "accompaniment",
        "parts": MORNING,
        "covers": MORNING,
        "note": NOTE,
        "plan": PLAN,
        "answers": {"companions": "two", "setting": "police"},
        **values,
    }


def company(world: World, **values: Any) -> Company:
    """Three who were said yes to; the place is known to Ben and Cleo."""
    visit, need = world.ask(**asked(**values))
    ben, cleo, dora = (world.volunteer(name) for name in ("Ben", "Cleo", "Dora"))
    made = Company(visit, need, ben, cleo, dora)
    yes(made, ben, "companion", PLACE)
    yes(made, cleo, "second_companion", PLACE)
    yes(made, dora, "backup", PLACE)
    return made


def yes(made: Company, person: Person, role: str, place: str = "") -> Claim:
    """Takes it, and she says yes (or nobody need, where the first decides)."""
    claim = take(person, made.task(role))
    if made.need.decides == ASKER:
        say_yes(made.visit, claim, place=place)
    return claim_of(person, claim.task)


def hears(recipient: UUID) -> None:
    """They have an address, and want the word for the pace."""
    Channel.objects.add(
        recipient=recipient, transport="email", address="x@example.org", language="en", paces=True, at=AT
    )


def told(recipient: UUID) -> list[str]:
    """The paces of what is still to leave for them, in order."""
    rows = Notice.objects.filter(recipient=recipient, status="queued")
    return sorted(rows.values_list("pace", flat=True))


def preset(slug: str) -> Preset:
    found = presets.get(slug)
    assert found is not None
    return found
