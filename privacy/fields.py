"""Every field says what it is to an outsider who holds the database, and how long it lives."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

ID_BITS = 63


def random_id() -> int:
    """A number for a row that says neither how many there were before it nor which came first."""
    return secrets.randbits(ID_BITS)


def random_key() -> "models.BigIntegerField[Any, Any]":
    """`id = random_key()`: for rows that come and go with an asker. Django's own would count them."""
    return models.BigIntegerField(primary_key=True, default=random_id, editable=False)


@dataclass(frozen=True)
class FieldClasses:
    """What a model declares as `privacy`: each concrete field's name in exactly one of three tuples.

    sealed   ciphertext in a BinaryField: opens for its readers only.
    clear    readable by whoever holds the database.
    derived  computed from other values with a key, or from public ones: says nothing alone.
    lives    how long a row stays, in words ("until the need ends").

    An abstract model declares its own fields; a model that inherits it declares only the others.
    """

    sealed: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    lives: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.sealed, *self.clear, *self.derived)


ThirdParty = Mapping[str, FieldClasses]


def declared(model: type[models.Model], third_party: ThirdParty) -> list[FieldClasses]:
    """What the model and its abstract parents declare, or what `third_party` says of its label."""
    if model._meta.label in third_party:
        return [third_party[model._meta.label]]
    own = [vars(parent).get("privacy") for parent in model.__mro__]
    return [classes for classes in own if isinstance(classes, FieldClasses)]


def unclassified(model: type[models.Model], third_party: ThirdParty) -> list[str]:
    """The concrete fields of `model` that are in no class, or in more than one. In order."""
    names = [name for classes in declared(model, third_party) for name in classes.names]
    return [f.name for f in model._meta.concrete_fields if names.count(f.name) != 1]


def unknown(model: type[models.Model], third_party: ThirdParty) -> list[str]:
    """Names that are classified and are no concrete field of `model`. Sorted."""
    fields = {f.name for f in model._meta.concrete_fields}
    names = {name for classes in declared(model, third_party) for name in classes.names}
    return sorted(names - fields)


def sealed_in_clear(model: type[models.Model]) -> list[str]:
    """Fields declared as sealed that are no BinaryField: text cannot hold a ciphertext."""
    sealed = {name for classes in declared(model, {}) for name in classes.sealed}
    return [
        f.name
        for f in model._meta.concrete_fields
        if f.name in sealed and not isinstance(f, models.BinaryField)
    ]


def lives(model: type[models.Model], third_party: ThirdParty) -> str:
    """How long a row of `model` stays; "" where nobody said."""
    return next((c.lives for c in declared(model, third_party) if c.lives), "")


def line_to_paste(model: type[models.Model], third_party: ThirdParty) -> str:
    """The declaration a developer can begin from: what is binary as sealed, the rest as clear."""
    sealed = [f.name for f in model._meta.concrete_fields if isinstance(f, models.BinaryField)]
    clear = [f.name for f in model._meta.concrete_fields if f.name not in sealed]
    made = FieldClasses(tuple(sealed), tuple(clear), (), lives(model, third_party) or "until …")
    parts = [f"{part}={getattr(made, part)!r}" for part in ("sealed", "clear") if getattr(made, part)]
    return f"{model._meta.label}: privacy = FieldClasses({', '.join(parts)}, lives={made.lives!r})"
