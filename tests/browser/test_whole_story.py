"""The whole story in both browsers: no script and 320 px for the asker, scripts for those with an account."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, ViewportSize, expect

from tests.journeys.story import PASSPHRASE, first_link
from tests.live import LiveSystem

pytestmark = pytest.mark.timeout(300)

PHONE: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 1280, "height": 900}
HALF_A_MINUTE = 31_000  # milliseconds: a board looks again by itself


@pytest.fixture
def system(live_system: Callable[..., LiveSystem], browser_name: str) -> LiveSystem:
    """A fresh instance for each browser."""
    return live_system("sqlite", "memory", STORY=browser_name)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browsers complained about on their consoles; nothing, at the end."""
    heard: list[str] = []
    yield heard
    assert heard == []


def listen(page: Page, complaints: list[str], size: ViewportSize = PHONE) -> Page:
    """A window of this size that collects errors, refusals of the content security policy among them."""

    def hear(message: ConsoleMessage) -> None:
        # Pages that answer "somebody was faster" or "not there" are logged as failed to load.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.set_viewport_size(size)
    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


# --- What people do, in the words of the pages ----------------------------------------------------


def join(page: Page, link: str, handle: str) -> None:
    """The invitation; then the recovery sheet, on paper and typed back."""
    page.goto(link)
    page.get_by_label("What should people call you?").fill(handle)
    page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
    page.get_by_label("The same again").fill(PASSPHRASE)
    page.get_by_role("button", name="Open my account").click()
    expect(page.get_by_role("heading", name="Your recovery sheet")).to_be_visible()
    words = page.locator("ol.code li").all_inner_texts()
    print_it(page)
    for field in page.get_by_label(re.compile(r"Number \d+ of your sheet")).all():
        number = int(str(field.get_attribute("name")).removeprefix("word"))
        field.fill(words[number])
    page.get_by_role("button", name="It is on paper").click()
    # Going on before the answer came would run into it.
    expect(page.get_by_role("heading", name="Your recovery sheet")).to_be_hidden()
    page.wait_for_load_state()


def print_it(page: Page) -> None:
    """On paper stand the words, and nothing of the page around them."""
    page.emulate_media(media="print")
    if not page.evaluate("matchMedia('print').matches"):
        # Debian's Firefox is driven by a protocol that cannot say this; Chromium looks at the same rules.
        return
    expect(page.locator("ol.code")).to_be_visible()
    expect(page.locator("header")).to_be_hidden()
    expect(page.locator("nav.main-nav")).to_be_hidden()
    expect(page.get_by_role("button", name="It is on paper")).to_be_hidden()
    page.emulate_media(media="screen")


def offer_rides_every_evening(page: Page) -> None:
    """The grid of a week: tap where it suits."""
    page.goto("/offers/new/")
    page.get_by_label("I can drive").check()
    page.get_by_label("Where do you start from?").select_option(index=1)
    for cell in page.locator("table.week input").all():
        cell.check()
    page.get_by_label("Monday, Morning").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your offer is saved.")).to_be_visible()


def invite(page: Page) -> str:
    page.goto("/desk/people/")
    page.get_by_role("button", name="Make a link").click()
    shown = page.locator("[role=status] [translate=no]").inner_text()
    return shown[shown.index("/join/") :]


def let_in(page: Page, handle: str) -> None:
    page.goto("/desk/people/")
    page.get_by_role("link", name=handle, exact=True).click()
    page.get_by_label("met in person").check()
    page.get_by_role("button", name="I vouch for them").click()
    expect(page.get_by_text("Thank you. They are let in.")).to_be_visible()


def ask_for_a_ride(page: Page) -> list[str]:
    """Where and when; a note, folded away; and the words of her code."""
    page.goto("/")
    page.get_by_role("link", name=re.compile("^A ride")).click()
    page.locator("[name=day]").select_option(index=2)
    page.get_by_text("A note", exact=True).click()
    page.get_by_label("Anything the person should know?").fill("Behind the baker's.")
    page.get_by_text("Only whoever comes opens it.").click()
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Your return code")).to_be_visible()
    words = page.locator("ol.code li").all_inner_texts()
    page.get_by_label("Number 2").fill(words[1])
    page.get_by_label("Number 7").fill(words[6][:4])
    page.get_by_role("button", name="I have it on paper").click()
    expect(page.get_by_text("Nobody is coming until this page says yes.").first).to_be_visible()
    return words


def no_wider_than_the_screen(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


# --- The story ------------------------------------------------------------------------------------


def test_she_asks_without_a_script_and_somebody_comes(
    system: LiveSystem,
    asker_page: Callable[..., Page],
    member_page: Callable[..., Page],
    complaints: list[str],
) -> None:
    # A coordinator joins, prints the sheet, invites somebody, and vouches.
    desk = listen(member_page(system), complaints, WIDE)
    join(desk, first_link(system), "Ana")
    ben = listen(member_page(system), complaints, WIDE)
    join(ben, invite(desk), "Ben")
    offer_rides_every_evening(ben)
    let_in(desk, "Ben")

    # His board is open, and empty. Without being loaded again it shows what she asks.
    ben.clock.install()
    ben.goto("/board/")
    expect(ben.get_by_text("Nothing fits you now.")).to_be_visible()
    asker = listen(asker_page(system), complaints)
    words = ask_for_a_ride(asker)
    ben.clock.fast_forward(HALF_A_MINUTE)
    ben.get_by_role("link", name="The way there").click()
    expect(ben.get_by_text("Behind the baker's.")).to_be_hidden()
    ben.get_by_role("button", name="I can do this").click()
    expect(ben.get_by_text("You hold this until")).to_be_visible()

    # The desk sees who has it, and not what is not for it.
    desk.goto("/desk/")
    expect(desk.get_by_text("Held until")).to_be_visible()
    desk.get_by_role("link", name="A ride: The way there").click()
    expect(desk.get_by_text("The note is not for the desk.")).to_be_visible()

    # She leaves, comes back with four letters of each word, and says yes with a place.
    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_role("heading", name="Ben")).to_be_visible()
    asker.context.clear_cookies()
    asker.goto("/")
    asker.get_by_role("link", name="I have a code").click()
    asker.get_by_label("Your return code").fill(" ".join(word[:4] for word in words).upper())
    asker.get_by_role("button", name="Open", exact=True).click()
    expect(asker.get_by_text("1 person offered. Nobody is coming until you say yes.")).to_be_visible()
    asker.locator("[name=place]").fill("Under the station clock")
    asker.get_by_role("button", name="Yes, Ben may come").click()
    expect(asker.get_by_text("Yes. Somebody is coming.")).to_be_visible()
    no_wider_than_the_screen(asker)

    # He reads it, both see the same two words, and they write.
    ben.reload()
    expect(ben.get_by_text("Under the station clock")).to_be_visible()
    expect(ben.get_by_text("Behind the baker's.")).to_be_visible()
    assert ben.locator(".two-words .big").inner_text() == asker.locator(".two-words .big").inner_text()
    ben.get_by_label("Write a message").fill("I have a green car.")
    ben.get_by_role("button", name="Send").click()
    expect(ben.locator("ol.thread")).to_contain_text("I have a green car.")
    asker.get_by_role("link", name="Look again").click()
    expect(asker.locator("ol.thread")).to_contain_text("I have a green car.")
    asker.get_by_label("Write a message").fill("I see you. شكرا 🙂")
    asker.get_by_role("button", name="Send").click()
    expect(asker.locator("ol.thread")).to_contain_text("I see you. شكرا 🙂")
    no_wider_than_the_screen(asker)
    ben.reload()
    expect(ben.locator("ol.thread")).to_contain_text("I see you. شكرا 🙂")

    # It is done, and closed for everybody.
    ben.get_by_text("It is over already").click()
    ben.get_by_role("button", name="It is done").click()
    expect(ben.get_by_text("Thank you. What was written is closed now.")).to_be_visible()
    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_text("Done. Take care.")).to_be_visible()
    expect(asker.get_by_text("Behind the baker's.")).to_be_hidden()
    desk.goto("/desk/")
    expect(desk.get_by_text("Nothing is open.")).to_be_visible()
