"""What the asker and the approved volunteer write to each other."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

from privacy import clock
from privacy.compartments import Opened
from privacy.fields import FieldClasses

if TYPE_CHECKING:
    from requests_app.models.claim import Claim


class MessageQuerySet(models.QuerySet["Message"]):
    def write(self, claim: "Claim", thread: Opened, author: str, text: str, at: datetime) -> "Message":
        """Seal `text` under the claim's thread and store it."""
        message = self.model(
            id=uuid.uuid4(),
            claim=claim,
            author=author,
            place_in_thread=self.filter(claim=claim).count() + 1,
            written_at=clock.hour(at),
        )
        message.body = thread.seal_text(text, "message", "body", message.id)
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
        return thread.open_text(bytes(self.body), "message", "body", self.id)
