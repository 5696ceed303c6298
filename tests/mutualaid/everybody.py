"""Somebody in every role round one need of hers, what was written in it, and what stands in addresses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.test import Client

from notify.models import Channel
from organisation import checks
from organisation.models import Hours, PhoneNumber
from requests_app import standing, wrong
from requests_app.models import Claim, Debrief, Message, Need, Report
from requests_app.models.asked import Tell
from requests_app.models.report import KNOW, NO
from requests_app.visits import Visit
from requests_app.wrong import Said
from tests.mutualaid.test_any_address import Address
from tests.requests_app import world as worlds
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.world import World, say_yes, take, unlocked
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers.models import Check, Invitation, LoginRestore, Offer, OnCall

ROLES = (
    *("nobody", "the asker", "another asker", "unvetted", "vetted", "no fit", "paused"),
    *("assigned", "locked", "released", "suspended", "coordinator", "administrator"),
)

# What was written, and by whom it may be read: the roles, whole and sorted.
OF_THE_NEED = ("the asker", "assigned")
WRITTEN = {
    "her note": ("Heron by the blue door.", (*OF_THE_NEED, "administrator")),
    "where to": ("Otter street clinic", (*OF_THE_NEED, "administrator")),
    "where to on the way back": ("Polecat mill", ("the asker", "administrator")),
    "the place": ("Magpie under the clock", OF_THE_NEED),
    "her message": ("Badger wears a green scarf.", OF_THE_NEED),
    "the answer": ("Lynx is on the way.", OF_THE_NEED),
    "where she is told": ("plover@example.org", ()),
    "the place of whoever could not come": ("Weasel by the gate", ()),
    "a message to whoever could not come": ("Marten waits at nine.", ()),
    "another asker's note": ("Stoat has two bags.", ("another asker",)),
    "another asker's place": ("Dormouse at the bakery", ("another asker",)),
    "another asker's message": ("Curlew rings twice.", ("another asker",)),
    "another asker's plan": ("Wigeon calls the lawyer.", ("another asker",)),
    "a note for the desk": ("Wagtail needs a ramp.", ("administrator",)),
    "a place for the desk": ("Nuthatch lane, first floor", ("administrator",)),
    "where the assigned is told": ("siskin@example.org", ()),
    # Somebody wrote it about whoever comes to another asker.
    "what was wrong": ("Stork slammed the door.", ("coordinator", "administrator")),
    "who would like to talk": ("Swift sleeps badly since.", ("administrator",)),
}


def text(what: str) -> str:
    return WRITTEN[what][0]


@dataclass
class Everybody:
    """A browser for each role, and what stands in the addresses. `named` goes before `ids`: the same part
    ("token") means something else at each address. `others`: what else there is of the same kind."""

    clients: dict[str, Client] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    named: dict[str, Any] = field(default_factory=dict)
    others: dict[str, list[Any]] = field(default_factory=dict)

    def parts(self, address: Address, **others: Any) -> dict[str, str]:
        """What exists, for each part of an address; `others` stand in place of what they name."""
        ids = {**self.ids, **others}
        return {
            name: str(self.named.get(address.name, ids.get(name, UNKNOWN[kind])))
            for name, kind in address.parts.items()
        }

    def path(self, address: Address, **others: Any) -> str:
        return address.with_parts(self.parts(address, **others))

    def elsewhere(self, address: Address) -> list[str]:
        """The same address of the other needs and claims there are."""
        one = next(iter(address.parts.keys() & self.others.keys()), None)
        return [self.path(address, **{one: pk}) for pk in self.others[one]] if one else []


UNKNOWN = {
    "uuid": "6b1f2d1e-1111-4111-8111-111111111111",
    # More rows than any table here ever had.
    "int": "999999999",
    "string": "nothing",
    "slug": "nothing",
}


def signed_in(person: Person) -> Client:
    cache.clear()
    return person.sign_in(Client())


def _locked(person: Person) -> Client:
    """A device that is remembered: the login goes on, the key is closed."""
    client = signed_in(person)
    client.post("/accounts/lock/")
    return client


def _with_code(visit: Visit) -> Client:
    """Her page is open; what a form's token is worth is tested where forms are."""
    client = Client()
    client.cookies = enter(visit).cookies
    return client


def everybody(world: World) -> Everybody:
    trip = {"back": "yes", "to": text("where to"), "back_to": text("where to on the way back")}
    asked = {"note": text("her note"), "answers": trip}
    tell = Tell("email", text("where she is told"), "en")
    visit, need = world.ask(kind="ride", desk_reads=True, tell=tell, **asked)
    other = _another(world)
    _for_the_desk(world)
    there, back = need.tasks.order_by("-role")
    ben, dan, eve = (world.volunteer(name) for name in ("Ben", "Dan", "Eve"))
    claim = say_yes(visit, take(ben, there), place=text("the place"))
    claim.write(visit.unlocked, Message.ASKER, text("her message"), AT)
    claim.write(unlocked(ben), Message.VOLUNTEER, text("the answer"), AT)
    gone = say_yes(visit, take(dan, back), place=text("the place of whoever could not come"))
    gone.write(visit.unlocked, Message.ASKER, text("a message to whoever could not come"), AT)
    gone.release(AT)
    eve.volunteer.pause(worlds.day(3), AT)
    hal, ida = world.volunteer("Hal"), people.coordinator(world.coordinator, "Ida")
    apart = _apart(other)
    clients = {
        "nobody": Client(),
        "the asker": _with_code(visit),
        "another asker": _with_code(other),
        "unvetted": signed_in(people.newcomer(world.coordinator, "Gil")),
        "vetted": signed_in(world.volunteer("Kit")),
        "no fit": signed_in(world.volunteer("Fay", kinds=["stay"])),
        "paused": signed_in(eve),
        "assigned": signed_in(ben),
        "locked": _locked(ben),
        "released": signed_in(dan),
        "suspended": signed_in(hal),
        "coordinator": signed_in(ida),
        "administrator": signed_in(world.coordinator),
    }
    standing.suspend(hal.volunteer, AT)
    made = Everybody(clients)
    made.ids = {"slug": "ride", "need_id": need.pk, "claim_id": claim.pk, "task": there.pk}
    made.ids |= apart
    made.ids |= {"person_id": ben.volunteer.pk, "offer_id": Offer.objects.of(ben.volunteer)[0].pk}
    _links(world, made, ben, ida)
    made.others = {
        "need_id": list(Need.objects.exclude(pk=need.pk).values_list("pk", flat=True)),
        "claim_id": list(Claim.objects.exclude(pk=claim.pk).values_list("pk", flat=True)),
    }
    return made


def _another(world: World) -> Visit:
    """Somebody else asked the same and was said yes to by somebody else."""
    visit, need = world.ask(kind="ride", note=text("another asker's note"))
    claim = say_yes(
        visit, take(world.volunteer("Joe"), need.tasks.get()), place=text("another asker's place")
    )
    claim.write(visit.unlocked, Message.ASKER, text("another asker's message"), AT)
    company = {"answers": {"backup": "yes"}, "plan": text("another asker's plan")}
    world.ask(visit, kind="accompaniment", **company)
    return visit


def _apart(visit: Visit) -> dict[str, Any]:
    """What stands apart from every need."""
    claim, once = Claim.objects.on_needs_of(visit.mailbox).get(), uuid4()
    wrong.about_volunteer(claim, Said(KNOW, text("what was wrong"), "", NO), once, AT)
    Debrief.objects.leave(once, text("who would like to talk"), "", "asker", AT)
    return {"report_id": Report.id_of(once), "debrief_id": Debrief.id_of(once)}


def _for_the_desk(world: World) -> None:
    for_desk = {"note": text("a note for the desk"), "place": text("a place for the desk")}
    world.ask(kind="ride", decides="desk", desk_reads=True, **for_desk)


def _links(world: World, made: Everybody, ben: Person, ida: Person) -> None:
    """Links that open something for whoever has them, and numbered rows."""
    ana = world.coordinator.volunteer
    lost = people.newcomer(world.coordinator, "Lou").volunteer
    assert LoginRestore.objects.press(lost, ana, AT) == ""
    made.named = {
        "join": Invitation.objects.make(ana, AT),
        "calendar": ben.volunteer.new_calendar_token(),
        "restore_login": LoginRestore.objects.press(lost, ida.volunteer, AT),
    }
    siskin = Channel.objects.add(
        recipient=ben.volunteer.pk,
        transport="email",
        address=text("where the assigned is told"),
        language="en",
        at=AT,
    )
    made.ids["channel_id"] = siskin.pk
    made.ids["invitation_id"] = Invitation.objects.get(made_by=ana, used_at=None).pk
    visited = Check.objects.tick(ben.volunteer, checks.ALL["home-visit"], ana, AT.date(), AT)
    made.ids["check_id"] = visited.pk
    made.named |= {f"desk_agreement{verb}": "do-not-ask-why" for verb in ("", "_stop")}
    hours = Hours.objects.add(weekday=1, from_time=AT.time(), until_time=AT.time().replace(hour=23))
    number = PhoneNumber.objects.add(label="Example", number="555 0100")
    on_call = OnCall.objects.add(
        coordinator=ana, weekday=1, from_time=AT.time(), until_time=AT.time().replace(hour=23)
    )
    rows = {"hours": hours.pk, "number": number.pk, "area": world.area.pk, "on_call": on_call.pk}
    for kind, pk in rows.items():
        made.named |= {f"desk_{kind}{verb}": pk for verb in ("", "_remove", "_activate", "_deactivate")}


def shown(address: Address) -> str:
    """The address as it is read: names in place of ids."""
    path = address.with_parts({name: UNKNOWN[kind] for name, kind in address.parts.items()})
    for name, kind in reversed(address.parts.items()):
        path = f"<{name}>".join(path.rsplit(UNKNOWN[kind], 1))
    return path


def found_in(answer: Any) -> Iterator[str]:
    """What of WRITTEN an answer gives away, in its page or in its headers."""
    whole = unescape(answer.content.decode("utf-8", "replace")) + str(answer.headers) + str(answer.cookies)
    yield from (what for what, (written, _who) in WRITTEN.items() if written in whole)
