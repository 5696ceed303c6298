"""What must never be found in the rows of an instance: one list of queries, each empty on both databases.

`ALWAYS` holds at every moment, whatever runs: each query is one statement, and so sees one state of the rows.
`AT_REST` holds once nothing is asked of the system any more and the duties had a moment to finish. The
keyring is held against the rows by `slots_that_disagree`.

    with asking(system) as ask:
        assert ask.broken() == {}
    assert ask_django().broken() == {}
"""

import re
import sqlite3
import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from organisation import kinds
from privacy import clock, crypto
from requests_app.models.claim_queryset import HOLDING, LIVE
from requests_app.models.need_queryset import ENDED, KEYED, NOT_ENDED
from tests.journeys.slots import BLOCK
from tests.journeys.slots import LIVE as LIVE_SLOT
from tests.live import LiveSystem

Found = dict[str, list[tuple[Any, ...]]]

# How late a duty may be once nothing else is going on, and how long a lease may lie there.
LATE = timedelta(seconds=45)
LEASE_LASTS = timedelta(seconds=25)

LEASED = (
    *("requests_app_need", "requests_app_task", "requests_app_claim", "requests_app_knock"),
    *("requests_app_tap", "requests_app_plan"),
    *("requests_app_taken", "requests_app_calledoff", "notify_notice", "privacy_session"),
    *("volunteers_invitation", "volunteers_loginrestore", "volunteers_check", "volunteers_slip"),
    "volunteers_offernight",
)
# Columns that say to the hour, and no closer, when somebody did something.
HOURS = (
    *(("requests_app_need", "asked_at"), ("requests_app_claim", "claimed_at")),
    *(("requests_app_event", "happened_at"), ("requests_app_message", "written_at")),
    *(("requests_app_mailbox", "opened_at"), ("requests_app_proposal", "asked_at")),
    *(("privacy_grant", "granted_at"), ("notify_channel", "added_at")),
    *(("volunteers_vouch", "at"), ("volunteers_offer", "made_at")),
)


def _any_of(values: tuple[str, ...]) -> str:
    return f"({', '.join(repr(value) for value in values)})" if values else "(NULL)"


def _plain(column: str) -> str:
    """An id, or what ends with one, without its hyphens: as both databases can compare it."""
    return f"replace(CAST({column} AS text), '-', '')"


_hosts = _any_of(tuple(kind.slug for kind in kinds.all() if kind.host_seals_place))
_sleep = _any_of(tuple(kind.slug for kind in kinds.all() if kind.has_nights))
_each = _any_of(tuple(kind.slug for kind in kinds.all() if kind.one_person_each))
_backups = _any_of(tuple(f"{kind.slug} {role}" for kind in kinds.all() for role in kind.backup_roles()))
_apart = _any_of(tuple(f"{kind.slug} {role}" for kind in kinds.all() for role in kind.apart_roles()))
_live, _holding = _any_of(LIVE), _any_of(HOLDING)
_ended, _keyed, _not_ended = _any_of(ENDED), _any_of(KEYED), _any_of(NOT_ENDED)
_unfinished = "('open', 'held', 'approved')"
_let_in = "(v.status = 'active' AND v.vouched_at IS NOT NULL)"
# Whose slot closes a compartment c, or ends a grant g.
_of_need = f"{_plain('{}.slot_owner')} = 'need:' || {_plain('n.id')}"
_of_claim = f"{_plain('{}.slot_owner')} = 'claim:' || {_plain('cl.id')}"
_of_plan = f"{_plain('{}.slot_owner')} = 'plan:' || {_plain('pl.id')}"
# The needs n of which a compartment c is: their own, a claim's or a plan's.
_anyhow_of_need = f"""({_of_need.format("c")} OR EXISTS (SELECT 1 FROM requests_app_claim cl
    WHERE cl.need_id = n.id AND {_of_claim.format("c")}) OR EXISTS (SELECT 1 FROM requests_app_plan pl
    WHERE pl.need_id = n.id AND {_of_plan.format("c")}))"""
# What ended, and whose keys and rows are gone.
_over_need = f"(n.status IN {_ended} AND NOT n.ending)"
_over_claim = f"(cl.status NOT IN {_live} AND NOT cl.ending)"

_CLAIM_TASK = "requests_app_claim cl JOIN requests_app_task t ON t.id = cl.task_id"
_CLAIM_NEED = "requests_app_claim cl JOIN requests_app_need n ON n.id = cl.need_id"
_TASK_NEED = "requests_app_task t JOIN requests_app_need n ON n.id = t.need_id"
_GRANT = "privacy_grant g JOIN privacy_compartment c ON c.id = g.compartment_id"


def _nobody(recipient: str) -> str:
    return f"""NOT EXISTS (SELECT 1 FROM requests_app_need n WHERE n.id = {recipient} AND NOT {_over_need})
        AND NOT EXISTS (SELECT 1 FROM volunteers_volunteer v WHERE v.id = {recipient})"""


CLAIMS = {
    "two hold one task": f"""SELECT task_id FROM requests_app_claim WHERE status IN {_holding}
        GROUP BY task_id HAVING count(*) > 1""",
    "somebody has one task twice": f"""SELECT task_id, volunteer_id FROM requests_app_claim
        WHERE status IN {_live} GROUP BY task_id, volunteer_id HAVING count(*) > 1""",
    "one person for two parts that need one each": f"""SELECT cl.need_id, cl.volunteer_id FROM {_CLAIM_NEED}
        WHERE n.kind IN {_each} AND (cl.status IN ('approved', 'backup', 'standby')
        OR (cl.status = 'held' AND cl.held_until > {{now}}))
        GROUP BY cl.need_id, cl.volunteer_id HAVING count(DISTINCT cl.task_id) > 1""",
    "a hold of which the task knows nothing": f"""SELECT cl.id FROM {_CLAIM_TASK}
        WHERE cl.status IN {_holding}
        AND t.status <> CASE cl.status WHEN 'backup' THEN 'approved' ELSE cl.status END""",
    "a backup of nobody, or one that comes": f"""SELECT cl.id FROM {_CLAIM_TASK}
        JOIN requests_app_need n ON n.id = cl.need_id WHERE cl.status IN ('backup', 'approved')
        AND (cl.status = 'backup') <> ((n.kind || ' ' || t.role) IN {_backups})""",
    "a task that is held by nobody": """SELECT t.id FROM requests_app_task t
        WHERE t.status IN ('held', 'approved') AND NOT EXISTS (SELECT 1 FROM requests_app_claim cl
        WHERE cl.task_id = t.id
        AND t.status = CASE cl.status WHEN 'backup' THEN 'approved' ELSE cl.status END)""",
    # Of nights one did a part, and somebody else the rest.
    "a done claim of a task that is not done": f"""SELECT cl.id FROM {_CLAIM_TASK}
        JOIN requests_app_need n ON n.id = cl.need_id
        WHERE cl.status = 'done' AND t.status <> 'done' AND n.kind NOT IN {_sleep}""",
    "more nights are asked of somebody who is not said yes to": """SELECT x.id FROM requests_app_extension x
        JOIN requests_app_claim cl ON cl.id = x.claim_id
        WHERE x.status = 'asked' AND cl.status <> 'approved'""",
    "an extension that ended and says whose yes it had": """SELECT id FROM requests_app_extension
        WHERE status <> 'asked' AND (asker_yes OR host_yes OR desk_yes)""",
    "a hold without its end, or an end without a hold": """SELECT id FROM requests_app_claim
        WHERE (status = 'held') <> (held_until IS NOT NULL)""",
    "a claim and its task of two needs": f"SELECT cl.id FROM {_CLAIM_TASK} WHERE t.need_id <> cl.need_id",
    "a live claim on a need that is not open": f"""SELECT cl.id FROM {_CLAIM_NEED}
        WHERE cl.status IN {_live} AND n.status <> 'open'""",
    "a live claim of somebody suspended": f"""SELECT cl.id FROM {_CLAIM_NEED}
        JOIN volunteers_volunteer v ON v.id = cl.volunteer_id
        WHERE cl.status IN {_live} AND n.expires_at > {{now}} AND v.status <> 'active'""",
    "a live claim without its proposal": f"""SELECT cl.id FROM requests_app_claim cl
        WHERE cl.status IN {_live} AND NOT EXISTS (SELECT 1 FROM requests_app_proposal p
        WHERE p.task_id = cl.task_id AND p.volunteer_id = cl.volunteer_id AND p.outcome = 'claimed')""",
    "somebody new who would be alone": f"""SELECT cl.id FROM {_CLAIM_NEED}
        JOIN volunteers_volunteer v ON v.id = cl.volunteer_id
        WHERE v.probation AND (cl.status = 'approved' OR (cl.status = 'held' AND cl.held_until > {{now}}))
        AND n.expires_at > {{now}} AND n.day > {{now}} AND NOT EXISTS (SELECT 1 FROM requests_app_claim o
        JOIN volunteers_volunteer w ON w.id = o.volunteer_id JOIN requests_app_task ot ON ot.id = o.task_id
        WHERE o.need_id = cl.need_id AND (n.kind || ' ' || ot.role) NOT IN {_apart}
        AND o.task_id <> cl.task_id AND NOT w.probation AND o.status IN ('held', 'approved', 'done'))""",
    "somebody was asked twice": """SELECT task_id, volunteer_id FROM requests_app_proposal
        GROUP BY task_id, volunteer_id HAVING count(*) > 1""",
    "two at one place in line": """SELECT task_id, place_in_line FROM requests_app_claim
        GROUP BY task_id, place_in_line HAVING count(*) > 1""",
    "ending, and not ended: a claim": f"""SELECT id FROM requests_app_claim
        WHERE ending AND status IN {_live}""",
    "beds of somebody who holds nothing": f"""SELECT b.id FROM requests_app_bednight b
        JOIN requests_app_claim cl ON cl.id = b.claim_id WHERE cl.status NOT IN {_holding}""",
    "more beds are promised on a night than there are": """SELECT b.offer_id, b.night
        FROM requests_app_bednight b JOIN volunteers_offer o ON o.id = b.offer_id
        LEFT JOIN volunteers_offernight w ON w.offer_id = b.offer_id AND w.night = b.night
        GROUP BY b.offer_id, b.night, o.capacity, w.beds HAVING count(*) > COALESCE(w.beds, o.capacity)""",
    "somebody sleeps nowhere": f"""SELECT cl.id FROM {_CLAIM_NEED} WHERE cl.status IN {_holding}
        AND n.kind IN {_sleep} AND cl.offer_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM requests_app_bednight b WHERE b.claim_id = cl.id)""",
}

NEEDS = {
    "somebody is on the way to what is not open": f"""SELECT t.id FROM {_TASK_NEED}
        WHERE t.status IN ('held', 'approved') AND n.status <> 'open'""",
    "something to do for what ended": f"""SELECT t.id FROM {_TASK_NEED}
        WHERE n.status IN {_ended} AND t.status IN {_unfinished}""",
    "a need with nothing left to do that goes on": f"""SELECT n.id FROM requests_app_need n
        WHERE n.status IN {_not_ended} AND NOT EXISTS (SELECT 1 FROM requests_app_task t
        WHERE t.need_id = n.id AND t.status IN {_unfinished}
        AND (n.kind || ' ' || t.role) NOT IN {_backups})""",
    "somebody has it, and others are still asked": """SELECT id FROM requests_app_task
        WHERE status IN ('held', 'approved') AND escalate_after IS NOT NULL""",
    "an end without a time to be purged, or that time without an end": f"""SELECT id FROM requests_app_need
        WHERE (status IN {_ended}) <> (purge_after IS NOT NULL)""",
    "paused and not kept back, or open and kept back": """SELECT id FROM requests_app_need
        WHERE (status = 'paused' AND NOT kept_back) OR (status = 'open' AND kept_back)""",
    "ending, and not ended: a need": f"""SELECT id FROM requests_app_need
        WHERE ending AND status NOT IN {_ended}""",
    "a live need in which nothing is written": f"""SELECT id FROM requests_app_need
        WHERE status IN {_keyed} AND (note IS NULL OR answers IS NULL)""",
    "a task on no day, or on a day of another need": f"""SELECT t.id FROM {_TASK_NEED}
        WHERE NOT EXISTS (SELECT 1 FROM requests_app_needday d WHERE d.task_id = t.id AND d.need_id = n.id)
        OR EXISTS (SELECT 1 FROM requests_app_needday d WHERE d.task_id = t.id AND d.need_id <> n.id)""",
    "somebody comes, and everybody is asked at once": """SELECT id FROM requests_app_task
        WHERE urgent AND status IN ('approved', 'done')""",
    "nights that are no days of the need, or days that are not": f"""SELECT n.id FROM requests_app_need n
        WHERE n.kind IN {_sleep} AND n.nights <> (SELECT count(*) FROM requests_app_needday d
        WHERE d.need_id = n.id AND d.night)""",
    "beds for other nights than hers": f"""SELECT cl.id FROM {_CLAIM_NEED} WHERE cl.status IN {_holding}
        AND n.kind IN {_sleep} AND cl.offer_id IS NOT NULL AND EXISTS (SELECT 1 FROM requests_app_needday d
        WHERE d.need_id = n.id AND d.night AND (SELECT count(*) FROM requests_app_bednight b
        WHERE b.claim_id = cl.id AND b.night = d.day) <> n.people)""",
    "needs asked together of two mailboxes": """SELECT n.id FROM requests_app_need n
        JOIN requests_app_need f ON f.id = n.belongs_to_id WHERE f.mailbox_id <> n.mailbox_id""",
    "two needs of one number": """SELECT mailbox_id, sequence FROM requests_app_need
        GROUP BY mailbox_id, sequence HAVING count(*) > 1""",
    "a mailbox without a need": """SELECT m.id FROM requests_app_mailbox m
        WHERE NOT EXISTS (SELECT 1 FROM requests_app_need n WHERE n.mailbox_id = m.id)""",
    "what happened to another's claim or task": """SELECT e.id FROM requests_app_event e
        LEFT JOIN requests_app_claim cl ON cl.id = e.claim_id
        LEFT JOIN requests_app_task t ON t.id = e.task_id
        WHERE cl.need_id <> e.need_id OR t.need_id <> e.need_id""",
    "a knock that was answered, and says what follows": """SELECT id FROM requests_app_knock
        WHERE (answer_after IS NULL) <> (errand IS NULL)""",
}

SEALED = {
    "an ended need that is still sealed": f"""SELECT n.id FROM requests_app_need n WHERE {_over_need}
        AND (n.note IS NOT NULL OR n.answers IS NOT NULL OR n.desk_place IS NOT NULL)""",
    "the place of a claim that ended": f"""SELECT cl.id FROM requests_app_claim cl
        WHERE {_over_claim} AND cl.place IS NOT NULL""",
    "a place before anybody said yes": f"""SELECT cl.id FROM {_CLAIM_NEED} WHERE cl.place IS NOT NULL
        AND cl.status IN ('held', 'standby', 'backup') AND n.kind NOT IN {_hosts}""",
    "messages of a claim nobody said yes to": """SELECT m.id FROM requests_app_message m
        JOIN requests_app_claim cl ON cl.id = m.claim_id WHERE cl.status <> 'approved' AND NOT cl.ending""",
    "something waited for of what ended": f"""SELECT p.id FROM requests_app_tap p
        JOIN requests_app_claim cl ON cl.id = p.claim_id WHERE {_over_claim}""",
    "two plans of one need": """SELECT need_id FROM requests_app_plan WHERE NOT ending
        GROUP BY need_id HAVING count(*) > 1""",
    "a plan of what ended": f"""SELECT pl.id FROM requests_app_plan pl
        JOIN requests_app_need n ON n.id = pl.need_id WHERE {_over_need}""",
    "two messages at one place": """SELECT claim_id, place_in_thread FROM requests_app_message
        GROUP BY claim_id, place_in_thread HAVING count(*) > 1""",
    "a compartment of nobody, or of what ended": f"""SELECT c.id FROM privacy_compartment c
        WHERE NOT EXISTS (SELECT 1 FROM requests_app_need n
            WHERE {_of_need.format("c")} AND n.slot_number = c.slot_number AND NOT {_over_need})
        AND NOT EXISTS (SELECT 1 FROM requests_app_claim cl
            WHERE {_of_claim.format("c")} AND cl.slot_number = c.slot_number AND NOT {_over_claim})
        AND NOT EXISTS (SELECT 1 FROM requests_app_plan pl
            WHERE {_of_plan.format("c")} AND pl.slot_number = c.slot_number)""",
    "two compartments for one thing": """SELECT slot_owner, purpose FROM privacy_compartment
        GROUP BY slot_owner, purpose HAVING count(*) > 1""",
    "a compartment its asker cannot open": f"""SELECT c.id FROM privacy_compartment c
        JOIN requests_app_need n ON {_anyhow_of_need}
        WHERE NOT EXISTS (SELECT 1 FROM privacy_grant g WHERE g.compartment_id = c.id
            AND g.reader_kind = 'mailbox' AND {_plain("g.reader_id")} = {_plain("n.mailbox_id")})""",
    "granted to another asker": f"""SELECT g.id FROM {_GRANT}
        JOIN requests_app_need n ON {_anyhow_of_need}
        WHERE g.reader_kind = 'mailbox' AND {_plain("g.reader_id")} <> {_plain("n.mailbox_id")}""",
    "granted to a volunteer who does not come": f"""SELECT g.id FROM {_GRANT}
        WHERE g.reader_kind = 'volunteer' AND NOT EXISTS (SELECT 1 FROM requests_app_claim cl
            JOIN requests_app_need n ON n.id = cl.need_id
            LEFT JOIN requests_app_plan pl ON pl.need_id = n.id
            WHERE {_plain("cl.volunteer_id")} = {_plain("g.reader_id")} AND NOT {_over_claim}
            AND cl.status <> 'backup' AND ({_of_claim.format("c")}
                OR (({_of_need.format("c")} OR {_of_plan.format("c")}) AND {_of_claim.format("g")})))""",
    "granted under a slot of nobody, or of what ended": f"""SELECT g.id FROM privacy_grant g
        WHERE (g.slot_owner = '') <> (g.slot_number IS NULL) OR (g.slot_owner <> ''
        AND NOT EXISTS (SELECT 1 FROM requests_app_claim cl WHERE {_of_claim.format("g")}
            AND cl.slot_number = g.slot_number AND NOT {_over_claim}))""",
    "granted to a desk that is gone, or was not let": f"""SELECT g.id FROM {_GRANT}
        WHERE g.reader_kind = 'desk' AND (NOT EXISTS (SELECT 1 FROM volunteers_deskkey k
            WHERE {_plain("k.id")} = {_plain("g.reader_id")})
        OR EXISTS (SELECT 1 FROM requests_app_need n WHERE {_of_need.format("c")}
            AND c.purpose <> 'place' AND NOT n.desk_reads) OR c.purpose = 'thread')""",
    "what is for one task, granted to whoever has another": f"""SELECT g.id FROM {_GRANT}
        JOIN requests_app_claim cl ON {_of_claim.format("g")} JOIN requests_app_task t ON t.id = cl.task_id
        WHERE substr(c.purpose, 1, 3) = 'leg' AND c.purpose <> 'leg ' || t.position""",
    "answers of a task that is over": f"""SELECT t.id FROM {_TASK_NEED} WHERE t.answers IS NOT NULL
        AND (t.status IN ('done', 'closed') OR n.status = 'unreadable') AND NOT n.ending""",
    "a task's answers without a compartment, or that without them": f"""SELECT t.id FROM {_TASK_NEED}
        WHERE NOT {_over_need} AND (t.answers IS NOT NULL) <> EXISTS (SELECT 1 FROM privacy_compartment c
            WHERE {_of_need.format("c")} AND c.purpose = 'leg ' || t.position)""",
}

OUTBOX = {
    "an address of nobody, or of what ended": f"""SELECT h.id FROM notify_channel h
        WHERE {_nobody("h.recipient")}""",
    "a notice for nobody, or for what ended": f"""SELECT o.id FROM notify_notice o
        WHERE {_nobody("o.recipient")}""",
    "a notice without its channel": """SELECT o.id FROM notify_notice o
        WHERE NOT EXISTS (SELECT 1 FROM notify_channel h WHERE h.id = o.channel_id)""",
    "a notice to another's channel": """SELECT o.id FROM notify_notice o
        JOIN notify_channel h ON h.id = o.channel_id
        WHERE o.recipient <> h.recipient OR o.transport <> h.transport""",
    "told twice of one thing": """SELECT idempotency_key FROM notify_notice
        GROUP BY idempotency_key HAVING count(*) > 1""",
}

PEOPLE = {
    "somebody checked themselves": """SELECT id FROM volunteers_check
        WHERE volunteer_id = done_by_id OR volunteer_id = second_by_id OR done_by_id = second_by_id""",
    "somebody vouches for themselves": "SELECT id FROM volunteers_vouch WHERE volunteer_id = by_id",
    "two current pairs of the desk": """SELECT count(*) FROM volunteers_deskkey WHERE current
        HAVING count(*) > 1""",
    "a share of the desk's key away from the desk": """SELECT s.id FROM volunteers_deskshare s
        JOIN volunteers_volunteer v ON v.id = s.coordinator_id WHERE NOT v.is_coordinator""",
    "a used invitation that is kept": """SELECT id FROM volunteers_invitation
        WHERE used_at IS NOT NULL AND purge_after > {two_days}""",
}

LEASES = {
    f"a lease without an end, or too long: {table}": f"""SELECT 1 FROM {table}
        WHERE (lease_token IS NULL) <> (lease_until IS NULL) OR lease_until > {{lease}}"""
    for table in LEASED
}
CLOCKS = {
    f"a moment closer than an hour: {table}.{column}": f"SELECT 1 FROM {table} WHERE NOT_FULL({column})"
    for table, column in HOURS
}

ALWAYS: Mapping[str, str] = {**CLAIMS, **NEEDS, **SEALED, **OUTBOX, **PEOPLE, **LEASES, **CLOCKS}

AT_REST: Mapping[str, str] = {
    "a hold whose time is over": """SELECT id FROM requests_app_claim
        WHERE status = 'held' AND held_until <= {late}""",
    "a need whose time is over": f"""SELECT id FROM requests_app_need
        WHERE status IN {_not_ended} AND expires_at <= {{late}}""",
    "an ended need to be purged": "SELECT id FROM requests_app_need WHERE purge_after <= {late}",
    "a need that is still ending": "SELECT id FROM requests_app_need WHERE ending",
    "a plan that is over": "SELECT id FROM requests_app_plan WHERE ending OR over_at <= {late}",
    "what did not come, and nobody was told": """SELECT p.id FROM requests_app_tap p
        JOIN requests_app_claim cl ON cl.id = p.claim_id JOIN requests_app_need n ON n.id = cl.need_id
        WHERE p.status = 'expected' AND p.missed_after <= {asked} AND cl.status = 'approved'
        AND n.status = 'open' AND n.expires_at > {now}""",
    "a claim that is still ending": "SELECT id FROM requests_app_claim WHERE ending",
    "an erased need": "SELECT id FROM requests_app_need WHERE status = 'erased'",
    "a ring nobody asked": f"""SELECT t.id FROM {_TASK_NEED} WHERE t.status = 'open' AND n.status = 'open'
        AND n.expires_at > {{now}} AND t.escalate_after <= {{asked}}""",
    "a knock nobody answered": """SELECT id FROM requests_app_knock
        WHERE answer_after <= {asked}""",
    "a knock to be forgotten": """SELECT id FROM requests_app_knock
        WHERE answer_after IS NULL AND forget_after <= {late}""",
    "what was taken, to be forgotten": "SELECT id FROM requests_app_taken WHERE forget_after <= {late}",
    "what was called off, to be forgotten": """SELECT id FROM requests_app_calledoff
        WHERE forget_after <= {late}""",
    "a check whose time is over": "SELECT id FROM volunteers_check WHERE due_after <= {late}",
    "what was late, to be forgotten": "SELECT id FROM volunteers_slip WHERE forget_after <= {late}",
    "a session that ended": "SELECT id FROM privacy_session WHERE expires_at <= {late}",
    "an invitation to be purged": "SELECT id FROM volunteers_invitation WHERE purge_after <= {late}",
    "a night of a host that is over": "SELECT id FROM volunteers_offernight WHERE forget_after <= {late}",
    "a login restored too late": "SELECT id FROM volunteers_loginrestore WHERE expires_at <= {late}",
    "a notice nobody sent": """SELECT id FROM notify_notice
        WHERE status = 'queued' AND send_after <= {late}""",
    "a notice to be purged": "SELECT id FROM notify_notice WHERE purge_after <= {late}",
    "a notice that is over, under a lease": """SELECT id FROM notify_notice
        WHERE status <> 'queued' AND lease_token IS NOT NULL""",
    "a hold of two who are never to meet": f"""SELECT cl.id FROM {_CLAIM_NEED}
        JOIN requests_app_nevermatch x ON x.mailbox_id = n.mailbox_id AND x.volunteer_id = cl.volunteer_id
        WHERE cl.status IN ('held', 'standby')""",
    "a hold that does not count": f"""SELECT v.id FROM volunteers_volunteer v
        WHERE (SELECT count(*) FROM requests_app_claim cl WHERE cl.volunteer_id = v.id
            AND cl.status IN {_holding} AND cl.claimed_at > {{six_days_ago}})
        > (SELECT count(*) FROM requests_app_taken x WHERE x.volunteer_id = v.id)""",
    "somebody is found who is not let in, or not found who is": f"""SELECT p.id FROM volunteers_offerplace p
        JOIN volunteers_volunteer v ON v.id = p.volunteer_id JOIN volunteers_offer o ON o.id = p.offer_id
        WHERE p.ready <> (o.active AND {_let_in} AND NOT v.held_back)""",
}


@dataclass(frozen=True)
class Ask:
    """The rows of one instance: `run(sql, values)` has "?" for values, and `postgresql` is what it speaks."""

    run: Callable[[str, list[Any]], list[tuple[Any, ...]]]
    postgresql: bool

    def broken(self, queries: Mapping[str, str] = ALWAYS, at: datetime | None = None) -> Found:
        """Name of what must not be → the rows in which it is; {} where all is well. `at`: now, by default."""
        found = {name: self.run(*self._bound(sql, at)) for name, sql in queries.items()}
        return {name: rows for name, rows in found.items() if rows}

    def owners(self, live: bool = True) -> dict[str, int]:
        """Owner of a slot → its number, of what must have a live one (or of every row)."""
        live_rows = {"need": f"status IN {_keyed}", "claim": f"status IN {_live}", "plan": "NOT ending"}
        where = live_rows if live else {}
        found = {}
        for name in ("need", "claim", "plan"):
            rows = self.run(
                f"SELECT id, slot_number FROM requests_app_{name} WHERE {where.get(name, 'true')}", []
            )
            found |= {f"{name}:{uuid.UUID(str(key))}": int(number) for key, number in rows}
        return found

    def _bound(self, sql: str, at: datetime | None) -> tuple[str, list[Any]]:
        """The query in its database's words, with its moments as values."""
        # Of each query anew: what a row says of a moment may be younger than the first query.
        moments = _moments(at or datetime.now(UTC))
        names = re.findall(r"\{(\w+)\}", sql)
        full = r"date_trunc('hour', \1) <> \1" if self.postgresql else r"substr(\1, 15, 5) <> '00:00'"
        sql = re.sub(r"NOT_FULL\((\w+)\)", full, sql)
        return re.sub(r"\{\w+\}", "?", sql), [self._moment(moments[name]) for name in names]

    def _moment(self, moment: datetime) -> Any:
        return moment if self.postgresql else moment.replace(tzinfo=None).isoformat(" ")


def _moments(at: datetime) -> dict[str, datetime]:
    return {
        "now": at,
        "late": at - LATE,
        "asked": at - LATE - clock.QUARTER,
        "lease": at + LEASE_LASTS,
        "two_days": at + timedelta(days=2),
        "six_days_ago": at - timedelta(days=6),
    }


@contextmanager
def asking(system: LiveSystem) -> Iterator[Ask]:
    """The rows of a running instance, on a connection of its own."""
    url = system.environment.get("DATABASE_URL", "")
    if url:
        with psycopg.connect(url, autocommit=True) as postgresql:
            yield Ask(lambda sql, values: _rows(postgresql.execute(sql.replace("?", "%s"), values)), True)
        return
    sqlite = sqlite3.connect(system.data_dir / "db.sqlite3", timeout=20, isolation_level=None)
    try:
        yield Ask(lambda sql, values: sqlite.execute(sql, values).fetchall(), False)
    finally:
        sqlite.close()


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall())


def ask_django() -> Ask:
    """The rows as Django's own connection sees them, also inside a transaction."""

    def run(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), values)
            return _rows(cursor)

    return Ask(run, connection.vendor == "postgresql")


# The keyring


_HEADER, _RECORD = struct.Struct("16s16s32s"), struct.Struct("8s32s32s")


def live_slots(keyring: Path) -> dict[bytes, int]:
    """Tag of the owner → number, of every slot in use: read without the code that is meant to."""
    content = keyring.read_bytes()
    slots = range(BLOCK, len(content), BLOCK)
    records = {at // BLOCK - 1: _RECORD.unpack_from(content, at) for at in slots}
    return {tag: number for number, (state, tag, _key) in records.items() if state == LIVE_SLOT}


def key_of(keyring: Path, owner: str) -> bytes:
    """The key that lies there for this owner; none where its slot is not live."""
    content = keyring.read_bytes()
    tag = crypto.derive(_HEADER.unpack_from(content)[2], "owner", owner.encode())
    number = live_slots(keyring).get(tag)
    return b"" if number is None else _RECORD.unpack_from(content, BLOCK * (1 + number))[2]


def slots_that_disagree(ask: Ask, keyring: Path, at_rest: bool = True) -> list[str]:
    """Live rows without their slot; and, at rest, live slots without their row. Also while all goes on: what
    was live before and after the keyring was read had its slot meanwhile."""
    before = ask.owners()
    slots, key = live_slots(keyring), _HEADER.unpack_from(keyring.read_bytes())[2]
    after = ask.owners()
    tags = {owner: crypto.derive(key, "owner", owner.encode()) for owner in before | after}
    lost = [owner for owner in before.items() & after.items() if slots.get(tags[owner[0]]) != owner[1]]
    found = [f"no slot for {owner}" for owner, _number in lost]
    if at_rest:
        found += [f"slot {number} of nobody" for tag, number in slots.items() if tag not in tags.values()]
    return sorted(found)
