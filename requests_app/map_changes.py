"""Where areas and offers meet: when the tree of areas changes, the search rows of offers change with it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from organisation.models import Area
from volunteers.models import Offer


def add(at: datetime, **values: Any) -> Area:
    """A new area; offers that named the one it lies in now reach it."""
    with transaction.atomic():
        area: Area = Area.objects.add(**values)
        if area.parent_id is not None:
            Offer.objects.reindex_all(at)
    return area


def change(area: Area, at: datetime, **values: Any) -> None:
    """New name, centre or place in the tree. Raises AreaInsideItself."""
    with transaction.atomic():
        # The form has filled the row it was given: what is stored says whether the tree changes.
        before = Area.objects.filter(pk=area.pk).values_list("parent_id", flat=True).first()
        area.change(**values)
        if area.parent_id != before:
            Offer.objects.reindex_all(at)


def deactivate(area: Area, at: datetime) -> None:
    """It can no longer be chosen. Raises LastArea."""
    with transaction.atomic():
        area.deactivate()
        Offer.objects.reindex_all(at)


def activate(area: Area, at: datetime) -> None:
    """It can be chosen again."""
    with transaction.atomic():
        area.activate()
        Offer.objects.reindex_all(at)
