"""`make demo`: an example organisation that is made by the ordinary verbs and opened by what is printed."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from organisation.models import Area, Hours, Organisation, PhoneNumber
from privacy import clock, instance
from privacy.crypto import Unreadable
from requests_app import matching
from requests_app.models import Claim, Message, Need, Proposal, Task
from requests_app.readers import Unlocked
from volunteers import desk, keys
from volunteers.models import Offer, Volunteer


def printed(*words: str) -> str:
    out = StringIO()
    call_command("demo", *words, stdout=out)
    return out.getvalue()


def text(response: Any) -> str:
    return response.content.decode()


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no hidden field {name}"
    return unescape(found[1])


@pytest.fixture(scope="module")
def _filled_once(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """One example for all tests of this file: filling it derives many keys."""
    with django_db_blocker.unblock(), transaction.atomic():
        instance.ensure(create=True)
        Organisation.objects.ensure(clock.now())
        yield json.loads(printed("--json"))
        transaction.set_rollback(True)


@pytest.fixture
def filled(_filled_once: dict[str, Any], db: None) -> dict[str, Any]:
    return _filled_once


def sign_in(account: dict[str, str]) -> Client:
    client = Client()
    typed = {"login": account["username"], "password": account["passphrase"]}
    assert client.post("/accounts/login/", typed).status_code == 302
    return client


def of_role(filled: dict[str, Any], role: str) -> list[dict[str, str]]:
    return [account for account in filled["accounts"] if account["role"] == role]


def test_there_is_a_coordinator_and_volunteers_who_offer_every_kind(filled: dict[str, Any]) -> None:
    roles = Counter(account["role"] for account in filled["accounts"])
    assert roles == {"coordinator": 1, "volunteer": 8}
    assert {slug for offer in Offer.objects.all() for slug in offer.kinds} == {
        "stay",
        "ride",
        "accompaniment",
    }
    assert Volunteer.objects.standing(clock.now()).exclude(is_coordinator=True).count() == 6


def test_every_printed_account_opens(filled: dict[str, Any]) -> None:
    for account in filled["accounts"]:
        assert sign_in(account).get("/offers/").status_code == 200


def test_the_return_code_opens_somebody_who_comes_and_somebody_who_waits(filled: dict[str, Any]) -> None:
    client = Client()
    ticket = hidden(text(client.get("/a/return/")), "ticket")
    client.post("/a/return/", {"ticket": ticket, "code": filled["return_code"]})
    page = text(client.get("/a/mine/"))
    assert "In front of the big clock" in page
    assert "I drive a small green car." in page
    assert page.count('name="fingerprint"') == 2


def test_each_need_is_somewhere_else_on_its_way(filled: dict[str, Any]) -> None:
    states = Counter((task.need.decides, task.status) for task in Task.objects.select_related("need"))
    assert states == {
        ("asker", "approved"): 1,
        ("asker", "held"): 1,
        ("asker", "open"): 2,
        ("desk", "held"): 1,
    }
    assert Message.objects.count() == 2
    assert Claim.objects.filter(status="standby").count() == 2


def test_volunteers_were_asked_and_find_something_on_their_boards(filled: dict[str, Any]) -> None:
    assert Proposal.objects.filter(asked_at__isnull=False).exists()
    host = next(account for account in filled["accounts"] if account["handle"] == "Volunteer A")
    assert "/needs/" in text(sign_in(host).get("/board/"))


def test_nobody_can_do_one_of_them_and_the_desk_sees_what_stands_in_the_way(
    filled: dict[str, Any],
) -> None:
    at = clock.now()
    alone = [task for task in Task.objects.filter(status="open") if not matching.best(task, at, 5)]
    assert len(alone) == 1
    assert matching.why_nobody(alone[0], at)


def test_the_desk_reads_the_note_of_whoever_lets_it_and_no_other(filled: dict[str, Any]) -> None:
    account = of_role(filled, "coordinator")[0]
    coordinator = Volunteer.objects.get(username=account["username"])
    from_passphrase = keys.unlock(coordinator, account["passphrase"])
    reader = desk.reader()
    assert reader is not None
    unlocked = Unlocked(reader, desk.desk_private(coordinator, from_passphrase))
    notes = [readable(need, unlocked) for need in Need.objects.order_by("decides")]
    assert notes[-1] == "I cannot look here again before I leave."
    assert notes[:-1] == [""] * 4


def readable(need: Need, unlocked: Unlocked) -> str:
    try:
        return need.read_note(unlocked)[0]
    except Unreadable:
        return ""


def test_the_house_has_areas_hours_and_numbers_that_ring_nowhere(filled: dict[str, Any]) -> None:
    assert sorted(Area.objects.values_list("name", flat=True)) == [
        *("Harbour", "Hills", "North", "Old town", "River villages", "Station", "Town")
    ]
    assert Hours.objects.count() == 7
    assert all(number.number.startswith("555 01") for number in PhoneNumber.objects.all())


def test_an_instance_with_an_account_is_left_alone(filled: dict[str, Any]) -> None:
    before = (Volunteer.objects.count(), Need.objects.count(), Area.objects.count())
    with pytest.raises(CommandError, match="in use"):
        printed()
    assert (Volunteer.objects.count(), Need.objects.count(), Area.objects.count()) == before
