"""The rows of a need, from asking to forgetting. One file for each thing."""

from requests_app.models.approving import TooLate
from requests_app.models.asked import Asked
from requests_app.models.bed_night import BedNight
from requests_app.models.called_off import CalledOff
from requests_app.models.claim import Claim, NotForYou
from requests_app.models.debrief import Debrief
from requests_app.models.event import Event
from requests_app.models.extension import Extension, TooLong
from requests_app.models.knock import Errand, Knock
from requests_app.models.mailbox import Mailbox
from requests_app.models.message import Message
from requests_app.models.need import Need
from requests_app.models.need_day import NeedDay
from requests_app.models.outside_contact import OutsideContact
from requests_app.models.plan import Plan
from requests_app.models.proposal import NeverMatch, Proposal
from requests_app.models.report import Report
from requests_app.models.reveal import Reveal
from requests_app.models.shared import KeyChanged
from requests_app.models.taken import Taken
from requests_app.models.tap import Tap
from requests_app.models.task import Task
from requests_app.models.trusted import NotAlone, NotChecked, NotNow, NotYet

__all__ = [
    "Asked",
    "BedNight",
    "CalledOff",
    "Claim",
    "Debrief",
    "Errand",
    "Event",
    "Extension",
    "KeyChanged",
    "Knock",
    "Mailbox",
    "Message",
    "Need",
    "NeedDay",
    "NeverMatch",
    "NotAlone",
    "NotChecked",
    "NotForYou",
    "NotNow",
    "NotYet",
    "OutsideContact",
    "Plan",
    "Proposal",
    "Report",
    "Reveal",
    "Taken",
    "Tap",
    "Task",
    "TooLate",
    "TooLong",
]
