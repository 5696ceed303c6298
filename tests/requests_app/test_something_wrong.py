"""Something was wrong: who reads it, who is held back at once, and what the other side never learns."""

import uuid
from datetime import timedelta

import pytest
from django.apps import apps

from notify.models import Notice
from privacy.crypto import SealingImpossible, Unreadable
from privacy.keyring import FileKeyring, keyring
from privacy.models import Compartment, Grant
from privacy.states import MoveRefused
from requests_app import desk_key, matching, rings, standing, start, tasks, wrong, wrong_tasks
from requests_app.models import CalledOff, Claim, Event, Need, NeverMatch, NotForYou, NotNow, Proposal, Report
from requests_app.models.report import KNOW, NO, STOP, TALK, UNSURE, YES
from requests_app.models.task import Task
from requests_app.wrong import NobodyReads, Said
from tests.requests_app import desk as at_desk
from tests.requests_app.test_damaged_rows import enter
from tests.requests_app.test_pages import text
from tests.requests_app.world import World, claim_of, only_task, say_yes, take, unlocked
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers import desk
from volunteers.models import OfferPlace, Volunteer

DAY = timedelta(days=1)
TEXT = "Heron shouted at me by the blue door."


def said(choice: str = KNOW, concerns: str = NO, text: str = TEXT, how: str = "") -> Said:
    return Said(choice, text, how, concerns)


@pytest.fixture
def three(world: World) -> list[Person]:
    """Three at the desk: two of them read what is wrong."""
    found = [world.coordinator, people.coordinator(world.coordinator, "Dora")]
    found.append(people.coordinator(world.coordinator, "Ester"))
    for person in found:
        world.can_be_told(person)
        desk.share_with(person.volunteer, world.coordinator.volunteer, world.coordinator.private)
    return found


def about(claim: Claim, what: Said | None = None, once: uuid.UUID | None = None) -> Report:
    before = set(Report.objects.values_list("pk", flat=True))
    wrong.about_volunteer(claim, what or said(), once or uuid.uuid4(), AT)
    return Report.objects.exclude(pk__in=before).get()


def about_asker(by: Person, need: Need, what: Said | None = None) -> Report:
    before = set(Report.objects.values_list("pk", flat=True))
    wrong.about_asker(by.volunteer, need, what or said(), uuid.uuid4(), AT)
    return Report.objects.exclude(pk__in=before).get()


def readers(report: Report) -> set[str]:
    grants = Grant.objects.filter(compartment__slot_owner=report.slot_owner)
    return set(grants.values_list("reader_id", flat=True))


def of(found: list[Person]) -> set[str]:
    return {str(person.volunteer.pk) for person in found}


def now(person: Person) -> Volunteer:
    return Volunteer.objects.get(pk=person.volunteer.pk)


def test_two_at_the_desk_can_open_it_and_nobody_else_can(world: World, three: list[Person]) -> None:
    ben = world.volunteer()
    visit, need = world.ask(desk_reads=True)
    claim = say_yes(visit, take(ben, only_task(need)))

    report = about(claim, said(TALK, how="After six, at the usual number."))

    two = [person for person in three if str(person.volunteer.pk) in readers(report)]
    assert len(two) == 2
    for person in two:
        told = report.read(unlocked(person))
        assert (told["text"], told["how"], told["choice"]) == (TEXT, "After six, at the usual number.", TALK)
    everybody_else = [unlocked(p) for p in three if p not in two]
    everybody_else += [unlocked(ben), visit.unlocked, world.desk()]
    for other in everybody_else:
        with pytest.raises(Unreadable):
            report.read(other)


def test_whoever_has_fewest_reads_the_next_and_never_the_one_who_writes_it(
    world: World, three: list[Person]
) -> None:
    _visit, need = world.ask(answers={"back": "yes"})
    ben, joe = world.volunteer(), world.volunteer()
    world.offer(three[1].volunteer)
    claims = [take(person, task) for person, task in zip((ben, joe), need.tasks.all(), strict=True)]

    first = about(claims[0])
    (left,) = of(three) - readers(first)
    second = about(claims[1])
    assert left in readers(second)

    _visit, other = world.ask()
    take(three[1], only_task(other))
    third = about_asker(three[1], other)
    assert readers(third) == of([three[0], three[2]])


def test_what_concerns_the_desk_is_not_sealed_to_it_and_without_anybody_outside_nothing_is_stored(
    world: World, three: list[Person]
) -> None:
    world.offer(three[1].volunteer)
    ben = world.volunteer()
    _visit, need = world.ask(answers={"back": "yes"})
    there, back = need.tasks.order_by("-role")
    of_desk, of_ben = take(three[1], there), take(ben, back)

    for claim, what in ((of_desk, said()), (of_ben, said(concerns=YES)), (of_ben, said(concerns=UNSURE))):
        with pytest.raises(NobodyReads):
            wrong.about_volunteer(claim, what, uuid.uuid4(), AT)

    assert (Report.objects.count(), now(ben).held_back, now(three[1]).held_back) == (0, False, False)
    assert not Compartment.objects.filter(purpose="report").exists()


def test_one_coordinator_alone_is_not_two(world: World) -> None:
    _visit, need = world.ask()
    claim = take(world.volunteer(), only_task(need))
    with pytest.raises(NobodyReads):
        wrong.about_volunteer(claim, said(), uuid.uuid4(), AT)


def test_nothing_is_stored_and_nobody_held_back_where_it_cannot_be_sealed(
    world: World, three: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = world.volunteer()
    _visit, need = world.ask()
    claim = take(ben, only_task(need))

    def away(self: FileKeyring, owner: str) -> None:
        raise SealingImpossible

    monkeypatch.setattr(FileKeyring, "allocate", away)
    with pytest.raises(SealingImpossible):
        wrong.about_volunteer(claim, said(), uuid.uuid4(), AT)
    assert (Report.objects.count(), NeverMatch.objects.count(), now(ben).held_back) == (0, 0, False)


# Held back


def test_they_are_found_by_nobody_from_the_same_moment_on(world: World, three: list[Person]) -> None:
    ben = world.volunteer()
    _visit, need = world.ask()
    about(take(ben, only_task(need)))
    _visit, other = world.ask()

    assert matching.best(only_task(other), AT, 5) == []
    assert matching.board(now(ben), AT) == []
    assert not OfferPlace.objects.filter(volunteer=ben.volunteer, ready=True).exists()
    tasks.escalate(AT)
    assert not other.tasks.filter(proposals__volunteer=ben.volunteer).exists()
    task = only_task(other)
    with pytest.raises(NotNow):
        task.claim(now(ben), ben.volunteer.offers.get(), AT)


def test_what_nobody_said_yes_to_yet_is_free_again_and_what_was_promised_waits_for_the_two(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer()
    visit, need = world.ask()
    promised = say_yes(visit, take(ben, only_task(need)))
    elsewhere, other = world.ask()
    held = take(ben, only_task(other))
    _visit, hers = world.ask()
    theirs = take(ben, only_task(hers))

    report = about(theirs)

    assert claim_of(ben, only_task(need)).status == "approved"
    assert (claim_of(ben, only_task(other)).status, only_task(other).status) == ("released", "open")
    with pytest.raises(MoveRefused):
        say_yes(elsewhere, Claim.objects.get(pk=held.pk))
    assert wrong.to_come(report, AT) == [promised]

    wrong.call_off(report, AT)
    wrong.call_off(report, AT)

    assert (claim_of(ben, only_task(need)).status, only_task(need).status) == ("released", "open")
    assert CalledOff.objects.told(ben.volunteer, AT).count() == 1
    slot = (promised.slot_number, promised.slot_owner)
    assert keyring().missing([slot]) == [promised.slot_owner]


def test_stop_ends_what_they_have_of_hers_and_the_others_leave_it_to_her(
    world: World, three: list[Person]
) -> None:
    for choice, after in ((STOP, "declined"), (TALK, "approved"), (KNOW, "approved")):
        ben = world.volunteer()
        visit, need = world.ask()
        claim = say_yes(visit, take(ben, only_task(need)))
        about(claim, said(choice, how="After six."))
        assert claim_of(ben, only_task(need)).status == after
        assert NeverMatch.objects.filter(mailbox=visit.mailbox, volunteer=ben.volunteer).count() == 1


def test_nobody_is_asked_for_an_asker_who_was_reported_and_her_page_says_so_without_saying_why(
    world: World, three: list[Person]
) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    visit, need = world.ask()
    _same, more = world.ask(visit)
    take(cleo, only_task(more))
    claim = take(ben, only_task(need))

    about_asker(ben, need, said(STOP))

    assert claim_of(ben, only_task(need)).status == "released"
    assert claim_of(cleo, only_task(more)).status == "released"
    assert matching.board(cleo.volunteer, AT) == []
    later = AT + DAY / 24
    assert (only_task(more).escalate_after is None, Task.objects.to_escalate(later).count()) == (False, 0)
    for task in (only_task(need), only_task(more)):
        rings.ask_next(task, later)
    assert not Need.objects.filter(tasks__proposals__asked_at__isnull=False).exists()
    assert only_task(more).status == "open"
    with pytest.raises(NotForYou):
        only_task(more).claim(cleo.volunteer, cleo.volunteer.offers.get(), AT)
    page = at_desk.read(text(enter(visit).get("/a/mine/")))
    assert page.count("Nobody is asked for you just now: the desk has to look first.") == 2
    assert "Nobody new is coming until this page says yes. You can call instead." in page
    before_the_fold = page.split("Was something wrong?")[0]
    assert [word for word in (claim.volunteer.handle, TEXT) if word in before_the_fold] == []


@pytest.mark.parametrize("about_whom", ["the asker", "the volunteer"])
def test_whoever_has_not_heard_yet_that_they_are_asked_does_not_and_can_be_asked_again(
    world: World, three: list[Person], about_whom: str
) -> None:
    ben = world.volunteer("Ben")
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)))
    asked = ben if about_whom == "the volunteer" else world.volunteer("Cleo")
    world.can_be_told(asked)
    _visit, heard = world.ask(visit if about_whom == "the asker" else None)
    rings.ask_next(only_task(heard), AT)
    Notice.objects.filter(recipient=asked.volunteer.pk).update(status="sent")
    _visit, unheard = world.ask(visit if about_whom == "the asker" else None)
    rings.ask_next(only_task(unheard), AT)
    theirs = Notice.objects.filter(recipient=asked.volunteer.pk)
    before = theirs.filter(status="queued").count()

    report = about(claim) if about_whom == "the volunteer" else about_asker(ben, need)
    meanwhile = theirs.filter(status="queued").count()
    wrong.go_on(report, AT)
    for other in (heard, unheard):
        rings.ask_next(only_task(other), AT)

    assert (before, meanwhile) == (1, 0)
    assert theirs.filter(status="queued").count() == 1
    rows = Proposal.objects.filter(volunteer=asked.volunteer, outcome="asked")
    assert {row.task.need_id for row in rows} == {heard.pk, unheard.pk}


def test_they_are_asked_for_again_once_it_was_decided(world: World, three: list[Person]) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    _visit, need = world.ask()
    take(ben, only_task(need)).release(AT)
    report = about_asker(ben, need)
    later = AT + DAY / 8

    wrong.go_on(report, later)

    tasks.escalate(later)
    asked = need.tasks.get().proposals.filter(asked_at__isnull=False)
    assert [row.volunteer_id for row in asked] == [cleo.volunteer.pk]
    assert [m.task_id for m in matching.board(cleo.volunteer, later)] == [need.tasks.get().pk]


def test_two_reports_about_the_same_person_hold_them_back_until_both_are_closed(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer()
    reports = []
    for _one in range(2):
        _visit, need = world.ask()
        claim = Claim(need=need, volunteer=ben.volunteer)
        reports.append(about(claim))

    wrong.go_on(reports[0], AT)
    assert now(ben).held_back
    wrong.go_on(reports[1], AT)
    assert not now(ben).held_back
    assert OfferPlace.objects.filter(volunteer=ben.volunteer, ready=True).exists()


def test_the_same_form_twice_makes_one(world: World, three: list[Person]) -> None:
    _visit, need = world.ask()
    claim, once = take(world.volunteer(), only_task(need)), uuid.uuid4()
    wrong.about_volunteer(claim, said(), once, AT)
    wrong.about_volunteer(claim, said(), once, AT)
    (report,) = Report.objects.all()
    # Her browser may remember the form: it does not say which row it became.
    assert report.pk != once


# The end


def test_closing_it_destroys_the_key_and_leaves_no_row(world: World, three: list[Person]) -> None:
    for verb, held_back, is_in in (("go_on", False, True), ("keep", True, True), ("suspend", True, False)):
        ben = world.volunteer()
        _visit, need = world.ask()
        report = about(take(ben, only_task(need)))
        slot = (report.slot_number, report.slot_owner)

        wrong.VERBS[verb](report, AT)

        assert keyring().missing([slot]) == [report.slot_owner]
        assert (Report.objects.count(), Compartment.objects.of(report.slot_owner).count()) == (0, 0)
        assert (now(ben).held_back, now(ben).is_let_in) == (held_back, is_in)


def test_after_90_days_it_is_forgotten_and_whoever_it_is_about_waits_for_a_word(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer()
    _visit, need = world.ask()
    report = about(take(ben, only_task(need)))
    Notice.objects.all().delete()
    almost = AT + 90 * DAY

    wrong_tasks.forget_reports(almost)
    assert Report.objects.count() == 1
    wrong_tasks.forget_reports(almost + DAY)
    assert (Report.objects.count(), now(ben).held_back) == (0, True)
    assert Notice.objects.filter(recipient__in=of(three)).count() == 3
    assert keyring().missing([(report.slot_number, report.slot_owner)]) == [report.slot_owner]
    assert wrong.kept_back_people(almost + DAY) == [now(ben)]
    wrong.ask_again(now(ben), almost + DAY)
    assert not now(ben).held_back


def test_the_desk_hears_of_it_again_after_a_week_unless_somebody_read_it(
    world: World, three: list[Person]
) -> None:
    for is_read in (False, True):
        ben = world.volunteer()
        _visit, need = world.ask()
        report = about(take(ben, only_task(need)))
        if is_read:
            report.mark_read()
        Notice.objects.all().delete()
        wrong_tasks.remind_of_reports(AT + 7 * DAY + DAY / 12)
        wrong_tasks.remind_of_reports(AT + 8 * DAY)
        assert Notice.objects.count() == (0 if is_read else 3)
        late = Report.objects.unread_for_long(AT + 8 * DAY, three[0].volunteer)
        handles = sorted(p.volunteer.handle for p in three if str(p.volunteer.pk) in readers(report))
        assert late == ([] if is_read else [handles])
        wrong.go_on(report, AT)


def test_the_need_is_purged_and_the_report_is_still_read_and_names_nothing_of_it(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer()
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)))
    report = about(claim)
    names = [need.pk, need.mailbox_id, claim.pk, claim.task_id]
    visit.mailbox.erase(AT)
    assert not Need.objects.filter(pk=need.pk).exists()

    stored = Report.objects.get(pk=report.pk)
    (reader, _other) = [p for p in three if str(p.volunteer.pk) in readers(stored)]
    told = stored.read(unlocked(reader))
    assert told["text"] == TEXT
    row = str({**stored.__dict__, "said": told})
    row += str(list(Compartment.objects.values())) + str(list(Grant.objects.values()))
    assert [name for name in names if str(name) in row or name.hex in row] == []


def test_the_row_names_only_whom_it_is_about(world: World, three: list[Person]) -> None:
    ben, cleo = world.volunteer(), world.volunteer()
    visit, need = world.ask(answers={"back": "yes"})
    claim = take(ben, need.tasks.first())
    other = take(cleo, need.tasks.last())
    rows = [about(claim, said(TALK, how="plover@example.org")), about_asker(cleo, need)]
    named = [
        {name for name, value in row.__dict__.items() if isinstance(value, uuid.UUID) and name != "id"}
        for row in (Report.objects.get(pk=row.pk) for row in rows)
    ]
    assert named == [{"about_id"}, {"about_mailbox_id"}]
    stored = b"".join(bytes(row.said or b"") for row in Report.objects.all())
    words = (TEXT, "plover", TALK, "asker", "volunteer", cleo.volunteer.handle)
    assert [word for word in words if word.encode() in stored] == []
    assert (visit.mailbox.pk, other.pk) not in [(row.about_id, row.about_mailbox_id) for row in rows]


def test_a_dump_with_everything_in_it_says_neither_the_words_nor_who_wrote_them(
    world: World, three: list[Person]
) -> None:
    """Every column of every table; the reporters' own rows name them, but nothing ties them to a report."""
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    visit, need = world.ask(answers={"back": "yes"})
    claims = [take(who, task) for who, task in zip((ben, cleo), need.tasks.all(), strict=True)]
    hers = about(claims[0], said(TALK, how="plover@example.org"))
    theirs = about_asker(cleo, need, said(KNOW, text="Stork slammed the door."))

    dump = {model._meta.label: repr(list(model._default_manager.values())) for model in apps.get_models()}

    words = (TEXT, "Heron", "plover", "Stork", "slammed")
    assert [(label, word) for label, rows in dump.items() for word in words if word in rows] == []
    tied = {hers.pk: [visit.mailbox.pk, need.pk, claims[0].pk], theirs.pk: [cleo.volunteer.pk, claims[1].pk]}
    rows = {
        report.pk: repr(
            [
                *Report.objects.filter(pk=report.pk).values(),
                *Compartment.objects.of(report.slot_owner).values(),
                *Grant.objects.filter(compartment__slot_owner=report.slot_owner).values(),
            ]
        )
        for report in (hers, theirs)
    }
    assert [pk for report, pks in tied.items() for pk in pks if str(pk) in rows[report]] == []


def test_no_event_and_no_notice_says_that_somebody_wrote_it(world: World, three: list[Person]) -> None:
    ben = world.volunteer()
    world.can_be_told(ben)
    visit, need = world.ask()
    claim = say_yes(visit, take(ben, only_task(need)))
    events = Event.objects.count()
    Notice.objects.all().delete()

    about(claim, said(KNOW))

    assert Event.objects.count() == events
    told = set(Notice.objects.values_list("recipient", flat=True))
    assert {str(one) for one in told} == readers(Report.objects.get())


# Whoever reads it leaves, or has another key


def test_one_of_the_two_leaves_the_desk_and_the_other_still_opens_it(
    world: World, three: list[Person]
) -> None:
    _visit, need = world.ask()
    report = about(take(world.volunteer(), only_task(need)))
    first, second = [p for p in three if str(p.volunteer.pk) in readers(report)]
    (third,) = [p for p in three if p not in (first, second)]
    Notice.objects.all().delete()

    desk_key.step_down(first.volunteer, third.volunteer, third.private, AT)
    report = Report.objects.get()
    assert report.read(unlocked(second))["text"] == TEXT
    with pytest.raises(Unreadable):
        report.read(unlocked(first))
    assert (Report.objects.cannot_be_read(AT), Notice.objects.count()) == ([], 0)

    standing.start_over(now(second), "another good passphrase", "en", AT)
    assert Report.objects.cannot_be_read(AT) == [report]
    assert {str(n.recipient) for n in Notice.objects.all()} == of([second, third])


def test_a_lost_keyring_leaves_them_held_back_and_somebody_at_the_desk_decides(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer()
    _visit, need = world.ask()
    about(take(ben, only_task(need)))

    start.lose_every_key(AT)
    start.close_what_has_no_key(AT)

    (report,) = Report.objects.cannot_be_read(AT)
    assert (report.said, now(ben).held_back) == (None, True)
    assert not Grant.objects.filter(compartment__purpose="report").exists()
    wrong.go_on(report, AT)
    assert (Report.objects.count(), now(ben).held_back) == (0, False)


def test_an_older_database_than_its_keyring_has_no_report_that_was_closed(
    world: World, three: list[Person]
) -> None:
    _visit, need = world.ask()
    closed = about(take(world.volunteer(), only_task(need)))
    _visit, need = world.ask()
    open_one = about(take(world.volunteer(), only_task(need)))
    keyring().destroy(closed.slot_number, closed.slot_owner)

    assert start.close_what_has_no_key(AT) == 1
    start.free_slots_without_a_row(AT)
    assert list(Report.objects.all()) == [open_one]
    reader = next(p for p in three if str(p.volunteer.pk) in readers(open_one))
    assert open_one.read(unlocked(reader))["text"] == TEXT


def test_a_crash_between_closing_it_and_destroying_its_key_is_finished_by_the_broom(
    world: World, three: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    _visit, need = world.ask()
    report = about(take(world.volunteer(), only_task(need)))
    with monkeypatch.context() as cut:
        cut.setattr(Report, "finish_ending", lambda self, at=None: None)
        wrong.keep(report, AT)
    assert not Report.objects.for_reader(three[0].volunteer, AT).exists()
    wrong_tasks.end_reports(AT)
    assert keyring().missing([(report.slot_number, report.slot_owner)]) == [report.slot_owner]
    assert Report.objects.count() == 0


def test_whoever_it_is_about_leaves_for_good_and_it_still_says_who_they_were(
    world: World, three: list[Person]
) -> None:
    ben = world.volunteer("Ben")
    _visit, need = world.ask()
    report = about(take(ben, only_task(need)))
    standing.leave(now(ben), AT)
    report = Report.objects.get()
    (reader, _other) = [p for p in three if str(p.volunteer.pk) in readers(report)]
    assert (report.about, report.read(unlocked(reader))["name"]) == (None, "Ben")
    wrong.go_on(report, AT)
    assert Report.objects.count() == 0
