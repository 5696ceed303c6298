"""Settings of an instance that does not wait for the disk: what the power cut's drill must be able to see."""

from mutualaid.settings import *
from mutualaid.settings import DATABASES

DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"
