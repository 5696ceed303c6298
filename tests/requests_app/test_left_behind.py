"""What lies on the disk between her visits: neither her code, nor when she was here."""

from django.db import models

from privacy import codes
from requests_app.models import Mailbox
from tests.requests_app.world import World


def _stored_bytes(row: models.Model) -> list[bytes]:
    values = (getattr(row, field.attname) for field in row._meta.concrete_fields)
    return [bytes(value) for value in values if isinstance(value, bytes | memoryview)]


def test_nothing_that_is_stored_gives_her_code_to_whoever_has_the_secrets_too(world: World) -> None:
    visit, need = world.ask()
    stored = [*_stored_bytes(need), *_stored_bytes(Mailbox.objects.get(pk=visit.mailbox.pk))]
    assert len(stored) > 4
    assert [value for value in stored if codes.secret_from(value) == visit.secret] == []
    assert [value for value in stored if Mailbox.objects.behind(codes.secret_from(value))] == []
