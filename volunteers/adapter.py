"""Where allauth meets our keys: nobody types the passphrase twice, nothing of theirs is stored in clear."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login, pop_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from organisation import page_language
from organisation.models import Organisation
from privacy import instance
from privacy.crypto import Unreadable
from volunteers import keys, seeds
from volunteers.account import Volunteer, as_username

NO_MATCH = _("User name and passphrase do not go together.")
TOO_MANY = _("Too many tries. Wait a few minutes, then try again.")
# In the session of a login that waits for its second step: whose, and their epoch at the first.
WAITS = "login_waits"
WRONG_CODE = _("This code is not right, or it was used before.")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """No sign-up, no e-mail, one answer to every failed login, and the key unlocked on the way."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": NO_MATCH,
        "incorrect_password": _("This is not your passphrase."),
        "enter_current_password": _("This is not your passphrase."),
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY,
        "incorrect_code": WRONG_CODE,
    }

    def is_safe_url(self, url: str | None) -> bool:
        # allauth would also go on to any host of ALLOWED_HOSTS, and breaks over "http://[".
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth would put a plain hash of the name into the cache.
        return instance.blind("volunteers.login", as_username(credentials.get("username", "")))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Volunteer | None:
        """Check a passphrase; the one place that sees it in clear also opens the key with it.

        With a second factor still to come nothing is opened: the unlock page asks later.
        """
        self.pre_authenticate(request, **credentials)
        volunteer = authenticate(request, **credentials)
        if not isinstance(volunteer, Volunteer):
            return None
        self._rollback_login_failed_rl_usage()
        signed_in = request.user == volunteer
        if signed_in or not is_mfa_enabled(volunteer):
            self._unlock(request, volunteer, credentials["password"], signed_in=signed_in)
        else:
            request.session[WAITS] = {"of": str(volunteer.pk), "epoch": volunteer.epoch}
        return volunteer

    def _unlock(
        self, request: HttpRequest, volunteer: Volunteer, passphrase: str, *, signed_in: bool
    ) -> None:
        try:
            private = keys.unlock(volunteer, passphrase)
        except Unreadable:
            # The row was tampered with: they may sign in, and see nothing sealed.
            return
        if signed_in:
            keys.remember(request, private)
        else:
            # Into the session once the login is complete, not before.
            request.opened_key = (volunteer.pk, private)  # type: ignore[attr-defined]

    def login_anew(self, request: HttpRequest, user: Volunteer) -> None:
        """Sign in whoever just made the account, or its new key, whatever waited in this browser before."""
        pop_login(request)
        request.session.pop(WAITS, None)
        self.login(request, user)

    def login(self, request: HttpRequest, user: Volunteer) -> None:
        waited = request.session.pop(WAITS, None)
        if waited and waited["of"] == str(user.pk) and waited["epoch"] != user.epoch:
            # Between the two steps every session of theirs was ended, and this one is no exception.
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        super().login(request, user)
        whose, private = getattr(request, "opened_key", (None, b""))
        if whose == user.pk:
            keys.remember(request, private)

    def post_login(self, request: HttpRequest, user: Volunteer, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        page_language.remember(response, user.interface_language)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: Volunteer) -> HttpResponse:
        """A suspended account with a passkey: the same words as an unknown one."""
        clear_login(request)
        messages.error(request, str(NO_MATCH))
        return HttpResponseRedirect(reverse("account_login"))

    def set_password(self, user: Volunteer, password: str) -> None:
        raise NotImplementedError("A passphrase changes only with what it wraps: volunteers/keys.py.")

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        # allauth greets people by name; the pages themselves say what happened.
        if kwargs.get("message"):
            super().add_message(request, level, *args, **kwargs)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """There is no address, and no letter about an account."""

    def ajax_response_form(self, form: Any) -> dict[str, Any]:
        # allauth would send what was typed back, the passphrase included.
        return {}

    def get_client_ip(self, request: HttpRequest) -> str:
        # allauth asks for addresses only to count by them; the forms' tickets do that, blinded.
        return "-"

    def get_http_user_agent(self, request: HttpRequest) -> str:
        return "-"


def home_of(volunteer: Any) -> str:
    """Where somebody starts after signing in: the board, or their profile until they are let in."""
    if isinstance(volunteer, Volunteer) and volunteer.is_let_in:
        return reverse("board")
    return reverse("profile")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: seeds sealed under the service key, neutral names, no SVG."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": WRONG_CODE,
    }

    def encrypt(self, text: str) -> str:
        return seeds.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return seeds.unseal(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        # Tor Browser's safest level shows no SVG; the page has a PNG at an address of its own.
        return ""

    def get_totp_issuer(self) -> str:
        return Organisation.objects.current().cover_name

    def _get_site_name(self) -> str:
        return Organisation.objects.current().cover_name

    def generate_authenticator_name(self, user: Volunteer, type: Any) -> str:
        return gettext("My device")

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """There is no address."""
