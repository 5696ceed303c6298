"""What the asker reads of a volunteer's home, when somebody offers it."""

from datetime import datetime

from django.utils import formats
from django.utils.translation import gettext

from organisation import house
from organisation.kind import Kind
from volunteers.models import Offer


def lines(kind: Kind, offer: Offer | None, at: datetime) -> list[str]:
    """A line for each fact or rule, then whether all adults there agree; what the kind asks of it."""
    if offer is None:
        return []
    found = house.labels(offer.house, kind.house_slugs)
    return [*found, _agreed(offer, at)] if kind.household_agrees else found


def _agreed(offer: Offer, at: datetime) -> str:
    if offer.adults_agreed_on is None:
        return gettext("Nobody said whether all adults there agree.")
    month = {"month": formats.date_format(offer.adults_agreed_on, "F Y")}
    if offer.adults_agree(at):
        return gettext("All adults there agree (%(month)s).") % month
    return gettext("All adults there agreed in %(month)s. Nobody said it again since.") % month
