"""Whether a partner organisation may be asked: the part of her form with that one question."""

from django import forms
from django.utils.translation import gettext_lazy as _

from volunteers.models import Volunteer


class MayAskPartner(forms.Form):
    """Asked only where there is a partner. Nothing ticked means no."""

    partner_ok = forms.BooleanField(
        label=_("If nobody here can, a partner organisation may be asked"),
        help_text=_("After everybody here, and the desk. You still decide as you chose."),
        required=False,
    )

    def ask_about_partner(self) -> None:
        """Leave the question out where nobody could be asked."""
        if not Volunteer.objects.partners().exists():
            del self.fields["partner_ok"]
