"""Her no, and theirs: whoever was refused does not come after all, by no way round."""

import pytest

from privacy.crypto import SealingImpossible
from privacy.keyring import FileKeyring
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app import matching
from requests_app.models import Claim, NeverMatch, NotForYou
from tests.requests_app.company import company, hears, told
from tests.requests_app.test_pages import hidden, post, text, volunteer_client
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT


@pytest.mark.parametrize("never_again", [True, False])
def test_whoever_she_said_no_to_is_not_sent_after_all_for_the_other_way(
    world: World, never_again: bool
) -> None:
    _visit, need = world.ask(decides="first", answers={"back": "yes"})
    there, back = need.tasks.order_by("-role")
    ben, cleo = world.volunteer(), world.volunteer()
    first = take(ben, there)
    second = take(cleo, back)
    take(ben, back, standing_by=True)

    first.decline(AT, never_again=never_again)
    second.release(AT)

    assert "approved" not in Claim.objects.filter(volunteer=ben.volunteer).values_list("status", flat=True)
    assert back.claims.holding(AT).count() == 0


def test_never_ends_whatever_else_they_have_of_hers(world: World) -> None:
    visit, need = world.ask()
    _visit, other = world.ask(visit)
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    say_yes(visit, take(ben, only_task(other)))

    claim.decline(AT, never_again=True)

    assert set(Claim.objects.filter(volunteer=ben.volunteer).values_list("status", flat=True)) == {"declined"}


def test_never_is_kept_also_where_the_keyring_does_not_answer_at_that_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, need = world.ask()
    ben = world.volunteer()
    claim = take(ben, only_task(need))

    def silent(self: FileKeyring, number: int, owner: str) -> None:
        raise SealingImpossible

    with monkeypatch.context() as away:
        away.setattr(FileKeyring, "destroy", silent)
        claim.decline(AT, never_again=True)

    stored = Claim.objects.get(pk=claim.pk)
    assert (stored.status, stored.ending) == ("declined", True)
    assert NeverMatch.objects.filter(mailbox=visit.mailbox, volunteer=ben.volunteer).count() == 1


def test_a_claim_that_was_under_way_while_she_said_no_is_refused(world: World) -> None:
    _visit, need = world.ask(answers={"back": "yes"})
    there, back = need.tasks.order_by("-role")
    ben = world.volunteer("Ben")
    client = volunteer_client(ben)
    page = text(client.get(f"/needs/{need.pk}/"))
    take(ben, there).decline(AT)

    with pytest.raises(NotForYou):
        back.claim(ben.volunteer, ben.volunteer.offers.get(), AT)
    assert post(client, f"/needs/{need.pk}/claim/", page, task=str(back.pk)).status_code == 404


def test_a_volunteer_is_never_asked_again_for_somebody_they_do_not_want_to_meet(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer("Ben")
    take(ben, only_task(need))
    client = volunteer_client(ben)
    page = text(client.get(f"/needs/{need.pk}/"))

    post(client, f"/needs/{need.pk}/release/", page, task=hidden(page, "task"), never="1")

    _visit, other = world.ask(visit)
    assert matching.on_need(ben.volunteer, other.pk, AT) == []
    assert client.get(f"/needs/{other.pk}/").status_code == 404


def test_never_ends_the_rest_also_where_the_one_she_pressed_on_was_over(world: World) -> None:
    visit, need = world.ask()
    _visit, other = world.ask(visit)
    ben = world.volunteer()
    lapsed = take(ben, only_task(need))
    say_yes(visit, take(ben, only_task(other)))
    lapsed.lapse(lapsed.held_until)

    with pytest.raises(MoveRefused):
        Claim.objects.on_needs_of(visit.mailbox).get(pk=lapsed.pk).decline(AT, never_again=True)

    assert sorted(Claim.objects.values_list("status", flat=True)) == ["declined", "lapsed"]


def test_after_the_volunteers_never_nothing_of_theirs_waits_for_her_yes(world: World) -> None:
    visit, need = world.ask()
    _visit, other = world.ask(visit)
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    waiting = take(ben, only_task(other))

    claim.release(AT, never_again=True)

    assert sorted(Claim.objects.values_list("status", flat=True)) == ["released", "released"]
    with pytest.raises(SomebodyWasFaster):
        say_yes(visit, Claim.objects.on_needs_of(visit.mailbox).get(pk=waiting.pk))


def test_after_the_volunteers_never_they_are_her_backup_no_more_and_she_hears_it(world: World) -> None:
    made = company(world)
    hears(made.need.pk)
    _visit, other = world.ask(made.visit)
    assert "Your backup: comes if somebody else cannot." in text(enter(made.visit).get("/a/mine/"))

    take(made.dora, only_task(other)).release(AT, never_again=True)

    assert (made.claim(made.dora).status, made.task("backup").is_open) == ("released", True)
    assert "Your backup: comes if somebody else cannot." not in text(enter(made.visit).get("/a/mine/"))
    assert told(made.need.pk) == [""]


def test_after_the_volunteers_never_they_still_come_where_they_are_expected(world: World) -> None:
    made = company(world)
    _visit, other = world.ask(made.visit)
    take(made.ben, only_task(other)).release(AT, never_again=True)
    assert made.claim(made.ben).is_approved
