"""What each side sees of nights that go on: until when, whether it may become longer, and moving on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django import forms
from django.utils.translation import gettext, ngettext

from organisation.models import Organisation
from requests_app import facts
from requests_app.forms.stay import LongerForm
from requests_app.models import Claim, Extension
from requests_app.models.extension import AGREED, MOST_TIMES, REFUSED, most_more


@dataclass(frozen=True)
class Stay:
    """An approved claim of a need with nights, as one side sees it.

    `waiting`: what is asked for and not decided; `said_yes`: this side did; `form`: to ask for more nights,
    where that can be. Whose yes is missing is shown to nobody.
    """

    until: str
    can_move_on: bool
    waiting: Extension | None
    said_yes: bool
    sentence: str
    form: forms.Form | None


def stay(
    claim: Claim, extension: Extension | None, side: str, at: datetime, organisation: Organisation
) -> Stay | None:
    """`extension`: the latest of this claim. None where there are no nights, or they are over."""
    if not claim.is_approved or not claim.need.nights or at >= claim.need.over_at():
        return None
    waiting = extension if extension and extension.is_waiting(at) else None
    more = most_more(claim, organisation)
    can_ask = not waiting and more > 0 and (extension is None or extension.number < MOST_TIMES)
    return Stay(
        until=facts.day(claim.need.last_day()),
        can_move_on=claim.can_move_on(at),
        waiting=waiting,
        said_yes=waiting is not None and getattr(waiting, side),
        sentence=_sentence(extension, waiting),
        form=LongerForm(most=more, auto_id=f"longer-{claim.pk}-%s") if can_ask else None,
    )


def asked_for(extension: Extension) -> str:
    """How many more nights, for a person."""
    return ngettext(
        "%(count)d more night is asked for.", "%(count)d more nights are asked for.", extension.nights
    ) % {"count": extension.nights}


def waiting_on_desk(extensions: Mapping[UUID, Extension], claim: Claim, at: datetime) -> Extension | None:
    """What waits for a yes of the desk, of one approved claim."""
    extension = extensions.get(claim.pk)
    if extension is None or not claim.is_approved or not extension.is_waiting(at):
        return None
    return None if extension.desk_yes else extension


def _sentence(extension: Extension | None, waiting: Extension | None) -> str:
    if waiting:
        needs = gettext("It needs three yeses: of the guest, the host and the desk.")
        return f"{asked_for(waiting)} {needs}"
    if extension is None:
        return ""
    if extension.status == AGREED:
        return gettext("Everybody said yes to more nights.")
    if extension.status == REFUSED and extension.no_bed:
        return gettext("No bed is left for more nights. All goes on as agreed before.")
    if extension.status == REFUSED:
        return gettext("It does not become longer. All goes on as agreed before.")
    return ""
