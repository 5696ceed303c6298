"""The people behind the offers, as the desk sees them: who waits, who is in, who rests, who may not."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext

from requests_app import wrong
from requests_app.desk_checks import Trust, trust
from requests_app.models import Claim
from volunteers import desk
from volunteers.models import Invitation, LoginRestore, Offer, Volunteer, Vouch

WAITING, IN, PAUSED, SUSPENDED = "waiting", "in", "paused", "suspended"


@dataclass(frozen=True)
class Row:
    """One volunteer in the list. `taken`: how many things they hold or stand by for now."""

    volunteer: Volunteer
    standing: str
    taken: int
    needs_key: bool


@dataclass(frozen=True)
class Group:
    """Everybody in one standing."""

    title: str
    rows: list[Row]


@dataclass(frozen=True)
class People:
    """The list and the open invitations. `key_is_out`: somebody who left could still open the desk's key.
    `key_is_lost`: nobody at the desk can."""

    groups: list[Group]
    invitations: list[Invitation]
    key_is_out: bool
    key_is_lost: bool


@dataclass(frozen=True)
class PersonPage:
    """One volunteer: what the desk knows of them, and what it can do."""

    row: Row
    vouches: list[Vouch]
    offers: list[Offer]
    is_me: bool
    i_vouch: bool
    kept_back: bool
    restore: LoginRestore | None
    trust: Trust


def people(at: datetime) -> People:
    """Everybody with an account. The same number of queries for one and for fifty."""
    holders = desk.holders()
    rows = _rows(list(Volunteer.objects.order_by("handle", "username")), holders, at)
    at_desk = {row.volunteer.pk for row in rows if _at_desk(row.volunteer)}
    titles = {
        WAITING: gettext("Waiting to be let in"),
        IN: gettext("Let in"),
        PAUSED: gettext("On a break"),
        SUSPENDED: gettext("Suspended"),
    }
    groups = [
        Group(title, [row for row in rows if row.standing == standing]) for standing, title in titles.items()
    ]
    return People(
        groups=[group for group in groups if group.rows],
        invitations=list(Invitation.objects.open(at).select_related("made_by").order_by("expires_at", "pk")),
        key_is_out=desk.is_closed(),
        key_is_lost=holders.isdisjoint(at_desk),
    )


def person_page(person: Volunteer, me: Volunteer, at: datetime) -> PersonPage:
    """One of them, for one coordinator."""
    vouches = list(person.vouches.select_related("by"))
    return PersonPage(
        row=_rows([person], desk.holders(), at)[0],
        vouches=vouches,
        offers=list(Offer.objects.of(person).with_details()),
        is_me=person.pk == me.pk,
        i_vouch=any(vouch.by_id == me.pk for vouch in vouches),
        kept_back=person.pk != me.pk and wrong.is_kept_back(person),
        restore=LoginRestore.objects.of(person, at),
        trust=trust(person, me, at),
    )


def _rows(volunteers: list[Volunteer], holders: set[UUID], at: datetime) -> list[Row]:
    taken = Claim.objects.live_counts(at)
    return [
        Row(
            volunteer=volunteer,
            standing=standing_of(volunteer, at),
            taken=taken.get(volunteer.pk, 0),
            needs_key=_at_desk(volunteer) and volunteer.pk not in holders,
        )
        for volunteer in volunteers
    ]


def standing_of(volunteer: Volunteer, at: datetime) -> str:
    """In which of the four groups somebody is."""
    if not volunteer.is_active:
        return SUSPENDED
    if not volunteer.is_let_in:
        return WAITING
    return PAUSED if volunteer.is_paused(at) else IN


def _at_desk(volunteer: Volunteer) -> bool:
    return volunteer.is_coordinator and volunteer.is_let_in
