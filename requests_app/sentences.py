"""What happens now, in one honest sentence. Nobody is coming until this page says yes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext, ngettext

from organisation import kinds
from requests_app import facts, legs
from requests_app.how_far import HowFar
from requests_app.models import Claim, Need, Task
from requests_app.models.asked import DESK
from requests_app.models.need_queryset import EXPIRED, MET
from requests_app.models.task import DONE


@dataclass(frozen=True)
class Sentence:
    """The sentence, what to do meanwhile, and the tone of its edge (templates/components/sentence.html)."""

    now: str
    more: str = ""
    tone: str = "wait"
    # Nobody is left to ask: whom to call instead stands right there.
    call: bool = False


def what_happens(
    need: Need,
    offered: list[Claim],
    tasks: list[Task],
    asked: int,
    at: datetime,
    at_desk: bool = True,
    how_far: HowFar | None = None,
    cannot: Collection[UUID] = (),
) -> Sentence:
    """For the asker: a need, the claims on it she can see, its tasks that were not closed, how many people
    were asked. Where it has several tasks, those that nobody has are named.

    `at_desk`: whether anybody works at the desk at all, who could know of it. `how_far`: what was done beyond
    the rings. `cannot`: of whoever comes, the claims of those who said last that they cannot.
    """
    if (nobody_now := _nobody_now(need, at)) is not None:
        return nobody_now
    # Whoever comes only if somebody else cannot is nobody who comes.
    backups = set(kinds.get(need.kind).backup_roles())
    tasks = [task for task in tasks if task.role not in backups]
    offered = [claim for claim in offered if not claim.is_backup]
    if gone := [claim for claim in offered if claim.is_approved and claim.pk in cannot]:
        return _cannot_come(need, gone, offered, tasks, at)
    return _as_it_stands(need, offered, tasks, asked, at, at_desk, how_far or HowFar(at))


def _as_it_stands(
    need: Need,
    offered: list[Claim],
    tasks: list[Task],
    asked: int,
    at: datetime,
    at_desk: bool,
    how_far: HowFar,
) -> Sentence:
    """Of a need that lives, without whoever is there only in case."""
    coming = [claim for claim in offered if claim.is_approved]
    left = [task for task in tasks if task.status != DONE]
    if left and len(coming) == len(left):
        return _coming(coming)
    taken = {claim.task_id for claim in coming}
    until = _until([task for task in left if task.pk not in taken], at)
    nobody = legs.nobody_has(tasks, offered, at)
    more = " ".join([*nobody, until])
    if need.mailbox.held_back:
        return _held_back(until)
    if any(task.urgent for task in left):
        stands = [*nobody, *legs.somebody_has(tasks, offered)]
        looks = any(task.urgent and task.has_time_left(at) for task in left)
        return _lost(stands, bool(coming), until, at_desk, looks)
    if coming:
        return _partly(coming, [*nobody, *legs.somebody_offered(tasks, offered), until])
    if offered:
        return _offered(need, len(offered), more, nobody)
    if need.broken_off:
        return _broken_off(asked, at_desk)
    if all(task.everybody_was_asked for task in left):
        return _nobody(asked, more, how_far.done(left) if at_desk else [])
    return _waiting(asked, " ".join(filter(None, [how_far.next(left, at_desk), more])))


def _partly(coming: list[Claim], more: list[str]) -> Sentence:
    """Somebody comes for a part of it. `more`: the other parts, and until when."""
    now = gettext("Somebody is coming. Not everything is taken yet.")
    if any(claim.place is None for claim in coming):
        where = gettext("They do not know where yet. Write it below.")
        return Sentence(now, " ".join([where, *more]), "warn")
    return Sentence(now, " ".join(more), "yes")


def _nobody_now(need: Need, at: datetime) -> Sentence | None:
    """Why nobody is asked or comes, whoever offered; None where it lives."""
    if need.is_unreadable(at):
        return _key_lost()
    if need.is_paused(at):
        return _paused()
    return None if need.lives(at) else _closed(need)


def _lost(stands: list[str], somebody_comes: bool, until: str, at_desk: bool, looks: bool) -> Sentence:
    """Whoever was coming cannot go on. `stands`: what is lost, then what still stands; `looks`: whether
    somebody else is asked for it, or its time is over."""
    if looks:
        now = gettext("Somebody who was coming cannot come any more. We look for somebody else at once.")
    else:
        now = gettext("Somebody who was coming cannot come any more. It is too late to ask somebody else.")
    nobody = [] if somebody_comes else [gettext("Nobody is coming until this page says yes.")]
    knows = [gettext("The desk knows.")] if at_desk else []
    return Sentence(now, " ".join([*stands, *nobody, *knows, until]), "warn", call=True)


def _cannot_come(
    need: Need, gone: list[Claim], offered: list[Claim], tasks: list[Task], at: datetime
) -> Sentence:
    """Some of those who come (`gone`) said that they cannot. No tap releases them, and no sentence counts on
    them: what still stands, and until when."""
    now = ngettext(
        "%(count)d person says that they cannot come. Look below.",
        "%(count)d people say that they cannot come. Look below.",
        len(gone),
    ) % {"count": len(gone)}
    others = [claim for claim in offered if claim not in gone]
    has = {claim.task_id for claim in others if claim.is_approved}
    stands = [*legs.somebody_has(tasks, others), *legs.nobody_has(tasks, offered, at)]
    if need.mailbox.held_back:
        stands += [gettext("Nobody is asked for you just now: the desk has to look first.")]
    else:
        stands += [gettext("Nobody else is coming until this page says yes.")]
    until = _until([task for task in tasks if task.status != DONE and task.pk not in has], at)
    return Sentence(now, " ".join([*stands, until]), "warn", call=True)


def _coming(coming: list[Claim]) -> Sentence:
    now = gettext("Yes. Somebody is coming.")
    if any(claim.place is None for claim in coming):
        return Sentence(now, gettext("They do not know where yet. Write it below."), "warn")
    return Sentence(now, gettext("Ask for the two words first. You can still say no."), "yes")


def _broken_off(asked: int, at_desk: bool) -> Sentence:
    """The place she had is gone in the middle: what happens now, and what she can do now."""
    now = gettext("That place is gone. Nobody is coming until this page says yes.")
    more = [gettext("The nights that are left are asked for again.")]
    if asked:
        more += [
            ngettext("%(count)d person was asked.", "%(count)d people were asked.", asked) % {"count": asked}
        ]
    more += [gettext("The desk knows.")] if at_desk else []
    more += [gettext("Please make another plan for tonight as well. You can call now.")]
    return Sentence(now, " ".join(more), "warn", call=True)


def _nobody(asked: int, until: str, done: list[str]) -> Sentence:
    if asked:
        now = gettext("Nobody who was asked has taken it. Nobody is coming until this page says yes.")
    else:
        now = gettext("Nobody here fits it just now. Nobody is coming until this page says yes.")
    return Sentence(now, " ".join([*done, until]), "warn", call=True)


def _key_lost() -> Sentence:
    return Sentence(
        gettext("Our key was lost. Nobody can read what you wrote, and nobody is coming."),
        gettext("Nobody is asked until you write it again. You can also take it back."),
        "warn",
    )


def _paused() -> Sentence:
    return Sentence(
        gettext("Nobody sees this now. Nobody is coming."),
        gettext("It stays here, locked. Press “Ask now” when people may see it."),
        "warn",
    )


def _held_back(until: str) -> Sentence:
    now = gettext("Nobody is asked for you just now: the desk has to look first.")
    more = gettext("Nobody new is coming until this page says yes. You can call instead.")
    return Sentence(now, f"{more} {until}", "warn", call=True)


def _closed(need: Need) -> Sentence:
    if not need.has_ended or need.ending:
        # Its time is over, or it was ended, and its key is not destroyed yet: a page never says so before.
        return Sentence(
            gettext("Closed. Nobody is coming."),
            gettext("Nobody can open it here. Its key is destroyed as soon as the machine can."),
            "end",
        )
    first = gettext("Done. Take care.") if need.status == MET else gettext("Closed.")
    if need.status == EXPIRED:
        first = gettext("Closed. Its time is over.")
    return Sentence(
        first,
        gettext("The key is destroyed. Old backups cannot open it. Your phone may still remember this page."),
        "end",
    )


def _offered(need: Need, people: int, more: str, nobody: list[str]) -> Sentence:
    if need.decides == DESK:
        return Sentence(
            gettext("Somebody offered. The desk decides for you."),
            gettext("Nobody is coming until this page says yes.") + " " + more,
        )
    now = ngettext(
        "%(count)d person offered. Nobody is coming until you say yes.",
        "%(count)d people offered. Nobody is coming until you say yes.",
        people,
    ) % {"count": people}
    return Sentence(now, " ".join([*nobody, gettext("You can say no. You need no reason.")]), "warn")


def _waiting(asked: int, until: str) -> Sentence:
    if not asked:
        now = gettext("Nobody was asked yet. Nobody is coming until this page says yes.")
        return Sentence(now, until)
    now = ngettext(
        "%(count)d volunteer was asked. Nobody is coming until this page says yes.",
        "%(count)d volunteers were asked. Nobody is coming until this page says yes.",
        asked,
    ) % {"count": asked}
    return Sentence(now, until)


def _until(tasks: list[Task], at: datetime) -> str:
    """When to use another plan: when the first of these begins, or else while it still may."""
    moments = [by for task in tasks if (by := task.needed_by(at))]
    if not moments:
        return gettext("The time you asked for is over. Please use another plan now.")
    needed_by = min(moments)
    # With its day, also today: she may read it past midnight.
    moment = facts.day_and_time(needed_by, at)
    return gettext("If it does not say yes by %(moment)s, use another plan.") % {"moment": moment}
