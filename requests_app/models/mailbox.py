"""The asker's end. The private half of its key is only in the return code."""

import secrets
import uuid
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, Q

from notify import outbox
from privacy import clock, crypto, instance
from privacy.compartments import Reader
from privacy.crypto import KeyPair, Unreadable
from privacy.derivation import Derived, derive_all
from privacy.fields import FieldClasses
from requests_app.models import call_words
from requests_app.models.call_words import HasCallWords
from requests_app.models.knock import ERASE, FORGET, HIDE, Errand, Knock
from requests_app.readers import Unlocked

MAC_PURPOSE = "mailbox public key"
LOOKUP_BYTES = 32
NOTHING = Errand()


def new_epoch() -> str:
    """A random value that every session of one mailbox carries; changing it ends them all."""
    return secrets.token_hex(16)


class MailboxClosed(Exception):
    """Its visits were ended: it was hidden or erased meanwhile."""


def hidden_name(seed: bytes) -> bytes:
    """Where the names of a mailbox come from while it is hidden: only its code (or its open page) says so,
    not the database and not the secrets."""
    return crypto.derive(seed, "hidden mailbox")


class MailboxQuerySet(models.QuerySet["Mailbox"]):
    def with_something_to_show(self, at: datetime) -> "MailboxQuerySet":
        """Not those whose last need is to be purged, whether the broom came or not."""
        lives = Q(needs__isnull=False, needs__purge_after__isnull=True)
        return self.filter(lives | Q(needs__purge_after__gt=at)).distinct()

    def hold(self, pk: uuid.UUID) -> None:
        """Inside a transaction that has locked a need of it: whoever is never to meet again is written down,
        or looked for, by one after the other, whichever of its needs they are at."""
        list(self.select_for_update(no_key=True).filter(pk=pk).values_list("pk"))

    def hold_back(self, pk: uuid.UUID, held_back: bool) -> None:
        """Nobody is asked for it any more, or again. Inside a transaction that holds it (`hold`)."""
        self.filter(pk=pk).update(held_back=held_back)

    def held_back(self) -> "MailboxQuerySet":
        return self.filter(held_back=True)

    def behind(self, secret: bytes, at: datetime) -> "tuple[Mailbox, bytes] | None":
        """The mailbox that a return code's 10-byte `secret` opens, and its seed; None if there is none, it
        is hidden, or nothing is left of its needs.

        One Argon2id and one query, whether the code is known or not.
        """
        seeds = {derived.lookup: derived.seed for derived in derive_all(secret)}
        hidden = Knock.objects.hiding(map(hidden_name, seeds.values()), at)
        mailbox = self.with_something_to_show(at).filter(~Exists(hidden), lookup__in=list(seeds)).first()
        if mailbox is None:
            return None
        return mailbox, seeds[bytes(mailbox.lookup)]

    def knock(self, secret: bytes, at: datetime) -> "tuple[Mailbox, bytes] | None":
        """`behind`, for somebody who typed the code: one more row, the same for every code, which the broom
        answers (Mailbox.answer)."""
        found = self.behind(secret, at)
        Knock.objects.leave(found[0].what_follows(found[1]) if found else Errand(FORGET), at)
        return found

    def visited(self, pk: str, epoch: str, seed: bytes, at: datetime) -> "Mailbox | None":
        """The mailbox a session has open; None where its visits were ended, or it is hidden. One query."""
        hidden = Knock.objects.hiding([hidden_name(seed)], at)
        return self.filter(~Exists(hidden), pk=pk, epoch=epoch).first()

    def confirm(self, pk: uuid.UUID) -> None:
        """Whoever has its code has it on paper."""
        self.filter(pk=pk).update(confirmed=True)

    def answer(self, knock: Knock, at: datetime) -> None:
        """Do what follows from a code that was typed. Twice is harmless."""
        errand = knock.read()
        if errand.do == FORGET:
            knock.forget()
            return
        other = self.filter(pk=errand.mailbox).first() if errand.mailbox else None
        if other is not None and errand.do == HIDE:
            other.hide(at)
        elif other is not None and errand.do == ERASE:
            other.erase(at)
        knock.answered(errand, at)

    def start(self, derived: Derived, language: str, at: datetime, errand: Errand = NOTHING) -> "Mailbox":
        """A new mailbox for the code that `derived` came from, not yet stored. `errand` is what follows each
        time that code is typed."""
        mailbox_id = uuid.uuid4()
        public_key = KeyPair.from_seed(derived.seed).public
        return self.model(
            id=mailbox_id,
            lookup=derived.lookup,
            pepper_version=derived.version,
            public_key=public_key,
            public_key_mac=instance.mac(MAC_PURPOSE, mailbox_id.bytes, public_key),
            errand=errand.seal_to(mailbox_id, public_key),
            call_words=call_words.stored(mailbox_id, derived.seed),
            language=language,
            opened_at=clock.hour(at),
        )


class Mailbox(HasCallWords):
    """One asker's needs while they live. It ends with its last need."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    lookup = models.BinaryField(max_length=32, unique=True)
    pepper_version = models.PositiveSmallIntegerField()
    public_key = models.BinaryField(max_length=32)
    public_key_mac = models.BinaryField(max_length=32)
    epoch = models.CharField(max_length=32, default=new_epoch)
    # What follows when its code is typed, sealed to itself; of most, nothing. NULL: older than errands.
    errand = models.BinaryField(null=True)
    language = models.CharField(max_length=12)
    confirmed = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    # Nobody is asked for her until the desk has looked (requests_app/wrong.py).
    held_back = models.BooleanField(default=False)

    objects = MailboxQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("errand",),
        clear=("id", "language", "confirmed", "opened_at", "pepper_version", "epoch", "held_back"),
        derived=("lookup", "public_key", "public_key_mac", "call_words"),
        lives="until its last need is purged or erased",
    )

    def reader(self) -> Reader:
        """Whom to grant to. Raises Unreadable where the public key is not the one first stored."""
        if not instance.check_mac(
            bytes(self.public_key_mac), MAC_PURPOSE, self.id.bytes, bytes(self.public_key)
        ):
            raise Unreadable
        return Reader("mailbox", self.id, bytes(self.public_key))

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row.

        Not what comes from the return code: that stays under its pepper until the mailbox ends, and so do the
        call words, since no root is retired before (mutualaid/rotation.py: waiting_for).
        """
        parts = (self.id.bytes, bytes(self.public_key))
        return {"public_key_mac": instance.renewed_mac(bytes(self.public_key_mac), MAC_PURPOSE, *parts)}

    def what_follows(self, seed: bytes) -> Errand:
        """What is to be done when its code was typed, as `seed` opens it."""
        return Errand.opened(bytes(self.errand or b""), self.pk, seed)

    def unlocked(self, seed: bytes) -> Unlocked:
        """The mailbox with the private key that its return code's `seed` gives."""
        return Unlocked(self.reader(), KeyPair.from_seed(seed).private)

    def confirm(self) -> None:
        """She typed two words back: the code is on paper."""
        type(self).objects.confirm(self.pk)
        self.confirmed = True

    def settle(self, seed: bytes, at: datetime) -> None:
        """She is here with her key: grant what waited for her (requests_app/models/need.py)."""
        for need in self.needs.taken_without_her(at):
            need.settle(self.unlocked(seed), at)

    def expire_overdue(self, at: datetime) -> None:
        """End what is over, also while no broom runs: then the page may say that the key is destroyed."""
        for need in self.needs.overdue(at):
            need.expire(at)

    def hide(self, at: datetime) -> None:
        """Somebody typed the second code: nobody comes any more, nobody sees anything of it, and no message
        leaves. Its own code opens nothing for a day: that row is written (Knock)."""
        self.end_visits()
        failed = []
        for need in self.needs.all():
            outbox.hush(need.pk)
            try:
                need.pause(at)
            except Exception as problem:
                # One row that is damaged keeps nobody on the way to another.
                failed.append(problem)
        if failed:
            raise failed[0]

    def lock_while_open(self) -> None:
        """Inside a transaction: nobody ends its visits until that commits. Raises MailboxClosed where
        somebody has ended them, or erased it, since it was read."""
        mine = type(self).objects.filter(pk=self.pk, epoch=self.epoch)
        if mine.select_for_update(no_key=True).first() is None:
            raise MailboxClosed

    def end_visits(self) -> None:
        """Whoever has this mailbox open in a session has it no longer."""
        type(self).objects.filter(pk=self.pk).update(epoch=new_epoch())

    def erase(self, at: datetime) -> bool:
        """Destroy the keys of every need of hers, then delete all of it, and the mailbox.

        False where the keyring does not answer: nobody can open it any more, and the broom does the rest.
        """
        with transaction.atomic():
            needs = list(self.needs.select_related("mailbox").order_by("pk"))
            # All of them first: a crash between two must not leave the second as it was.
            for need in needs:
                need.begin_erasing(at)
            # From now on her code opens nothing, whatever is still to be destroyed. The needs come first, as
            # everywhere: their locks are taken before the mailbox's.
            self.end_visits()
            type(self).objects.filter(pk=self.pk).update(lookup=secrets.token_bytes(LOOKUP_BYTES))
        for need in needs:
            need.erase(at)
        self.end_if_empty()
        return not type(self).objects.filter(pk=self.pk).exists()

    def end_if_empty(self) -> bool:
        """Delete the mailbox when its last need is gone. True if it is gone.

        Of two that purge its last two needs at the same moment, the second waits here and sees that both are
        gone; one that asks for more at that moment keeps it.
        """
        rows = type(self).objects
        with transaction.atomic():
            # Locked first, and only then looked whether it is empty.
            list(rows.select_for_update().filter(pk=self.pk).values_list("pk"))
            deleted: tuple[int, dict[str, Any]] = rows.filter(pk=self.pk, needs__isnull=True).delete()
        return bool(deleted[0])
