"""This instance's secrets and what they are for: peppers, MACs, the service key, the signing key.

They lie outside the database (privacy/secret_store.py). The database knows their fingerprint, so that a start
with missing, changed or foreign secrets, or with a foreign keyring, is refused. Rotation adds a root;
what older roots made is still recognised while they are kept.

This module is loaded before the rooms are (the signing key), so it names the row's model by its label.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext

from privacy import crypto, key_sheet, secret_store
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import KeyringDamaged, KeyringForeign, KeyringMissing, keyring
from privacy.secret_store import SecretsMissing, SecretsUnusable, StoredSecrets

if TYPE_CHECKING:
    from privacy.models import Instance


class InstanceRefused(Exception):
    """This instance must not start. The text is one sentence for whoever runs it."""


@dataclass(frozen=True)
class InstanceSecrets:
    """What derives from the roots. Mappings go from version to 32 bytes; `version` is the current one."""

    id: bytes
    version: int
    peppers: Mapping[int, bytes] = field(repr=False)
    mac_keys: Mapping[int, bytes] = field(repr=False)
    service_keys: Mapping[int, bytes] = field(repr=False)

    @property
    def pepper_version(self) -> int:
        return self.version

    @property
    def salt(self) -> bytes:
        """16 bytes, public and for ever the same: the salt of every return code's Argon2id."""
        return hashlib.blake2b(self.id, digest_size=16, person=b"argon2id salt").digest()


def secrets() -> InstanceSecrets:
    """The secrets of this instance; derived once per process. Raises SealingImpossible."""
    try:
        stored = secret_store.load()
    except SecretsUnusable as problem:
        raise SealingImpossible(str(problem)) from None
    return _derived(stored.id, tuple(stored.roots.items()))


@lru_cache(maxsize=8)
def _derived(instance_id: bytes, roots: tuple[tuple[int, bytes], ...]) -> InstanceSecrets:
    def keys(purpose: str) -> dict[int, bytes]:
        return {version: crypto.derive(root, purpose, instance_id) for version, root in roots}

    return InstanceSecrets(
        id=instance_id,
        version=max(version for version, _root in roots),
        peppers=keys("pepper"),
        mac_keys=keys("mac"),
        service_keys=keys("service"),
    )


def signing_key() -> str:
    """Django's SECRET_KEY. Works without a database.

    Before set-up there are no secrets: the key is then a random one, and `ensure` refuses the start.
    """
    try:
        current = secrets()
    except SealingImpossible:
        return crypto.new_key().hex()
    return crypto.derive(current.mac_keys[current.version], "django signing key").hex()


def mac(purpose: str, *parts: bytes) -> bytes:
    """32 bytes only this instance can compute over the purpose and the parts."""
    current = secrets()
    return crypto.derive(current.mac_keys[current.version], purpose, *parts)


def check_mac(value: bytes, purpose: str, *parts: bytes) -> bool:
    """Whether `value` is the MAC of these parts, under the current root or an older one."""
    keys = secrets().mac_keys.values()
    same = [hmac.compare_digest(value, crypto.derive(key, purpose, *parts)) for key in keys]
    return any(same)


def blind(purpose: str, value: str | bytes) -> str:
    """64 hex digits that stand for `value` in cache keys and look-ups, and say nothing about it."""
    raw = value.encode() if isinstance(value, str) else value
    return mac("blind", purpose.encode(), raw).hex()


def service_seal(plaintext: bytes, context: bytes) -> bytes:
    """Sealed so that unattended code can open it: addresses, and nothing else."""
    current = secrets()
    return crypto.seal(current.service_keys[current.version], plaintext, context)


def token_name(purpose: str, token: str) -> str:
    """64 hex digits by which a long random token is found again, under every root: nobody can guess it."""
    return crypto.derive(secrets().id, purpose, token.encode()).hex()


def renewed_mac(value: bytes, purpose: str, *parts: bytes) -> bytes:
    """The MAC of these parts under the newest root, where an older or the same one made `value`.

    Raises Unreadable for what none of them made: nothing forged becomes genuine by rotating.
    """
    if not check_mac(value, purpose, *parts):
        raise Unreadable
    return mac(purpose, *parts)


def service_renewed(blob: bytes, context: bytes) -> bytes:
    """The same under the newest service key; unchanged where it is so already. Raises Unreadable."""
    current = secrets()
    try:
        crypto.open_sealed(current.service_keys[current.version], blob, context)
    except Unreadable:
        return service_seal(service_open(blob, context), context)
    return bytes(blob)


def service_open(blob: bytes, context: bytes) -> bytes:
    """What `service_seal` was given, under the current root or an older one. Raises Unreadable."""
    for key in secrets().service_keys.values():
        try:
            return crypto.open_sealed(key, blob, context)
        except Unreadable:
            continue
    raise Unreadable


# Set-up, and the check at every start


def ensure(create: bool, with_keyring: bool = True) -> None:
    """Check that database, secrets and keyring belong together; with `create`, make a new instance's.

    Without `with_keyring` an instance whose keyring was lost passes as well.

    Raises InstanceRefused. Makes nothing where the database already belongs to an instance.
    """
    row, stored = _row(), _stored()
    if row is not None and stored is not None:
        _compare(row, stored)
    elif row is not None:
        raise InstanceRefused(
            gettext("The instance secrets are missing: put them back, or restore them from the key sheet.")
        )
    elif not create:
        raise InstanceRefused(gettext("This instance is not set up yet."))
    else:
        stored = stored or _new_secrets()
        _with_keyring(create=True)
        _instance().objects.create(instance_id=stored.id, fingerprint=_fingerprint(stored))
    if with_keyring:
        _with_keyring(create=False)


def _instance() -> "type[Instance]":
    return apps.get_model("privacy", "Instance")


def _row() -> "Instance | None":
    try:
        return _instance().objects.first()
    except (OperationalError, ProgrammingError):
        raise InstanceRefused(gettext("The database is not ready yet: its tables are missing.")) from None


def _stored() -> StoredSecrets | None:
    secret_store.forget()
    try:
        return secret_store.load()
    except SecretsMissing:
        return None
    except SecretsUnusable:
        raise InstanceRefused(
            gettext("The instance secrets are damaged: put them back, or use the key sheet.")
        ) from None


def _compare(row: "Instance", stored: StoredSecrets) -> None:
    if bytes(row.instance_id) != stored.id:
        raise InstanceRefused(
            gettext("The instance secrets belong to another instance: put back this one's own.")
        )
    now, coming = _fingerprint(stored), bytes(row.next_fingerprint or b"")
    if hmac.compare_digest(coming, now):
        _settle(now)
    elif not hmac.compare_digest(bytes(row.fingerprint), now):
        raise InstanceRefused(
            gettext("The instance secrets were changed: put back those this database began with.")
        )


def _new_secrets() -> StoredSecrets:
    stored = StoredSecrets(crypto.new_key()[: secret_store.ID_BYTES], {1: crypto.new_key()})
    secret_store.write(stored)
    return stored


def _with_keyring(create: bool, anew: bool = False) -> None:
    try:
        if create:
            keyring().create(anew=anew)
        keyring().check()
    except KeyringForeign:
        raise InstanceRefused(
            gettext("The keyring is damaged or another instance's: put back this one's own.")
        ) from None
    except KeyringMissing:
        raise InstanceRefused(
            gettext("The keyring is missing: put it back, or say that it is lost (setup --keyring-lost).")
        ) from None
    except SealingImpossible:
        raise InstanceRefused(
            gettext("The keyring does not answer: look at KEYRING and KEYRING_URL.")
        ) from None


def refuse_without_its_rows() -> None:
    """Raise InstanceRefused for an empty database beside a keyring in use: it is lost, and waits for its
    backup. As an instance of its own it would free every slot without a row, and that is all of them.
    """
    try:
        in_use = _row() is None and bool(keyring().unowned([]))
    except SealingImpossible:
        # Not set up yet, or `ensure` says what is wrong.
        return
    if in_use:
        raise InstanceRefused(
            gettext("The database is empty, but its keyring is in use: restore a backup first.")
        )


def is_keyring_lost() -> bool:
    """Whether there is none, or one that nobody can read: whoever runs the machine says it is lost.

    Raises InstanceRefused where it is another instance's, or only does not answer.
    """
    try:
        keyring().check()
    except (KeyringMissing, KeyringDamaged):
        return True
    except SealingImpossible:
        _with_keyring(create=False)
    return False


def new_keyring() -> None:
    """An empty one in place of the one that was lost. Raises InstanceRefused."""
    _with_keyring(create=True, anew=True)


def _fingerprint(stored: StoredSecrets) -> bytes:
    roots = b"".join(v.to_bytes(4, "big") + root for v, root in sorted(stored.roots.items()))
    return crypto.derive(stored.roots[stored.current], "instance fingerprint", stored.id, roots)


# Other secrets for the same instance


class SecretsElsewhere(Exception):
    """The environment holds the secrets: `text` is what it must hold now, for the terminal only."""

    def __init__(self, stored: StoredSecrets) -> None:
        super().__init__("The secrets lie in the environment.")
        self.text = secret_store.as_text(stored)


def add_root() -> None:
    """One more root, from now on the current one; what the others made is still recognised.

    Raises SecretsElsewhere, SealingImpossible. Can be interrupted at any point.
    """
    stored = _known()
    new = {stored.current + 1: crypto.new_key()}
    # Its sheet is another one, which nobody has on paper yet.
    _replace(StoredSecrets(stored.id, {**stored.roots, **new}), key_sheet_confirmed=False)


def retire_older_roots() -> None:
    """Keep the current root only: what others made is recognised no more. As `add_root`."""
    stored = _known()
    _replace(StoredSecrets(stored.id, {stored.current: stored.roots[stored.current]}))


def _replace(stored: StoredSecrets, **also: bool) -> None:
    """The database first says what is coming: wherever this is cut short, one of the two is there."""
    _instance().objects.update(next_fingerprint=_fingerprint(stored), **also)
    if secret_store.from_environment():
        raise SecretsElsewhere(stored)
    secret_store.write(stored)
    _settle(_fingerprint(stored))


def _settle(fingerprint: bytes) -> None:
    """The secrets that were coming are there."""
    _instance().objects.update(fingerprint=fingerprint, next_fingerprint=None)


def belongs(instance_id: bytes, fingerprints: Collection[bytes]) -> bool:
    """Whether the secrets here can open what an instance of that id held when it had one of the fingerprints.

    Roots added since do no harm. Raises SealingImpossible where there are no secrets.
    """
    stored = _known()
    versions = sorted(stored.roots)
    spans = [versions[i:j] for i in range(len(versions)) for j in range(i + 1, len(versions) + 1)]
    parts = [StoredSecrets(stored.id, {v: stored.roots[v] for v in span}) for span in spans]
    known = [_fingerprint(part) for part in parts]
    return stored.id == instance_id and any(value in known for value in fingerprints)


def claim_database() -> None:
    """The database was restored and `belongs`: from now on it is compared with the secrets as they are."""
    _settle(_fingerprint(_known()))


# The key sheet


def sheet(language: str = "en") -> dict[int, tuple[str, ...]]:
    """What to print: for each root's version its 24 words. They are the secrets: paper only."""
    return {version: key_sheet.words(root, language) for version, root in _known().roots.items()}


def asked_word() -> int:
    """Which word of the newest root has to be typed back, from 1 to 24; always the same one."""
    return _fingerprint(_known())[0] % key_sheet.WORDS + 1


def confirm(typed: str) -> bool:
    """Whether `typed` is the asked word; remembers that somebody has the sheet."""
    stored = _known()
    right = key_sheet.is_word(typed, stored.roots[stored.current], asked_word())
    if right:
        _instance().objects.update(key_sheet_confirmed=True)
    return right


def is_confirmed() -> bool:
    """Whether a word of the key sheet was typed back."""
    return _instance().objects.filter(key_sheet_confirmed=True).exists()


def restore(lines: Mapping[int, str]) -> None:
    """Write the secrets again from the sheet: version → the 24 words. Raises InstanceRefused.

    The database must be this instance's: it has the public id, and the fingerprint to compare.
    """
    row = _row()
    if row is None:
        raise InstanceRefused(gettext("This database belongs to no instance: there is nothing to restore."))
    try:
        roots = {version: key_sheet.root_from(typed) for version, typed in lines.items()}
        stored = secret_store.checked(StoredSecrets(bytes(row.instance_id), roots))
    except (ValueError, SecretsUnusable):
        raise InstanceRefused(gettext("A word is missing or wrong: compare with the key sheet.")) from None
    _compare(row, stored)
    secret_store.write(stored)


def _known() -> StoredSecrets:
    try:
        return secret_store.load()
    except SecretsUnusable as problem:
        raise SealingImpossible(str(problem)) from None
