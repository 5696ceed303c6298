"""People for tests, made the way people are: invited, joined, vouched for."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.test import Client

from privacy import clock
from volunteers.account import Volunteer, Vouch, new_username
from volunteers.invitations import Invitation
from volunteers.joining import join

AT = datetime(2026, 3, 2, 12, 34, tzinfo=UTC)
PASSPHRASE = "meadow lantern quiet river"


@dataclass(frozen=True)
class Person:
    """A volunteer with what only they know."""

    volunteer: Volunteer
    private: bytes
    sheet: str
    passphrase: str = PASSPHRASE

    def sign_in(self, client: Client) -> Client:
        """Through the login page."""
        answer = client.post(
            "/accounts/login/", {"login": self.volunteer.username, "password": self.passphrase}
        )
        assert answer.status_code == 302, answer.content
        return client


def founder(handle: str = "Ana") -> Person:
    """The first coordinator, invited by set-up."""
    return _join(Invitation.objects.make(None, AT, coordinator=True), handle)


def coordinator(by: Person, handle: str = "Cleo") -> Person:
    """One more coordinator, without a share of the desk's key yet."""
    return _join(Invitation.objects.make(by.volunteer, AT, coordinator=True), handle)


def newcomer(by: Person, handle: str = "Ben") -> Person:
    """Joined, but nobody has vouched for them."""
    return _join(Invitation.objects.make(by.volunteer, AT), handle)


def volunteer(by: Person, handle: str = "Ben") -> Person:
    """Joined and let in."""
    person = newcomer(by, handle)
    person.volunteer.vouch(by.volunteer, AT, Vouch.Context.MET)
    return person


def _join(token: str, handle: str) -> Person:
    joined = join(
        token,
        username=new_username("en"),
        handle=handle,
        passphrase=PASSPHRASE,
        language="en",
        at=AT,
    )
    return Person(joined.volunteer, joined.private, joined.sheet)


def today_is(at: datetime = AT) -> str:
    """The local day of `at`, as a form takes it."""
    return clock.local_day(at).isoformat()
