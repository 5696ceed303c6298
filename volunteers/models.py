"""The tables of this room, one module per thing."""

from volunteers.account import Volunteer, Vouch
from volunteers.agreements import Acceptance, Agreement
from volunteers.checks import Check
from volunteers.desk import DeskKey, DeskShare
from volunteers.invitations import Invitation
from volunteers.login_restores import LoginRestore
from volunteers.nights import OfferNight
from volunteers.offers import Offer, OfferArea, OfferException
from volunteers.places import OfferPlace
from volunteers.probation import Probation
from volunteers.rota import OnCall
from volunteers.slips import Slip
from volunteers.supply import Supply

__all__ = [
    "Acceptance",
    "Agreement",
    "Check",
    "DeskKey",
    "DeskShare",
    "Invitation",
    "LoginRestore",
    "Offer",
    "OfferArea",
    "OfferException",
    "OfferNight",
    "OfferPlace",
    "OnCall",
    "Probation",
    "Slip",
    "Supply",
    "Volunteer",
    "Vouch",
]
