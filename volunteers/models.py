"""The tables of this room, one module per thing."""

from volunteers.account import Volunteer, Vouch
from volunteers.desk import DeskKey, DeskShare
from volunteers.invitations import Invitation
from volunteers.login_restores import LoginRestore
from volunteers.nights import OfferNight
from volunteers.offers import Offer, OfferArea, OfferException
from volunteers.places import OfferPlace
from volunteers.supply import Supply

__all__ = [
    "DeskKey",
    "DeskShare",
    "Invitation",
    "LoginRestore",
    "Offer",
    "OfferArea",
    "OfferException",
    "OfferNight",
    "OfferPlace",
    "Supply",
    "Volunteer",
    "Vouch",
]
