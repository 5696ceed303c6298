"""What a coordinator may type into the settings."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

_https = URLValidator(schemes=["https"], message=_("Give a whole address that begins with https://"))


def neutral_page(value: str) -> None:
    """An https address of a public page, without a name or password in it."""
    _https(value)
    if "@" in urlsplit(value).netloc:
        raise ValidationError(_("Give an address without a name or password in it."))


def phone_number(value: str) -> None:
    """Something a telephone can dial: 3 to 15 digits, with the usual marks between them."""
    if not re.fullmatch(r"\s*\+?[\d\s()./-]+", value) or not 3 <= sum(c.isdigit() for c in value) <= 15:
        raise ValidationError(_("Give a number with 3 to 15 digits. It may begin with +."))
