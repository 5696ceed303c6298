"""A copy of every row, as somebody may have taken it, and the database as it was then."""

from collections.abc import Sequence

from django.db import models, transaction

from privacy.models import Compartment, Grant
from requests_app.models import Claim, Mailbox, Message, Need, Task
from volunteers.models import DeskKey, DeskShare, Volunteer

# In the order in which they need each other.
TABLES: tuple[type[models.Model], ...] = (
    *(Volunteer, DeskKey, DeskShare),
    *(Mailbox, Need, Task, Claim, Compartment, Grant, Message),
)

Copy = list[Sequence[models.Model]]


def take() -> Copy:
    """Everything that is sealed, and whatever opens it, as it is in the database now."""
    return [list(table._default_manager.all()) for table in TABLES]


def put_back(copy: Copy) -> None:
    """Whoever holds the copy makes a database of it, beside the keyring as it is by now."""
    with transaction.atomic():
        for table in reversed(TABLES[1:]):
            table._default_manager.all().delete()
        for rows in copy:
            for row in rows:
                row.save_base(raw=True)
