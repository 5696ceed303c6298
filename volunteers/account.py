"""The account of a volunteer or coordinator: generated name, passphrase, standing, keys."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from privacy import clock, codes, instance
from privacy.compartments import Reader
from privacy.crypto import Unreadable, new_key
from privacy.fields import FieldClasses
from privacy.wordlists import fold

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from volunteers.offers import Offer
    from volunteers.places import OfferPlace

HANDLE_MAX = 40
# Before anybody was ever asked.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NAME_TRIES = 20


def hour_number(at: datetime) -> int:
    """Whole hours from NEVER (0) until `at`."""
    return (at - NEVER) // timedelta(hours=1)


def new_epoch() -> str:
    """A random 32-character mark; a session that carries another one is dead."""
    return secrets.token_hex(16)


def as_username(typed: str) -> str:
    """The user name somebody meant: case, accents, spaces and doubled hyphens are forgiven."""
    return "-".join(fold(typed).replace("-", " ").split())[:60]


def new_username(language: str) -> str:
    """Two plain words and two digits: nobody can guess who has an account, or lock a known name out."""
    first, second = codes.words_from(new_key(), 2, language)
    return f"{as_username(first)}-{as_username(second)}-{secrets.randbelow(90) + 10}"


class VolunteerQuerySet(models.QuerySet["Volunteer"]):
    def let_in(self) -> Self:
        """Vouched for and not suspended, paused or not."""
        return self.filter(status=Volunteer.Status.ACTIVE, vouched_at__isnull=False)

    def standing(self, at: datetime) -> Self:
        """Those who may be asked today: let in, not in a pause of their own, nor held back by the desk."""
        today = clock.local_day(at)
        asked = self.let_in().filter(held_back=False)
        return asked.filter(Q(paused_until__isnull=True) | Q(paused_until__lte=today))

    def waiting(self) -> Self:
        """Joined, but nobody has vouched for them yet."""
        return self.filter(status=Volunteer.Status.ACTIVE, vouched_at__isnull=True)

    def suspended(self) -> Self:
        return self.filter(status=Volunteer.Status.SUSPENDED)

    def coordinators(self) -> Self:
        return self.let_in().filter(is_coordinator=True)

    def partners(self) -> Self:
        """The accounts of partner organisations: asked last, with the asker's yes."""
        return self.let_in().filter(is_partner=True)

    def named(self, typed: str) -> Volunteer | None:
        """The volunteer with that user name, however it was typed; None if there is none."""
        return self.filter(username=as_username(typed)).first()

    def lock(self, pk: uuid.UUID) -> Volunteer:
        """The row as it is now, locked until the transaction ends: verbs that depend on standing begin so."""
        return self.select_for_update(no_key=True).get(pk=pk)

    def by_calendar_token(self, token: str) -> Volunteer | None:
        """Whose calendar link this is; None for an unknown, empty or replaced one."""
        hashed = instance.token_name("volunteers.calendar", token)
        return self.let_in().filter(calendar_token_hash=hashed).first() if token else None

    def get_by_natural_key(self, username: str | None) -> Volunteer:
        """What Django's login looks up: forgiving about case, spaces and hyphens."""
        return self.get(username=as_username(username or ""))

    def insert_named(self, volunteer: Volunteer, language: str) -> None:
        """Insert `volunteer` under a fresh generated user name.

        Errors: RuntimeError when every try met a taken name (the list of words is then too small).
        """
        for _attempt in range(NAME_TRIES):
            volunteer.username = volunteer.username or new_username(language)
            try:
                with transaction.atomic():
                    volunteer.save(force_insert=True)
            except IntegrityError:
                volunteer.username = ""
            else:
                return
        raise RuntimeError("No free user name was found.")


class Volunteer(AbstractBaseUser):
    """Somebody with an account. Their public key is used only through `reader()`, which checks its MAC."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")

    # Django's model would record each login: when somebody was here is nobody's business.
    last_login = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=60, unique=True)
    handle = models.CharField(max_length=HANDLE_MAX)
    is_coordinator = models.BooleanField(default=False)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    vouched_at = models.DateTimeField(null=True, default=None)
    paused_until = models.DateField(null=True, default=None)
    languages = models.BigIntegerField(default=0)
    cap_per_week = models.PositiveSmallIntegerField(null=True, default=None)
    rest_days = models.PositiveSmallIntegerField(default=0)
    # At most so many proposals a day; NULL: as many as the organisation says.
    asks_per_day = models.PositiveSmallIntegerField(null=True, default=None)
    # Helps only beside somebody who is not on probation.
    probation = models.BooleanField(default=False)
    # The account of an organisation that is asked last, with the asker's yes.
    is_partner = models.BooleanField(default=False)
    # Not proposed to anybody until the desk has looked. Nobody is told why.
    held_back = models.BooleanField(default=False)
    interface_language = models.CharField(max_length=10, default="en")
    last_asked_at = models.DateTimeField(default=NEVER)
    # On which local day (date.toordinal) they were last asked, and how often on it.
    asked_day = models.PositiveIntegerField(default=0)
    asked_today = models.PositiveSmallIntegerField(default=0)
    epoch = models.CharField(max_length=32, default=new_epoch)
    public_key = models.BinaryField(max_length=32)
    public_key_mac = models.BinaryField(max_length=32)
    wrapped_private = models.BinaryField()
    wrap_salt = models.BinaryField(max_length=16)
    wrapped_recovery = models.BinaryField()
    recovery_salt = models.BinaryField(max_length=16)
    calendar_token_hash = models.CharField(max_length=64, default="", blank=True, db_index=True)

    objects = VolunteerQuerySet.as_manager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    if TYPE_CHECKING:
        offers: RelatedManager[Offer]
        places: RelatedManager[OfferPlace]
        vouches: RelatedManager[Vouch]

    privacy = FieldClasses(
        sealed=("wrapped_private", "wrapped_recovery"),
        clear=(
            "id",
            "username",
            "handle",
            "is_coordinator",
            "status",
            "vouched_at",
            "paused_until",
            "languages",
            "cap_per_week",
            "rest_days",
            "asks_per_day",
            "probation",
            "is_partner",
            "held_back",
            "interface_language",
            "last_asked_at",
            "asked_day",
            "asked_today",
            "epoch",
            "public_key",
            "wrap_salt",
            "recovery_salt",
        ),
        derived=("password", "public_key_mac", "calendar_token_hash"),
        lives="until the volunteer leaves",
    )

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Django's word for "may have a session": anybody who is not suspended."""
        return self.status == self.Status.ACTIVE

    @property
    def is_let_in(self) -> bool:
        """Vouched for and not suspended."""
        return self.is_active and self.vouched_at is not None

    def is_paused(self, at: datetime) -> bool:
        """Whether their own pause still runs; it ends at 05:00 of `paused_until`."""
        return self.paused_until is not None and clock.local_day(at) < self.paused_until

    def may_act(self, at: datetime) -> bool:
        """The same question as `standing(at)`, of one row."""
        return self.is_let_in and not self.is_paused(at) and not self.held_back

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        # Bound to the epoch too: suspending somebody, or a new passphrase, ends every other session.
        value = f"{self.epoch}{self.password}"
        return salted_hmac("volunteers.session", value, secret=secret, algorithm="sha256").hexdigest()

    # --- keys

    def _key_mac_parts(self) -> tuple[str, bytes, bytes]:
        return "volunteers.public_key", self.id.bytes, bytes(self.public_key)

    def set_public_key(self, public_key: bytes) -> None:
        """Set the public key and its MAC; the caller saves."""
        self.public_key = public_key
        self.public_key_mac = instance.mac(*self._key_mac_parts())

    def reader(self) -> Reader:
        """Whom to grant a compartment to. Errors: Unreadable when the key in the row was swapped."""
        if not instance.check_mac(bytes(self.public_key_mac), *self._key_mac_parts()):
            raise Unreadable("This public key is not the one that was stored.")
        return Reader("volunteer", self.id, bytes(self.public_key))

    def renewed(self) -> dict[str, bytes]:
        """What a new root of the secrets changes. Raises Unreadable where no root made this row."""
        return {"public_key_mac": instance.renewed_mac(bytes(self.public_key_mac), *self._key_mac_parts())}

    # --- standing

    def vouch(self, by: Volunteer, at: datetime, context: str) -> None:
        """`by` vouches for this volunteer, who is let in from now on. Twice by the same person counts once.

        context: one of Vouch.Context. Errors: ValueError when somebody vouches for themselves.
        """
        if by.pk == self.pk:
            raise ValueError("Nobody vouches for themselves.")
        with transaction.atomic():
            # Whoever takes the last one back at this moment waits, and finds this one.
            type(self).objects.lock(self.pk)
            Vouch.objects.record(self, by, at, context)
            self._let_in(at)

    def _let_in(self, at: datetime) -> None:
        moment = clock.hour(at)
        if type(self).objects.filter(pk=self.pk, vouched_at__isnull=True).update(vouched_at=moment):
            self.vouched_at = moment
        else:
            self.refresh_from_db(fields=["vouched_at"])
        self.reindex(at)

    def wait_for_the_desk(self, at: datetime) -> None:
        """Undo being let in, keeping the vouches: after a restore the desk looks at everybody again."""
        self._change(at, vouched_at=None, epoch=new_epoch())

    def lose_last_vouch(self, at: datetime) -> None:
        """Nobody stands up for them any more: they wait for the desk again, and can read that they do."""
        self._change(at, vouched_at=None)

    def set_probation(self, at: datetime, *, on: bool) -> None:
        """Whether they help only beside somebody who is not on probation (volunteers/probation.py)."""
        self._change(at, probation=on)

    def end_sessions(self, at: datetime) -> None:
        """Whoever is signed in as them is so no longer."""
        self._change(at, epoch=new_epoch())

    def pause(self, until: date, at: datetime) -> None:
        """Not asked before 05:00 of `until`, a local date."""
        self._change(at, paused_until=until)

    def resume(self, at: datetime) -> None:
        self._change(at, paused_until=None)

    def hold_back(self, at: datetime) -> None:
        """Nobody is sent to them, or them to anybody, until the desk has looked."""
        self._change(at, held_back=True)

    def let_go(self, at: datetime) -> None:
        """The desk has looked: they can be asked again."""
        self._change(at, held_back=False)

    def suspend_account(self, at: datetime) -> None:
        """No login, no session, no proposals. Releasing claims is up to requests_app/standing.py."""
        self._change(at, status=self.Status.SUSPENDED, epoch=new_epoch())

    def set_partner(self, at: datetime, *, is_partner: bool) -> None:
        """The desk says that this account is a partner organisation's, or is not."""
        self._change(at, is_partner=is_partner)

    def reinstate(self, at: datetime) -> None:
        """A suspended volunteer may log in again, and is let in if somebody vouched before."""
        self._change(at, status=self.Status.ACTIVE, epoch=new_epoch())

    def _change(self, at: datetime, **values: Any) -> None:
        """Write exactly these columns and the search rows that depend on them, in one transaction."""
        with transaction.atomic():
            type(self).objects.filter(pk=self.pk).update(**values)
            for name, value in values.items():
                setattr(self, name, value)
            self.reindex(at)

    # --- what others set about them, and they about themselves

    def describe(self, at: datetime, **values: Any) -> None:
        """Set handle, languages, cap_per_week, rest_days, asks_per_day or interface_language."""
        allowed = {"handle", "languages", "cap_per_week", "rest_days", "asks_per_day", "interface_language"}
        if unknown := set(values) - allowed:
            raise ValueError(f"Not theirs to set: {', '.join(sorted(unknown))}.")
        self._change(at, **values)

    def reindex(self, at: datetime) -> None:
        """Rebuild the search rows of every offer of theirs."""
        for offer in self.offers.select_related("volunteer").order_by("pk"):
            offer.reindex(at)

    def mark_asked(self, at: datetime) -> None:
        """Somebody was proposed to them: whoever was asked least recently comes first next time."""
        self.last_asked_at = clock.hour(at)
        with transaction.atomic():
            type(self).objects.filter(pk=self.pk).update(last_asked_at=self.last_asked_at)
            self.places.update(asked_hour=hour_number(self.last_asked_at))

    def new_calendar_token(self) -> str:
        """A fresh secret for the calendar address; the one before stops working."""
        token = secrets.token_urlsafe(24)
        self.calendar_token_hash = instance.token_name("volunteers.calendar", token)
        self.save(update_fields=["calendar_token_hash"])
        return token

    def drop_calendar_token(self) -> None:
        self.calendar_token_hash = ""
        self.save(update_fields=["calendar_token_hash"])


class VouchManager(models.Manager["Vouch"]):
    def record(self, volunteer: Volunteer, by: Volunteer, at: datetime, context: str) -> Vouch:
        """One row per pair; a second vouch of the same person changes nothing."""
        made, _created = self.get_or_create(
            volunteer=volunteer,
            by=by,
            defaults={"at": clock.hour(at), "context": Vouch.Context(context)},
        )
        return made

    def take_back(self, volunteer: Volunteer, by: Volunteer) -> bool:
        """`by` does not stand up for them any more. Whether it was the last one; False where there was none.
        Inside a transaction that holds their lock."""
        deleted, _rows = self.filter(volunteer=volunteer, by=by).delete()
        return bool(deleted) and not self.filter(volunteer=volunteer).exists()


class Vouch(models.Model):
    """That one person with the desk role stands up for one volunteer."""

    class Context(models.TextChoices):
        MET = "met", _("met in person")
        KNOWN = "known", _("known for a long time")
        RECOMMENDED = "recommended", _("recommended by somebody we trust")
        DESK = "desk", _("invited to the desk")

    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="vouches")
    by = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="vouched_for")
    at = models.DateTimeField()
    context = models.CharField(max_length=12, choices=Context.choices)

    objects = VouchManager()
    privacy = FieldClasses(
        clear=("id", "volunteer", "by", "at", "context"), lives="until either of the two leaves"
    )

    class Meta:
        ordering = ("at", "id")
        constraints = (models.UniqueConstraint(fields=("volunteer", "by"), name="one_vouch_per_pair"),)

    def __str__(self) -> str:
        return f"{self.volunteer_id} {self.context}"
