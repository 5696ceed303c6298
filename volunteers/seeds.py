"""The seeds of second factors, which lie as JSON in another room's table: sealed to whose they are.

allauth hands over the text alone, so whoever calls it says whose factor it is about (`belonging_to`); in a
request it is whoever is signed in. A seed put into another account's row opens for nobody.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import UUID

from allauth.core import context as allauth
from allauth.mfa.models import Authenticator

from privacy import instance
from privacy.crypto import SealingImpossible, Unreadable, context

if TYPE_CHECKING:
    from volunteers.account import Volunteer

SEEDS = ("secret", "seed", "migrated_codes")
_SEED_BYTES = 20

_whose: ContextVar[UUID | None] = ContextVar("whose", default=None)
_trying: ContextVar[bool] = ContextVar("trying", default=False)


@contextmanager
def belonging_to(volunteer: Volunteer, *, trying: bool = False) -> Iterator[None]:
    """Inside, seeds are this person's. `trying`: a code is compared, and what does not open matches none."""
    whose, tried = _whose.set(volunteer.pk), _trying.set(trying)
    try:
        yield
    finally:
        _whose.reset(whose)
        _trying.reset(tried)


def seal(text: str) -> str:
    """Base64 of the envelope. Raises SealingImpossible where nobody said whose it is."""
    return base64.b64encode(instance.service_seal(text.encode(), _where(_owner()))).decode()


def unseal(sealed: str) -> str:
    """What `seal` was given for the same person. Raises Unreadable, unless a code is only compared."""
    try:
        return instance.service_open(_decoded(sealed), _where(_owner())).decode()
    except Unreadable:
        if not _trying.get():
            raise
        # As a factor nobody has: the other ones of this account go on working.
        return base64.b32encode(secrets.token_bytes(_SEED_BYTES)).decode()


def renewed(authenticator: Authenticator) -> dict[str, Any]:
    """What a new root of the secrets changes. Raises Unreadable where no root sealed a seed."""
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        return {}
    where, data = _where(authenticator.user_id), authenticator.data
    return {"data": {name: _again(value, where) if name in SEEDS else value for name, value in data.items()}}


def _again(sealed: Any, where: bytes) -> Any:
    if isinstance(sealed, list):
        return [_again(one, where) for one in sealed]
    return base64.b64encode(instance.service_renewed(_decoded(sealed), where)).decode()


def _decoded(sealed: Any) -> bytes:
    try:
        return base64.b64decode(sealed)
    except (TypeError, ValueError, binascii.Error):
        raise Unreadable from None


def _owner() -> UUID:
    if (named := _whose.get()) is not None:
        return named
    user = getattr(allauth.request, "user", None)
    if user is None or not user.is_authenticated:
        raise SealingImpossible("Nobody said whose second factor this is.")
    found: UUID = user.pk
    return found


def _where(owner: UUID) -> bytes:
    return context("mfa.Authenticator", "data", owner)
