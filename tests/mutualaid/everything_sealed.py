"""Two of everything that is sealed, made the way it is made, and everybody who can read it."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.core.cache import cache
from django.db import models
from django.test import Client

from mutualaid.third_party_fields import THIRD_PARTY
from notify.models import Channel, PushKey
from privacy import codes, crypto
from privacy.crypto import Unreadable
from privacy.derivation import derive_mailbox, passphrase_key
from privacy.fields import declared
from privacy.models import Grant, Session
from privacy.sessions import SessionStore
from requests_app import asking, wrong
from requests_app.models import (
    Claim,
    Debrief,
    Errand,
    Knock,
    Mailbox,
    Message,
    Need,
    OutsideContact,
    Plan,
    Report,
    Task,
)
from requests_app.models.knock import HIDE
from requests_app.models.report import KNOW, YES
from requests_app.readers import Unlocked
from requests_app.visits import Visit
from requests_app.wrong import Said
from tests.requests_app.world import World, only_task, say_yes, take, unlocked
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import desk, keys, seeds
from volunteers.adapter import MFAAdapter
from volunteers.models import DeskShare, Volunteer

TYPED = AT - timedelta(days=2)
Read = Callable[[], Any]
Field = tuple[str, str]


def sealed_fields() -> set[Field]:
    """(label, field) of everything that any model declares as sealed."""
    return {
        (model._meta.label, name)
        for model in apps.get_models()
        for classes in declared(model, THIRD_PARTY)
        for name in classes.sealed
    }


@dataclass(frozen=True)
class Cell:
    """One sealed value in one row, and who reads it: name → a read of the row as the database has it."""

    model: type[models.Model]
    pk: Any
    name: str
    readers: Mapping[str, Read] = field(hash=False, compare=False)
    # Where it lies in a JSON column.
    key: str = ""

    @property
    def field(self) -> Field:
        return self.model._meta.label, self.name

    def get(self) -> bytes:
        value = self.model._default_manager.values_list(self.name, flat=True).get(pk=self.pk)
        return base64.b64decode(value[self.key]) if self.key else bytes(value)

    def put(self, blob: bytes) -> None:
        row = self.model._default_manager.filter(pk=self.pk)
        if self.key:
            data = row.values_list(self.name, flat=True).get()
            row.update(**{self.name: data | {self.key: base64.b64encode(blob).decode()}})
        else:
            row.update(**{self.name: blob})

    def read(self) -> dict[str, Any]:
        """What each of its readers gets; Unreadable (the class) for one who is refused."""
        return {who: _outcome(read) for who, read in self.readers.items()}


def _outcome(read: Read) -> Any:
    try:
        return read()
    except Unreadable:
        return Unreadable


@dataclass
class Pair:
    """One side: an asker with a need the desk decides about and a second code that was typed, a volunteer
    who comes, a coordinator."""

    visit: Visit
    second: Visit
    knock: Knock
    need: Need
    claim: Claim
    volunteer: Person
    coordinator: Person
    client: Client
    # What was wrong, as the one outside the desk reads it, and that somebody would like to talk.
    outside: Unlocked
    sheet: bytes
    report: Report
    debrief: Debrief
    # Only one counts; a second one is made here as where the first was damaged.
    push_key: int
    # What has answers for one leg alone.
    trip: Need


def cells(world: World) -> list[Cell]:
    """Every sealed field twice, of two needs that have nothing to do with each other."""
    second = people.coordinator(world.coordinator, "Dora")
    desk.share_with(second.volunteer, world.coordinator.volunteer, world.coordinator.private)
    sides = [side(world, "first", world.coordinator), side(world, "second", second)]
    return [cell for one in sides for cell in cells_of(one)]


def side(world: World, word: str, coordinator: Person, visit: Visit | None = None) -> Pair:
    """A need with everything in it, asked in a new mailbox or in that of `visit`."""
    ben = world.volunteer(f"Ben the {word}")
    told = {"transport": "email", "language": "en", "at": AT}
    Channel.objects.add(recipient=ben.volunteer.pk, address=f"{word}@example.org", **told)
    with seeds.belonging_to(ben.volunteer):
        TOTP.activate(ben.volunteer, "JBSWY3DPEHPK3PXP" if word == "first" else "KRSXG5CTMVRXEZLU")
        RecoveryCodes.activate(ben.volunteer)
    asked = {
        "note": f"The {word} note.",
        "answers": {"to": f"The {word} clinic", "wait": "outside" if word == "first" else "inside"},
        "place": f"The {word} bench",
        "kind": "accompaniment",
        "plan": f"The {word} plan.",
    }
    visit, need = world.ask(visit, decides="desk", desk_reads=True, **asked)
    claim = say_yes(visit, take(ben, only_task(need)))
    leg = {"to": f"The {word} station"}
    _visit, trip = world.ask(visit, kind="ride", decides="desk", desk_reads=True, answers=leg)
    say_yes(visit, take(ben, only_task(trip)))
    claim.write(visit.unlocked, Message.ASKER, f"The {word} of hers.", AT)
    claim.write(unlocked(ben), Message.VOLUNTEER, f"The {word} of theirs.", AT)
    cache.clear()
    client = coordinator.sign_in(Client())
    # Her second code, that was typed two days ago and never answered: it hides nothing any more.
    second = asking.ask(world.asked(paused=True), crypto.new_key(), None, "en", AT, visit.errand(HIDE))
    before = set(Knock.objects.values_list("pk", flat=True))
    Mailbox.objects.knock(second.secret or b"", TYPED)
    knock = Knock.objects.exclude(pk__in=before).get()
    PushKey.objects.make(after=PushKey.objects.count())
    pair = PushKey.objects.current()
    assert pair is not None
    claim = Claim.objects.get(pk=claim.pk)
    apart = _apart(word, claim)
    return Pair(visit, second, knock, need, claim, ben, coordinator, client, *apart, pair.number, trip)


def _apart(word: str, claim: Claim) -> tuple[Unlocked, bytes, Report, Debrief]:
    """Sealed to somebody outside the desk, who was named anew; and to the desk."""
    secret = crypto.new_key()[: codes.SECRET_BYTES]
    derived = derive_mailbox(secret)
    contact = OutsideContact.objects.appoint(f"The {word} outside", derived, "", "en", AT)
    once = uuid4()
    wrong.about_volunteer(claim, Said(KNOW, f"The {word} wrong.", "", YES), once, AT)
    Debrief.objects.leave(once, f"The {word} talk.", "", "asker", AT)
    report, debrief = (model.objects.get(pk=model.id_of(once)) for model in (Report, Debrief))
    return contact.unlocked(derived.seed), secret, report, debrief


def cells_of(side: Pair) -> list[Cell]:
    """Every sealed field of one side, and who reads it."""
    parts = (_of_need, _of_claim, _of_apart, _grants, _of_accounts, _unattended, _of_second_code)
    return [cell for part in parts for cell in part(side)]


def _desk(person: Person) -> Unlocked:
    reader = desk.reader()
    assert reader is not None
    return Unlocked(reader, desk.desk_private(Volunteer.objects.get(pk=person.volunteer.pk), person.private))


def _of_need(side: Pair) -> list[Cell]:
    def need() -> Need:
        return Need.objects.get(pk=side.need.pk)

    hers, theirs, at_desk = side.visit.unlocked, unlocked(side.volunteer), _desk(side.coordinator)
    everybody = {"asker": hers, "volunteer": theirs, "desk": at_desk}

    def note(part: int) -> dict[str, Read]:
        return {who: lambda them=them: need().read_note(them)[part] for who, them in everybody.items()}

    place = {
        who: lambda them=them: need().read_desk_place(them)
        for who, them in everybody.items()
        if who != "volunteer"
    }
    row = side.need.plans.get().pk
    plan = {
        who: lambda them=them: Plan.objects.get(pk=row).read(them)
        for who, them in everybody.items()
        if who != "desk"
    }
    task = only_task(side.trip).pk
    of_leg = {
        who: lambda them=them: Task.objects.get(pk=task).read_answers(them) for who, them in everybody.items()
    }
    return [
        Cell(Plan, row, "text", plan),
        Cell(Task, task, "answers", of_leg),
        Cell(Need, side.need.pk, "note", note(0)),
        Cell(Need, side.need.pk, "answers", note(1)),
        Cell(Need, side.need.pk, "desk_place", place),
    ]


def _of_claim(side: Pair) -> list[Cell]:
    def claim() -> Claim:
        related = Claim.objects.select_related("need__mailbox", "volunteer", "task")
        return related.get(pk=side.claim.pk)

    both = {"asker": side.visit.unlocked, "volunteer": unlocked(side.volunteer)}
    place = {who: lambda them=them: claim().read_place(them, AT) for who, them in both.items()}
    found = [Cell(Claim, side.claim.pk, "place", place)]
    for pk in side.claim.messages.values_list("pk", flat=True):
        body = {
            who: lambda them=them, pk=pk: Message.objects.get(pk=pk).text(claim().thread(them))
            for who, them in both.items()
        }
        found.append(Cell(Message, pk, "body", body))
    return found


def _of_apart(side: Pair) -> list[Cell]:
    at_desk = _desk(side.coordinator)

    def read(row: Report | Debrief, them: Unlocked) -> Read:
        return lambda: type(row)._default_manager.get(pk=row.pk).read(them)["text"]

    return [
        Cell(Report, side.report.pk, "said", {"outside": read(side.report, side.outside)}),
        Cell(Debrief, side.debrief.pk, "said", {"desk": read(side.debrief, at_desk)}),
    ]


def _grants(side: Pair) -> list[Cell]:
    hers, theirs, at_desk = side.visit.unlocked, unlocked(side.volunteer), _desk(side.coordinator)
    readers = (hers, theirs, at_desk, side.outside)
    keys_of = {(them.reader.kind, str(them.reader.id)): them for them in readers}
    rows = (side.need, side.claim, side.need.plans.get(), side.report, side.debrief)
    owners = [row.slot_owner for row in rows]

    def key(pk: Any, them: Unlocked) -> Read:
        return lambda: Grant.objects.get(pk=pk).unseal(them.reader, them.private_key)

    return [
        Cell(
            Grant,
            grant.pk,
            "sealed",
            {grant.reader_kind: key(grant.pk, keys_of[grant.reader_kind, grant.reader_id])},
        )
        for grant in Grant.objects.filter(compartment__slot_owner__in=owners)
    ]


def _of_accounts(side: Pair) -> list[Cell]:
    def account(person: Person) -> Volunteer:
        return Volunteer.objects.get(pk=person.volunteer.pk)

    ben, ana = side.volunteer, side.coordinator

    def with_sheet() -> bytes:
        """As `keys.restore` opens it, without the new passphrase."""
        key = passphrase_key(codes.read(ben.sheet).hex(), bytes(account(ben).recovery_salt))
        return keys._open(
            key, bytes(account(ben).wrapped_recovery), keys._context(account(ben), "wrapped_recovery")
        )

    share = DeskShare.objects.get(coordinator=ana.volunteer)
    cookie = side.client.cookies["s"].value
    return [
        Cell(
            Volunteer,
            ben.volunteer.pk,
            "wrapped_private",
            {"owner": lambda: keys.unlock(account(ben), PASSPHRASE)},
        ),
        Cell(Volunteer, ben.volunteer.pk, "wrapped_recovery", {"owner": with_sheet}),
        Cell(
            DeskShare,
            share.pk,
            "sealed_private",
            {"desk": lambda: desk.desk_private(account(ana), ana.private)},
        ),
        Cell(Session, SessionStore(cookie)._find(AT)[0].pk, "data", {"visitor": lambda: _session(cookie)}),  # type: ignore[index]
    ]


def _session(cookie: str) -> dict[str, Any]:
    """What a browser's session holds. An empty one is how a session says that it does not open."""
    content = SessionStore(cookie).load()
    if not content:
        raise Unreadable
    return content


def _unattended(side: Pair) -> list[Cell]:
    ben = side.volunteer.volunteer

    def seed(pk: Any, key: str) -> Read:
        def read() -> str:
            with seeds.belonging_to(ben):
                return str(MFAAdapter().decrypt(Authenticator.objects.get(pk=pk).data[key]))

        return read

    found = []
    for factor in Authenticator.objects.filter(user=ben):
        key = "secret" if factor.type == Authenticator.Type.TOTP else "seed"
        found.append(Cell(Authenticator, factor.pk, "data", {"server": seed(factor.pk, key)}, key))
    channel = Channel.objects.get(recipient=ben.pk)
    address = {"server": lambda: Channel.objects.get(pk=channel.pk).read_address()}
    number = side.push_key
    private = {"server": lambda: PushKey.objects.get(pk=number).private()}
    return [
        *found,
        Cell(Channel, channel.pk, "address", address),
        Cell(PushKey, number, "private_key", private),
    ]


def _of_second_code(side: Pair) -> list[Cell]:
    """What follows when it is typed, in its mailbox and in the row of its being typed."""
    mailbox = side.second.mailbox

    def something(errand: Errand) -> Errand:
        """A row that does not open has nothing follow."""
        if errand == Errand():
            raise Unreadable
        return errand

    typed = {
        "second code": lambda: something(Mailbox.objects.get(pk=mailbox.pk).what_follows(side.second.seed))
    }
    done = {"server": lambda: something(Knock.objects.get(pk=side.knock.pk).read())}
    return [Cell(Mailbox, mailbox.pk, "errand", typed), Cell(Knock, side.knock.pk, "errand", done)]
