"""Whoever keeps everything: each sealed row that ever was, and every key that ever opened one."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from privacy.compartments import Opened, Reader
from privacy.crypto import Unreadable
from privacy.models import Compartment, Grant


@dataclass
class Vault:
    """`checked`: owners of slots of which nothing opens any more, as was tried."""

    keys: list[tuple[Reader, bytes]] = field(default_factory=list)
    compartments: dict[UUID, Compartment] = field(default_factory=dict)
    grants: dict[UUID, dict[tuple[UUID, bytes], Grant]] = field(default_factory=lambda: defaultdict(dict))
    checked: set[str] = field(default_factory=set)

    def key(self, reader: Reader, private: bytes) -> None:
        self.keys.append((reader, private))

    def remember(self) -> None:
        """Copy what is there now."""
        for compartment in Compartment.objects.all():
            self.compartments[compartment.pk] = compartment
        for grant in Grant.objects.select_related("compartment"):
            self.grants[grant.compartment_id][grant.pk, bytes(grant.sealed)] = grant

    def owners(self) -> set[str]:
        """Of the slots under which something was sealed, or granted."""
        under = {grant.slot_owner for grants in self.grants.values() for grant in grants.values()}
        return {row.slot_owner for row in self.compartments.values()} | under - {""}

    def opens_nothing_of(self, owners: Iterable[str]) -> None:
        """Nothing that was sealed, or granted, under one of these slots opens with any key there ever was."""
        gone = set(owners)
        for compartment in self.compartments.values():
            for grant in self.grants[compartment.pk].values():
                if not gone & {compartment.slot_owner, grant.slot_owner}:
                    continue
                for reader, private in self.keys:
                    assert self._opened(compartment, grant, reader, private) is None

    def opens(self, owner: str) -> bool:
        """Whether anything does: what is tried above must be able to succeed."""
        tried: list[Any] = [
            self._opened(compartment, grant, *key)
            for compartment in self.compartments.values()
            if compartment.slot_owner == owner
            for grant in self.grants[compartment.pk].values()
            for key in self.keys
        ]
        return any(tried)

    def _opened(
        self, compartment: Compartment, grant: Grant, reader: Reader, private: bytes
    ) -> Opened | None:
        if not grant.is_for(reader):
            return None
        try:
            return compartment._opened_with(grant.unseal(reader, private))
        except Unreadable:
            return None
