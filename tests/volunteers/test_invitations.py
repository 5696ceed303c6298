"""An invitation lets one person in, once, and leaves nothing to steal."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client

from privacy import instance
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import desk
from volunteers.account import Volunteer
from volunteers.duties import PURGE_INVITATIONS
from volunteers.invitations import LIVES, Invitation, InvitationRefused
from volunteers.joining import join

pytestmark = pytest.mark.urls("tests.volunteers.urls")


def take(token: str) -> None:
    join(token, username="", handle="Kim", passphrase=PASSPHRASE, language="en", at=AT)


def test_an_invitation_makes_one_account(ana: Person) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    take(token)

    with pytest.raises(InvitationRefused):
        take(token)

    assert Volunteer.objects.filter(handle="Kim").count() == 1


def test_an_invitation_expires(ana: Person) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)

    with pytest.raises(InvitationRefused):
        Invitation.objects.take(token, AT + LIVES)


def test_a_withdrawn_invitation_opens_nothing(ana: Person) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    Invitation.objects.find(token, AT).withdraw()

    with pytest.raises(InvitationRefused):
        Invitation.objects.take(token, AT)


def test_the_link_is_not_in_the_database(ana: Person) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)

    stored = [str(value) for row in Invitation.objects.values() for value in row.values()]

    assert [value for value in stored if token in value] == []


def test_a_used_an_expired_and_an_invented_link_get_the_same_page(ana: Person, client: Client) -> None:
    used = Invitation.objects.make(ana.volunteer, AT)
    take(used)
    expired = Invitation.objects.make(ana.volunteer, AT - LIVES - timedelta(days=1))

    pages = [client.get(f"/join/{token}/") for token in (used, expired, "invented")]

    assert [page.status_code for page in pages] == [404, 404, 404]
    assert len({without_address(page) for page in pages}) == 1


def without_address(page: HttpResponse) -> bytes:
    """The page without its own address, which the links to other languages carry."""
    return re.sub(rb"(/|%2F)join(/|%2F)[\w-]+(/|%2F)", b"", page.content)


def test_a_link_is_forgotten_a_day_after_it_was_used(ana: Person) -> None:
    take(Invitation.objects.make(ana.volunteer, AT))
    assert PURGE_INVITATIONS.is_due(AT + timedelta(hours=23)) is False

    PURGE_INVITATIONS.run(AT + timedelta(hours=25))

    assert Invitation.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_who_open_one_link_at_the_same_moment_one_joins() -> None:
    instance.ensure(create=True)
    ana = people.founder()
    token = Invitation.objects.make(ana.volunteer, AT)
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def try_it() -> None:
        try:
            start.wait()
            Invitation.objects.take(token, AT)
            outcomes.append("joined")
        except InvitationRefused:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["joined"] + ["refused"] * 7
    assert connection.is_usable()


def test_a_link_kept_by_somebody_who_was_suspended_or_left_the_desk_opens_nothing(ana: Person) -> None:
    suspended, left = people.coordinator(ana, "Cleo"), people.coordinator(ana, "Dana")
    tokens = [Invitation.objects.make(who.volunteer, AT, coordinator=True) for who in (suspended, left)]
    suspended.volunteer.suspend_account(AT)
    desk.step_down(left.volunteer)

    for token in tokens:
        with pytest.raises(InvitationRefused):
            take(token)

    assert list(Invitation.objects.open(AT)) == []
