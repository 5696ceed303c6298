"""The clear facts of a need, as short strings in the language of the page. One wording for everybody."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from organisation import conditions, kinds, languages
from privacy import clock
from requests_app.models import Need, Task


def title(need: Need, task: Task | None = None) -> str:
    """What it is: the kind, or the task where a kind has several."""
    kind = kinds.get(need.kind)
    return str(kind.role_name(task.role) if task else kind.name)


def facts(need: Need, task: Task | None = None, tasks: Iterable[Task] = ()) -> list[str]:
    """Area, day, parts, nights, people, languages, conditions and soft wishes: what others may see.

    With its times as `task` has them; or as the need has them, and as those of `tasks` do that have others.
    """
    lines = [need.area.name, day(need.day), parts((task or need).parts)]
    lines += [f"{title(need, other)}: {parts(other.parts)}" for other in tasks if other.parts != need.parts]
    if need.nights:
        count = {"count": need.nights}
        lines.append(ngettext("%(count)d night", "%(count)d nights", need.nights) % count)
    if need.people > 1:
        lines.append(gettext("%(count)d people") % {"count": need.people})
    if need.languages:
        lines.append(", ".join(languages.names(need.languages)))
    lines += conditions.labels(need.conditions)
    return [
        *lines,
        *[gettext("Would be good: %(what)s") % {"what": w} for w in conditions.labels(need.wishes)],
    ]


def day(value: date) -> str:
    return formats.date_format(value, "l j F")


def parts(mask: int) -> str:
    """The parts of a day that would do."""
    names = {
        clock.Part.MORNING: gettext("morning"),
        clock.Part.AFTERNOON: gettext("afternoon"),
        clock.Part.EVENING: gettext("evening"),
        clock.Part.NIGHT: gettext("night"),
    }
    if mask == int(clock.ALL_PARTS):
        return gettext("any time")
    return ", ".join(name for part, name in names.items() if mask & part)


def moment(value: datetime, at: datetime) -> str:
    """A moment to come, as short as it can be: "14:30" today, else with the day."""
    if timezone.localtime(value).date() == timezone.localtime(at).date():
        return formats.time_format(timezone.localtime(value), "H:i")
    return day_and_time(value, at)


def day_and_time(value: datetime, at: datetime) -> str:
    """A moment to come with its day: "Monday 14:30" within a week, else "4 May 14:30"."""
    local = timezone.localtime(value)
    pattern = "l" if value - at < timedelta(days=6) else "j F"
    return f"{formats.date_format(local, pattern)} {formats.time_format(local, 'H:i')}"


def past(value: datetime, at: datetime) -> str:
    """A moment that is over: "14:30" today, "Monday 14:30" within a week, else "4 May 14:30"."""
    if at - value < timedelta(days=6):
        return moment(value, at)
    local = timezone.localtime(value)
    return f"{formats.date_format(local, 'j F')} {formats.time_format(local, 'H:i')}"


def hour(value: datetime | None, pattern: str) -> str:
    """A stored moment as people here read it; "" for none. All of these are hours."""
    return formats.date_format(timezone.localtime(value), pattern) if value else ""


# What is told to each side for a reason code that matching stored.
_TO_ASKER = {
    "same_area": _("In the same area."),
    "near": _("Near."),
    "reach": _("Comes this far."),
    "language": _("Speaks a language you speak."),
    "all_parts": _("Free all that time."),
    "wishes": _("Has what you would like."),
    "some_wishes": _("Has some of what you would like."),
}
_TO_VOLUNTEER = {
    "same_area": _("In your area."),
    "near": _("Near you."),
    "reach": _("As far as you said you go."),
    "language": _("You share a language."),
    "all_parts": _("You are free all that time."),
    "not_asked_lately": _("You were not asked for a while."),
    "wishes": _("You have what would be good."),
    "some_wishes": _("You have some of what would be good."),
}


def reasons_for_asker(codes: Iterable[str]) -> list[str]:
    """Why this volunteer fits, as she reads it; unknown codes are passed over."""
    return [str(_TO_ASKER[code]) for code in codes if code in _TO_ASKER]


def reasons_for_volunteer(codes: Iterable[str]) -> list[str]:
    """Why this task fits, as the volunteer reads it."""
    return [str(_TO_VOLUNTEER[code]) for code in codes if code in _TO_VOLUNTEER]
