"""Needs that come with another: a ride to where she will sleep. Asked together, each lives its own life."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import models, transaction

from organisation import conditions, kinds
from requests_app.models.asked import Asked

if TYPE_CHECKING:
    from requests_app.models.need import Need

WITHDRAWN = "withdrawn"


class ComesWith(models.Model):
    """That half of a need (requests_app/models/need.py): `belongs_to` is the need it was asked with."""

    belongs_to = models.ForeignKey("self", models.SET_NULL, null=True, related_name="comes_with")

    class Meta:
        abstract = True

    def withdraw_together(self, at: datetime) -> None:
        """She needs neither this one nor what was asked with it: all of them, or none."""
        need = cast("Need", self)
        first = need.belongs_to_id or need.pk
        together = models.Q(pk=first) | models.Q(belongs_to=first)
        with transaction.atomic():
            needs = list(type(need).objects.filter(together, mailbox=need.mailbox_id).order_by("pk"))
            ended = [one for one in needs if one._begin_ending(WITHDRAWN, at)]
        for one in ended:
            one.after_ending(WITHDRAWN, at)


def asked_with(asked: Asked) -> list[Asked]:
    """What is asked together with `asked`, as its kind says: where, when, for whom and how it is decided is
    carried over; what she wrote for this one's volunteer is not."""
    kind = kinds.get(asked.kind)
    return [_with(asked, makes.kind) for makes in kind.makes if makes.needed(asked.answers)]


def _with(asked: Asked, slug: str) -> Asked:
    kind, own = kinds.get(slug), kinds.get(asked.kind)
    # Who may come, and whoever comes along with her.
    carried = [s for s in conditions.slugs(asked.conditions) if conditions.get(s).who]
    carried += own.implied(asked.answers)
    return replace(
        asked,
        kind=slug,
        covers=asked.parts if kind.covers_parts else 0,
        nights=0,
        conditions=conditions.bits(set(carried) & set(kind.condition_slugs)),
        wishes=0,
        note="",
        place="",
        plan="",
        parts_of={},
        answers={},
        form_key=None,
    )
