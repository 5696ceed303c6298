"""Every form of hers posts over plain http with no script, and no form is refused for where it came from."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.crawl import ROLES, Example, open_folds, pages
from tests.live import LiveSystem

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def example(live_system: Callable[..., LiveSystem]) -> Example:
    system = live_system()
    return Example(system, system.demo())


def press(page: Page, path: str, number: int) -> tuple[str, int]:
    """The action of the form with that number, and the status of what its button got."""
    page.goto(path)
    open_folds(page)
    form = page.locator("main form[method=post]").nth(number)
    action = str(form.get_attribute("action") or path)
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        form.locator("button[type=submit]").last.click()
    return action, answered.value.status


def test_every_form_of_hers_is_taken_without_a_script(
    example: Example, asker_page: Callable[..., Page]
) -> None:
    page = asker_page(example.system)
    example.enter(page, "the asker")
    paths = [path for path in pages(page, ROLES["asker"]) if path != "/a/mine/"]
    taken = {}
    # Her own page last: its last button erases everything.
    for path in [*paths, "/a/mine/"]:
        page.goto(path)
        for number in range(page.locator("main form[method=post]").count()):
            action, status = press(page, path, number)
            taken[action.rstrip("/").rpartition("/")[2]] = status
    assert {form: status for form, status in taken.items() if status not in (200, 302, 422)} == {}
    assert {"ride", "stay", "accompaniment", "return", "withdraw", "met", "erase"} <= set(taken)
