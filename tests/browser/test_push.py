"""Told by the browser itself: pressed in the profile, sent by the worker, shown by the service worker.

A browser here reaches no push service, so what lies outside the machine is replaced: what `subscribe`
answers, and the last step of a message's way, which Chromium's own tools deliver. All else is as in use.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.crawl import OPEN_FOLDS, Example
from tests.browser.test_accessible import in_every_light
from tests.live import LiveSystem
from tests.notify import push_service
from tests.notify.push_service import Browser, Server, base64url, wait_until

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(300)]

# What a push service would have answered; and what the browser was asked for, kept where the test finds it.
SUBSCRIBES = """
(told) => {
  const made = { endpoint: told.endpoint, toJSON: () => told, unsubscribe: () => {
    sessionStorage.ended = "yes"; delete localStorage.subscribed; return Promise.resolve(true);
  } };
  PushManager.prototype.subscribe = function (options) {
    sessionStorage.asked = JSON.stringify({
      visible: options.userVisibleOnly, key: Array.from(options.applicationServerKey)
    });
    localStorage.subscribed = "yes";
    return Promise.resolve(made);
  };
  REMEMBERS
  document.addEventListener("securitypolicyviolation", (event) => {
    sessionStorage.violated = event.violatedDirective + " " + event.blockedURI;
  });
}
"""
# Only where the page is to find again what it subscribed to.
REMEMBERS = """
  PushManager.prototype.getSubscription = () => Promise.resolve(localStorage.subscribed ? made : null);
"""
SHOWN = """
async () => {
  const worker = await navigator.serviceWorker.getRegistration("/profile/");
  const found = await worker.getNotifications();
  return found.map(({ title, body, tag, icon, data }) => ({ title, body, tag, icon, data }));
}
"""
SCOPES = """
async () => (await navigator.serviceWorker.getRegistrations()).map((one) => new URL(one.scope).pathname)
"""
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
WORDS = {"title": "Notes", "body": "There is news."}
# Each has an address of its own: what arrives is for it alone.
_phones = itertools.count(1)


@pytest.fixture(scope="module")
def browser(whole_chromium: Chromium) -> Chromium:
    return whole_chromium


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Elsewhere nothing is to be kept in a browser; here it is the thing itself."""
    return browser_context_args | {"service_workers": "allow"}


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with push_service.listening() as server:
        yield server


@pytest.fixture(scope="module")
def example(live_system: Callable[..., LiveSystem], service: Server) -> Example:
    system = live_system(PUSH_HOSTS=service.place)
    return Example(system, system.demo())


@dataclass
class Phone:
    """A browser with a push service of its own, at /profile/ or on its way there."""

    page: Page
    browser: Browser
    service: Server

    @property
    def path(self) -> str:
        return urlsplit(self.browser.endpoint).path

    def arrived(self) -> list[dict[str, str]]:
        """What the push service got for it, opened."""
        return [self.browser.shows(one) for one in self.service.posted if one.path == self.path]

    def press(self) -> None:
        self.page.goto("/profile/")
        self.page.get_by_role("button", name="Tell me on this phone").click()
        expect(self.page.get_by_text("Saved. A first message is on its way.")).to_be_visible()

    def deliver(self, text: bytes) -> None:
        """The last step of a message's way: from the push service into the browser."""
        session = self.page.context.new_cdp_session(self.page)
        number = _registration(session, self.page)
        at = urlsplit(self.page.url)
        told = {"origin": f"{at.scheme}://{at.netloc}", "registrationId": number, "data": text.decode()}
        session.send("ServiceWorker.deliverPushMessage", told)
        session.detach()

    def shown(self) -> list[dict[str, Any]]:
        return list(self.page.evaluate(SHOWN))


def _registration(session: CDPSession, page: Page) -> str:
    """The number by which Chromium's tools know the service worker of this page."""
    found: list[str] = []

    def hear(event: dict[str, Any]) -> None:
        found.extend(row["registrationId"] for row in event["registrations"] if not row["isDeleted"])

    session.on("ServiceWorker.workerRegistrationUpdated", hear)
    session.send("ServiceWorker.enable")
    wait_until(lambda: page.wait_for_timeout(20) or found)
    return found[0]


OpenPhone = Callable[..., Phone]


@pytest.fixture
def phone(example: Example, service: Server, member_page: Callable[..., Page]) -> OpenPhone:
    """`phone("Volunteer B")`: somebody has signed in on a browser that may show notifications."""

    def open_phone(who: str, *, remembers: bool = False, **context: Any) -> Phone:
        page = member_page(example.system, **{"permissions": ["notifications"], **context})
        browser = Browser(f"http://{service.place}/{next(_phones)}")
        script = SUBSCRIBES.replace("REMEMBERS", REMEMBERS if remembers else "")
        page.add_init_script(f"({script})({browser.subscription})")
        example.enter(page, who)
        return Phone(page, browser, service)

    return open_phone


@pytest.mark.parametrize("who", ["Volunteer B", "Coordinator A"])
def test_what_is_pressed_in_the_profile_is_sent_by_the_worker_and_shown_by_the_browser(
    phone: OpenPhone, who: str
) -> None:
    here = phone(who)

    here.press()
    wait_until(here.arrived)
    posted = next(one for one in here.service.posted if one.path == here.path)
    here.deliver(here.browser.opens(posted))
    wait_until(lambda: here.page.wait_for_timeout(20) or here.shown())

    assert here.arrived() == [WORDS]
    (shown,) = here.shown()
    icon = urlsplit(shown.pop("icon")).path
    assert shown == {**WORDS, "tag": "news", "data": None}
    assert here.page.request.get(icon).headers["content-type"] == "image/png"
    asked = json.loads(here.page.evaluate("sessionStorage.asked"))
    assert (asked["visible"], base64url(bytes(asked["key"]))) == (True, base64url(posted.sender()))
    assert here.page.evaluate("sessionStorage.violated || ''") == ""


def test_much_news_does_not_pile_up_and_what_is_unreadable_shows_too(phone: OpenPhone) -> None:
    here = phone("Volunteer B")
    here.press()

    for text in (b'{"title": "One", "body": "1"}', b'{"title": "Two", "body": "2"}', b"no JSON at all"):
        here.deliver(text)
        said = json.loads(text)["title"] if text.startswith(b"{") else "Notes"
        wait_until(lambda said=said: here.page.wait_for_timeout(20) or _titles(here) == [said])

    assert _titles(here) == ["Notes"]


def _titles(here: Phone) -> list[str]:
    return [one["title"] for one in here.shown()]


def test_pressing_the_notification_opens_the_board_and_nothing_more(phone: OpenPhone) -> None:
    here = phone("Volunteer B")
    here.press()
    here.deliver(b'{"title": "Notes", "body": "There is news."}')
    wait_until(lambda: here.page.wait_for_timeout(20) or here.shown())
    (worker,) = here.page.context.service_workers

    # Only a finger on a real notification may open a window.
    opened = worker.evaluate("""async () => {
      const opened = [], one = (await self.registration.getNotifications())[0];
      self.clients.openWindow = (address) => { opened.push(address); return Promise.resolve(null); };
      self.dispatchEvent(new NotificationEvent("notificationclick", { notification: one }));
      return opened;
    }""")

    assert opened == ["/board/"]
    wait_until(lambda: here.page.wait_for_timeout(20) or here.shown() == [])


def test_no_page_of_hers_is_looked_after_by_it_and_it_keeps_nothing(
    phone: OpenPhone, example: Example
) -> None:
    here = phone("Volunteer B")
    here.press()
    here.page.reload()

    controlled = {}
    for path in ("/profile/", "/", "/a/stay/", "/a/return/", "/board/", "/help/"):
        here.page.goto(path)
        controlled[path] = here.page.evaluate(CONTROLLED)

    assert controlled == {**dict.fromkeys(controlled, False), "/profile/": True}
    assert here.page.evaluate(SCOPES) == ["/profile/"]
    assert here.page.evaluate("caches.keys()") == []
    assert here.page.evaluate("async () => (await indexedDB.databases()).length") == 0
    script = here.page.request.get("/profile/news.js")
    assert "service-worker-allowed" not in script.headers


def test_the_card_of_the_browser_in_ones_hands_says_so_and_letting_go_ends_it_there(
    phone: OpenPhone,
) -> None:
    here = phone("Volunteer B", remembers=True)
    here.press()
    card = here.page.locator('article:has(p:visible:has-text("It is the one in your hands."))')

    expect(card).to_have_count(1)
    before = here.page.locator("#push").is_visible()
    card.get_by_role("button", name="Stop using it").click()
    expect(here.page.get_by_text("No message goes there any more.")).to_be_visible()
    expect(here.page.get_by_role("button", name="Tell me on this phone")).to_be_visible()

    assert before is False
    assert here.page.evaluate("sessionStorage.ended") == "yes"
    assert here.page.evaluate(SCOPES) == []


def test_leave_now_takes_it_out_of_the_browser(phone: OpenPhone) -> None:
    here = phone("Volunteer B")
    here.press()
    before = here.page.evaluate(SCOPES)

    # Where it leads is outside of this machine.
    here.page.evaluate("fetch('/a/leave/', { redirect: 'manual' })")

    here.page.goto("/help/")
    wait_until(lambda: here.page.wait_for_timeout(20) or here.page.evaluate(SCOPES) == [])
    assert before == ["/profile/"]


def test_a_browser_the_push_service_does_not_know_any_more_is_offered_the_button_again(
    phone: OpenPhone,
) -> None:
    here = phone("Volunteer B", remembers=True)
    here.service.answers[here.path] = 410
    here.press()
    gone = here.page.get_by_text("messages come back from there.")

    wait_until(lambda: here.page.reload() and gone.count())

    card = here.page.locator("article", has=gone)
    expect(card.get_by_text("It is the one in your hands.")).to_be_visible()
    expect(here.page.get_by_role("button", name="Tell me on this phone")).to_be_visible()


def test_where_the_browser_may_not_show_anything_the_page_says_so(phone: OpenPhone) -> None:
    here = phone("Volunteer B", permissions=[])
    here.page.add_init_script("Notification.requestPermission = () => Promise.resolve('denied')")
    here.page.goto("/profile/")

    here.page.get_by_role("button", name="Tell me on this phone").click()

    refused = "This browser may not show you anything. Allow it in its settings."
    expect(here.page.get_by_text(refused)).to_be_visible()
    assert here.page.evaluate("sessionStorage.asked || ''") == ""


def test_a_push_service_we_do_not_send_to_is_refused_in_plain_words(phone: OpenPhone) -> None:
    here = phone("Volunteer B")
    foreign = Browser("https://push.elsewhere.example/x").subscription
    here.page.add_init_script(
        f"PushManager.prototype.subscribe = () => Promise.resolve({{ toJSON: () => ({foreign}) }})"
    )
    here.page.goto("/profile/")

    here.page.get_by_role("button", name="Tell me on this phone").click()

    expect(here.page.get_by_role("alert")).to_contain_text("We send nothing to the push service")
    expect(here.page.get_by_role("button", name="Tell me on this phone")).to_be_visible()


@pytest.mark.parametrize("lacks", ["PushManager", "Notification"])
def test_where_the_browser_cannot_nothing_of_it_is_on_the_page(phone: OpenPhone, lacks: str) -> None:
    here = phone("Volunteer B")
    here.page.add_init_script(f"delete window.{lacks}")
    here.page.goto("/profile/")
    here.page.wait_for_load_state("networkidle")

    assert here.page.locator("#push").is_hidden()
    assert "Tell me on this phone" not in here.page.locator("main").inner_text()


def test_without_a_script_nothing_of_it_is_on_the_page(phone: OpenPhone) -> None:
    here = phone("Volunteer B", java_script_enabled=False)
    here.page.goto("/profile/")

    assert here.page.locator("#push").is_hidden()
    expect(here.page.locator("#no-news")).to_be_visible()


def test_axe_finds_nothing_where_the_button_is_shown(phone: OpenPhone) -> None:
    here = phone("Volunteer B", remembers=True)
    here.page.goto("/profile/")
    expect(here.page.get_by_role("button", name="Tell me on this phone")).to_be_visible()
    here.page.evaluate(OPEN_FOLDS)

    assert in_every_light(here.page) == {}
    expect(here.page.locator("#no-news")).to_be_hidden()
