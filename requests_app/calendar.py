"""On which days a volunteer is expected, in neutral calendar entries. Not what, where or for whom."""

from datetime import datetime, timedelta

from icalendar import Calendar, Event

from organisation.models import Organisation
from privacy import instance
from requests_app.models import Claim
from volunteers.models import Volunteer


def calendar_of(volunteer: Volunteer, at: datetime) -> bytes:
    """An iCalendar file (RFC 5545) with one all-day entry for each approved claim."""
    name = Organisation.objects.current().cover_name
    calendar = Calendar()
    calendar.add("prodid", f"-//{name}//EN")
    calendar.add("version", "2.0")
    for claim in Claim.objects.of(volunteer, at).approved():
        calendar.add_component(_entry(claim, name))
    return bytes(calendar.to_ical())


def _entry(claim: Claim, name: str) -> Event:
    entry = Event()
    entry.add("uid", instance.blind("calendar entry", claim.pk.bytes)[:32])
    entry.add("summary", name)
    entry.add("dtstamp", claim.claimed_at)
    entry.add("dtstart", claim.need.day)
    entry.add("dtend", claim.need.last_day() + timedelta(days=1))
    return entry
