"""Something was wrong: she says so on a small screen without a script, and somebody outside reads it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.crawl import Example, open_folds
from tests.browser.test_accessible import SIDEWAYS, complaints
from tests.live import LiveSystem

pytestmark = pytest.mark.timeout(300)

LOSE_THE_KEY = """
from privacy import clock
from requests_app.models import Report
for report in Report.objects.all():
    report.lose_key(clock.now())
"""
TEXT = "Heron shouted at me by the blue door."


@pytest.fixture(scope="module")
def example(live_system: Callable[..., LiveSystem], browser_name: str) -> Example:
    """With an organisation of its own for each browser."""
    system = live_system(WRONG=browser_name)
    return Example(system, system.demo())


def press(page: Page, pressed: Locator) -> None:
    """A button or a link; the page it leads to is there afterwards."""
    with page.expect_navigation():
        pressed.click()


def a_new_sheet(example: Example, page: Page) -> str:
    """The words that the desk shows once."""
    example.enter(page, "Coordinator A")
    page.goto("/desk/settings/outside/")
    page.get_by_label("Who reads it instead").fill("Cleo of the legal clinic")
    press(page, page.get_by_role("button", name="Make the sheet"))
    return " ".join(page.locator("ol.code li").all_inner_texts())


def test_she_says_it_and_the_one_outside_reads_it(
    example: Example, asker_page: Callable[..., Page], member_page: Callable[..., Page]
) -> None:
    words = a_new_sheet(example, member_page(example.system))
    asker = asker_page(example.system)
    example.enter(asker, "the asker")
    open_folds(asker)
    press(asker, asker.locator("a[href$='/wrong/']").first)
    who = asker.locator("main p").first.inner_text()
    expect(asker.get_by_text("Cleo of the legal clinic alone").first).to_be_visible()
    assert asker.evaluate(SIDEWAYS) <= 0
    asker.locator("label", has_text="Only so you know").click()
    asker.get_by_label("What was wrong?").fill(TEXT)
    asker.locator("label", has_text="I am not sure").click()
    asker.get_by_role("button", name="Store it, locked").click()
    expect(asker.get_by_text("It is stored locked.")).to_be_visible()
    assert TEXT not in asker.content()

    outside = asker_page(example.system)
    outside.goto("/outside/")
    outside.get_by_label("The words on your sheet").fill(words)
    press(outside, outside.get_by_role("button", name="Open", exact=True))
    press(outside, outside.locator("a.card").first)
    expect(outside.get_by_text(TEXT)).to_be_visible()
    handle = outside.locator("h1").inner_text().removeprefix("About ")
    assert handle in who
    assert outside.evaluate(SIDEWAYS) <= 0
    outside.get_by_role("button", name="Keep them back").click()
    expect(outside.get_by_text("Nothing waits for you.")).to_be_visible()


@pytest.mark.chromium
def test_axe_finds_nothing_on_what_the_one_outside_and_the_desk_read(
    example: Example, member_page: Callable[..., Page]
) -> None:
    page = member_page(example.system)
    words = a_new_sheet(example, page)
    found = {"the sheet": complaints(page)}
    page.goto("/desk/reports/")
    found["the desk"] = complaints(page)
    reader, her = member_page(example.system), member_page(example.system)
    example.enter(her, "the asker")
    open_folds(her)
    press(her, her.locator("a[href$='/wrong/']").last)
    her.get_by_role("button", name="Store it, locked").evaluate("button => button.form.noValidate = true")
    press(her, her.get_by_role("button", name="Store it, locked"))
    found["typed wrongly"] = complaints(her)
    her.locator("label", has_text="Stop asking").click()
    her.locator("label", has_text="I am not sure").click()
    press(her, her.get_by_role("button", name="Store it, locked"))
    reader.goto("/outside/")
    found["the door"] = complaints(reader)
    reader.get_by_label("The words on your sheet").fill(words)
    press(reader, reader.get_by_role("button", name="Open", exact=True))
    found["the list"] = complaints(reader)
    press(reader, reader.locator("a.card").first)
    found["one of them"] = complaints(reader)
    # The only one at the desk reads it where nobody can any more.
    example.system.manage("shell", "-c", LOSE_THE_KEY)
    page.goto("/desk/reports/")
    found["the desk, with a list"] = complaints(page)
    press(page, page.locator("ul.cards a.card").first)
    expect(page.get_by_text("This cannot be read any more.")).to_be_visible()
    found["one at the desk"] = complaints(page)
    driver = member_page(example.system)
    example.enter(driver, "Volunteer B")
    for name in ("wrong", "talk"):
        driver.goto("/board/")
        open_folds(driver)
        press(driver, driver.locator(f"a[href^='/needs/'][href$='/{name}/']").first)
        found[f"a volunteer's {name}"] = complaints(driver)
    assert {where: what for where, what in found.items() if what} == {}
