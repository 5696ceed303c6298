"""Nights that pass, and nights that are added: a need whose dates change while it goes on."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import models, transaction

from organisation import kinds
from organisation.models import Organisation
from privacy import clock
from requests_app.models.need_day import chances
from volunteers import rota

if TYPE_CHECKING:
    from requests_app.models.claim import Claim
    from requests_app.models.need import Need

MET = "met"


class HasNights(models.Model):
    """That half of a need (requests_app/models/need.py). Of kinds without nights nothing here is true.

    `broken_off`: somebody who had said yes to it, and been said yes to, left in the middle; until the next
    yes. All of these are called under the need's lock, inside a transaction, unless they only look.
    """

    broken_off = models.BooleanField(default=False)

    class Meta:
        abstract = True

    def is_under_way(self, at: datetime) -> bool:
        """It has nights, and the first part of its first day has begun."""
        need = cast("Need", self)
        return need.nights > 0 and chances(need.day, need.parts)[0][0] <= at

    def over_at(self) -> datetime:
        """When what was asked for is over: of a stay, the end of the morning after its last night."""
        need = cast("Need", self)
        return kinds.get(need.kind).over_at(need.last_day())

    def only_what_is_left(self, at: datetime) -> bool:
        """From now on it asks for the nights that are left, tonight included until 05:00, at any time that is
        still to come. False, and nothing changed, where no night is left."""
        need = cast("Need", self)
        today = clock.local_day(at)
        if not self.is_under_way(at):
            return True
        left = need.last_day() - today
        if left.days < 1:
            return False
        parts = sum(part for part in clock.Part if clock.part_end(today, part) > at)
        self._change_dates(day=today, nights=left.days, parts=parts, covers=need.covers & parts)
        return True

    def drop_past_nights(self, at: datetime) -> bool:
        """As `only_what_is_left`, once a night has passed: for what nobody comes to. The parts of the day
        stay those she asked for, as long as one of them is still to come."""
        need = cast("Need", self)
        asked = need.parts
        if clock.local_day(at) <= need.day or need.claims.approved().exists():
            return True
        is_left = self.only_what_is_left(at)
        if is_left and need.nights and asked & need.parts:
            self._change_dates(parts=asked & need.parts)
        return is_left

    def add_nights(self, count: int, at: datetime) -> None:
        """It becomes longer by so many nights, and lives longer."""
        need = cast("Need", self)
        self._change_dates(nights=need.nights + count)
        until = Organisation.objects.current().lives_until(kinds.get(need.kind), need.last_day())
        need.expires_at = max(need.expires_at, clock.quarter_up(until))
        type(need).objects.filter(pk=need.pk).update(expires_at=need.expires_at)

    def went_on_without(self, claim: Claim, at: datetime) -> bool:
        """An approved claim of it ended, and it was not met. Whether anything is left to be asked for.

        In the middle, the nights that are left are: everybody who fits is asked anew, the desk is told at
        once. Where no night is left it is met: nobody is asked for nights that are over.
        """
        need = cast("Need", self)
        if not self.is_under_way(at):
            return True
        if self.only_what_is_left(at):
            self.is_broken_off(claim, at)
            return True
        if need._begin_ending(MET, at):
            transaction.on_commit(lambda: need.after_ending(MET, at))
        return False

    def is_broken_off(self, claim: Claim, at: datetime) -> None:
        """What is left is asked for from the first ring on. Those who were asked for all of it may be asked
        for this; those who had it, or said no, are not. Call before `Task.free_again`."""
        need = cast("Need", self)
        self.broken_off = True
        type(need).objects.filter(pk=need.pk).update(broken_off=True)
        claim.task.ask_anew()
        rota.tell(f"claim:{claim.pk}:broken-off", at)

    def has_somebody_again(self) -> None:
        """Somebody was said yes to, once more."""
        if self.broken_off:
            self.broken_off = False
            type(self)._default_manager.filter(pk=self.pk).update(broken_off=False)

    def _change_dates(self, **changes: Any) -> None:
        """Its dates, and whatever follows from them."""
        need = cast("Need", self)
        for name, value in changes.items():
            setattr(need, name, value)
        type(need).objects.filter(pk=need.pk).update(**changes)
        need.tasks.follow_the_dates(need)

    def nights_after(self, count: int) -> list[date]:
        """The dates of the next `count` nights after its last one."""
        last = cast("Need", self).last_day()
        return [date.fromordinal(last.toordinal() + n) for n in range(count)]
