"""What the desk reads of those who would like to talk."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext

from requests_app import facts
from requests_app.asker_page import readable
from requests_app.models import Debrief
from requests_app.models.report import ASKER
from requests_app.models.sealed import with_compartments
from requests_app.readers import Unlocked


@dataclass(frozen=True)
class Line:
    """One of them. `text` is "" where it cannot be opened."""

    debrief: Debrief
    who: str
    text: str
    reach: str
    kept_until: str


def read_by_desk(debriefs: Iterable[Debrief], at_desk: Unlocked) -> list[Line]:
    """The oldest first. The same number of queries for one and for fifty."""
    found = list(debriefs)
    with_compartments(found)
    return [_line(debrief, at_desk) for debrief in found]


def _line(debrief: Debrief, at_desk: Unlocked) -> Line:
    until = facts.hour(debrief.forget_after, "j F")
    said = readable(lambda: debrief.read(at_desk), None)
    if said is None:
        return Line(debrief, gettext("This cannot be read."), "", "", until)
    who = gettext("Somebody who asked") if said["side"] == ASKER else gettext("A volunteer")
    return Line(debrief, who, said["text"], said["reach"], until)
