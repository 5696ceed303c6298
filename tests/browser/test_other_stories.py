"""The desk decides, the first one decides, nobody comes, somebody was faster: in both browsers."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.crawl import open_folds
from tests.journeys import post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage, on_stage
from tests.journeys.story import NOBODY, Volunteer
from tests.live import LiveSystem

pytestmark = pytest.mark.timeout(300)

RIDE, DESK_RIDE = "The way there", "A ride: The way there"


@pytest.fixture(scope="module")
def stage(live_system: Callable[..., LiveSystem]) -> Iterator[Stage]:
    """Three volunteers have joined and are let in."""
    with post_office.opened() as post:
        told = on_stage(live_system(**post.environment), post)
        for handle in ("Ben", "Cleo", "Dan"):
            told.volunteer(handle)
        yield told


@pytest.fixture
def asker(stage: Stage, asker_page: Callable[..., Page]) -> Iterator[Page]:
    """She has a page of her own, without a script; what she asked is gone afterwards."""
    page = asker_page(stage.system)
    yield page
    page.goto("/a/mine/")
    if page.get_by_text("Erase everything now").count():
        page.get_by_text("Erase everything now").first.click()
        page.get_by_role("button", name="Erase everything now").click()
        expect(page.get_by_text("Everything you wrote here is erased.")).to_be_visible()


@pytest.fixture
def member(stage: Stage, member_page: Callable[..., Page]) -> Callable[[Volunteer], Page]:
    """`member(person)`: a page of somebody who has signed in, with scripts."""

    def open_page(person: Volunteer) -> Page:
        page = member_page(stage.system)
        page.goto("/accounts/login/")
        page.get_by_label("User name").fill(person.username)
        page.get_by_label("Passphrase").fill(person.passphrase)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/board/")
        return page

    return open_page


def ask(page: Page, **typed: str) -> None:
    """A ride, with every fold open; radio cards by the value that they send."""
    page.goto("/a/ride/")
    page.locator("[name=day]").select_option(index=2)
    open_folds(page)
    for name, value in typed.items():
        field = page.locator(f"[name={name}]")
        if field.first.get_attribute("type") == "radio":
            page.locator(
                f"label:has([name={name}][value={value}]), [name={name}][value={value}] + label"
            ).click()
        else:
            field.fill(value)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("heading", name="Your return code")).to_be_visible()
    page.get_by_role("link", name="Go on without.").click()


def press(page: Page, button: str) -> None:
    """What it does is done afterwards: somebody else may go on."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()


def take(page: Page, button: str = "I can do this") -> None:
    page.goto("/board/")
    with page.expect_navigation():
        page.get_by_role("link", name=RIDE).first.click()
    press(page, button)


def test_the_desk_says_yes_for_her(stage: Stage, asker: Page, member: Callable[[Volunteer], Page]) -> None:
    ask(asker, note="Third bell.", desk_reads="yes", decides="desk", place="Platform two")
    ben, desk = member(stage.people["Ben"]), member(stage.coordinator)
    take(ben)
    expect(ben.get_by_text("Platform two")).to_be_hidden()

    desk.goto("/desk/")
    expect(desk.get_by_text("1 waits for you.")).to_be_visible()
    desk.get_by_role("link", name=DESK_RIDE).click()
    expect(desk.get_by_text("Third bell.")).to_be_visible()
    desk.get_by_role("button", name="Yes, Ben may come").click()
    expect(desk.get_by_text("You said yes. Both see it when they look here.")).to_be_visible()

    ben.reload()
    expect(ben.get_by_text("Platform two")).to_be_visible()
    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_text("Yes. Somebody is coming.")).to_be_visible()
    ben.get_by_text("It is over already").click()
    press(ben, "It is done")
    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_text("Done. Take care.")).to_be_visible()


def test_the_first_who_takes_it_comes(stage: Stage, asker: Page, member: Callable[[Volunteer], Page]) -> None:
    ask(asker, note="Ring twice.", desk_reads="no", decides="first")
    cleo = member(stage.people["Cleo"])
    take(cleo)
    expect(cleo.get_by_text("Yes. You are expected.")).to_be_visible()
    expect(cleo.get_by_text("The note opens when the person looks here next.")).to_be_visible()

    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_text("Yes. Somebody is coming.")).to_be_visible()
    asker.get_by_label("Where to meet").fill("At the fountain")
    asker.get_by_role("button", name="Say where to meet").click()
    expect(asker.get_by_text("Where to meet, as you wrote it")).to_be_visible()
    cleo.reload()
    expect(cleo.get_by_text("At the fountain")).to_be_visible()
    expect(cleo.get_by_text("Ring twice.")).to_be_visible()

    cleo.get_by_role("button", name="I can't after all").click()
    expect(cleo.get_by_text("Thank you for saying so.")).to_be_visible()
    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_text(NOBODY).first).to_be_visible()


def test_nobody_comes_and_the_page_says_so(
    stage: Stage, asker: Page, member: Callable[[Volunteer], Page]
) -> None:
    ask(asker, note="Fifth bell.", desk_reads="no")
    need = str(asker.locator("form[action$='/withdraw/']").get_attribute("action")).split("/")[4]
    asker.get_by_role("link", name="Look again").click()
    expect(asker.get_by_text("use another plan")).to_be_visible()

    stage.rows.need_runs_out(need)

    def is_over() -> bool:
        """The broom may be at it at this very moment: until its key is gone, the page does not say so."""
        asker.goto("/a/mine/")
        return asker.get_by_text("The key is destroyed.").is_visible()

    assert eventually(is_over)
    expect(asker.get_by_text("Fifth bell.")).to_be_hidden()
    dan = member(stage.people["Dan"])
    expect(dan.get_by_text("Nothing fits you now.")).to_be_visible()


def test_somebody_was_faster_is_said_kindly_with_what_can_be_done_now(
    stage: Stage, asker: Page, member: Callable[[Volunteer], Page]
) -> None:
    ask(asker)
    ben, dan = member(stage.people["Ben"]), member(stage.people["Dan"])
    with dan.expect_navigation():
        dan.get_by_role("link", name=RIDE).click()
    take(ben)
    expect(ben.get_by_text("You hold this until")).to_be_visible()
    dan.get_by_role("button", name="I can do this").click()
    expect(dan.get_by_text("Somebody was faster. You can stand by, or take something else.")).to_be_visible()
    take(dan, "I stand by")
    expect(dan.get_by_text("You stand by.")).to_be_visible()
