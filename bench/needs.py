"""The needs of the measurement, asked through the verb, with who declined and who is never matched."""

import random
import secrets
import uuid
from collections.abc import Iterable
from datetime import timedelta

from bench.country import AT, TODAY, NeedFacts
from organisation.models import Area
from privacy.derivation import Derived
from requests_app.models import Asked, BedNight, Claim, Mailbox, Need, NeverMatch, Proposal, Task
from volunteers.models import Offer, Volunteer


def ask(facts: Iterable[NeedFacts]) -> list[tuple[str, Task]]:
    """(why, first task) of each need, in the order given."""
    areas = Area.objects.in_bulk()
    return [(fact.why, _ask(fact, areas[fact.area])) for fact in facts]


def _ask(fact: NeedFacts, area: Area) -> Task:
    asked = Asked(
        kind=fact.kind,
        area=area,
        day=fact.day,
        parts=fact.parts,
        covers=fact.covers,
        nights=fact.nights,
        people=fact.people,
        languages=fact.languages,
        languages_hard=fact.languages_hard,
        conditions=fact.conditions,
    )
    # A mailbox without a return code: nobody comes back in a measurement.
    derived = Derived(lookup=secrets.token_bytes(32), seed=secrets.token_bytes(32), version=1)
    need = Need.objects.ask(Mailbox.objects.start(derived, "en", AT), asked, AT)
    return need.tasks.order_by("role")[0]


def turn_some_away(tasks: list[Task]) -> None:
    """On every fifth need ten volunteers declined, and ten more are never matched with its asker."""
    dice = random.Random("turned away")
    volunteers = list(Volunteer.objects.order_by("pk").values_list("pk", flat=True)[:5_000])
    for task in tasks[::5]:
        some = dice.sample(volunteers, min(20, len(volunteers)))
        Proposal.objects.bulk_create(_declined(task, volunteer) for volunteer in some[:10])
        never = NeverMatch.objects
        never.bulk_create(NeverMatch(mailbox_id=task.need.mailbox_id, volunteer_id=v) for v in some[10:])


def fill_beds(task: Task) -> None:
    """Of two thousand offers one bed is taken for some nights."""
    dice = random.Random("beds")
    offers = list(Offer.objects.order_by("pk")[:2_000])
    claim = Claim(need=task.need, task=task, volunteer_id=offers[0].volunteer_id, offer=offers[0])
    claim.status, claim.claimed_at, claim.slot_number = "done", AT, task.need.slot_number
    claim.save(force_insert=True)
    BedNight.objects.bulk_create(
        BedNight(offer=offer, night=TODAY + timedelta(days=night), bed=0, claim=claim)
        for offer in offers
        for night in dice.sample(range(30), 6)
    )


def _declined(task: Task, volunteer: uuid.UUID) -> Proposal:
    return Proposal(task=task, volunteer_id=volunteer, asked_at=AT, outcome=Proposal.DECLINED)
