"""The desk's key pair: what askers let the desk read is sealed to it.

The private half is sealed to each coordinator, and never held by unattended code. Source: design §5.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q

from notify import outbox
from privacy import instance
from privacy.compartments import Reader
from privacy.crypto import KeyPair, SealingImpossible, Unreadable, context, open_with, seal_to
from privacy.fields import FieldClasses
from volunteers import rota
from volunteers.account import Volunteer
from volunteers.invitations import Invitation
from volunteers.login_restores import LoginRestore


class DeskKey(models.Model):
    """One generation of the desk's pair. Grants name it by id, so an old generation opens nothing new.

    closed: somebody who left could still open it, so nothing more is granted to it; what it was granted
    before stays readable, until a new pair takes over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_key = models.BinaryField(max_length=32)
    public_key_mac = models.BinaryField(max_length=32)
    current = models.BooleanField(default=True)
    closed = models.BooleanField(default=False)

    privacy = FieldClasses(
        clear=("id", "public_key", "current", "closed"),
        derived=("public_key_mac",),
        lives="until the next pair has replaced it everywhere",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("current",), condition=models.Q(current=True), name="one_current_desk_key"
            ),
        )

    def __str__(self) -> str:
        return str(self.pk)

    def _mac_parts(self) -> tuple[str, bytes, bytes]:
        return "volunteers.desk_key", self.id.bytes, bytes(self.public_key)

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        return {"public_key_mac": instance.renewed_mac(bytes(self.public_key_mac), *self._mac_parts())}

    def is_genuine(self) -> bool:
        """Whether the key in the row is the one that was stored."""
        return instance.check_mac(bytes(self.public_key_mac), *self._mac_parts())

    def reader(self) -> Reader:
        """Whom to grant a compartment to. Errors: Unreadable when the key in the row was swapped."""
        if not self.is_genuine():
            raise Unreadable("This desk key is not the one that was stored.")
        return Reader("desk", self.id, bytes(self.public_key))


class DeskShare(models.Model):
    """The desk's private half, sealed to one coordinator."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk_key = models.ForeignKey(DeskKey, on_delete=models.CASCADE, related_name="shares")
    coordinator = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="desk_shares")
    sealed_private = models.BinaryField()
    mac = models.BinaryField(max_length=32)

    privacy = FieldClasses(
        sealed=("sealed_private",),
        clear=("id", "desk_key", "coordinator"),
        derived=("mac",),
        lives="until the coordinator leaves the desk or the pair is renewed",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("desk_key", "coordinator"), name="one_desk_share_each"),
        )

    def __str__(self) -> str:
        return str(self.pk)

    def _context(self) -> bytes:
        return context("volunteers.DeskShare", "sealed_private", self.id)

    def _mac_parts(self) -> tuple[str, bytes, bytes, bytes]:
        owner, sealed = self.coordinator_id.bytes, bytes(self.sealed_private)
        return "volunteers.desk_share", self.desk_key_id.bytes, owner, sealed

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        return {"mac": instance.renewed_mac(bytes(self.mac), *self._mac_parts())}

    def seal(self, private: bytes) -> None:
        """Seal the desk's private half to this row's coordinator; the caller saves."""
        reader = self.coordinator.reader()
        self.sealed_private = seal_to(reader.public_key, private, self._context())
        self.mac = instance.mac(*self._mac_parts())

    def open(self, coordinator_private: bytes) -> bytes:
        """The desk's private half, 32 bytes. Errors: Unreadable (wrong key, moved or swapped row)."""
        if not instance.check_mac(bytes(self.mac), *self._mac_parts()):
            raise Unreadable("This share is not the one that was stored.")
        return open_with(coordinator_private, bytes(self.sealed_private), self._context())


def current() -> DeskKey | None:
    """The pair new grants are made to; None until a first coordinator joined: the desk then reads nothing."""
    return DeskKey.objects.filter(current=True).first()


def reader() -> Reader | None:
    """The desk as a reader of compartments, or None while there is no desk."""
    key = current()
    return key.reader() if key else None


def may_be_granted() -> bool:
    """Whether an asker can let the desk read: it has a pair, genuine, that nobody left with."""
    key = current()
    return key is not None and not key.closed and key.is_genuine()


def is_closed() -> bool:
    """Whether somebody who left could still open the current pair: a coordinator has to renew it."""
    return DeskKey.objects.filter(current=True, closed=True).exists()


def lock_for_granting() -> Reader:
    """The desk as a reader for a new grant, its pair locked until the transaction ends.

    A renewal waits for the lock, so it finds the grant and passes it on: the old pair gets nothing new.
    Errors: SealingImpossible without a pair, or while it is closed.
    """
    # Whoever waited here for a renewal finds the new pair with the second question.
    key = lock_current() or lock_current()
    if key is None or key.closed or not key.is_genuine():
        raise SealingImpossible("The desk has no key that may be granted anything.")
    return key.reader()


def lock_current() -> DeskKey | None:
    """The current pair, locked until the transaction ends: nobody renews it, or grants to it, meanwhile."""
    return DeskKey.objects.select_for_update(no_key=True).filter(current=True).first()


def close(coordinator: Volunteer) -> None:
    """Somebody leaves who may know the current pair: nothing more is granted to it before it is renewed."""
    shares = DeskShare.objects.filter(coordinator=coordinator)
    DeskKey.objects.filter(current=True, shares__in=shares).update(closed=True)


def withdraw_links(coordinator: Volunteer) -> None:
    """What they had begun for others ends, also for the day they come back: invitations nobody used yet,
    and their half of restoring a login."""
    Invitation.objects.filter(made_by=coordinator, used_at__isnull=True).delete()
    LoginRestore.objects.filter(Q(first=coordinator) | Q(second=coordinator)).delete()


def found(coordinator: Volunteer) -> DeskKey:
    """Make the first pair, its private half sealed to the first coordinator.

    Errors: IntegrityError when there is a current pair already.
    """
    pair = KeyPair.generate()
    with transaction.atomic():
        key = _insert(pair.public)
        _share(key, coordinator, pair.private)
    return key


def _insert(public_key: bytes) -> DeskKey:
    key = DeskKey(public_key=public_key)
    key.public_key_mac = instance.mac(*key._mac_parts())
    key.save(force_insert=True)
    return key


def _share(key: DeskKey, coordinator: Volunteer, private: bytes) -> None:
    share = DeskShare(desk_key=key, coordinator=coordinator)
    share.seal(private)
    share.save(force_insert=True)


def _share_if_genuine(key: DeskKey, coordinator: Volunteer, private: bytes) -> None:
    """One whose key was swapped gets none, and keeps nobody else from theirs."""
    try:
        _share(key, coordinator, private)
    except Unreadable:
        return


def found_again(coordinator: Volunteer) -> DeskKey:
    """A first pair anew, where nobody at the desk can open the current one: what that one opens is lost."""
    with transaction.atomic():
        DeskShare.objects.filter(desk_key__current=True).delete()
        DeskKey.objects.filter(current=True).update(current=False)
        return found(coordinator)


def holders() -> set[uuid.UUID]:
    """Ids of those who hold a share of the current pair, whatever became of them."""
    shares = DeskShare.objects.filter(desk_key__current=True)
    return set(shares.values_list("coordinator_id", flat=True))


def has_share(volunteer: Volunteer) -> bool:
    """Whether this person can open what the desk was granted."""
    return DeskShare.objects.filter(desk_key__current=True, coordinator=volunteer).exists()


def desk_private(volunteer: Volunteer, volunteer_private: bytes) -> bytes:
    """The desk's private half for a coordinator whose own key is open.

    Errors: Unreadable when they hold no share, were suspended, or the share was tampered with.
    """
    shares = DeskShare.objects.filter(desk_key__current=True, coordinator=volunteer)
    share = shares.select_related("desk_key", "coordinator").first()
    if share is None or not (volunteer.is_let_in and volunteer.is_coordinator):
        raise Unreadable("No share of the desk key.")
    share.desk_key.reader()
    return share.open(volunteer_private)


def without_share() -> models.QuerySet[Volunteer]:
    """Coordinators who cannot read for the desk yet: somebody who can has to share it with them."""
    holders = DeskShare.objects.filter(desk_key__current=True).values("coordinator")
    return Volunteer.objects.coordinators().exclude(pk__in=holders)


def share_with(coordinator: Volunteer, by: Volunteer, by_private: bytes) -> None:
    """`by`, whose key is open, hands the desk's private half on. Twice is harmless.

    Errors: Unreadable (by holds no share); ValueError (the other is no coordinator, or not let in).
    """
    if not (coordinator.is_coordinator and coordinator.is_let_in):
        raise ValueError("Only somebody with the desk role can hold the desk key.")
    with transaction.atomic():
        key = lock_current()
        private = desk_private(by, by_private)
        if key and not key.shares.filter(coordinator=coordinator).exists():
            _share(key, coordinator, private)


def renew(by: Volunteer, by_private: bytes, leaving: Volunteer | None = None) -> tuple[bytes, DeskKey]:
    """A new pair for everybody who still has the desk role (but not `leaving`), in the session of one.

    Returns the old private half, so that the caller re-seals live grants to the new key in the same
    transaction, and the new key. Errors: Unreadable when `by` holds no share.
    """
    pair = KeyPair.generate()
    with transaction.atomic():
        old = lock_current()
        old_private = desk_private(by, by_private)
        DeskKey.objects.filter(current=True).update(current=False)
        key = _insert(pair.public)
        for coordinator in Volunteer.objects.coordinators().order_by("pk"):
            if coordinator != leaving:
                _share_if_genuine(key, coordinator, pair.private)
        DeskShare.objects.filter(desk_key=old).delete()
    return old_private, key


def forget_old_pairs() -> None:
    """Delete the generations before the current one. Call when nothing is granted to them any more."""
    DeskKey.objects.filter(current=False).delete()


def lose_share(volunteer: Volunteer) -> None:
    """Their own key is gone, and with it what was sealed to it: somebody at the desk shares again."""
    DeskShare.objects.filter(coordinator=volunteer).delete()


def tell(key: str, at: datetime) -> None:
    """Something waits for the desk: everybody there who has a channel hears that there is news."""
    for coordinator in who_is_told():
        outbox.queue(coordinator, key, at, pace="now")


def who_is_told() -> list[uuid.UUID]:
    """Ids of those to whom the desk's news goes."""
    return list(Volunteer.objects.coordinators().values_list("pk", flat=True))


def join(volunteer: Volunteer) -> None:
    """Somebody who is let in gets the desk role. The key is handed on apart (`share_with`).

    Errors: ValueError for somebody who is not let in.
    """
    if not volunteer.is_let_in:
        raise ValueError("Only somebody who is let in can work at the desk.")
    Volunteer.objects.filter(pk=volunteer.pk).update(is_coordinator=True)
    volunteer.is_coordinator = True


def step_down(coordinator: Volunteer) -> None:
    """Somebody leaves the desk: the role and their shares go.

    The pair they held is closed: `renew` before, or afterwards, ends what they remember.
    """
    with transaction.atomic():
        close(coordinator)
        withdraw_links(coordinator)
        rota.leave(coordinator)
        DeskShare.objects.filter(coordinator=coordinator).delete()
        Volunteer.objects.filter(pk=coordinator.pk).update(is_coordinator=False)
    coordinator.is_coordinator = False
