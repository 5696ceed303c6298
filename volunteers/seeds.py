"""The seeds of second factors, which lie as JSON in another room's table, under a new root of the secrets."""

import base64
from typing import Any

from allauth.mfa.models import Authenticator

from privacy import instance
from privacy.crypto import context

# As volunteers/adapter.py seals them.
WHERE = context("mfa.Authenticator", "data", "seed")
SEEDS = ("secret", "seed", "migrated_codes")


def renewed(authenticator: Authenticator) -> dict[str, Any]:
    """What a new root of the secrets changes. Raises Unreadable where no root sealed a seed."""
    if authenticator.type == Authenticator.Type.WEBAUTHN:
        return {}
    data = authenticator.data
    return {"data": {name: _again(value) if name in SEEDS else value for name, value in data.items()}}


def _again(sealed: Any) -> Any:
    if isinstance(sealed, list):
        return [_again(one) for one in sealed]
    blob = instance.service_renewed(base64.b64decode(sealed), WHERE)
    return base64.b64encode(blob).decode()
