"""Two browsers as Debian ships them: Chromium, and Firefox set up as Tor Browser at its safest level.

A test with `asker_page` or `member_page` runs in both, against a running system (tests/conftest.py).
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import doors, front
from tests.browser.doors import NAME, ONION, Door
from tests.live import LiveSystem

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP {ONION} 127.0.0.1",
]
SAFEST = {
    "svg.disabled": True,
    "privacy.resistFingerprinting": True,
    # Nothing of Firefox's own looks for its maker.
    "app.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:1",
    "network.dns.localDomains": f"{NAME},{ONION}",
    "network.dns.blockDotOnion": False,
}
# Of two browsers at two doors these are asked in `make test`, the others in the drill.
MAIN = {("chromium", "https"), ("firefox", "onion")}
PHONE = {"width": 320, "height": 640}
# Milliseconds for what a page shows, and for another page, on a machine that has much else to do.
expect.set_options(timeout=30_000)
ANOTHER_PAGE = 60_000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "browser_name" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    for item in items:
        if item.get_closest_marker("second_look") and _browser(item) == "firefox":
            item.add_marker(pytest.mark.drill)
        if _param(item, "door") and (_browser(item), _param(item, "door")) not in MAIN:
            item.add_marker(pytest.mark.drill)
    # What the second browser would only say again, or cannot be asked: not collected, rather than skipped.
    again = [item for item in items if item.get_closest_marker("chromium") and _browser(item) == "firefox"]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]


def _browser(item: pytest.Item) -> str:
    """The browser a test is asked of; "" for none."""
    return _param(item, "browser_name")


def _param(item: pytest.Item, name: str) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get(name, "")) if callspec else ""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_name: str) -> dict[str, Any]:
    if browser_name == "firefox":
        program = shutil.which("firefox-esr")
        return {"channel": "moz-firefox", "executable_path": program, "firefox_user_prefs": SAFEST}
    # The same Chromium without its windows: a page of its own costs a seventh of the work.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    return {"executable_path": program, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="module")
def whole_chromium(launch_browser: Callable[..., Browser]) -> Iterator[Browser]:
    """Only the whole of it has notices and passkeys: a module that needs them has it as its `browser`."""
    with launch_browser(executable_path=shutil.which("chromium")) as browser:
        yield browser


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": PHONE, "locale": "en-GB", "service_workers": "block"}


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """Each with its patience."""

    def open_context(**context: Any) -> BrowserContext:
        opened = new_context(**context)
        opened.set_default_timeout(ANOTHER_PAGE)
        return opened

    return open_context


@pytest.fixture
def asker_page(
    new_context: Callable[..., BrowserContext], browser_name: str
) -> Iterator[Callable[..., Page]]:
    """`asker_page(system)`: a page in which no script runs. `page.goto("/a/stay/")` knows where.

    Further names go to the context: `asker_page(system, locale="fr", color_scheme="dark")`.
    """
    with contextlib.ExitStack() as fronts:

        def open_page(system: LiveSystem, **context: Any) -> Page:
            url = fronts.enter_context(front.before(system.url)) if browser_name == "firefox" else system.url
            return new_context(base_url=url, java_script_enabled=False, **context).new_page()

        yield open_page


@pytest.fixture
def member_page(new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """`member_page(system)`: a page of a volunteer or coordinator, scripts on."""

    def open_page(system: LiveSystem, **context: Any) -> Page:
        return new_context(base_url=system.url, **context).new_page()

    return open_page


@pytest.fixture(scope="module", params=doors.DOORS)
def door(
    request: pytest.FixtureRequest,
    live_system: Callable[..., LiveSystem],
    tmp_path_factory: pytest.TempPathFactory,
    browser_name: str,
) -> Iterator[Door]:
    """A system that is reached at both of its addresses, at one of them. Another system for each."""
    mail = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": "9"}
    system = live_system(DOOR=f"{browser_name} {request.param}", **doors.addresses(), **mail)
    folder = tmp_path_factory.mktemp("door")
    with doors.opened(system, request.param, folder, sandbox=browser_name == "firefox") as opened:
        yield opened


@pytest.fixture
def asker_at(new_context: Callable[..., BrowserContext], door: Door) -> Page:
    """Her page at this door: no script, and the certificate is taken as it is."""
    return new_context(base_url=door.url, java_script_enabled=False, ignore_https_errors=True).new_page()
