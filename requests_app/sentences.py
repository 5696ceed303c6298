"""What happens now, in one honest sentence. Nobody is coming until this page says yes."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext

from requests_app.models import Claim, Need, Task
from requests_app.models.asked import DESK
from requests_app.models.need import MET


@dataclass(frozen=True)
class Sentence:
    """The sentence, what to do meanwhile, and the tone of its edge (templates/components/sentence.html)."""

    now: str
    more: str = ""
    tone: str = "wait"


def what_happens(need: Need, offered: list[Claim], tasks: list[Task], asked: int, at: datetime) -> Sentence:
    """For the asker: a need, the claims on it she can see, its live tasks, how many people were asked."""
    if need.is_unreadable(at):
        return _key_lost()
    if not need.lives(at):
        return _closed(need)
    coming = [claim for claim in offered if claim.is_approved]
    if tasks and len(coming) == len(tasks):
        return Sentence(
            gettext("Yes. Somebody is coming."),
            gettext("Ask for the two words first. You can still say no."),
            "yes",
        )
    if coming:
        now = gettext("Somebody is coming. Not everything is taken yet.")
        return Sentence(now, _until(need, at), "yes")
    if offered:
        return _offered(need, len(offered), at)
    if all(task.everybody_was_asked for task in tasks):
        now = gettext("Everybody who fits was asked. Nobody is coming until this page says yes.")
        return Sentence(now, gettext("The desk knows.") + " " + _until(need, at), "warn")
    return _waiting(need, asked, at)


def _key_lost() -> Sentence:
    return Sentence(
        gettext("Our key was lost. Nobody can read what you wrote, and nobody is coming."),
        gettext("Nobody is asked until you write it again. You can also take it back."),
        "warn",
    )


def _closed(need: Need) -> Sentence:
    first = gettext("Done. Take care.") if need.status == MET else gettext("Closed.")
    return Sentence(
        first,
        gettext("The key is destroyed. Old backups cannot open it. Your phone may still remember this page."),
        "end",
    )


def _offered(need: Need, people: int, at: datetime) -> Sentence:
    if need.decides == DESK:
        return Sentence(
            gettext("Somebody offered. The desk decides for you."),
            gettext("Nobody is coming until this page says yes.") + " " + _until(need, at),
        )
    now = ngettext(
        "%(count)d person offered. Nobody is coming until you say yes.",
        "%(count)d people offered. Nobody is coming until you say yes.",
        people,
    ) % {"count": people}
    return Sentence(now, gettext("You can say no. You need no reason."), "warn")


def _waiting(need: Need, asked: int, at: datetime) -> Sentence:
    if not asked:
        now = gettext("Nobody was asked yet. Nobody is coming until this page says yes.")
        return Sentence(now, _until(need, at))
    now = ngettext(
        "%(count)d volunteer was asked. Nobody is coming until this page says yes.",
        "%(count)d volunteers were asked. Nobody is coming until this page says yes.",
        asked,
    ) % {"count": asked}
    return Sentence(now, _until(need, at))


def _until(need: Need, at: datetime) -> str:
    """When to use another plan: when what she asked for begins, or else while it still may."""
    needed_by = need.needed_by(at)
    if needed_by is None:
        return gettext("The time you asked for is over. Please use another plan now.")
    local = timezone.localtime(needed_by)
    moment = f"{formats.date_format(local, 'l')} {formats.time_format(local, 'H:i')}"
    return gettext("If it does not say yes by %(moment)s, use another plan.") % {"moment": moment}
