"""New secrets, killed anywhere and run again: everything opens, and at the end the old ones are gone."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command

from mutualaid import rotation
from mutualaid.restore import Wishes
from mutualaid.third_party_fields import THIRD_PARTY
from notify.models import Channel, PushKey
from privacy import crypto, instance, secret_store
from privacy.crypto import Unreadable
from privacy.fields import declared
from privacy.models import Heartbeat, Instance
from privacy.secret_store import StoredSecrets
from requests_app import asking, tasks
from requests_app.models import Mailbox, Need
from requests_app.models.knock import HIDE
from requests_app.visits import Visit
from tests.killed import AFTER, BEFORE, killed
from tests.mutualaid.an_instance import put_back, taken, world
from tests.requests_app.world import World, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT, Person
from volunteers import keys, seeds
from volunteers.adapter import MFAAdapter
from volunteers.models import DeskKey, Invitation, Volunteer

__all__ = ["world"]
pytestmark = pytest.mark.once
PLACE = "Under the clock"


@dataclass
class InUse:
    """Something of everything that the secrets make."""

    world: World
    visit: Visit
    need: Need
    person: Person
    calendar: str
    link: str
    push_key: bytes

    def check(self) -> None:
        """Everything that opened before opens now, for whoever holds the key, or the code."""
        secret_store.forget()
        instance.ensure(create=False)
        self.check_accounts()
        assert self.visit.secret is not None
        found = Mailbox.objects.behind(self.visit.secret, AT)
        assert found is not None
        mailbox, seed = found
        need = Need.objects.get(pk=self.need.pk)
        hers = mailbox.unlocked(seed)
        assert need.read_note(hers)[0] == "Please ring twice."
        assert need.read_note(self.world.desk())[0] == "Please ring twice."
        assert need.read_note(unlocked(self.person))[0] == "Please ring twice."
        assert need.claims.get().read_place(hers, AT) == PLACE

    def check_accounts(self) -> None:
        volunteer = Volunteer.objects.get(pk=self.person.volunteer.pk)
        assert keys.unlock(volunteer, self.person.passphrase) == self.person.private
        assert volunteer.reader().public_key == bytes(self.person.volunteer.public_key)
        assert len(self.world.desk().private_key) == 32
        assert [channel.read_address() for channel in Channel.objects.all()] == ["x@example.org"]
        stored = {row.type: row.data for row in Authenticator.objects.all()}
        adapter = MFAAdapter()
        with seeds.belonging_to(volunteer):
            assert adapter.decrypt(stored["totp"]["secret"]) == "SEED"
            assert adapter.decrypt(stored["recovery_codes"]["seed"]) == "CODES"
        assert [key.private() for key in PushKey.objects.all()] == [self.push_key]
        assert Volunteer.objects.by_calendar_token(self.calendar) == volunteer
        assert Invitation.objects.find(self.link, AT).made_by == self.world.coordinator.volunteer


@pytest.fixture
def in_use(world: World, monkeypatch: pytest.MonkeyPatch) -> InUse:
    monkeypatch.setattr(rotation, "BATCH", 1)
    visit, need = world.ask(desk_reads=True)
    person = world.volunteer()
    say_yes(visit, take(person, only_task(need)), place=PLACE)
    Channel.objects.add(
        recipient=person.volunteer.pk, transport="email", address="x@example.org", language="en", at=AT
    )
    seal = MFAAdapter().encrypt
    with seeds.belonging_to(person.volunteer):
        sealed = (("totp", {"secret": seal("SEED")}), ("recovery_codes", {"seed": seal("CODES")}))
    for kind, data in sealed:
        Authenticator.objects.create(user=person.volunteer, type=kind, data=data)
    calendar = person.volunteer.new_calendar_token()
    link = Invitation.objects.make(world.coordinator.volunteer, AT)
    PushKey.objects.make()
    return InUse(world, visit, need, person, calendar, link, PushKey.objects.get().private())


def rotate(*words: str) -> str:
    secret_store.forget()
    out = io.StringIO()
    call_command("rotate", *words, stdout=out)
    return out.getvalue()


def roots() -> list[int]:
    secret_store.forget()
    return sorted(secret_store.load().roots)


def end_every_need() -> None:
    for need in Need.objects.all():
        need.erase(AT)


def test_everything_opens_and_a_new_code_is_found_under_the_new_pepper(in_use: InUse) -> None:
    said = rotate()

    in_use.check()
    assert roots() == [1, 2]
    assert "1 mailboxes still need the older secrets: run this again once they have ended." in said
    visit, _need = in_use.world.ask()
    assert visit.mailbox.pepper_version == 2
    assert visit.secret is not None
    assert Mailbox.objects.behind(visit.secret, AT) is not None


def test_once_the_last_old_mailbox_has_ended_only_the_new_secrets_are_left(in_use: InUse) -> None:
    rotate()
    end_every_need()
    newer, need = in_use.world.ask()

    said = rotate()

    assert "The older secrets are gone. Nothing needs them any more." in said
    assert roots() == [2]
    in_use.check_accounts()
    assert need.read_note(newer.unlocked)[0] == "Please ring twice."
    instance.ensure(create=False)


def test_running_it_again_adds_no_secrets_unless_told_so(in_use: InUse) -> None:
    rotate()
    again = rotate()
    after = roots()

    rotate("--once-more")

    assert "0 rows were made once more." in again
    assert (after, roots()) == ([1, 2], [1, 2, 3])
    in_use.check()


def test_what_a_second_code_set_off_is_done_under_the_new_secrets(in_use: InUse) -> None:
    first, need = in_use.world.ask()
    second = asking.ask(in_use.world.asked(paused=True), crypto.new_key(), None, "en", AT, first.errand(HIDE))
    assert first.secret is not None
    assert second.secret is not None
    Mailbox.objects.knock(second.secret, AT)

    rotate()
    assert Mailbox.objects.behind(first.secret, AT) is None
    tasks.answer(AT)

    assert Need.objects.get(pk=need.pk).status == "paused"
    assert Mailbox.objects.behind(first.secret, AT) is None


# (where, when, which call) a first run is killed
PLACES = [
    ("privacy.secret_store.write", BEFORE, 1),
    ("privacy.secret_store.write", AFTER, 1),
    ("privacy.instance._settle", AFTER, 1),
    ("mutualaid.rotation._renew", BEFORE, 1),
    ("mutualaid.rotation._renew", AFTER, 2),
    ("mutualaid.rotation._renew", AFTER, 4),
    ("mutualaid.rotation._renew", AFTER, 9),
    ("mutualaid.rotation.renew_everything", AFTER, 1),
]


@pytest.mark.parametrize(("place", "when", "nth"), PLACES)
def test_killed_while_adding_and_run_again(in_use: InUse, place: str, when: str, nth: int) -> None:
    assert killed(rotate, place, when, nth)
    in_use.check()

    rotate()

    in_use.check()
    assert roots() == [1, 2]
    assert everything_is_of_root(2)


RETIRING = [
    ("privacy.instance.retire_older_roots", BEFORE, 1),
    ("privacy.secret_store.write", BEFORE, 1),
    ("privacy.secret_store.write", AFTER, 1),
    ("privacy.instance._settle", AFTER, 1),
]


@pytest.mark.parametrize(("place", "when", "nth"), RETIRING)
def test_killed_while_retiring_and_run_again(in_use: InUse, place: str, when: str, nth: int) -> None:
    rotate()
    end_every_need()
    assert killed(rotate, place, when, nth)
    secret_store.forget()
    instance.ensure(create=False)
    in_use.check_accounts()

    rotate()

    # Where the old root was already gone, this run began with a new one, and nothing needed that one's elder.
    assert roots() in ([2], [3])
    in_use.check_accounts()


def everything_is_of_root(version: int) -> bool:
    """Whether every row was made by that root alone."""
    stored = secret_store.load()
    secret_store.write(StoredSecrets(stored.id, {version: stored.roots[version]}))
    try:
        return rotation.renew_everything() == rotation.Count(0, 0)
    finally:
        secret_store.write(stored)


def test_what_was_swapped_does_not_become_genuine(in_use: InUse) -> None:
    stranger = in_use.world.coordinator.volunteer.public_key
    Volunteer.objects.filter(pk=in_use.person.volunteer.pk).update(public_key=stranger)

    said = rotate()

    assert "1 rows could not be read before either: left as they are." in said
    with pytest.raises(Unreadable):
        Volunteer.objects.get(pk=in_use.person.volunteer.pk).reader()


def test_a_desk_key_of_before_still_opens_after(in_use: InUse) -> None:
    rotate()

    assert DeskKey.objects.get(current=True).is_genuine()


def test_the_new_sheet_is_shown_until_a_word_of_it_is_typed_back(in_use: InUse) -> None:
    Instance.objects.update(key_sheet_confirmed=True)

    first, second = rotate(), rotate()
    instance.confirm(instance.sheet()[2][instance.asked_word() - 1])
    third = rotate()

    assert ["Sheet 2" in said for said in (first, second, third)] == [True, True, False]
    assert ["Sheet 1" in said for said in (first, second, third)] == [False] * 3


def test_the_sheet_after_a_rotation_brings_lost_secrets_back(in_use: InUse) -> None:
    rotate()
    end_every_need()
    rotate()
    lines = {version: " ".join(words) for version, words in instance.sheet().items()}
    secret_store.path().unlink()
    secret_store.forget()

    instance.restore(lines)

    assert list(lines) == [2]
    in_use.check_accounts()


def test_while_it_runs_nothing_is_rotated(in_use: InUse) -> None:
    Heartbeat.objects.beat("ticker", [], AT)

    with pytest.raises(CommandError, match="This instance is running"):
        rotate()

    assert roots() == [1]


def test_secrets_in_the_environment_are_told_and_then_expected(
    in_use: InUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_SECRETS", secret_store.path().read_text())
    secret_store.path().unlink()

    told = re.findall(r"^\{.*\}$", rotate(), re.MULTILINE)
    in_use.check()
    monkeypatch.setenv("INSTANCE_SECRETS", told[0])
    rotate()

    in_use.check()
    assert (len(told), roots()) == (1, [1, 2])


def test_a_backup_from_the_middle_of_a_rotation_is_whole(in_use: InUse) -> None:
    assert killed(rotate, "privacy.secret_store.write", BEFORE)
    sealed = taken()
    rotate()

    put_back(sealed, Wishes())

    Volunteer.objects.get(pk=in_use.person.volunteer.pk).vouch(in_use.world.coordinator.volunteer, AT, "met")
    instance.ensure(create=False)
    assert Need.objects.get().read_note(in_use.visit.unlocked)[0] == "Please ring twice."


# Whoever adds something that a root makes has to say what becomes of it here


def test_every_table_with_a_mac_is_renewed() -> None:
    with_mac = {
        model
        for model in apps.get_models()
        for classes in declared(model, THIRD_PARTY)
        for name in classes.derived
        if re.search(r"(^|_)mac$", name)
    }

    assert with_mac <= {model for model, _renew in rotation.RENEWED}


# What else a root makes, by file, and why it needs nothing.
MADE: dict[str, str] = {
    "notify/channel_queryset.py": "addresses are renewed; the gateway of a row is read from the row",
    "notify/models.py": "addresses are renewed; a notice told twice says the same twice",
    "notify/push_key.py": "renewed; the pair stays the same, or no phone would be reached",
    "privacy/cache_keys.py": "caches are empty after a stop",
    "privacy/codes.py": "a form open while it was stopped makes a code of its own",
    "privacy/compartments.py": "renewed",
    "privacy/limits.py": "counts of a day, in the cache",
    "privacy/tickets.py": "an old ticket is refused: wait once more",
    "requests_app/asking.py": "a form open while it was stopped makes one more need",
    "requests_app/forms/paper.py": "a code shown while it was stopped is on paper, and does not say so",
    "requests_app/calendar.py": "names of entries: a calendar shows the new ones in their place",
    "requests_app/models/apart.py": "a form open while it was stopped leaves one more",
    "requests_app/models/knock.py": "renewed",
    "requests_app/models/message.py": "a form open while it was stopped sends one more message",
    "requests_app/models/call_words.py": "under a root that stays until its mailbox ended, as its code is",
    "requests_app/models/reveal.py": "the desk's opening of that hour is written down once more",
    "requests_app/models/mailbox.py": "renewed; what a code finds stays under its pepper",
    "requests_app/models/outside_contact.py": "renewed; what a sheet finds stays under its pepper",
    "volunteers/account.py": "renewed",
    "volunteers/adapter.py": "counts in the cache",
    "volunteers/desk.py": "renewed",
    "volunteers/seeds.py": "renewed",
}
USES = re.compile(r"instance\.(mac|blind|service_seal|service_renewed|renewed_mac)\(")


def test_whatever_a_root_makes_is_thought_of() -> None:
    rooms = ("privacy", "notify", "organisation", "volunteers", "requests_app", "mutualaid")
    found = {
        str(path.relative_to(settings.BASE_DIR))
        for room in rooms
        for path in (Path(settings.BASE_DIR) / room).rglob("*.py")
        if USES.search(path.read_text(encoding="utf-8"))
    }

    assert found - set(MADE) == set()
