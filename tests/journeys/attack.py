"""Somebody holds everything: the rows, the secrets, the keyring as it is now, and what people know.

`python -m tests.journeys.attack [<backup> <identity>]` in an instance's environment: over its database, or
over an empty one into which a backup is put as it is, without what a restore closes. On the standard input,
JSON: return codes and passphrases. On the standard output, JSON: every text and every compartment key that
opens. It asks no rule of the system: no MAC, no owner of a slot, no status stops it; whatever fits is tried
with whatever there is.
"""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from mutualaid import restore  # noqa: E402
from privacy import clock, codes, crypto  # noqa: E402
from privacy.crypto import KeyPair, Unreadable  # noqa: E402
from privacy.derivation import derive_all  # noqa: E402
from privacy.models import Compartment, Grant  # noqa: E402
from requests_app.models import Message  # noqa: E402
from tests.journeys.slots import live_keys  # noqa: E402
from volunteers import keys  # noqa: E402
from volunteers.models import DeskShare, Volunteer  # noqa: E402


def private_keys(known_codes: list[str], passphrases: list[str]) -> list[bytes]:
    """Of mailboxes, volunteers and the desk: every code, every passphrase with every account, every share."""
    found = [KeyPair.from_seed(d.seed).private for c in known_codes for d in derive_all(codes.read(c))]
    for volunteer, passphrase in product(Volunteer.objects.all(), passphrases):
        found += _opened(lambda v=volunteer, p=passphrase: keys.unlock(v, p))
    own = list(found)
    for share, private in product(DeskShare.objects.all(), own):
        found += _opened(
            lambda s=share, p=private: crypto.open_with(p, bytes(s.sealed_private), s._context())
        )
    return found


def compartment_keys(privates: list[bytes], slots: list[bytes]) -> dict[bytes, set[bytes]]:
    """compartment id → its keys, by every private key on every grant, bare or wrapped under every slot."""
    found: dict[bytes, set[bytes]] = {}
    for grant in Grant.objects.all():
        boxes = [bytes(grant.sealed)]
        for slot in slots:
            wrapping = crypto.derive(slot, "grant", grant.compartment_id.bytes)
            boxes += _opened(lambda k=wrapping, g=grant: crypto.open_sealed(k, bytes(g.sealed), g._context()))
        for box, private in product(boxes, privates):
            for key in _opened(lambda b=box, p=private, g=grant: crypto.open_with(p, b, g._context())):
                found.setdefault(grant.compartment_id.bytes, set()).add(key)
    return found


def ciphertexts() -> Iterator[tuple[bytes, bytes]]:
    """(envelope, what it is bound to) of everything that this room's models say is sealed."""
    for model in apps.get_app_config("requests_app").get_models():
        for row, name in product(model._default_manager.all(), model.privacy.sealed):  # type: ignore[attr-defined]
            bound_to = row._sealed_as() if isinstance(row, Message) else row.pk
            yield bytes(getattr(row, name) or b""), crypto.context(model._meta.model_name, name, bound_to)


def put_in(backup: str, identity: str) -> None:
    """Every row of the backup, and nothing of what a restore does about them."""
    call_command("migrate", interactive=False, verbosity=0)
    restore.close = lambda wishes, at: None
    operator = restore.identities(Path(identity).read_text())
    with Path(backup).open("rb") as source:
        restore.restore(source, operator, restore.Wishes(), clock.now())


def main() -> None:
    known = json.load(sys.stdin)
    if len(sys.argv) > 1:
        put_in(*sys.argv[1:])
    slots = live_keys(Path(settings.KEYRING_PATH))
    found = compartment_keys(private_keys(known["codes"], known["passphrases"]), slots)
    assert {c.pk.bytes for c in Compartment.objects.all()} >= set(found)
    content = [
        crypto.derive(key, "compartment content", slot, compartment)
        for compartment, several in found.items()
        for key, slot in product(several, slots)
    ]
    texts = [
        text.decode()
        for (blob, where), key in product(ciphertexts(), content)
        for text in _opened(lambda b=blob, w=where, k=key: crypto.open_sealed(k, b, w))
    ]
    several = sorted(key.hex() for keys_of_one in found.values() for key in keys_of_one)
    json.dump({"texts": sorted(texts), "keys": several}, sys.stdout)


def _opened(attempt: Callable[[], bytes]) -> list[bytes]:
    try:
        return [attempt()]
    except Unreadable:
        return []


if __name__ == "__main__":
    main()
