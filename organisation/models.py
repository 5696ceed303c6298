"""The organisation: its names, its limits, whether anybody is on. Areas and hours have their own files."""

from __future__ import annotations

import contextlib
import re
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import Error as DatabaseAway
from django.db import models, transaction
from django.db.models import Q
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from organisation.areas import Area, Distance, Neighbour
from organisation.geometry import MAX_REACH_KM
from organisation.hours import Hours, PhoneNumber, Span, spans
from organisation.kind import Kind
from organisation.validators import neutral_page
from privacy import clock
from privacy.fields import FieldClasses

__all__ = ["MAX_REACH_KM", "Area", "Distance", "Hours", "Neighbour", "Organisation", "PhoneNumber"]

ONLY_ID = 1
WAY_OUT = "https://www.wikipedia.org/"
LED_LAST = "way out"
ASKS_PER_DAY = 10


class Presence(NamedTuple):
    """Day and night; else until when somebody is on; else when somebody is back; else nobody knows."""

    always: bool
    until: datetime | None
    again: datetime | None


def _led_last() -> str:
    """Where "Leave now" led last, for as long as the database does not answer; the process that knew may have
    been replaced since."""
    with contextlib.suppress(Exception):
        return str(cache.get(LED_LAST, WAY_OUT))
    return WAY_OUT


class OrganisationManager(models.Manager["Organisation"]):
    def current(self) -> Organisation:
        """The one organisation; one with neutral defaults before set-up. One query."""
        return self.filter(pk=ONLY_ID).first() or Organisation(pk=ONLY_ID)

    def way_out(self) -> str:
        """Where "Leave now" goes. It always goes somewhere: an address that is none is the default one."""
        try:
            asked = self.current().leave_url
        except DatabaseAway:
            return _led_last()
        way = asked if re.fullmatch(r"https?://[^\s/?#].*", asked) else WAY_OUT
        # Each cache has errors of its own, and none of them may keep anybody here.
        with contextlib.suppress(Exception):
            cache.set(LED_LAST, way, timeout=None)
        return way

    def ensure(self, at: datetime) -> Organisation:
        """The one organisation, made now if it is missing, with an area "Here" where there is none."""
        with transaction.atomic():
            organisation, _made = self.get_or_create(pk=ONLY_ID, defaults={"set_up_at": clock.hour(at)})
            if not Area.objects.exists():
                with translation.override(settings.LANGUAGE_CODE):
                    Area.objects.add(name=gettext("Here"))
        return organisation


class Organisation(models.Model):
    """The one row that says who runs this instance, and how. All of it may be read by everybody."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY_ID, editable=False)
    name = models.CharField(_("name of the organisation"), max_length=80, blank=True)
    cover_name = models.CharField(_("cover name"), max_length=30, default="Notes")
    leave_url = models.CharField(
        _("where “Leave now” goes"),
        max_length=200,
        default=WAY_OUT,
        validators=[neutral_page],
    )
    help_text = models.TextField(_("how to become a volunteer"), max_length=2000, blank=True)
    max_nights = models.PositiveSmallIntegerField(
        _("most nights in one stay"), default=7, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    hold_minutes = models.PositiveSmallIntegerField(
        _("how long a volunteer's offer is held"),
        null=True,
        blank=True,
        validators=[MinValueValidator(15), MaxValueValidator(24 * 60)],
    )
    keep_days = models.PositiveSmallIntegerField(
        _("days until it is erased"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(30)],
    )
    household_must_agree = models.BooleanField(
        _("only homes where all adults agreed within a year"), default=False
    )
    asks_per_day = models.PositiveSmallIntegerField(
        _("how often one volunteer is asked a day, at most"),
        default=ASKS_PER_DAY,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    away_until = models.DateTimeField(_("nobody is on until"), null=True, blank=True)
    # Without these nobody is found for a kind that lists them (slugs of organisation/checks.py).
    required_checks = models.JSONField(default=list, blank=True)
    set_up_at = models.DateTimeField(null=True, editable=False)

    objects = OrganisationManager()

    privacy = FieldClasses(
        clear=(
            "id",
            "name",
            "cover_name",
            "leave_url",
            "help_text",
            "max_nights",
            "hold_minutes",
            "keep_days",
            "household_must_agree",
            "asks_per_day",
            "away_until",
            "required_checks",
            "set_up_at",
        ),
        lives="as long as the instance",
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=ONLY_ID), name="organisation_only_one")]

    def __str__(self) -> str:
        return self.cover_name

    def change(self, **values: Any) -> None:
        """New values for some of the fields a coordinator may set (those of OrganisationForm), or
        what is required of volunteers."""
        for name, value in values.items():
            setattr(self, name, value)
        self.save(update_fields=list(values))

    def go_away(self, until: datetime | None) -> None:
        """Nobody is on until then, whatever the hours say; None: as the hours say."""
        self.away_until = until
        self.save(update_fields=["away_until"])

    @cached_property
    def hours(self) -> list[Hours]:
        """The weekly shifts, read once per object."""
        return list(Hours.objects.all())

    def is_on(self, at: datetime) -> datetime | None:
        """Until when somebody is on without a break, if anybody is on now; up to 8 days ahead."""
        return next((span.end for span in self._spans(at) if span.start <= at), None)

    def next_on(self, at: datetime) -> datetime | None:
        """When somebody is on next, after `at`; None where no hours are known."""
        return next((span.start for span in self._spans(at) if span.start > at), None)

    def always_on(self, at: datetime) -> bool:
        """Whether somebody is on day and night, all week."""
        until = self.is_on(at)
        return until is not None and until - at > timedelta(days=7)

    def presence(self, at: datetime) -> Presence:
        """Whether somebody is on, as templates/organisation/presence.html says it."""
        return Presence(self.always_on(at), self.is_on(at), self.next_on(at))

    def _spans(self, at: datetime) -> list[Span]:
        back = self.away_until
        if back is None or back <= at:
            return spans(self.hours, at)
        return [Span(max(back, span.start), span.end) for span in spans(self.hours, back)]

    def hold(self, kind: Kind) -> timedelta:
        """How long a claim of this kind is held at least."""
        return kind.hold if self.hold_minutes is None else timedelta(minutes=self.hold_minutes)

    def lives_until(self, kind: Kind, last_day: date) -> datetime:
        """When a need of this kind with this last day expires."""
        if self.keep_days is None:
            return kind.lives_until(last_day)
        return clock.day_end(last_day) + timedelta(days=self.keep_days)

    def place_seen_until(self, kind: Kind, last_day: date) -> datetime:
        """Until when the place of an approved claim may be read: never longer than the need lives."""
        return min(kind.place_seen_until(last_day), self.lives_until(kind, last_day))


def cover_name() -> str:
    """The neutral name nudges are from (settings.NOTIFY_SENDER_NAME)."""
    return Organisation.objects.current().cover_name
