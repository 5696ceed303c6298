"""How a passphrase is checked at login: Argon2id inside the machine-wide gate, never beside it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_noop as _

from privacy.crypto import derive
from privacy.derivation import passphrase_key

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SALT_BYTES = 16


class GatedArgon2(BasePasswordHasher):
    """Stores `gated_argon2$<salt, hex>$<keyed hash of Argon2id's output, hex>`.

    The key that wraps the private half has a salt of its own (volunteers/keys.py): what is stored
    here does not open it.
    """

    algorithm = "gated_argon2"

    def salt(self) -> str:
        return secrets.token_hex(SALT_BYTES)

    def encode(self, password: str, salt: str) -> str:
        key = passphrase_key(password, bytes.fromhex(salt))
        return f"{self.algorithm}${salt}${derive(key, 'volunteers.login').hex()}"

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, salt, hashed = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": hashed}

    def verify(self, password: str, encoded: str) -> bool:
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> dict[StrOrPromise, Any]:
        decoded = self.decode(encoded)
        return {_("algorithm"): decoded["algorithm"], _("hash"): mask_hash(decoded["hash"])}

    def must_update(self, encoded: str) -> bool:
        # Argon2's parameters are fixed at set-up, for the whole instance.
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to even out: every verification costs the same."""
