"""A new key without the old one: what closes is said before, and opens again only with a new yes."""

import re
from base64 import b64encode
from typing import Any

import pytest
from django.test import Client

from notify.models import Channel, Notice
from privacy.crypto import Unreadable
from privacy.models import Grant
from privacy.states import SomebodyWasFaster
from requests_app import desk_key, standing
from requests_app.models import Claim, KeyChanged, Message, Need
from requests_app.readers import Unlocked
from requests_app.visits import KEY, Visit
from tests.requests_app.desk import Browser, browser, locked, read
from tests.requests_app.world import World, claim_of, only_task, say_yes, take
from tests.volunteers import people
from tests.volunteers.people import AT, PASSPHRASE, Person
from volunteers import desk as desk_keys
from volunteers import keys
from volunteers.models import Volunteer

NOTE, PLACE, WRITTEN = "The blue door.", "By the old fountain", "I wear a green scarf."
NEW = "orchard window paper boat"
CHANGED = "The key of the person who comes changed. Look again."
TYPED = {"passphrase": NEW, "again": NEW, "understood": "on"}


def approved(world: World, ben: Person, **asked: Any) -> tuple[Visit, Claim]:
    visit, need = world.ask(note=NOTE, **asked)
    claim = say_yes(visit, take(ben, only_task(need)), place=PLACE)
    claim.write(visit.unlocked, Message.ASKER, WRITTEN, AT)
    return visit, claim


def start_over(ben: Person) -> Person:
    """Ben has a new key; the volunteer as the database has them now."""
    fresh = Volunteer.objects.get(pk=ben.volunteer.pk)
    made = standing.start_over(fresh, NEW, "en", AT)
    return Person(Volunteer.objects.get(pk=fresh.pk), made.private, made.sheet, NEW)


def now(person: Person, claim: Claim) -> Claim:
    return claim_of(person, claim.task)


def what_opens(person: Person, claim: Claim) -> list[bool]:
    """Whether note, place and messages open for them."""
    claim, them = now(person, claim), Unlocked(person.volunteer.reader(), person.private)
    opens = []
    for read_it in (
        lambda: claim.need.read_note(them),
        lambda: claim.read_place(them, AT),
        lambda: [message.text(claim.thread(them)) for message in claim.messages.all()],
    ):
        try:
            opens.append(bool(read_it()))
        except Unreadable:
            opens.append(False)
    return opens


def hers(visit: Visit) -> Client:
    """Her browser with her page open."""
    client = Client()
    session = client.session
    seed = b64encode(visit.seed).decode()
    session[KEY] = {"mailbox": str(visit.mailbox.pk), "epoch": visit.mailbox.epoch, "seed": seed}
    session.save()
    return client


def sure(signed_in: Browser) -> Browser:
    """They said again who they are, as before everything that changes the account."""
    signed_in.post("/accounts/reauthenticate/", password=PASSPHRASE)
    return signed_in


def fingerprint_on(page: str) -> str:
    found = re.findall(r'name="fingerprint" value="([0-9a-f]+)"', page)
    assert len(found) == 1
    return str(found[0])


# The new key


def test_nothing_old_opens_with_the_new_key_and_nothing_new_with_the_old(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, claim = approved(world, ben)
    before = what_opens(ben, claim)

    again = start_over(ben)

    assert (before, what_opens(again, claim)) == ([True] * 3, [False] * 3)
    assert again.volunteer.public_key != ben.volunteer.public_key
    assert keys.unlock(again.volunteer, NEW) == again.private
    with pytest.raises(keys.WrongPassphrase):
        keys.unlock(again.volunteer, PASSPHRASE)
    with pytest.raises(keys.WrongPassphrase):
        keys.restore(ben.volunteer.username, ben.sheet, NEW)


def test_every_session_ends_with_the_old_key(world: World) -> None:
    ben = world.volunteer("Ben")
    elsewhere = browser(ben).client

    start_over(ben)

    assert elsewhere.get("/board/")["Location"].startswith("/accounts/login/")


def test_before_it_they_read_for_how_many_things_they_were_said_yes_to(world: World) -> None:
    ben = world.volunteer("Ben")
    his = sure(browser(ben))
    none = his.words("/accounts/new-key/")
    for _time in range(2):
        approved(world, ben)
    take(ben, only_task(world.ask()[1]))

    two = his.words("/accounts/new-key/")

    assert "Nobody expects you right now. No note or message closes." in none
    assert "You were said yes to for 2 things. Their notes, places and messages close." in two
    assert "You cannot open the desk's key." not in two
    assert "You cannot open the desk's key." in sure(browser(world.coordinator)).words("/accounts/new-key/")


def test_a_new_key_is_made_only_by_somebody_who_read_what_closes(world: World) -> None:
    ben = world.volunteer("Ben")
    his = sure(browser(ben))

    answer = his.client.post("/accounts/new-key/", {"passphrase": NEW, "again": NEW})

    assert answer.status_code == 422
    assert Volunteer.objects.get(pk=ben.volunteer.pk).public_key == ben.volunteer.public_key


def test_it_asks_first_who_they_are_and_keeps_nothing_of_what_was_typed(world: World) -> None:
    client = world.volunteer("Ben").sign_in(Client())

    answers = [client.get("/accounts/new-key/"), client.post("/accounts/new-key/", TYPED)]

    assert {answer["Location"] for answer in answers} == {
        "/accounts/reauthenticate/?next=%2Faccounts%2Fnew-key%2F"
    }
    assert NEW not in str(dict(client.session))


def test_whoever_makes_a_new_key_stays_signed_in_and_gets_a_new_sheet(world: World) -> None:
    ben = world.volunteer("Ben")
    his = sure(locked(ben))

    answer = his.client.post("/accounts/new-key/", TYPED)
    page = his.page("/accounts/sheet/")

    words = " ".join(re.findall(r"<li>([a-z]+)</li>", page.split('class="code"')[1]))
    assert answer["Location"] == "/accounts/sheet/"
    assert his.client.get("/board/").status_code == 200
    fresh = Volunteer.objects.get(pk=ben.volunteer.pk)
    private = keys.unlock(fresh, NEW)
    keys.restore(fresh.username, words, PASSPHRASE)
    assert keys.unlock(Volunteer.objects.get(pk=fresh.pk), PASSPHRASE) == private


# She is told, and decides


def test_her_channel_hears_that_something_changed(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, claim = approved(world, ben)
    Channel.objects.add(
        recipient=claim.need_id,
        transport="email",
        address="someone@example.org",
        language="en",
        from_hour=None,
        until_hour=None,
        at=AT,
        paces=True,
    )
    before = Notice.objects.count()

    start_over(ben)

    assert [notice.pace for notice in Notice.objects.all()][before:] == ["changed"]


def test_her_page_says_that_the_key_changed_until_she_says_yes(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    client = hers(visit)
    before = read(client.get("/a/mine/").content.decode())
    again = start_over(ben)

    page = client.get("/a/mine/").content.decode()
    client.post(f"/a/mine/people/{claim.pk}/key/", {"fingerprint": fingerprint_on(page)})
    after = read(client.get("/a/mine/").content.decode())

    assert [CHANGED in text for text in (before, read(page), after)] == [False, True, False]
    assert "Yes, Ben may still come" in read(page)
    assert what_opens(again, claim) == [True] * 3
    assert what_opens(ben, claim) == [False] * 3


def test_looking_alone_grants_nothing(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    again = start_over(ben)

    visit.mailbox.settle(visit.seed, AT)
    hers(visit).get("/a/mine/")

    assert what_opens(again, claim) == [False] * 3


def test_whatever_she_writes_meanwhile_stays_closed_to_the_new_key(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    again = start_over(ben)

    now(ben, claim).meet_at("At the north gate", AT)
    now(ben, claim).write(visit.unlocked, Message.ASKER, "Where are you?", AT)

    assert what_opens(again, claim) == [False] * 3
    fresh = now(again, claim)
    fresh.approve_key(visit.unlocked, fresh.key_fingerprint(), AT)
    them = Unlocked(again.volunteer.reader(), again.private)
    assert now(again, claim).read_place(them, AT) == "At the north gate"
    assert what_opens(again, claim) == [True] * 3


def test_a_yes_to_a_key_that_changed_again_is_refused(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    client = hers(visit)
    start_over(ben)
    shown = fingerprint_on(client.get("/a/mine/").content.decode())
    third = start_over(ben)

    page = client.post(f"/a/mine/people/{claim.pk}/key/", {"fingerprint": shown}, follow=True)

    assert "Something about this person changed." in read(page.content.decode())
    assert what_opens(third, claim) == [False] * 3
    with pytest.raises(KeyChanged):
        now(third, claim).approve_key(visit.unlocked, shown, AT)


def test_a_yes_to_somebody_who_does_not_come_any_more_grants_nothing(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    again = start_over(ben)
    seen = now(again, claim)
    now(again, claim).release(AT)

    with pytest.raises(SomebodyWasFaster):
        seen.approve_key(visit.unlocked, seen.key_fingerprint(), AT)

    assert not Grant.objects.of_reader("volunteer", ben.volunteer.pk).exists()


def test_another_asker_cannot_say_yes_for_her(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, claim = approved(world, ben)
    again = start_over(ben)
    stranger, _need = world.ask()
    typed = {"fingerprint": now(again, claim).key_fingerprint()}

    answers = [
        hers(stranger).post(f"/a/mine/people/{claim.pk}/key/", typed),
        Client().post(f"/a/mine/people/{claim.pk}/key/", typed),
    ]

    assert [answer.status_code for answer in answers] == [404, 302]
    assert what_opens(again, claim) == [False] * 3


def test_a_key_somebody_wrote_into_the_database_is_never_offered_to_her(world: World) -> None:
    ben, dee = world.volunteer("Ben"), world.volunteer("Dee")
    visit, _claim = approved(world, ben)
    Volunteer.objects.filter(pk=ben.volunteer.pk).update(public_key=dee.volunteer.public_key)

    visit.mailbox.settle(visit.seed, AT)
    page = hers(visit).get("/a/mine/")

    assert (page.status_code, CHANGED in read(page.content.decode())) == (200, False)
    assert 'name="fingerprint"' not in page.content.decode()


def test_the_first_who_took_it_unattended_is_asked_about_as_well(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(note=NOTE, decides="first")
    claim = take(ben, only_task(need))
    again = start_over(ben)

    visit.mailbox.settle(visit.seed, AT)

    assert what_opens(again, claim)[0] is False
    assert CHANGED in read(hers(visit).get("/a/mine/").content.decode())


# What the volunteer reads meanwhile


def test_their_page_says_when_it_opens(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, claim = approved(world, ben)
    both_words = " ".join(claim.two_words())
    again = start_over(ben)
    his = browser(again)
    path = f"/needs/{claim.need_id}/"

    waiting = his.words(path)
    sent = his.post_words(f"{path}message/", task=str(claim.task_id), text="Hello?")
    fresh = now(again, claim)
    fresh.approve_key(visit.unlocked, fresh.key_fingerprint(), AT)
    opened = his.words(path)

    assert "What was written for you opens when the person looks here next." in waiting
    assert [text in waiting for text in (NOTE, PLACE, WRITTEN)] == [False] * 3
    # By the two words she knows who stands at the door: not before she said yes to the new key.
    assert [both_words in page for page in (waiting, opened)] == [False, True]
    assert "Messages open when the person looks here next." in sent
    assert Message.objects.count() == 1
    assert [text in opened for text in (NOTE, PLACE, WRITTEN)] == [True] * 3


# The desk


def for_desk(world: World, ben: Person) -> Claim:
    visit, need = world.ask(decides="desk", desk_reads=True, note=NOTE, place=PLACE)
    claim = take(ben, only_task(need))
    claim.approve(world.desk(), claim.key_fingerprint(), AT)
    now(ben, claim).write(visit.unlocked, Message.ASKER, WRITTEN, AT)
    return claim


def test_where_the_desk_decides_the_desk_says_yes_to_the_new_key(world: World) -> None:
    ben = world.volunteer("Ben")
    claim = for_desk(world, ben)
    desk = browser(world.coordinator)
    path = f"/desk/needs/{claim.need_id}/"
    before = desk.words(path)
    again = start_over(ben)
    closed = what_opens(again, claim)

    page = desk.page(path)
    typed = {"claim": str(claim.pk), "fingerprint": fingerprint_on(page)}
    desk.post(f"{path}key/", **typed)

    assert [CHANGED in text for text in (before, read(page), desk.words(path))] == [False, True, False]
    # The messages wait for her: the desk cannot open them.
    assert (closed, what_opens(again, claim)) == ([False] * 3, [True, True, False])


def test_she_is_asked_as_well_and_then_the_messages_open(world: World) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask(decides="desk", desk_reads=True, note=NOTE, place=PLACE)
    claim = take(ben, only_task(need))
    claim.approve(world.desk(), claim.key_fingerprint(), AT)
    now(ben, claim).write(visit.unlocked, Message.ASKER, WRITTEN, AT)
    again = start_over(ben)
    fresh = now(again, claim)
    fresh.approve_key(world.desk(), fresh.key_fingerprint(), AT)

    client = hers(visit)
    page = client.get("/a/mine/").content.decode()
    client.post(f"/a/mine/people/{claim.pk}/key/", {"fingerprint": fingerprint_on(page)})

    assert CHANGED in read(page)
    assert what_opens(again, claim) == [True] * 3


def test_the_desk_passes_on_no_place_that_she_changed_since(world: World) -> None:
    ben = world.volunteer("Ben")
    claim = for_desk(world, ben)
    now(ben, claim).meet_at("At the north gate", AT)
    again = start_over(ben)
    fresh = now(again, claim)

    fresh.approve_key(world.desk(), fresh.key_fingerprint(), AT)

    assert what_opens(again, claim) == [True, False, False]


def test_the_desk_says_nothing_where_it_does_not_decide(world: World) -> None:
    ben = world.volunteer("Ben")
    _visit, claim = approved(world, ben, desk_reads=True)
    again = start_over(ben)
    desk = browser(world.coordinator)
    path = f"/desk/needs/{claim.need_id}/"
    typed = {"claim": str(claim.pk), "fingerprint": now(again, claim).key_fingerprint()}

    assert CHANGED not in desk.words(path)
    assert desk.client.post(f"{path}key/", typed).status_code == 404
    assert what_opens(again, claim) == [False] * 3


def test_a_coordinator_with_a_new_key_waits_for_a_share_like_anybody_new(world: World) -> None:
    cleo = people.coordinator(world.coordinator)
    ana = world.coordinator
    desk_keys.share_with(cleo.volunteer, ana.volunteer, ana.private)
    _visit, need = world.ask(desk_reads=True, note=NOTE)

    again = start_over(cleo)

    assert desk_keys.holders() == {ana.volunteer.pk}
    with pytest.raises(Unreadable):
        desk_key.unlocked(again.volunteer, again.private)
    desk_keys.share_with(again.volunteer, ana.volunteer, ana.private)
    fresh = Need.objects.get(pk=need.pk)
    assert fresh.read_note(desk_key.unlocked(again.volunteer, again.private))[0] == NOTE


def test_the_last_who_held_the_desks_key_can_begin_it_again(world: World) -> None:
    again = start_over(world.coordinator)
    desk = Browser(again.sign_in(Client()))

    assert "Nobody at the desk can open the desk's key." in desk.words("/desk/people/")
    assert "The desk has a new key." in desk.post_words("/desk/people/key/begin-again/")
