"""When somebody is on, and whom to call instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.db import models
from django.db.models import Q
from django.utils.timezone import get_default_timezone
from django.utils.translation import gettext_lazy as _

from privacy.fields import FieldClasses

WEEKDAYS = (
    (0, _("Monday")),
    (1, _("Tuesday")),
    (2, _("Wednesday")),
    (3, _("Thursday")),
    (4, _("Friday")),
    (5, _("Saturday")),
    (6, _("Sunday")),
)
# How far ahead a shift is looked for: a week, and the day it may have begun before.
HORIZON = timedelta(days=8)


class Span(NamedTuple):
    """An unbroken stretch of time in which somebody is on: from `start`, until before `end`."""

    start: datetime
    end: datetime


def spans(hours: Iterable[Hours], at: datetime) -> list[Span]:
    """The stretches around and after `at`, in order, up to HORIZON; shifts that meet are one."""
    today = at.astimezone(get_default_timezone()).date()
    days = [today + timedelta(days=n) for n in range(-2, HORIZON.days + 1)]
    weekly = list(hours)
    shifts = sorted(row.on(day) for day in days for row in weekly if row.weekday == day.weekday())
    merged: list[Span] = []
    for shift in shifts:
        if shift.end <= shift.start:
            # The clocks went forward over it.
            continue
        if merged and shift.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, shift.end))
        else:
            merged.append(shift)
    return [span for span in merged if span.end > at]


class Weekly(models.Model):
    """One weekly shift in local time. Ending at or before its beginning, it ends the next day."""

    weekday = models.PositiveSmallIntegerField(_("day"), choices=WEEKDAYS)
    from_time = models.TimeField(_("from"))
    until_time = models.TimeField(_("until"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.from_time:%H:%M} – {self.until_time:%H:%M}"

    @property
    def past_midnight(self) -> bool:
        """Whether it ends the next day."""
        return self.until_time <= self.from_time

    def on(self, day: date) -> Span:
        """This shift on a date of its weekday. Empty or backwards where the clocks leap over it."""
        last = day + timedelta(days=1) if self.past_midnight else day
        return Span(_moment(day, self.from_time), _moment(last, self.until_time))

    def is_now(self, at: datetime) -> bool:
        """Whether it has begun and is not over."""
        today = at.astimezone(get_default_timezone()).date()
        days = [day for day in (today - timedelta(days=1), today) if day.weekday() == self.weekday]
        return any(span.start <= at < span.end for span in map(self.on, days))


class HoursQuerySet(models.QuerySet["Hours"]):
    def add(self, *, weekday: int, from_time: time, until_time: time) -> Hours:
        """A weekly shift; the same one twice is once."""
        row, _made = self.get_or_create(weekday=weekday, from_time=from_time, until_time=until_time)
        return row


class Hours(Weekly):
    """A shift in which somebody is on, as everybody may read it."""

    objects = HoursQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "weekday", "from_time", "until_time"), lives="until the organisation removes it"
    )

    class Meta:
        ordering = ("weekday", "from_time")
        constraints = [
            models.UniqueConstraint(fields=("weekday", "from_time", "until_time"), name="hours_once"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_weekday"),
        ]

    def change(self, *, weekday: int, from_time: time, until_time: time) -> None:
        """Another day or other times."""
        self.weekday, self.from_time, self.until_time = weekday, from_time, until_time
        self.save(update_fields=["weekday", "from_time", "until_time"])


def _moment(day: date, clock_time: time) -> datetime:
    # An hour that comes twice means the first: never promise more than there is. Compared in UTC,
    # because aware times of one zone compare by the wall clock.
    local = datetime.combine(day, clock_time, tzinfo=get_default_timezone())
    return local.astimezone(UTC)


class PhoneNumberQuerySet(models.QuerySet["PhoneNumber"]):
    def add(self, *, label: str, number: str, note: str = "", order: int = 0) -> PhoneNumber:
        """A number to call instead, shown to everybody; the same one twice is once."""
        row, _made = self.get_or_create(label=label, number=number, note=note, order=order)
        return row


class PhoneNumber(models.Model):
    """A public number to call instead: of a line, never of a person."""

    label = models.CharField(_("whose number"), max_length=60)
    number = models.CharField(_("number"), max_length=30)
    note = models.CharField(_("note"), max_length=120, blank=True)
    order = models.PositiveSmallIntegerField(_("place in the list"), default=0)

    objects = PhoneNumberQuerySet.as_manager()

    privacy = FieldClasses(
        clear=("id", "label", "number", "note", "order"), lives="until the organisation removes it"
    )

    class Meta:
        ordering = ("order", "pk")

    def __str__(self) -> str:
        return self.label

    @property
    def dial(self) -> str:
        """The number for a tel: link: digits of any script as 0–9, with the plus in front if it has one."""
        typed = self.number.strip()
        if typed.startswith("+"):
            # "+33 (0)1": the zero is for those who dial without the +33.
            typed = typed.replace("(0)", "")
        digits = "".join(str(unicodedata.digit(c)) for c in typed if c.isdecimal())
        return f"+{digits}" if typed.startswith("+") else digits

    def change(self, *, label: str, number: str, note: str, order: int) -> None:
        """Another label, number, note or place in the list."""
        self.label, self.number, self.note, self.order = label, number, note, order
        self.save(update_fields=["label", "number", "note", "order"])
