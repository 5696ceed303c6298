"""A passkey opens the account and no more: where something is sealed, the passphrase is asked for.

Chromium has an authenticator of its own for tests. Passkeys belong to a name, so this is http://localhost.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.live import LiveSystem

pytestmark = pytest.mark.chromium
NEW = "orchard window paper boat"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def browser(whole_chromium: Browser) -> Browser:
    return whole_chromium


@pytest.fixture(scope="module")
def accounts(live_system: Callable[..., LiveSystem]) -> list[dict[str, str]]:
    """The example organisation's accounts."""
    filled: dict[str, Any] = live_system().demo()
    return list(filled["accounts"])


@pytest.fixture
def page(
    new_context: Callable[..., BrowserContext],
    live_system: Callable[..., LiveSystem],
    accounts: list[dict[str, str]],
) -> Page:
    """A browser on a telephone that has a fingerprint reader."""
    url = live_system().url.replace("127.0.0.1", "localhost")
    opened = new_context(base_url=url).new_page()
    session = opened.context.new_cdp_session(opened)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return opened


def sign_in(page: Page, account: dict[str, str]) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("User name").fill(account["username"])
    page.get_by_label("Passphrase").fill(account["passphrase"])
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url("/board/")


def add_passkey(page: Page, account: dict[str, str]) -> None:
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Passphrase").fill(account["passphrase"])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Sign in with this key alone").check()
    page.get_by_role("button", name="Add it").click()
    expect(page).not_to_have_url("/accounts/2fa/webauthn/add/")


def sign_in_with_passkey(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Sign out").first.click()
    if page.get_by_role("main").get_by_role("button", name="Sign out").count():
        page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    page.wait_for_load_state()
    page.goto("/accounts/passkey/")
    page.get_by_role("button", name="Use my passkey").click()
    expect(page).to_have_url("/board/")


def test_a_passkey_opens_the_board_and_the_passphrase_what_is_sealed(
    page: Page, accounts: list[dict[str, str]]
) -> None:
    account = next(account for account in accounts if account["role"] == "coordinator")
    sign_in(page, account)
    add_passkey(page, account)

    sign_in_with_passkey(page)
    page.goto("/profile/")
    closed = page.locator("#locks + dl dd").last.inner_text()
    page.get_by_role("button", name="New recovery sheet").click()
    expect(page.get_by_role("heading", name="Type your passphrase")).to_be_visible()
    asked = page.url
    page.get_by_label("Passphrase").fill(account["passphrase"])
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Type your passphrase")).not_to_be_visible()
    page.goto("/profile/")

    assert closed == "Closed"
    assert "/accounts/unlock/?next=" in asked
    expect(page.locator("#locks + dl dd").last).to_have_text(
        "Open here for some hours, or until you sign out"
    )


def test_whoever_has_only_the_passkey_left_makes_a_new_key(
    page: Page, accounts: list[dict[str, str]]
) -> None:
    account = next(account for account in accounts if account["role"] == "volunteer")
    sign_in(page, account)
    add_passkey(page, account)
    sign_in_with_passkey(page)

    page.goto("/accounts/unlock/")
    page.get_by_role("link", name="I have no recovery sheet either").click()
    page.get_by_role("link", name="With a passkey or security key").click()
    page.get_by_role("button", name="Use my key").click()
    expect(page.get_by_role("heading", name="A new key")).to_be_visible()
    page.get_by_label("Passphrase").fill(NEW)
    page.get_by_label("The same again").fill(NEW)
    page.get_by_label("I read what stays closed").check()
    page.get_by_role("button", name="Make a new key").click()

    expect(page.get_by_role("heading", name="Your recovery sheet")).to_be_visible()
    page.wait_for_load_state()
    assert page.locator("img").evaluate("picture => picture.naturalWidth") > 100


def test_on_paper_only_the_sheet_remains(page: Page, accounts: list[dict[str, str]]) -> None:
    sign_in(page, [account for account in accounts if account["role"] == "volunteer"][1])
    page.goto("/profile/")
    page.get_by_role("button", name="New recovery sheet").click()

    expect(page.get_by_role("heading", name="Your recovery sheet")).to_be_visible()
    page.wait_for_load_state()

    page.emulate_media(media="print")

    printed = {name: page.locator(name).first.is_visible() for name in (".code", "img", "form", ".top")}
    assert printed == {".code": True, "img": True, "form": False, ".top": False}
