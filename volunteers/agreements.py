"""What everybody who helps agrees to: short texts with versions, accepted anew when they change.

The first is built in, and translated. The organisation may put its own words in its place, and add more; each
change is a new version. Who has accepted which, on which day, is all that is kept about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import IntegrityError, models, transaction
from django.db.models import Max
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from privacy import clock
from privacy.fields import FieldClasses, random_key
from volunteers.account import Volunteer

TITLE_MAX, TEXT_MAX, MOST = 60, 2000, 20
# Not less than a built-in text's: what the organisation writes in its place is a later version.
FIRST_VERSION = 1


@dataclass(frozen=True)
class BuiltIn:
    """A text that every instance has from the start."""

    title: str | Promise
    text: str | Promise


BUILT_IN: Final[dict[str, BuiltIn]] = {
    "do-not-ask-why": BuiltIn(
        _("We do not ask why"),
        _(
            "I do not ask why somebody needs this, who they are, or what they do. I do not look for it."
            " What I see and hear stays with me. I do not advise, and I do not judge. I help with what"
            " was asked, or I say that I cannot."
        ),
    ),
}


class Unchanged(Exception):
    """The words are the same: nobody has to accept them anew."""


class TooMany(Exception):
    """Nobody reads so many."""


@dataclass(frozen=True)
class Current:
    """One text as it stands now. `mark`: its slug and version in a form."""

    slug: str
    version: int
    title: str | Promise
    text: str | Promise
    built_in: bool

    @property
    def mark(self) -> str:
        return f"{self.slug}:{self.version}"


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def current(self) -> list[Current]:
        """Every text that is to be accepted, the built-in ones first. One query."""
        latest: dict[str, Agreement] = {}
        for row in self.order_by("slug", "version"):
            latest[row.slug] = row
        found = [_current(slug, latest.pop(slug, None)) for slug in BUILT_IN]
        rows = sorted(latest.values(), key=lambda row: (row.first_on, row.slug))
        return found + [_current(row.slug, row) for row in rows if row.published]

    def write(self, slug: str, title: str, text: str, at: datetime) -> Agreement:
        """The next version of a text, or the first of a new one. Everybody reads it before they go on.

        Of two at once, the second is one more version. Errors: Unchanged; Agreement.DoesNotExist for a slug
        that is not current.
        """
        with transaction.atomic():
            now = {row.slug: row for row in self.current()}
            if slug not in now:
                raise self.model.DoesNotExist
            if (str(now[slug].title), str(now[slug].text)) == (title, text):
                raise Unchanged
            return self._store(slug, title, text, at)

    def add(self, title: str, text: str, at: datetime) -> Agreement:
        """One more text that everybody accepts. Errors: TooMany."""
        with transaction.atomic():
            current = self.current()
            if len(current) >= MOST:
                raise TooMany
            return self._store(self._free_slug(title), title, text, at)

    def stop(self, slug: str) -> None:
        """Nobody is asked to accept it any more; what is built in stays. Twice is harmless."""
        if slug not in BUILT_IN:
            self.filter(slug=slug).update(published=False)

    def _store(self, slug: str, title: str, text: str, at: datetime) -> Agreement:
        rows, before = self.filter(slug=slug), FIRST_VERSION if slug in BUILT_IN else 0
        first_on = rows.order_by("version").values_list("first_on", flat=True).first()
        for _attempt in range(3):
            last = rows.aggregate(Max("version"))["version__max"] or before
            try:
                with transaction.atomic():
                    return self.create(
                        slug=slug,
                        version=last + 1,
                        title=title,
                        text=text,
                        first_on=first_on or clock.local_day(at),
                    )
            except IntegrityError:
                # Somebody else wrote a version at this moment: theirs comes before.
                continue
        raise TooMany

    def _free_slug(self, title: str) -> str:
        """A short name that no text has or had."""
        taken = {*BUILT_IN, *self.values_list("slug", flat=True)}
        name = slugify(title)[:40].strip("-_") or "text"
        return next(slug for slug in (name, *(f"{name}-{n}" for n in range(2, 999))) if slug not in taken)


def _current(slug: str, row: Agreement | None) -> Current:
    if row is None:
        text = BUILT_IN[slug]
        return Current(slug, FIRST_VERSION, text.title, text.text, built_in=True)
    return Current(slug, row.version, row.title, row.text, built_in=slug in BUILT_IN)


class Agreement(models.Model):
    """One version of one text, in the organisation's own words; everybody with an account may read it."""

    id = random_key()
    slug = models.SlugField(max_length=50)
    version = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=TITLE_MAX)
    text = models.TextField(max_length=TEXT_MAX)
    published = models.BooleanField(default=True)
    # On which day the first version of it was written: the order in which they are read.
    first_on = models.DateField()

    objects = AgreementQuerySet.as_manager()
    privacy = FieldClasses(
        clear=("id", "slug", "version", "title", "text", "published", "first_on"),
        lives="as long as the instance",
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=("slug", "version"), name="agreement_version_once"),)

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"


class AcceptanceQuerySet(models.QuerySet["Acceptance"]):
    def missing(self, volunteer: Volunteer) -> list[Current]:
        """What this person has not accepted as it stands now. Two queries."""
        accepted = set(self.filter(volunteer=volunteer).values_list("slug", "version"))
        current = Agreement.objects.current()
        return [text for text in current if (text.slug, text.version) not in accepted]

    def accept(self, volunteer: Volunteer, marks: Iterable[str], at: datetime) -> None:
        """They read these (Current.mark) and accept them; one that is not current counts for nothing."""
        shown = set(marks)
        rows = [
            Acceptance(volunteer=volunteer, slug=text.slug, version=text.version, on=clock.local_day(at))
            for text in Agreement.objects.current()
            if text.mark in shown
        ]
        self.bulk_create(rows, ignore_conflicts=True)

    def without(self) -> list[tuple[Current, list[Volunteer]]]:
        """Each current text, and who with an account has not accepted it yet. Three queries."""
        accepted = set(self.values_list("volunteer_id", "slug", "version"))
        people = list(Volunteer.objects.filter(status=Volunteer.Status.ACTIVE).order_by("handle", "username"))
        return [
            (text, [who for who in people if (who.pk, text.slug, text.version) not in accepted])
            for text in Agreement.objects.current()
        ]


class Acceptance(models.Model):
    """That one person accepted one version of one text, on a day."""

    id = random_key()
    volunteer = models.ForeignKey(Volunteer, on_delete=models.CASCADE, related_name="acceptances")
    slug = models.SlugField(max_length=50, db_index=False)
    version = models.PositiveSmallIntegerField()
    on = models.DateField()

    objects = AcceptanceQuerySet.as_manager()
    privacy = FieldClasses(
        clear=("id", "volunteer", "slug", "version", "on"), lives="until the volunteer leaves"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("volunteer", "slug", "version"), name="accepted_once"),
        )

    def __str__(self) -> str:
        return str(self.pk)
