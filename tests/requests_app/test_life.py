"""The whole life of a need, verb by verb."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from privacy import codes
from privacy.crypto import Unreadable
from privacy.models import Compartment, Counter, Grant
from privacy.states import SomebodyWasFaster
from requests_app import matching
from requests_app.models import Claim, Event, KeyChanged, Mailbox, Need, NotNow, TooLate
from tests.requests_app.world import World, claim_of, only_task, say_yes, take, unlocked
from tests.volunteers.people import AT

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_she_comes_back_with_her_code_and_reads_what_she_wrote(world: World) -> None:
    visit, need = world.ask(note="The blue door.")
    typed = codes.as_words(visit.secret, "en").upper().replace(" ", "-")
    mailbox, seed = Mailbox.objects.behind(codes.read(typed), AT)
    note, _answers = need.read_note(mailbox.unlocked(seed))
    assert note == "The blue door."


def test_a_second_need_from_an_open_mailbox_joins_it(world: World) -> None:
    visit, first = world.ask()
    _visit, second = world.ask(visit)
    assert (first.mailbox, [first.sequence, second.sequence]) == (second.mailbox, [1, 2])


def test_a_claim_holds_the_task_until_a_time_she_is_told(world: World) -> None:
    _visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    assert (claim.status, only_task(need).status) == ("held", "held")
    assert claim.held_until == AT.replace(minute=15) + HOUR


def test_a_hold_lasts_until_she_can_look_again(world: World) -> None:
    _visit, need = world.ask(looks_again_at=AT + 6 * HOUR)
    claim = take(world.volunteer(), only_task(need))
    assert claim.held_until == need.looks_again_at + HOUR


def test_the_second_is_told_that_somebody_was_faster_and_can_stand_by(world: World) -> None:
    _visit, need = world.ask()
    first, second = world.volunteer(), world.volunteer()
    take(first, only_task(need))
    with pytest.raises(SomebodyWasFaster):
        take(second, only_task(need))
    assert take(second, only_task(need), standing_by=True).status == "standby"


def test_the_database_refuses_a_second_live_claim_whatever_the_code_does(world: World) -> None:
    _visit, need = world.ask()
    held = take(world.volunteer(), only_task(need))
    other = take(world.volunteer(), only_task(need), standing_by=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.filter(pk=other.pk).update(status=held.status)


def test_a_hold_that_ran_out_is_free_for_somebody_else_with_no_worker_running(world: World) -> None:
    visit, need = world.ask()
    first, second = world.volunteer(), world.volunteer()
    late = take(first, only_task(need))
    after = late.held_until + MINUTE
    claim = take(second, only_task(need), at=after)
    assert (claim.status, claim_of(first, claim.task).status) == ("held", "lapsed")
    with pytest.raises((TooLate, SomebodyWasFaster)):
        say_yes(visit, late, at=after)


def test_a_late_yes_is_refused_even_where_nobody_else_came(world: World) -> None:
    visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    with pytest.raises(TooLate):
        say_yes(visit, claim, at=claim.held_until)
    assert only_task(need).status == "open"


def test_after_her_yes_the_volunteer_reads_note_and_place_and_they_write(world: World) -> None:
    visit, need = world.ask(note="Ring twice.")
    ben = world.volunteer()
    claim = say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    claim.write(unlocked(ben), "volunteer", "On my way.", AT)
    claim.write(visit.unlocked, "asker", "Thank you.", AT)
    thread = claim.thread(unlocked(ben))
    assert claim.need.read_note(unlocked(ben))[0] == "Ring twice."
    assert claim.read_place(unlocked(ben), AT) == "Under the clock"
    assert [m.text(thread) for m in claim.messages.all()] == ["On my way.", "Thank you."]


def test_both_see_the_same_two_words(world: World) -> None:
    visit, need = world.ask()
    claim = say_yes(visit, take(world.volunteer(), only_task(need)))
    assert claim.two_words() == Claim.objects.get(pk=claim.pk).two_words()
    assert len(set(claim.two_words())) == 2


def test_before_her_yes_the_volunteer_opens_nothing(world: World) -> None:
    _visit, need = world.ask()
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    with pytest.raises(Unreadable):
        claim.need.read_note(unlocked(ben))
    assert claim.read_place(unlocked(ben), AT) == ""


def test_a_host_keeps_the_place_hidden_until_her_yes(world: World) -> None:
    visit, need = world.ask(kind="stay")
    claim = take(world.volunteer(), only_task(need), place="Fern street 5")
    assert claim.read_place(visit.unlocked, AT) == ""
    assert say_yes(visit, claim).read_place(visit.unlocked, AT) == "Fern street 5"


def test_a_hosts_place_is_not_hers_to_write_over(world: World) -> None:
    visit, need = world.ask(kind="stay")
    claim = say_yes(visit, take(world.volunteer(), only_task(need), place="Fern street 5"), place="Elsewhere")
    with pytest.raises(SomebodyWasFaster):
        claim.meet_at("Elsewhere", AT)
    assert claim.read_place(visit.unlocked, AT) == "Fern street 5"


def test_releasing_closes_everything_for_that_volunteer_for_good(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer()
    claim = say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    kept = list(Grant.objects.filter(reader_id=str(ben.volunteer.pk)))
    compartments = {c.pk: c for c in Compartment.objects.all()}
    claim.release(AT)
    for grant in kept:
        grant.compartment = compartments[grant.compartment_id]
        with pytest.raises(Unreadable):
            grant.compartment._opened_with(grant.unseal(*_hands(ben)))
    assert only_task(need).status == "open"


def _hands(person):
    hand = unlocked(person)
    return hand.reader, hand.private_key


def test_when_the_holder_cannot_come_the_next_in_line_holds_it(world: World) -> None:
    _visit, need = world.ask()
    first, second = world.volunteer(), world.volunteer()
    held = take(first, only_task(need))
    take(second, only_task(need), standing_by=True)
    held.release(AT)
    assert claim_of(second, held.task).status == "held"


def test_she_may_choose_somebody_who_stands_by(world: World) -> None:
    visit, need = world.ask()
    first, second = world.volunteer(), world.volunteer()
    take(first, only_task(need))
    chosen = take(second, only_task(need), standing_by=True)
    say_yes(visit, chosen)
    states = (claim_of(first, chosen.task).status, claim_of(second, chosen.task).status)
    assert states == ("standby", "approved")


def test_her_no_frees_the_task_and_that_volunteer_does_not_see_it_again(world: World) -> None:
    _visit, need = world.ask()
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    claim.decline(AT)
    assert only_task(need).status == "open"
    assert matching.on_need(ben.volunteer, need.pk, AT) == []


def test_a_changed_key_is_not_approved(world: World) -> None:
    visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    with pytest.raises(KeyChanged):
        claim.approve(visit.unlocked, "00" * 16, AT)
    assert only_task(need).status == "held"


def test_the_first_who_takes_it_is_expected_at_once_and_reads_after_her_next_visit(world: World) -> None:
    visit, need = world.ask(decides="first", note="Third floor.")
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    with pytest.raises(Unreadable):
        claim.need.read_note(unlocked(ben))
    visit.mailbox.settle(visit.seed, AT)
    assert claim.status == "approved"
    assert claim_of(ben, claim.task).need.read_note(unlocked(ben))[0] == "Third floor."


def test_the_desk_decides_with_the_place_she_sealed_to_it(world: World) -> None:
    _visit, need = world.ask(decides="desk", desk_reads=True, place="Under the clock", note="Hi.")
    ben = world.volunteer()
    claim = take(ben, only_task(need))
    claim.approve(world.desk(), claim.key_fingerprint(), AT)
    now = claim_of(ben, claim.task)
    assert now.read_place(unlocked(ben), AT) == "Under the clock"
    assert now.need.read_note(unlocked(ben))[0] == "Hi."


def test_the_desk_cannot_open_a_note_that_is_not_for_it(world: World) -> None:
    _visit, need = world.ask(desk_reads=False)
    with pytest.raises(Unreadable):
        need.read_note(world.desk())


def test_when_it_was_done_the_need_is_met_and_nothing_opens_any_more(world: World) -> None:
    visit, need = world.ask()
    ben = world.volunteer()
    claim = say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    claim.finish(AT)
    need = Need.objects.get(pk=need.pk)
    assert (need.status, need.note, Compartment.objects.count(), Grant.objects.count()) == ("met", None, 0, 0)


def test_an_expired_need_is_closed_and_purged_and_only_counters_stay(world: World) -> None:
    _visit, need = world.ask()
    take(world.volunteer(), only_task(need))
    need.expire(need.expires_at)
    Need.objects.get(pk=need.pk).purge(need.expires_at + timedelta(days=2))
    left = (Need.objects.count(), Mailbox.objects.count(), Claim.objects.count(), Event.objects.count())
    assert left == (0, 0, 0, 0)
    assert Counter.objects.get(name="expired.ride").value == 1


def test_a_need_does_not_expire_before_its_time(world: World) -> None:
    _visit, need = world.ask()
    need.expire(need.expires_at - MINUTE)
    assert Need.objects.get(pk=need.pk).status == "open"


def test_erasing_leaves_no_row_and_her_code_opens_nothing(world: World) -> None:
    visit, _need = world.ask()
    visit.mailbox.erase(AT)
    assert (Need.objects.count(), Mailbox.objects.behind(visit.secret, AT)) == (0, None)


def test_a_paused_volunteer_takes_nothing(world: World) -> None:
    _visit, need = world.ask()
    ben = world.volunteer()
    offer, task = ben.volunteer.offers.get(), only_task(need)
    ben.volunteer.pause((AT + timedelta(days=3)).date(), AT)
    with pytest.raises(NotNow):
        task.claim(ben.volunteer, offer, AT)
