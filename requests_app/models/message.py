"""What the asker and the approved volunteer write to each other."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

from privacy import clock, instance
from privacy.compartments import Opened
from privacy.fields import FieldClasses

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class MessageQuerySet(models.QuerySet["Message"]):
    def write(
        self,
        claim: "Claim",
        thread: Opened,
        author: str,
        text: str,
        at: datetime,
        once: uuid.UUID | None = None,
    ) -> "Message":
        """Seal `text` under the claim's thread and store it; the same form (`once`) twice makes one."""
        message_id = _id(claim, author, once) if once else uuid.uuid4()
        if (sent := self.filter(pk=message_id).first()) is not None:
            return sent
        message = self.model(
            id=message_id,
            claim=claim,
            author=author,
            place_in_thread=self.filter(claim=claim).count() + 1,
            written_at=clock.hour(at),
        )
        message.body = thread.seal_text(text, "message", "body", message._sealed_as())
        message.save(force_insert=True)
        return message


class Message(models.Model):
    """One message of a claim's thread; who wrote it is a side, never a name."""

    ASKER, VOLUNTEER, DESK = "asker", "volunteer", "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    claim = models.ForeignKey("requests_app.Claim", models.CASCADE, related_name="messages")
    author = models.CharField(max_length=16)
    place_in_thread = models.PositiveIntegerField()
    body = models.BinaryField()
    written_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    privacy = FieldClasses(
        sealed=("body",),
        clear=("id", "claim", "author", "place_in_thread", "written_at"),
        lives="until its claim ends",
    )

    class Meta:
        ordering = ("place_in_thread", "id")

    def text(self, thread: Opened) -> str:
        """What was written. Raises Unreadable where the row was moved or tampered with."""
        return thread.open_text(bytes(self.body), "message", "body", self._sealed_as())

    def _sealed_as(self) -> str:
        # Whoever writes to the database must not put words into the mouth of the other side.
        return f"{self.id}/{self.author}"


def _id(claim: "Claim", author: str, once: uuid.UUID) -> uuid.UUID:
    """The id of what one form sent. Nobody can aim it at a message of another thread."""
    return uuid.UUID(bytes=instance.mac("message", claim.id.bytes, author.encode(), once.bytes)[:16])
