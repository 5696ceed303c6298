"""What only a volunteer can open: their key pair, its private half wrapped twice, and open in a session.

Wrapped under Argon2id of the passphrase, and under Argon2id of the recovery sheet's words, each with
a salt of its own. Neither is stored. Source: design §5.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest

from privacy import clock, codes
from privacy.crypto import KeyPair, Unreadable, context, open_sealed, seal
from privacy.derivation import passphrase_key
from volunteers.account import Volunteer, new_epoch

SALT_BYTES = 16
SESSION_KEY = "volunteer_private"
# Then the passphrase is asked again where something sealed is read; the login goes on.
OPEN_FOR = timedelta(hours=12)
OPEN_WHERE_REMEMBERED = timedelta(hours=1)
REPLACED = (
    *("password", "public_key", "public_key_mac"),
    *("wrapped_private", "wrap_salt", "wrapped_recovery", "recovery_salt"),
)


class WrongPassphrase(Unreadable):
    """The passphrase, or the words of the sheet, do not open this key."""


def _context(volunteer: Volunteer, field: str) -> bytes:
    return context("volunteers.Volunteer", field, volunteer.id)


@dataclass(frozen=True)
class NewKeys:
    """private: 32 bytes. sheet: eight words, or seven groups of digits, separated by spaces."""

    private: bytes
    sheet: str


def make_keys(volunteer: Volunteer, passphrase: str, language: str) -> NewKeys:
    """Give an account its passphrase and a new key pair; the caller inserts the row, or calls `replace`."""
    pair = KeyPair.generate()
    volunteer.set_public_key(pair.public)
    volunteer.set_password(passphrase)
    _wrap(volunteer, pair.private, passphrase)
    return NewKeys(pair.private, _wrap_for_sheet(volunteer, pair.private, language))


def replace(volunteer: Volunteer) -> None:
    """Store what `make_keys` made anew for an account there is: the old key is gone, every session ends.

    Whatever was sealed to the old one stays closed until whoever can opens it to the new one.
    """
    volunteer.epoch = new_epoch()
    volunteer.save(update_fields=[*REPLACED, "epoch"])


def _wrap(volunteer: Volunteer, private: bytes, passphrase: str) -> None:
    volunteer.wrap_salt = secrets.token_bytes(SALT_BYTES)
    key = passphrase_key(passphrase, volunteer.wrap_salt)
    volunteer.wrapped_private = seal(key, private, _context(volunteer, "wrapped_private"))


def _wrap_for_sheet(volunteer: Volunteer, private: bytes, language: str) -> str:
    secret = codes.new_secret()
    volunteer.recovery_salt = secrets.token_bytes(SALT_BYTES)
    key = passphrase_key(secret.hex(), volunteer.recovery_salt)
    volunteer.wrapped_recovery = seal(key, private, _context(volunteer, "wrapped_recovery"))
    return codes.for_language(secret, language)


def _open(key: bytes, blob: bytes, where: bytes) -> bytes:
    try:
        return open_sealed(key, blob, where)
    except Unreadable:
        raise WrongPassphrase from None


def unlock(volunteer: Volunteer, passphrase: str) -> bytes:
    """The private half, 32 bytes.

    Errors: WrongPassphrase; Unreadable when the public key in the row was swapped.
    """
    volunteer.reader()
    key = passphrase_key(passphrase, bytes(volunteer.wrap_salt))
    return _open(key, bytes(volunteer.wrapped_private), _context(volunteer, "wrapped_private"))


def rewrap(volunteer: Volunteer, private: bytes, passphrase: str) -> None:
    """A new passphrase for the same key; every session ends, unless the caller renews its own.

    Errors: WrongPassphrase where the account got another key meanwhile.
    """
    volunteer.set_password(passphrase)
    _wrap(volunteer, private, passphrase)
    volunteer.epoch = new_epoch()
    _store(volunteer, "password", "wrap_salt", "wrapped_private", "epoch")


def _store(volunteer: Volunteer, *fields: str) -> None:
    """Compare-and-set: what wraps one key is never stored beside another that was made meanwhile."""
    same = Volunteer.objects.filter(pk=volunteer.pk, public_key=bytes(volunteer.public_key))
    if not same.update(**{name: getattr(volunteer, name) for name in fields}):
        raise WrongPassphrase


def change_passphrase(volunteer: Volunteer, old: str, new: str) -> None:
    """Errors: WrongPassphrase; Unreadable when the public key in the row was swapped."""
    rewrap(volunteer, unlock(volunteer, old), new)


def new_sheet(volunteer: Volunteer, private: bytes, language: str) -> str:
    """A fresh recovery sheet for the same key; the one before opens nothing any more.

    Errors: WrongPassphrase where the account got another key meanwhile.
    """
    words = _wrap_for_sheet(volunteer, private, language)
    _store(volunteer, "recovery_salt", "wrapped_recovery")
    return words


def restore(username: str, words: str, passphrase: str) -> Volunteer:
    """Open the key with the recovery sheet and give it a new passphrase.

    Errors: WrongPassphrase, one and the same for an unknown name, wrong words and a suspended account.
    """
    volunteer = Volunteer.objects.named(username)
    secret = codes.read(words)
    # One derivation, whether or not there is such an account.
    salt = bytes(volunteer.recovery_salt) if volunteer else secrets.token_bytes(SALT_BYTES)
    key = passphrase_key(secret.hex(), salt)
    if volunteer is None:
        raise WrongPassphrase
    private = _open(key, bytes(volunteer.wrapped_recovery), _context(volunteer, "wrapped_recovery"))
    if not volunteer.is_active:
        raise WrongPassphrase
    volunteer.reader()
    rewrap(volunteer, private, passphrase)
    return volunteer


def remember(request: HttpRequest, private: bytes) -> None:
    """Keep the open key in this (encrypted) session for a while. Only once the login is complete."""
    ends_with_browser = request.session.get_expire_at_browser_close()
    until = clock.now() + (OPEN_FOR if ends_with_browser else OPEN_WHERE_REMEMBERED)
    request.session[SESSION_KEY] = {
        "of": str(request.user.pk),
        "key": private.hex(),
        "until": until.isoformat(),
    }


def private_key(request: HttpRequest) -> bytes | None:
    """The open key of whoever is signed in, 32 bytes; None: ask for the passphrase (@unlocked)."""
    kept = request.session.get(SESSION_KEY)
    if not request.user.is_authenticated or not kept or kept["of"] != str(request.user.pk):
        return None
    at = getattr(request.session, "loaded_at", None) or clock.now()
    if at >= datetime.fromisoformat(kept["until"]):
        return None
    return bytes.fromhex(kept["key"])


def forget(request: HttpRequest) -> None:
    """Lock again; the session goes on."""
    request.session.pop(SESSION_KEY, None)
