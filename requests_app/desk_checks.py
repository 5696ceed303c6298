"""Whom one can trust, as the desk sees it: checks, probation, agreements, and what was late."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from organisation import checks, kinds
from organisation.models import Organisation
from requests_app import facts
from volunteers.agreements import Current
from volunteers.models import Acceptance, Agreement, Check, Offer, Probation, Slip, Volunteer
from volunteers.slips import Slips

MOST_SHOWN = 20


@dataclass(frozen=True)
class Line:
    """One item of somebody's checklist. `check`: what counts, or did; `waiting`: what somebody else at the
    desk has still to confirm, `mine` where I did it and so cannot."""

    label: str
    required: bool
    for_kinds: str
    check: Check | None
    waiting: Check | None
    mine: bool
    over: bool
    soon: bool


@dataclass(frozen=True)
class Trust:
    """What the desk knows of one person beside their standing."""

    lines: list[Line]
    probation: Probation | None
    unread: list[Current]
    slips: Slips


@dataclass(frozen=True)
class Text:
    """One agreement, and who has not accepted it as it is now."""

    current: Current
    without: list[Volunteer]


def trust(person: Volunteer, me: Volunteer, at: datetime) -> Trust:
    """One person's, for one coordinator. A fixed number of queries."""
    rows = list(Check.objects.of(person))
    required = set(Organisation.objects.current().required_checks)
    return Trust(
        lines=[_line(slug, rows, required, me, at) for slug in checks.ALL],
        probation=Probation.objects.of(person),
        unread=Acceptance.objects.missing(person),
        slips=Slip.objects.of(person, at),
    )


def _line(slug: str, rows: list[Check], required: set[str], me: Volunteer, at: datetime) -> Line:
    mine = [row for row in rows if row.item == slug]
    check = next((row for row in mine if not row.waits), None)
    waiting = next((row for row in mine if row.waits), None)
    return Line(
        label=checks.label(slug),
        required=slug in required,
        for_kinds=", ".join(str(kind.name) for kind in kinds.all() if slug in kind.checks),
        check=check,
        waiting=waiting,
        mine=waiting is not None and waiting.done_by_id == me.pk,
        over=check is not None and check.is_over(at),
        soon=check is not None and check.ends_soon(at),
    )


def ends_soon(at: datetime) -> list[tuple[Check, str]]:
    """What ends within two weeks, or has ended, with its day: the first twenty. One query."""
    rows = Check.objects.soon(at).select_related("volunteer")
    shown = rows.filter(volunteer__status=Volunteer.Status.ACTIVE)[:MOST_SHOWN]
    return [(row, facts.day(row.expires_on)) for row in shown if row.expires_on]


def require(slugs: Iterable[str], at: datetime) -> None:
    """From now on nobody is found without these, for the kinds that list them. What people took stays theirs:
    one day at the desk must not take helpers from everybody who counts on them."""
    with transaction.atomic():
        Organisation.objects.ensure(at).change(required_checks=sorted(set(slugs)))
        Offer.objects.reindex_all(at)


def texts() -> list[Text]:
    """Every agreement. A fixed number of queries."""
    return [Text(current, people) for current, people in Acceptance.objects.without()]


def text(slug: str) -> Current | None:
    """One agreement as it stands now, if it is to be accepted."""
    return next((row for row in Agreement.objects.current() if row.slug == slug), None)
