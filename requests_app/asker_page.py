"""What the asker's page shows of each need: opened with her key, row by row.

One row that cannot be opened shows a neutral placeholder; the rest of the page stays whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext, ngettext

from notify.models import Channel
from organisation import kinds, languages, presets
from organisation.models import Organisation
from privacy.compartments import Opened
from privacy.crypto import Unreadable
from requests_app import facts, home
from requests_app.forms.answer import ApproveForm, KeyForm, MessageForm, PlaceForm, WriteAgainForm
from requests_app.forms.stay import LongerForm
from requests_app.forms.taps import PlanForm, WhenForm
from requests_app.how_far import HowFar
from requests_app.models import Claim, Extension, Message, Need, Plan, Proposal, Tap, Task
from requests_app.models.asked import DESK
from requests_app.models.extension import ASKER
from requests_app.models.plan import plan_over_at
from requests_app.models.sealed import with_compartments
from requests_app.models.tap import ends_at
from requests_app.readers import Unlocked
from requests_app.reveals import Reveals, Shown
from requests_app.sentences import Sentence, what_happens
from requests_app.stay_page import Stay, stay
from requests_app.taps_page import Promotion, Taps, cannot_come, promotions, relief, taps
from requests_app.visits import Visit
from volunteers.models import Volunteer, Vouch


@dataclass(frozen=True)
class Line:
    """One message, as templates/components/thread.html shows it."""

    mine: bool
    author: str
    text: str
    when: str
    # Of a message sent with one tap; else "".
    slug: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody who offered: what she may know, and what she can do about it."""

    claim: Claim
    task_name: str
    vouched: str
    languages: list[str]
    why: list[str]
    home: list[str]
    approve_form: forms.Form | None = None
    as_backup: bool = False
    instead_of: str = ""
    key_form: forms.Form | None = None
    place_form: forms.Form | None = None
    message_form: forms.Form | None = None
    place: str = ""
    place_unreadable: bool = False
    begins_when_told: bool = False
    may_have_stayed_away: bool = False
    place_over: bool = False
    words: str = ""
    thread: list[Line] = field(default_factory=list)
    stay: Stay | None = None
    taps: Taps | None = None
    relief: str = ""
    # Of a backup: the tasks they could take now.
    promotions: list[Promotion] = field(default_factory=list)


@dataclass(frozen=True)
class Card:
    """One need on her page. `together`: what was asked with it, and goes on; `partner_over`: what it was
    asked with, and has ended."""

    need: Need
    title: str
    facts: list[str]
    sentence: Sentence
    people: list[Person]
    note: str
    answers: list[tuple[str, str]]
    legs: list[tuple[str, list[tuple[str, str]]]]
    lives: bool
    is_paused: bool
    reveals: list[Shown] = field(default_factory=list)
    told: str = ""
    can_try: bool = False
    write_again: forms.Form | None = None
    together: str = ""
    partner_over: str = ""
    plan_form: forms.Form | None = None
    known: list[Claim] = field(default_factory=list)
    held_back: bool = False


@dataclass(frozen=True)
class Typed:
    """A form that came back with an error, and the claim (or need) it belongs to."""

    belongs_to: UUID
    form: forms.Form


def cards(visit: Visit, at: datetime, typed: Typed | None = None) -> list[Card]:
    """Her needs, newest first, each with who offered. The same number of queries for one and for fifty."""
    needs = list(Need.objects.shown_to(visit.mailbox))
    page = _Page(visit.unlocked, needs, at, typed)
    return [page.card(need) for need in needs]


def readable(read: Callable[[], Any], otherwise: Any) -> Any:
    """What `read` opens; `otherwise` where the row cannot be opened."""
    try:
        return read()
    except Unreadable:
        return otherwise


def thread_lines(messages: list[Message], claim: Claim, unlocked: Unlocked, side: str) -> list[Line]:
    """The messages of a claim as one of the two sides reads them."""
    opened = readable(lambda: claim.thread(unlocked), None)
    other = gettext("The asker") if side == Message.VOLUNTEER else claim.volunteer.handle
    cannot = gettext("This message cannot be read.")
    return [
        Line(
            mine=row.author == side,
            author=other,
            text=presets.shown(text) or cannot,
            when=facts.hour(row.written_at, "D H:00"),
            slug=presets.slug_in(text),
        )
        for row in messages
        for text in [_text(row, opened)]
    ]


def _text(message: Message, thread: Opened | None) -> str:
    return str(readable(lambda: message.text(thread), "")) if thread else ""


def vouched_since(vouches: list[Vouch], volunteer: Volunteer) -> str:
    """How this organisation knows somebody: how many members, how, since which month."""
    met = sum(vouch.context == Vouch.Context.MET for vouch in vouches)
    if volunteer.vouched_at is None:
        return gettext("Nobody here has met them yet.")
    month = facts.hour(volunteer.vouched_at, "F Y")
    if met:
        text = ngettext(
            "%(count)d member met them in person. Known here since %(month)s. No police check.",
            "%(count)d members met them in person. Known here since %(month)s. No police check.",
            met,
        )
        return text % {"count": met, "month": month}
    return gettext("Known here since %(month)s. No police check.") % {"month": month}


class _Page:
    """Everything the cards need, read in a fixed number of queries."""

    def __init__(self, unlocked: Unlocked, needs: list[Need], at: datetime, typed: Typed | None) -> None:
        self.unlocked, self.at, self.typed = unlocked, at, typed
        self.organisation = Organisation.objects.current()
        living = [need.pk for need in needs if need.can_be_read(at)]
        self.claims = list(
            Claim.objects.filter(need__in=living).offered(at).prefetch_related("volunteer__vouches")
        )
        with_compartments([*(need for need in needs if need.pk in living), *self.claims])
        by_id = {need.pk: need for need in needs}
        for claim in self.claims:
            claim.need = claim.task.need = by_id[claim.need_id]
        self.threads = self._threads()
        said = {pk: [(line.mine, line.slug) for line in lines] for pk, lines in self.threads.items()}
        self.said, self.cannot = said, {pk for pk in said if cannot_come(said[pk], mine=False)}
        self.proposals = list(Proposal.objects.filter(task__need__in=living).select_related("task"))
        self.taps = list(Tap.objects.of_claims(self.claims))
        self.plans = list(Plan.objects.alive(at).filter(need__in=living))
        with_compartments(self.plans)
        self.known = Claim.objects.ever_on(needs)
        self.channels = list(Channel.objects.filter(recipient__in=living))
        self.at_desk = Volunteer.objects.coordinators().exists()
        self.extensions = Extension.objects.of(self.claims)
        self.needs = needs
        self.tasks = list(Task.objects.filter(need__in=living).not_closed())
        for task in self.tasks:
            task.need = by_id[task.need_id]
        self.how_far = HowFar.of(self.tasks, at)
        self.reveals = Reveals(needs, self.organisation, at)

    def _threads(self) -> dict[UUID, list[Line]]:
        """claim id → its messages, of everybody who comes."""
        rows = list(Message.objects.filter(claim__in=self.claims).order_by("place_in_thread"))
        return {
            claim.pk: thread_lines(
                [row for row in rows if row.claim_id == claim.pk], claim, self.unlocked, Message.ASKER
            )
            for claim in self.claims
            if claim.is_approved
        }

    def card(self, need: Need) -> Card:
        claims = [claim for claim in self.claims if claim.need_id == need.pk]
        tasks = [task for task in self.tasks if task.need_id == need.pk]
        asked = {row.volunteer_id for row in self._proposals(need) if row.asked_at}
        lives = need.can_be_read(self.at)
        empty: tuple[str, dict[str, Any]] = (gettext("Your note cannot be read any more."), {})
        note, answers = readable(lambda: need.read_note(self.unlocked), empty) if lives else ("", {})
        return Card(
            need=need,
            title=facts.title(need),
            facts=facts.facts(need, tasks=tasks),
            sentence=what_happens(
                need, claims, tasks, len(asked), self.at, self.at_desk, self.how_far, self.cannot
            ),
            people=[self._person(need, claim, answers) for claim in claims],
            note=note,
            answers=kinds.get(need.kind).described(answers),
            legs=self._legs(need, tasks) if lives else [],
            lives=lives,
            is_paused=need.is_paused(self.at),
            reveals=self.reveals.of(need),
            **(self._told(need) if lives else {}),
            write_again=self._write_again(need) if need.is_unreadable(self.at) else None,
            **(self._asked_together(need) if lives else {}),
            plan_form=self._plan(need) if lives else None,
            known=[claim for claim in self.known if claim.need_id == need.pk],
            held_back=need.mailbox.held_back and need.lives(self.at),
        )

    def _asked_together(self, need: Need) -> dict[str, Any]:
        """What was asked at the same moment: whether it goes on, too."""
        first = need.belongs_to_id or need.pk
        others = [one for one in self.needs if one != need and first in (one.pk, one.belongs_to_id)]
        goes_on = [facts.title(one) for one in others if one.can_be_read(self.at)]
        if goes_on:
            return {"together": ", ".join(goes_on)}
        return {"partner_over": ", ".join(facts.title(one) for one in others if one.has_ended)}

    def _legs(self, need: Need, tasks: list[Task]) -> list[tuple[str, list[tuple[str, str]]]]:
        """(name of a task, what she wrote for whoever takes it alone)."""
        cannot = [(gettext("This cannot be read."), "")]
        kind = kinds.get(need.kind)

        def read(task: Task) -> list[tuple[str, str]]:
            return kind.described(task.read_answers(self.unlocked))

        said = [(facts.title(need, task), readable(partial(read, task), cannot)) for task in tasks]
        return [(title, answers) for title, answers in said if answers]

    def _told(self, need: Need) -> dict[str, Any]:
        """How she is told, and whether that works; nothing where she looks herself."""
        channels = [row for row in self.channels if row.recipient == need.pk]
        if not channels:
            return {}
        broke = [row.broken_at for row in channels if row.broken_at]
        if len(broke) == len(channels):
            day = facts.hour(max(broke), "DATE_FORMAT")
            said = gettext("Since %(day)s our messages to you come back. Please look here yourself.")
            return {"told": said % {"day": day}, "can_try": True}
        if any(row.tested_at is None for row in channels):
            untried = gettext("We write to you when there is news. Nobody has tried that yet.")
            return {"told": untried, "can_try": True}
        return {"told": gettext("We write to you when there is news.")}

    def _write_again(self, need: Need) -> forms.Form:
        """What she can type once more where the key was lost, or what came back with an error."""
        if self.typed and self.typed.belongs_to == need.pk:
            return self.typed.form
        return WriteAgainForm(need=need, auto_id=f"again-{need.pk}-%s")

    def _proposals(self, need: Need) -> list[Proposal]:
        return [row for row in self.proposals if row.task.need_id == need.pk]

    def _plan(self, need: Need) -> forms.Form | None:
        """If she does not come out: as she wrote it; None where it is over, or is not asked."""
        over_at = plan_over_at(need)
        if over_at is None or over_at <= self.at:
            return None
        if self.typed and self.typed.belongs_to == need.pk and isinstance(self.typed.form, PlanForm):
            return self.typed.form
        written = [plan for plan in self.plans if plan.need_id == need.pk]
        text = readable(lambda: written[0].read(self.unlocked), None) if written else ""
        form = PlanForm(initial={"plan": text or ""}, auto_id=f"plan-{need.pk}-%s")
        if text is None:
            form.fields["plan"].help_text = gettext("What you wrote cannot be read any more. Write it again.")
        return form

    def _person(self, need: Need, claim: Claim, answers: dict[str, Any]) -> Person:
        why = [
            row.reasons
            for row in self._proposals(need)
            if (row.task_id, row.volunteer_id) == (claim.task_id, claim.volunteer_id)
        ]
        person: dict[str, Any] = {
            "claim": claim,
            "task_name": facts.title(need, claim.task),
            "vouched": vouched_since(list(claim.volunteer.vouches.all()), claim.volunteer),
            "languages": languages.names(claim.volunteer.languages),
            "why": facts.reasons_for_asker(why[0] if why else []),
            "home": home.lines(kinds.get(need.kind), claim.offer, self.at),
            "begins_when_told": claim.is_approved
            and kinds.get(need.kind).begins_when_told(claim.task.role, answers),
        }
        tasks = [task for task in self.tasks if task.need_id == need.pk]
        if claim.is_backup:
            others = [other for other in self.claims if other.need_id == need.pk]
            found = promotions(claim, tasks, others, self.taps, self.at, self.cannot)
            return Person(**person, promotions=found)
        if claim.is_approved:
            taken = {other.task_id for other in self.claims if other.is_approved}
            roles = {task.role: task.pk for task in tasks}
            person["relief"] = relief(need, claim, answers, taken, roles)
        return Person(**person, **(self._coming(claim) if claim.is_approved else self._choice(claim)))

    def _taps(self, claim: Claim) -> Taps:
        backups = [other for other in self.claims if other.need_id == claim.need_id and other.is_backup]
        silent = [row for row in self.taps if row.claim_id == claim.pk]
        instead = [
            found
            for backup in backups
            for found in promotions(backup, [claim.task], [claim], silent, self.at, self.cannot)
        ]
        when = None
        if kinds.get(claim.need.kind).meets_at_a_time and self.at < ends_at(claim.need, claim.task.parts):
            when = self._form(WhenForm, claim, need=claim.need, parts=claim.task.parts, at=self.at)
        said = self.said[claim.pk]
        return taps(claim, silent, said, Message.ASKER, self.at, promotions=instead, when_form=when)

    def _choice(self, claim: Claim) -> dict[str, Any]:
        """The yes she can give, where it is hers to give."""
        if claim.need.decides == DESK:
            return {}
        had_its_yes = [other for other in self.claims if other.is_approved or other.is_backup]
        coming = [other for other in had_its_yes if other.task_id == claim.task_id]
        if coming:
            return {"instead_of": coming[0].volunteer.handle}
        fingerprint = readable(claim.key_fingerprint, "")
        if not fingerprint:
            return {}
        form = self._form(ApproveForm, claim, initial={"fingerprint": fingerprint})
        kind = kinds.get(claim.need.kind)
        is_backup = bool(kind.backs(claim.task.role))
        if kind.host_seals_place or is_backup:
            del form.fields["place"]
        else:
            form.fields["place"].label = str(kind.place_label)
        return {"approve_form": form, "as_backup": is_backup}

    def _coming(self, claim: Claim) -> dict[str, Any]:
        """What she and the person who comes share."""
        cannot = gettext("This cannot be read.")
        place = readable(lambda: claim.read_place(self.unlocked, self.at, self.organisation), None)
        hers = not kinds.get(claim.need.kind).host_seals_place
        return {
            "place": cannot if place is None else place,
            "place_unreadable": place is None,
            "may_have_stayed_away": claim.may_have_stayed_away(self.at),
            "place_over": self.at >= claim.need.place_seen_until(self.organisation),
            "words": readable(lambda: " ".join(claim.two_words()), ""),
            "thread": self.threads[claim.pk],
            "taps": self._taps(claim),
            "message_form": self._form(MessageForm, claim),
            "stay": self._stay(claim),
            "key_form": self._key(claim),
            "place_form": self._form(PlaceForm, claim, initial={"place": place or ""}) if hers else None,
        }

    def _stay(self, claim: Claim) -> Stay | None:
        """The nights she spends there, with the form that came back."""
        found = stay(claim, self.extensions.get(claim.pk), ASKER, self.at, self.organisation)
        typed = self.typed and self.typed.belongs_to == claim.pk and self.typed.form
        return replace(found, form=typed) if found and isinstance(typed, LongerForm) else found

    def _key(self, claim: Claim) -> forms.Form | None:
        """The yes to a new key of the one who comes; None while it is the one she approved."""
        fingerprint = readable(claim.key_fingerprint, "")
        if not fingerprint or not claim.key_changed():
            return None
        return self._form(KeyForm, claim, initial={"fingerprint": fingerprint})

    def _form(self, form_class: type[forms.Form], claim: Claim, **initial: Any) -> forms.Form:
        """A fresh form, or the one that came back with an error."""
        typed = self.typed
        if typed and typed.belongs_to == claim.pk and isinstance(typed.form, form_class):
            return typed.form
        return form_class(auto_id=f"{form_class.__name__.lower()}-{claim.pk}-%s", **initial)
