"""A row with a slot of the keyring, and the compartments that close with it."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar

from django.db import models

from privacy.compartments import Opened
from privacy.keyring import keyring
from privacy.models import Compartment
from requests_app.readers import Unlocked

Row = TypeVar("Row", bound="Sealed")


class Sealed(models.Model):
    """A need, a claim, or what stands apart from both: `slot_owner` names its slot, `slot_number` says where
    in the keyring it is."""

    slot_number = models.PositiveIntegerField()

    class Meta:
        abstract = True

    @property
    def slot_owner(self) -> str:
        return f"{self._meta.model_name}:{self.pk}"

    @cached_property
    def compartments(self) -> dict[str, Compartment]:
        """Its compartments by purpose, with their grants; see `with_compartments` for lists."""
        found = Compartment.objects.of(self.slot_owner).with_grants()
        return {compartment.purpose: compartment for compartment in found}

    def compartment(self, purpose: str) -> Compartment | None:
        """One of its own compartments: "note", "place" or "thread"."""
        return self.compartments.get(purpose)

    def look_again(self) -> None:
        """Forget which compartments there were."""
        self.__dict__.pop("compartments", None)

    def open_compartment(self, purpose: str, unlocked: Unlocked) -> Opened:
        """A compartment in the hands of one reader. Raises Unreadable for everybody else."""
        found = self.compartment(purpose)
        return Compartment.open_for(found, unlocked.reader, unlocked.private_key)


def without_key(rows: Iterable[Row]) -> list[Row]:
    """Those of the rows whose slot of the keyring is destroyed, or was never theirs."""
    seen = list(rows)
    gone = set(keyring().missing([(row.slot_number, row.slot_owner) for row in seen]))
    return [row for row in seen if row.slot_owner in gone]


def with_compartments(rows: Iterable[Sealed]) -> None:
    """Read the compartments and grants of all these rows in two queries."""
    by_owner = {row.slot_owner: row for row in rows}
    found: defaultdict[str, dict[str, Compartment]] = defaultdict(dict)
    for compartment in Compartment.objects.filter(slot_owner__in=by_owner).with_grants():
        found[compartment.slot_owner][compartment.purpose] = compartment
    for owner, row in by_owner.items():
        row.compartments = found[owner]
