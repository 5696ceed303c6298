"""That a code which was shown once is on paper. Names its mailbox in a way only this instance reads."""

import binascii
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode

from django import forms

from privacy import crypto, instance
from privacy.crypto import Unreadable
from requests_app.models import Mailbox

CONTEXT = crypto.context("form", "paper", "mailbox")


class PaperForm(forms.Form):
    """One button. Garbage confirms nothing, and is answered like anything else."""

    paper = forms.CharField(widget=forms.HiddenInput, max_length=2000)

    @classmethod
    def of(cls, mailbox: Mailbox) -> "PaperForm":
        sealed = instance.service_seal(mailbox.pk.bytes, CONTEXT)
        return cls(initial={"paper": urlsafe_b64encode(sealed).decode()})

    def confirm(self) -> None:
        """Whoever asked can come back to it: it does not rank last any more. Call after is_valid()."""
        try:
            sealed = urlsafe_b64decode(self.cleaned_data["paper"].encode())
            mailbox = uuid.UUID(bytes=instance.service_open(sealed, CONTEXT))
        except (Unreadable, ValueError, binascii.Error):
            return
        Mailbox.objects.confirm(mailbox)
