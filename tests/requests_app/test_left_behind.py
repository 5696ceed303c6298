"""What lies on the disk between her visits: neither her code, nor when she was here."""

from datetime import datetime, timedelta

import pytest
from django.db import models

from privacy import clock, codes
from privacy.keyring import keyring
from requests_app import tasks
from requests_app.models import Mailbox, Need
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT


def _stored_bytes(row: models.Model) -> list[bytes]:
    values = (getattr(row, field.attname) for field in row._meta.concrete_fields)
    return [bytes(value) for value in values if isinstance(value, bytes | memoryview)]


def test_nothing_that_is_stored_gives_her_code_to_whoever_has_the_secrets_too(world: World) -> None:
    visit, need = world.ask()
    stored = [*_stored_bytes(need), *_stored_bytes(Mailbox.objects.get(pk=visit.mailbox.pk))]
    assert len(stored) > 4
    assert [value for value in stored if codes.secret_from(value) == visit.secret] == []
    assert [value for value in stored if Mailbox.objects.behind(codes.secret_from(value), AT)] == []


def test_nothing_says_to_the_minute_when_she_asked(world: World) -> None:
    asked = AT + timedelta(minutes=7, seconds=13)
    world.volunteer()
    _visit, need = world.ask(at=asked)
    tasks.escalate(asked + timedelta(seconds=1))
    (task,) = need.tasks.all()
    assert task.ring == 1
    stored = [*_moments(Need.objects.get(pk=need.pk)), *_moments(task)]
    assert [moment for moment in stored if moment != clock.quarter_up(moment)] == []


def test_nothing_says_more_than_the_hour_in_which_she_withdrew(world: World) -> None:
    _visit, need = world.ask()
    need.withdraw(AT + timedelta(minutes=7))
    stored = _moments(Need.objects.get(pk=need.pk))
    assert [moment for moment in stored if moment != clock.hour(moment)] == []


def test_erasing_twice_at_the_same_moment_leaves_no_key_of_a_volunteer(world: World) -> None:
    """The second comes between the first one's commit and its destroying."""
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer(), only_task(need)), place="Under the clock")
    first, second = Need.objects.get(pk=need.pk), Need.objects.get(pk=need.pk)
    slots = [(need.slot_number, need.slot_owner), (claim.slot_number, claim.slot_owner)]
    with pytest.MonkeyPatch.context() as cut:
        cut.setattr(Need, "finish_ending", lambda self, at=None: None)
        first._end("erased", AT)
    second.erase(AT)
    first.finish_ending()
    assert keyring().missing(slots) == [owner for _number, owner in slots]


def test_erasing_again_after_a_crash_finishes_it_before_it_is_said(world: World) -> None:
    visit, need = world.ask()
    with pytest.MonkeyPatch.context() as cut:
        cut.setattr(Need, "finish_ending", lambda self, at=None: None)
        Need.objects.get(pk=need.pk)._end("erased", AT)
    visit.mailbox.erase(AT)
    assert keyring().missing([(need.slot_number, need.slot_owner)]) == [need.slot_owner]
    assert [*Need.objects.all(), *Mailbox.objects.all()] == []


def test_what_was_erased_is_gone_after_a_crash_without_waiting_for_a_day(world: World) -> None:
    _visit, need = world.ask()
    with pytest.MonkeyPatch.context() as cut:
        cut.setattr(Need, "finish_ending", lambda self, at=None: None)
        Need.objects.get(pk=need.pk)._end("erased", AT)
    tasks.end_needs(AT)
    tasks.purge(AT)
    assert [*Need.objects.all(), *Mailbox.objects.all()] == []


def _moments(row: models.Model) -> list[datetime]:
    values = (getattr(row, field.attname) for field in row._meta.concrete_fields)
    return [value for value in values if isinstance(value, datetime)]
