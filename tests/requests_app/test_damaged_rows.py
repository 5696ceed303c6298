"""A row that is damaged, or was written over in the database: one sentence, never an error."""

from typing import Any

import pytest
from django.test import Client

from privacy import codes
from privacy.crypto import KeyPair
from privacy.models import Compartment, Grant
from requests_app.models import Claim, Mailbox, Message
from requests_app.visits import Visit
from tests.forms_seen import typed_in
from tests.requests_app.test_pages import hidden, post, text
from tests.requests_app.world import World, only_task, say_yes, take
from volunteers.models import Volunteer


def enter(visit: Visit) -> Client:
    """Her browser, with her page open."""
    client = Client(enforce_csrf_checks=True)
    page = text(client.get("/a/return/"))
    code = codes.as_words(visit.secret or b"", "en")
    answer = post(client, "/a/return/", page, code=code, ticket=hidden(page, "ticket"))
    assert answer["Location"] == "/a/mine/"
    return client


@pytest.fixture
def coming(world: World) -> tuple[Visit, Claim]:
    visit, need = world.ask()
    claim = take(world.volunteer("Ben"), only_task(need))
    return visit, say_yes(visit, claim, place="Under the clock")


def damage(claim: Claim, purpose: str) -> None:
    owner = claim.need.slot_owner if purpose == "note" else claim.slot_owner
    found = Compartment.objects.get(slot_owner=owner, purpose=purpose)
    Grant.objects.filter(compartment=found).update(sealed=b"\1" * 200)


@pytest.mark.parametrize("purpose", ["note", "place", "thread"])
def test_what_cannot_be_opened_leaves_the_rest_of_her_page_whole(
    coming: tuple[Visit, Claim], purpose: str
) -> None:
    visit, claim = coming
    asker = enter(visit)
    damage(claim, purpose)

    page = asker.get("/a/mine/")

    assert (page.status_code, "Yes. Somebody is coming." in text(page), "Ben" in text(page)) == (
        200,
        True,
        True,
    )


def test_a_place_that_cannot_be_read_is_not_offered_as_the_place_to_keep(
    coming: tuple[Visit, Claim],
) -> None:
    """Pressing "Change" would have stored the sentence itself as where to meet."""
    visit, claim = coming
    asker = enter(visit)
    damage(claim, "place")

    page = text(asker.get("/a/mine/"))

    assert page.count("This cannot be read.") == 1
    assert typed_in(page, "place") == [[""]]


def test_a_message_that_cannot_be_locked_comes_back_with_what_was_typed(coming: tuple[Visit, Claim]) -> None:
    visit, claim = coming
    asker = enter(visit)
    page = text(asker.get("/a/mine/"))
    damage(claim, "thread")

    answer = post(asker, f"/a/mine/people/{claim.pk}/message/", page, text="I am at the gate.")

    assert (answer.status_code, Message.objects.count()) == (422, 0)
    assert "These messages are damaged, so this was not sent. Please call the desk." in text(answer)
    assert "I am at the gate." in text(answer)


def test_a_yes_to_somebody_whose_key_was_swapped_is_not_taken(world: World) -> None:
    visit, need = world.ask()
    claim = take(world.volunteer("Ben"), only_task(need))
    asker = enter(visit)
    page = text(asker.get("/a/mine/"))
    Volunteer.objects.filter(pk=claim.volunteer_id).update(public_key=KeyPair.generate().public)

    yes = {"fingerprint": hidden(page, "fingerprint"), "place": "Under the clock"}
    answer = asker.post(
        f"/a/mine/people/{claim.pk}/approve/",
        {"csrfmiddlewaretoken": hidden(page, "csrfmiddlewaretoken"), **yes},
        follow=True,
    )

    assert "Something about this person changed. Please look again first." in text(answer)
    assert (Claim.objects.get(pk=claim.pk).status, "Yes, Ben may come" in text(answer)) == ("held", False)


@pytest.mark.parametrize("ask", ["/a/mine/", "post a message"])
def test_a_mailbox_whose_key_was_swapped_is_a_calm_503_that_shows_nothing(
    coming: tuple[Visit, Claim], ask: str
) -> None:
    visit, claim = coming
    asker = enter(visit)
    page = text(asker.get("/a/mine/"))
    Mailbox.objects.update(public_key=KeyPair.generate().public)

    answer: Any
    if ask == "/a/mine/":
        answer = asker.get(ask)
    else:
        answer = post(asker, f"/a/mine/people/{claim.pk}/message/", page, text="I am at the gate.")

    assert (answer.status_code, Message.objects.count()) == (503, 0)
    assert "Under the clock" not in text(answer)
