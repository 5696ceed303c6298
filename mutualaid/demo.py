"""An example organisation to look around in: people join, offer, ask and answer by the ordinary verbs."""

import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from mutualaid import example
from mutualaid.example import Example
from organisation import conditions, house, kinds, languages
from organisation.models import Area, Hours, Organisation, PhoneNumber
from privacy import clock, codes
from privacy.crypto import new_key
from privacy.derivation import derive_mailbox
from requests_app import asking, tasks
from requests_app.models import Asked, Claim, Message, Need, OutsideContact
from requests_app.models.asked import DESK
from requests_app.readers import Unlocked
from requests_app.visits import Visit
from requests_app.volunteer_page import need_page
from volunteers.account import new_username
from volunteers.joining import Joined, join
from volunteers.models import Invitation, Offer, OnCall, Volunteer, Vouch

WORDS = 4
# What waits for a yes still waits some hours later, when somebody looks around.
LOOKS_AGAIN = timedelta(hours=12)
REST = timedelta(days=7)


class InUse(Exception):
    """Somebody has an account here, or asked for something: nothing is put beside them."""


@dataclass(frozen=True)
class Account:
    """What somebody needs to sign in. role: "coordinator" or "volunteer"."""

    username: str
    passphrase: str = field(repr=False)
    role: str
    handle: str


@dataclass(frozen=True)
class Filled:
    """What was made, and what opens it."""

    accounts: list[Account]
    return_code: str = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: "accounts" (username, passphrase, role, handle) and "return_code"."""
        return asdict(self)


def fill(language: str, at: datetime) -> Filled:
    """Make all of the example or, where something fails, nothing. Raises InUse.

    language: of user names, passphrases and the return code.
    """
    with transaction.atomic():
        if Volunteer.objects.exists() or Need.objects.exists():
            raise InUse
        areas = _open_the_house(at)
        people = _People(language, at)
        people.let_in(areas)
        return_code = _Needs(areas, people, language, at).ask_and_answer()
    return Filled(people.accounts, return_code)


def _open_the_house(at: datetime) -> dict[str, Area]:
    """Names, areas, hours, numbers to call. Returns the areas by name."""
    organisation = Organisation.objects.ensure(at)
    organisation.change(name=example.NAME, help_text=example.HOW_TO_HELP)
    before = list(Area.objects.all())
    areas = Area.objects.plant(example.AREAS)
    for area in before:
        area.remove()
    for weekday, from_time, until_time in example.HOURS:
        Hours.objects.add(weekday=weekday, from_time=from_time, until_time=until_time)
    for order, (label, number, note) in enumerate(example.NUMBERS):
        PhoneNumber.objects.add(label=label, number=number, note=note, order=order)
    # Whose sheet nobody has: the desk makes another one to look around with.
    sheet = derive_mailbox(codes.new_secret())
    OutsideContact.objects.appoint(example.OUTSIDE, sheet, "", "en", at)
    return areas


class _People:
    """A coordinator, and volunteers with their offers: most are let in, one waits, one rests."""

    def __init__(self, language: str, at: datetime) -> None:
        self.language, self.at = language, at
        self.accounts: list[Account] = []
        self._joined: dict[str, Joined] = {}

    def let_in(self, areas: dict[str, Area]) -> None:
        # The link that set-up printed would let somebody found the desk a second time.
        for invitation in Invitation.objects.open(self.at):
            invitation.withdraw()
        desk = self._join(None, example.COORDINATOR)
        weekday, from_time, until_time = example.HOURS[0]
        OnCall.objects.add(coordinator=desk, weekday=weekday, from_time=from_time, until_time=until_time)
        for row in example.VOLUNTEERS:
            volunteer = self._join(desk, row.handle)
            volunteer.describe(self.at, languages=languages.bits(row.speaks))
            self._offer(volunteer, row, areas)
            if row.is_let_in:
                volunteer.vouch(desk, self.at, Vouch.Context.MET)
            if row.rests:
                volunteer.pause(clock.local_day(self.at) + REST, self.at)

    def named(self, handle: str) -> tuple[Volunteer, Unlocked]:
        """One of them as they are now, and with their key open."""
        joined = self._joined[handle]
        volunteer = Volunteer.objects.get(pk=joined.volunteer.pk)
        return volunteer, Unlocked(volunteer.reader(), joined.private)

    def _join(self, desk: Volunteer | None, handle: str) -> Volunteer:
        token = Invitation.objects.make(desk, self.at, coordinator=desk is None)
        passphrase = " ".join(codes.words_from(new_key(), WORDS, self.language))
        joined = join(
            token,
            username=new_username(self.language),
            handle=handle,
            passphrase=passphrase,
            language=self.language,
            at=self.at,
        )
        role = "volunteer" if desk else "coordinator"
        self._joined[handle] = joined
        self.accounts.append(Account(joined.volunteer.username, passphrase, role, handle))
        return joined.volunteer

    def _offer(self, volunteer: Volunteer, row: Example, areas: dict[str, Area]) -> None:
        offer = Offer(
            volunteer=volunteer,
            kinds=list(row.kinds),
            home_area=areas[row.home] if row.home else None,
            reach_km=row.reach_km,
            capacity=row.capacity,
            conditions=conditions.bits(row.fulfils),
            weekly=row.weekly,
            made_at=clock.hour(self.at),
            house=house.bits(row.house),
            adults_agreed_on=clock.local_day(self.at) if "stay" in row.kinds else None,
        )
        offer.write(self.at, [areas[name] for name in row.areas])
        if row.away_in_days:
            offer.set_day(clock.local_day(self.at) + timedelta(days=row.away_in_days), 0, self.at)


class _Needs:
    """What was asked, and how far each of it has come."""

    def __init__(self, areas: dict[str, Area], people: _People, language: str, at: datetime) -> None:
        self.areas, self.people, self.language, self.at = areas, people, language, at

    def ask_and_answer(self) -> str:
        """The return code that opens what somebody comes for, and what waits for a yes."""
        visit, coming = self._for_a_ride()
        _visit, waiting = self._for_company(visit)
        _visit, for_the_desk = self._for_the_desk()
        self._for_a_bed()
        self._for_what_nobody_can()
        tasks.escalate(self.at)
        self._comes(visit, coming)
        self._take(waiting, example.COMPANION)
        self._take(waiting, example.BOTH, standing_by=True)
        self._take(for_the_desk, example.BOTH)
        self._take(for_the_desk, example.DRIVER, standing_by=True)
        visit.mailbox.confirm()
        return codes.for_language(visit.secret or b"", self.language)

    def _for_a_ride(self) -> tuple[Visit, Need]:
        return self._ask(
            "ride",
            "Old town",
            in_days=1,
            people=2,
            note="One of us walks slowly. Please give us a little time.",
            answers={"to": "The clinic in the north", "wait": "no"},
        )

    def _for_company(self, visit: Visit) -> tuple[Visit, Need]:
        return self._ask(
            "accompaniment",
            "Old town",
            in_days=2,
            visit=visit,
            parts=int(clock.Part.MORNING),
            covers=int(clock.Part.MORNING),
            note="We do not have to talk.",
            answers={"companions": "one", "wishes": ["sit"], "want_quiet": "yes"},
        )

    def _for_the_desk(self) -> tuple[Visit, Need]:
        return self._ask(
            "ride",
            "Harbour",
            in_days=2,
            decides=DESK,
            desk_reads=True,
            note="I cannot look here again before I leave.",
            place="At the bench by the ferry",
        )

    def _for_a_bed(self) -> tuple[Visit, Need]:
        return self._ask("stay", "North", in_days=2, nights=3, note="I come with one bag.")

    def _for_what_nobody_can(self) -> tuple[Visit, Need]:
        wanted = conditions.bits(("pets_welcome", "step_free"))
        return self._ask("stay", "River villages", in_days=3, nights=2, conditions=wanted)

    def _ask(
        self, kind: str, area: str, in_days: int, visit: Visit | None = None, **more: Any
    ) -> tuple[Visit, Need]:
        asked = Asked(
            kind=kinds.get(kind).slug,
            area=self.areas[area],
            day=clock.local_day(self.at) + timedelta(days=in_days),
            looks_again_at=self.at + LOOKS_AGAIN,
            **{"parts": int(clock.ALL_PARTS), **more},
        )
        form = secrets.token_bytes(32)
        opened = asking.ask(asked, form, visit, self.language, self.at)
        return opened, Need.objects.of(opened.mailbox).latest("sequence")

    def _comes(self, visit: Visit, need: Need) -> None:
        """Somebody took it, the asker said yes, and they wrote to each other."""
        taken = self._take(need, example.DRIVER)
        waiting = visit.claim(taken.pk)
        waiting.approve(visit.unlocked, waiting.key_fingerprint(), self.at, "In front of the big clock")
        _driver, unlocked = self.people.named(example.DRIVER)
        coming = visit.claim(taken.pk)
        coming.write(unlocked, Message.VOLUNTEER, "I drive a small green car.", self.at)
        coming.write(visit.unlocked, Message.ASKER, "Thank you. We wait by the clock.", self.at)

    def _take(self, need: Need, handle: str, standing_by: bool = False) -> Claim:
        """As the volunteer's page does it: only where the need fits them."""
        volunteer, _unlocked = self.people.named(handle)
        part = need_page(volunteer, need.pk, None, self.at).parts[0]
        return part.take(volunteer, "", False, standing_by, self.at)
