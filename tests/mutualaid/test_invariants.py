"""Each query of tests/invariants.py finds what it is for; in an instance in use none finds anything."""

import pytest
from django.db import connection, transaction
from django.test import Client

from notify import outbox
from organisation import checks
from privacy import clock
from privacy.keyring import keyring
from requests_app.models import Claim, Extension, Knock, Message, Need
from requests_app.models.asked import Tell
from requests_app.models.extension import ASKER
from requests_app.models.knock import Errand
from tests.invariants import ALWAYS, AT_REST, HOURS, LEASED, ask_django, slots_that_disagree
from tests.mutualaid.an_instance import world
from tests.requests_app import world as worlds
from tests.requests_app.company import asked
from tests.requests_app.world import World, only_task, say_yes, take
from tests.volunteers.people import AT
from volunteers.models import Check, LoginRestore, Slip

__all__ = ["world"]

COMPANION = "(SELECT id FROM requests_app_task WHERE role = 'companion')"
OTHER_PART = "(SELECT id FROM requests_app_task WHERE role = 'second_companion')"
LIVE_NEED = "(SELECT need_id FROM requests_app_claim WHERE status = 'approved' LIMIT 1)"
ENDED_NEED = "(SELECT id FROM requests_app_need WHERE status = 'withdrawn')"
NEW_ID = "'00000000-0000-4000-8000-000000000000'"
TO_THE_SECOND, LONG_AGO, FAR = "'2026-03-01 10:20:30'", "'2026-03-01 10:00:00'", "'2027-01-01 10:00:00'"
CLAIM, NEED, TASK = "requests_app_claim", "requests_app_need", "requests_app_task"
NOTICE, GRANT, COMPARTMENT = "notify_notice", "privacy_grant", "privacy_compartment"


def twice(table: str, where: str = "true", **changes: str) -> str:
    """One of its rows once more, with another id."""
    with connection.cursor() as cursor:
        names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = {"id": NEW_ID} | changes
    if connection.vendor == "sqlite":
        values["id"] = values["id"].replace("-", "")
    row = f"(SELECT id FROM {table} WHERE {where} LIMIT 1)"
    picked = ", ".join(values.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO {table} SELECT {picked} FROM {table} WHERE id = {row}"


def change(table: str, set_: str, where: str = "true") -> str:
    return f"UPDATE {table} SET {set_} WHERE {where}"


def gone(table: str, where: str = "true") -> str:
    return f"DELETE FROM {table} WHERE {where}"


# What must not be → the table it is put into, and how.
DAMAGES = {
    "two hold one task": (CLAIM, lambda: twice(CLAIM, "status = 'held'")),
    "somebody has one task twice": (CLAIM, lambda: twice(CLAIM, "status = 'standby'")),
    "one person for two parts that need one each": (
        CLAIM,
        lambda: twice(CLAIM, "status = 'held' AND task_id IN " + COMPANION, task_id=OTHER_PART),
    ),
    "a hold of which the task knows nothing": (TASK, lambda: change(TASK, "status = 'open'")),
    "a task that is held by nobody": (TASK, lambda: change(TASK, "status = 'held'", "status = 'open'")),
    "a backup of nobody, or one that comes": (
        CLAIM,
        lambda: change(CLAIM, "status = 'approved'", "status = 'backup'"),
    ),
    "something waited for of what ended": (CLAIM, lambda: change(CLAIM, "status = 'lapsed'")),
    "two plans of one need": ("requests_app_plan", lambda: twice("requests_app_plan")),
    "a plan of what ended": (NEED, lambda: change(NEED, "status = 'met'")),
    "a plan that is over": ("requests_app_plan", lambda: change("requests_app_plan", "ending = true")),
    "what did not come, and nobody was told": (
        "requests_app_tap",
        lambda: change("requests_app_tap", f"missed_after = {LONG_AGO}"),
    ),
    "a done claim of a task that is not done": (CLAIM, lambda: change(CLAIM, "status = 'done'")),
    "a hold without its end, or an end without a hold": (CLAIM, lambda: change(CLAIM, "held_until = NULL")),
    "a claim and its task of two needs": (CLAIM, lambda: change(CLAIM, f"need_id = {ENDED_NEED}")),
    "a live claim on a need that is not open": (NEED, lambda: change(NEED, "status = 'paused'")),
    "a live claim of somebody suspended": (
        "volunteers_volunteer",
        lambda: change("volunteers_volunteer", "status = 'suspended'"),
    ),
    "a live claim without its proposal": (
        "requests_app_proposal",
        lambda: change("requests_app_proposal", "outcome = 'asked'"),
    ),
    "somebody new who would be alone": (
        "volunteers_volunteer",
        lambda: change("volunteers_volunteer", "probation = true"),
    ),
    "somebody was asked twice": (
        "requests_app_proposal",
        lambda: twice("requests_app_proposal", id="12345"),
    ),
    "two at one place in line": (CLAIM, lambda: change(CLAIM, "place_in_line = 1")),
    "ending, and not ended: a claim": (CLAIM, lambda: change(CLAIM, "ending = true")),
    "more beds are promised on a night than there are": (
        "volunteers_offer",
        lambda: change("volunteers_offer", "capacity = 0"),
    ),
    "beds of somebody who holds nothing": (CLAIM, lambda: change(CLAIM, "status = 'standby'")),
    "somebody sleeps nowhere": ("requests_app_bednight", lambda: gone("requests_app_bednight")),
    "more nights are asked of somebody who is not said yes to": (
        CLAIM,
        lambda: change(CLAIM, "status = 'held'"),
    ),
    "an extension that ended and says whose yes it had": (
        "requests_app_extension",
        lambda: change("requests_app_extension", "status = 'refused'"),
    ),
    "nights that are no days of the need, or days that are not": (
        NEED,
        lambda: change(NEED, "nights = nights + 1"),
    ),
    "beds for other nights than hers": ("requests_app_bednight", lambda: gone("requests_app_bednight")),
    "needs asked together of two mailboxes": (
        NEED,
        lambda: change(NEED, f"mailbox_id = {NEW_ID}", "belongs_to_id IS NOT NULL"),
    ),
    "somebody is on the way to what is not open": (NEED, lambda: change(NEED, "status = 'paused'")),
    "something to do for what ended": (TASK, lambda: change(TASK, "status = 'open'")),
    "a need with nothing left to do that goes on": (TASK, lambda: change(TASK, "status = 'done'")),
    "somebody has it, and others are still asked": (
        TASK,
        lambda: change(TASK, f"escalate_after = {FAR}"),
    ),
    "an end without a time to be purged, or that time without an end": (
        NEED,
        lambda: change(NEED, "purge_after = NULL"),
    ),
    "paused and not kept back, or open and kept back": (NEED, lambda: change(NEED, "kept_back = false")),
    "ending, and not ended: a need": (NEED, lambda: change(NEED, "ending = true")),
    "a live need in which nothing is written": (NEED, lambda: change(NEED, "answers = NULL")),
    "a task on no day, or on a day of another need": (
        "requests_app_needday",
        lambda: gone("requests_app_needday"),
    ),
    "somebody comes, and everybody is asked at once": (TASK, lambda: change(TASK, "urgent = true")),
    "two needs of one number": (NEED, lambda: twice(NEED)),
    "a mailbox without a need": (NEED, lambda: gone(NEED, "status = 'paused'")),
    "what happened to another's claim or task": (
        "requests_app_event",
        lambda: change("requests_app_event", f"need_id = {ENDED_NEED}"),
    ),
    "a knock that was answered, and says what follows": (
        "requests_app_knock",
        lambda: change("requests_app_knock", "answer_after = NULL"),
    ),
    "an ended need that is still sealed": (NEED, lambda: change(NEED, "note = answers, status = 'met'")),
    "the place of a claim that ended": (CLAIM, lambda: change(CLAIM, "status = 'lapsed'")),
    "a place before anybody said yes": (CLAIM, lambda: change(CLAIM, "status = 'held'")),
    "messages of a claim nobody said yes to": (CLAIM, lambda: change(CLAIM, "status = 'held'")),
    "two messages at one place": ("requests_app_message", lambda: twice("requests_app_message")),
    "a compartment of nobody, or of what ended": (
        COMPARTMENT,
        lambda: change(COMPARTMENT, "slot_number = slot_number + 1"),
    ),
    "two compartments for one thing": (COMPARTMENT, lambda: twice(COMPARTMENT)),
    "a compartment its asker cannot open": (GRANT, lambda: gone(GRANT, "reader_kind = 'mailbox'")),
    "granted to another asker": (
        GRANT,
        lambda: change(GRANT, f"reader_id = {NEW_ID}", "reader_kind = 'mailbox'"),
    ),
    "granted to a volunteer who does not come": (
        GRANT,
        lambda: change(GRANT, "reader_kind = 'volunteer'", "reader_kind = 'desk'"),
    ),
    "granted under a slot of nobody, or of what ended": (
        GRANT,
        lambda: change(GRANT, f"slot_owner = 'claim:' || {NEW_ID}", "slot_owner <> ''"),
    ),
    "granted to a desk that is gone, or was not let": (NEED, lambda: change(NEED, "desk_reads = false")),
    "what is for one task, granted to whoever has another": (
        TASK,
        lambda: change(TASK, "position = position + 10"),
    ),
    "answers of a task that is over": (TASK, lambda: change(TASK, "status = 'done'")),
    "a task's answers without a compartment, or that without them": (
        TASK,
        lambda: change(TASK, "answers = NULL"),
    ),
    "an address of nobody, or of what ended": (NEED, lambda: gone(NEED)),
    "a notice for nobody, or for what ended": (
        NEED,
        lambda: change(NEED, "status = 'met'"),
    ),
    "a notice without its channel": ("notify_channel", lambda: gone("notify_channel")),
    "a notice to another's channel": (NOTICE, lambda: change(NOTICE, f"recipient = {LIVE_NEED}")),
    "told twice of one thing": (NOTICE, lambda: twice(NOTICE, id="12345")),
    "somebody checked themselves": (
        "volunteers_check",
        lambda: change("volunteers_check", "second_by_id = done_by_id"),
    ),
    "somebody vouches for themselves": (
        "volunteers_vouch",
        lambda: change("volunteers_vouch", "by_id = volunteer_id"),
    ),
    "two current pairs of the desk": ("volunteers_deskkey", lambda: twice("volunteers_deskkey")),
    "a share of the desk's key away from the desk": (
        "volunteers_volunteer",
        lambda: change("volunteers_volunteer", "is_coordinator = false"),
    ),
    "a used invitation that is kept": (
        "volunteers_invitation",
        lambda: change("volunteers_invitation", f"purge_after = {FAR}"),
    ),
    "a hold whose time is over": (CLAIM, lambda: change(CLAIM, f"held_until = {LONG_AGO}")),
    "a need whose time is over": (NEED, lambda: change(NEED, f"expires_at = {LONG_AGO}")),
    "an ended need to be purged": (NEED, lambda: change(NEED, f"purge_after = {LONG_AGO}")),
    "a need that is still ending": (NEED, lambda: change(NEED, "ending = true")),
    "a claim that is still ending": (CLAIM, lambda: change(CLAIM, "ending = true")),
    "an erased need": (NEED, lambda: change(NEED, "status = 'erased'")),
    "a ring nobody asked": (TASK, lambda: change(TASK, f"escalate_after = {LONG_AGO}")),
    "a knock nobody answered": (
        "requests_app_knock",
        lambda: change("requests_app_knock", f"answer_after = {LONG_AGO}"),
    ),
    "a knock to be forgotten": (
        "requests_app_knock",
        lambda: change("requests_app_knock", f"forget_after = {LONG_AGO}, answer_after = NULL"),
    ),
    "what was taken, to be forgotten": (
        "requests_app_taken",
        lambda: change("requests_app_taken", f"forget_after = {LONG_AGO}"),
    ),
    "what was called off, to be forgotten": (
        "requests_app_calledoff",
        lambda: change("requests_app_calledoff", f"forget_after = {LONG_AGO}"),
    ),
    "a check whose time is over": (
        "volunteers_check",
        lambda: change("volunteers_check", f"due_after = {LONG_AGO}"),
    ),
    "what was late, to be forgotten": (
        "volunteers_slip",
        lambda: change("volunteers_slip", f"forget_after = {LONG_AGO}"),
    ),
    "a session that ended": (
        "privacy_session",
        lambda: change("privacy_session", f"expires_at = {LONG_AGO}"),
    ),
    "an invitation to be purged": (
        "volunteers_invitation",
        lambda: change("volunteers_invitation", f"purge_after = {LONG_AGO}"),
    ),
    "a night of a host that is over": (
        "volunteers_offernight",
        lambda: change("volunteers_offernight", f"forget_after = {LONG_AGO}"),
    ),
    "a login restored too late": (
        "volunteers_loginrestore",
        lambda: change("volunteers_loginrestore", f"expires_at = {LONG_AGO}"),
    ),
    "a notice nobody sent": (NOTICE, lambda: change(NOTICE, f"send_after = {LONG_AGO}")),
    "a notice to be purged": (NOTICE, lambda: change(NOTICE, f"purge_after = {LONG_AGO}")),
    "a notice that is over, under a lease": (
        NOTICE,
        lambda: change(NOTICE, f"status = 'sent', lease_token = {NEW_ID}, lease_until = {LONG_AGO}"),
    ),
    "a hold of two who are never to meet": (
        "requests_app_nevermatch",
        lambda: (
            f"""INSERT INTO requests_app_nevermatch SELECT c.id, n.mailbox_id, c.volunteer_id
            FROM {CLAIM} c JOIN {NEED} n ON n.id = c.need_id WHERE c.status = 'held'"""
        ),
    ),
    "a hold that does not count": ("requests_app_taken", lambda: gone("requests_app_taken")),
    "somebody is found who is not let in, or not found who is": (
        "volunteers_volunteer",
        lambda: change("volunteers_volunteer", "vouched_at = NULL"),
    ),
    **{
        f"a lease without an end, or too long: {table}": (
            table,
            lambda table=table: change(table, f"lease_token = {NEW_ID}, lease_until = {FAR}"),
        )
        for table in LEASED
    },
    **{
        f"a moment closer than an hour: {table}.{column}": (
            table,
            lambda table=table, column=column: change(table, f"{column} = {TO_THE_SECOND}"),
        )
        for table, column in HOURS
    },
}


@pytest.fixture
def in_use(world: World) -> World:
    """A row in every table the queries read: needs in several states, people on the way, news that waits."""
    ben, cleo, dee = (world.volunteer(name) for name in ("Ben", "Cleo", "Dee"))
    world.can_be_told(ben)
    tell = Tell("email", "her@example.org", "en")
    visit, ride = world.ask(answers={"back": "yes"}, desk_reads=True, tell=tell)
    there, _back = ride.tasks.order_by("-role")
    claim = say_yes(visit, take(ben, there), place="Under the clock")
    claim.write(visit.unlocked, Message.ASKER, "I wear a green scarf.", AT)
    _visit, stay = world.ask(kind="stay")
    take(cleo, only_task(stay))
    cleo.volunteer.offers.get().set_nights(worlds.day(3), worlds.day(5), [], 2, AT)
    take(dee, only_task(stay), standing_by=True)
    sleeps, nights = world.ask(kind="stay", answers={"ride": "yes"})
    slept = say_yes(sleeps, take(world.volunteer("Eve"), only_task(nights)))
    Extension.objects.ask(slept, 1, ASKER, AT)
    _visit, company = world.ask(kind="accompaniment", answers={"companions": "two", "backup": "no"})
    take(ben, company.tasks.get(role="companion"))
    over, ended = world.ask()
    say_yes(over, take(dee, only_task(ended)), place="By the gate").need.withdraw(AT)
    late, evening = world.ask(**asked(answers={"backup": "yes"}))
    say_yes(late, take(cleo, evening.tasks.get(role="companion")))
    say_yes(late, take(ben, evening.tasks.get(role="backup")))
    world.ask(paused=True)
    Knock.objects.leave(Errand(), AT)
    Client().force_login(ben.volunteer)
    LoginRestore.objects.press(ben.volunteer, world.coordinator.volunteer, AT)
    outbox.queue(ben.volunteer.pk, "news", AT)
    day = clock.local_day(AT)
    Check.objects.tick(ben.volunteer, checks.ALL["licence"], world.coordinator.volunteer, day, AT)
    Slip.objects.note(ben.volunteer, "late", AT)
    return world


def shadowed(table: str) -> str:
    """The table's rows where no constraint keeps anything out of them."""
    schema = "public" if connection.vendor == "postgresql" else "main"
    return f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {schema}.{table}"


EVERYTHING = {**ALWAYS, **AT_REST}


def test_nothing_is_found_in_an_instance_in_use(in_use: World) -> None:
    assert ask_django().broken(EVERYTHING, AT) == {}


def test_each_query_finds_what_it_is_for(in_use: World) -> None:
    unfound = []
    for name, (table, damage) in DAMAGES.items():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(shadowed(table))
                cursor.execute(damage())
            if not ask_django().broken({name: EVERYTHING[name]}, AT):
                unfound.append(name)
            transaction.set_rollback(True)
    assert unfound == []
    assert set(DAMAGES) == set(EVERYTHING)


def test_a_slot_without_its_row_and_a_row_without_its_slot_are_found(in_use: World, settings: object) -> None:
    where = settings.KEYRING_PATH  # type: ignore[attr-defined]
    assert slots_that_disagree(ask_django(), where) == []
    need = Need.objects.filter(status="open")[0]
    claim = Claim.objects.filter(status="held")[0]
    orphan = keyring().allocate("need:of nobody")

    keyring().destroy(need.slot_number, need.slot_owner)
    keyring().destroy(claim.slot_number, claim.slot_owner)

    lost = sorted(f"no slot for {row.slot_owner}" for row in (need, claim))
    assert slots_that_disagree(ask_django(), where) == [*lost, f"slot {orphan.number} of nobody"]
    assert slots_that_disagree(ask_django(), where, at_rest=False) == lost
