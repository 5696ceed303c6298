"""Two words beside the return code with which the desk can close a need over the telephone, nothing else.

They follow from the mailbox's seed, so they are stored nowhere; the mailbox keeps a keyed hash of them.
What they surrender to whoever hears them: docs/threat-model.md.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from django.db import models

from privacy import codes, crypto, instance, limits

if TYPE_CHECKING:
    from requests_app.models.need import Need

WORDS = 2
# Of one need, by whoever tries. Counted for a day.
MOST_TRIES = 5
DAY = int(timedelta(days=1).total_seconds())
PURPOSE = "call words"


def words(seed: bytes, language: str) -> str:
    """The two words of the mailbox that `seed` opens, as it reads them."""
    return " ".join(codes.words_from(_key(seed), WORDS, language))


def stored(mailbox_id: uuid.UUID, seed: bytes) -> bytes:
    """What the mailbox keeps of them."""
    return instance.mac(PURPOSE, *_parts(mailbox_id, codes.positions_from(_key(seed), WORDS)))


def _key(seed: bytes) -> bytes:
    return crypto.derive(seed, PURPOSE)


def _parts(mailbox_id: uuid.UUID, positions: tuple[int, ...]) -> tuple[bytes, ...]:
    return mailbox_id.bytes, *(position.to_bytes(2) for position in positions)


class HasCallWords(models.Model):
    """That part of a mailbox (requests_app/models/mailbox.py)."""

    # NULL: older than call words, and nobody can close it over the telephone.
    call_words = models.BinaryField(max_length=32, null=True)

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        id: uuid.UUID

    def answers_to(self, typed: str) -> bool:
        """Whether these are its two words. Case, accents and what is between them do not matter; the first
        four letters of each are enough."""
        kept = bytes(self.call_words or b"")
        meant = codes.positions_meant(typed, WORDS)
        return any(instance.check_mac(kept, PURPOSE, *_parts(self.id, each)) for each in meant)


class ClosedByWords(models.Model):
    """That part of a need (requests_app/models/need.py)."""

    class Meta:
        abstract = True

    def close_by_words(self, typed: str, at: datetime) -> bool:
        """She calls: the right two words withdraw it. One answer, False, for wrong ones and for right ones
        after too many tries of that day.

        Raises gate.Busy where nothing can be counted: then nobody may guess.
        """
        need = cast("Need", self)
        limits.must_be_counted()
        tries = limits.often(PURPOSE, need.pk.bytes, at, DAY)
        is_right = need.mailbox.answers_to(typed)
        if tries > MOST_TRIES or not is_right:
            return False
        need.withdraw(at)
        return True
