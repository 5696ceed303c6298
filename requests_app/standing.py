"""Where an account and its claims meet: suspending somebody frees what they had taken, and a new key is
told to whoever counts on them."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from django.db import transaction

from notify import outbox
from organisation import kinds
from privacy import clock
from privacy.keyring import keyring
from privacy.models import Compartment, Grant
from privacy.states import MoveRefused, SomebodyWasFaster
from requests_app.models import Claim, Need, Report, Reveal
from requests_app.models.claim_queryset import RELEASED
from volunteers import desk, keys, rota
from volunteers.keys import NewKeys
from volunteers.models import Check, LoginRestore, Probation, Volunteer, Vouch


class LeaveTheDeskFirst(Exception):
    """Whoever works at the desk hands its key on before they go."""


def suspend(volunteer: Volunteer, at: datetime) -> None:
    """No login, no session, no claim: all in one transaction; then their slots are destroyed."""
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(volunteer.pk)
        volunteer.suspend_account(at)
        # Before anybody can renew the desk's pair, nothing more is granted to what they may remember.
        desk.close(volunteer)
        desk.withdraw_links(volunteer)
        rota.leave(volunteer)
        Report.objects.lose_reader(volunteer, at)
        released, overdue = [], []
        for claim in _live_claims(volunteer):
            try:
                claim.leave_within(RELEASED, at)
            except MoveRefused:
                # It ended at this very moment, by somebody else: that must not undo the suspension.
                continue
            except SomebodyWasFaster:
                overdue.append(claim.need)
                continue
            released.append(claim)
        # Last, since whoever else tells them something holds a need's lock.
        outbox.hush(volunteer.pk)
    for claim in released:
        claim.finish_soon()
    for need in [] if clock.jumped() else overdue:
        # Its time was over and the broom had not come: its keys go now as well.
        need.expire(at)


def look_at_check(check: Check, at: datetime) -> None:
    """A check falls due: both are told that it ends soon, or it ends. Twice is harmless.

    Where it ends, what its owner took of the kinds that list it is free again, without blame: all but what
    they were said yes to and whose time has begun. Whoever asked is told that it changed; the desk, too.
    """
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(check.volunteer_id)
        due = Check.objects.due(at).filter(pk=check.pk).first()
        if due is None:
            # It was done anew, or taken back, or somebody else did this.
            return
        news = f"check:{due.pk}:{due.due_after}"
        if due.is_over(at):
            due.expire(at)
            volunteer.reindex(at)
            _free(volunteer, at, due.concerns())
        else:
            due.remind_again(at)
        outbox.queue(volunteer.pk, news, at)
        desk.tell(news, at)
    _finish_soon(volunteer)


def take_back_check(check: Check, at: datetime) -> None:
    """It does not count any more. Where it was required, what its owner took is free again as above."""
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(check.volunteer_id)
        check.take_back()
        volunteer.reindex(at)
        barred = [
            slug for slug in check.concerns() if not Check.objects.allow(volunteer, kinds.get(slug), at)
        ]
        _free(volunteer, at, barred)
    _finish_soon(volunteer)


def take_back_vouch(volunteer: Volunteer, by: Volunteer, at: datetime) -> bool:
    """`by` stands up for them no longer. With the last one they wait for the desk again: then all that they
    had taken is free, also what goes on, since they cannot open it any more. Whether it was the last one.
    """
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(volunteer.pk)
        if not Vouch.objects.take_back(volunteer, by):
            return False
        volunteer.lose_last_vouch(at)
        # As with a suspension: nothing more is granted to what they may remember of the desk's key.
        desk.close(volunteer)
        desk.withdraw_links(volunteer)
        for claim in _live_claims(volunteer):
            with suppress(MoveRefused, SomebodyWasFaster), transaction.atomic():
                claim.free_within(at)
    _finish_soon(volunteer)
    return True


def begin_probation(volunteer: Volunteer, at: datetime) -> None:
    """From now on they help only beside somebody experienced. What they took alone is free again, and what
    others who are new took beside them; not what has begun."""
    with transaction.atomic():
        volunteer = Volunteer.objects.lock(volunteer.pk)
        Probation.objects.begin(volunteer, at)
        for claim in _live_claims(volunteer):
            with suppress(SomebodyWasFaster), transaction.atomic():
                need = Need.objects.lock(claim.need_id)
                if need.lives(at):
                    need.let_newcomers_go(at)
    _finish_soon(volunteer)


def leave(volunteer: Volunteer, at: datetime) -> None:
    """Somebody leaves for good: what they took is free again, and no row names them any more.

    Errors: LeaveTheDeskFirst; SealingImpossible where keys cannot be destroyed just now: they are suspended
    then, and the desk can let them in again.
    """
    if volunteer.is_coordinator:
        raise LeaveTheDeskFirst
    suspend(volunteer, at)
    slots = [(claim.slot_number, claim.slot_owner) for claim in Claim.objects.filter(volunteer=volunteer)]
    for number, owner in slots:
        keyring().destroy(number, owner)
    with transaction.atomic():
        owners = [owner for _number, owner in slots]
        Compartment.objects.filter(slot_owner__in=owners).delete()
        Grant.objects.filter(slot_owner__in=owners).delete()
        outbox.drop(volunteer.pk)
        Volunteer.objects.filter(pk=volunteer.pk).delete()
    for number, owner in slots:
        keyring().release(number, owner)


def start_over(volunteer: Volunteer, passphrase: str, language: str, at: datetime) -> NewKeys:
    """A new key for somebody who has neither passphrase nor sheet. Every session of theirs ends.

    What was sealed to the old key stays closed. Whoever said yes to them hears that there is news, and
    says yes to the new key, or not (Claim.approve_key).
    """
    made = keys.make_keys(volunteer, passphrase, language)
    with transaction.atomic():
        _store_new_keys(volunteer, at)
    return made


def restore_login(token: str, passphrase: str, language: str, at: datetime) -> tuple[Volunteer, NewKeys]:
    """The link two coordinators made is used: as `start_over`, and the second factors are gone.

    Errors: RestoreRefused.
    """
    volunteer = LoginRestore.objects.find(token, at).volunteer
    # Derived before, so that nobody waits for a lock meanwhile.
    made = keys.make_keys(volunteer, passphrase, language)
    with transaction.atomic():
        LoginRestore.objects.take(token, at)
        _store_new_keys(volunteer, at)
        # Whoever was in the account before may have kept an invitation, or the calendar.
        desk.withdraw_links(volunteer)
        volunteer.drop_calendar_token()
    # Nor is it known whose those addresses are. Not within: whoever tells them something may wait for us.
    outbox.drop(volunteer.pk)
    return volunteer, made


def _store_new_keys(volunteer: Volunteer, at: datetime) -> None:
    Volunteer.objects.lock(volunteer.pk)
    keys.replace(volunteer)
    desk.lose_share(volunteer)
    Report.objects.lose_reader(volunteer, at)
    for claim in Claim.objects.sealed_to(volunteer, at):
        Reveal.objects.of_claim(claim).end(at)
        outbox.queue(claim.need_id, f"claim:{claim.pk}:key:{claim.key_fingerprint()}", at, pace="changed")


def _free(volunteer: Volunteer, at: datetime, kind_slugs: Collection[str]) -> None:
    """What they have of these kinds is free again, but for what has begun; in the caller's transaction."""
    for claim in _live_claims(volunteer):
        if claim.need.kind in kind_slugs:
            # One that ended at this very moment, by somebody else, keeps no other back.
            with suppress(MoveRefused, SomebodyWasFaster), transaction.atomic():
                claim.free_unless_begun(at)


def _finish_soon(volunteer: Volunteer) -> None:
    """After the commit: the keys of what ended go."""
    for claim in Claim.objects.ending().filter(volunteer=volunteer):
        claim.finish_soon()


def _live_claims(volunteer: Volunteer) -> list[Claim]:
    """In the order of their needs, so that two suspensions never wait for each other."""
    claims = Claim.objects.live().filter(volunteer=volunteer)
    return list(claims.select_related("task", "need", "volunteer").order_by("need_id"))
