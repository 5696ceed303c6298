"""Every form of hers posts over plain http with no script, and none is refused for where it came from."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.crawl import ROLES, Example, open_folds, pages
from tests.live import LiveSystem

pytestmark = pytest.mark.timeout(300)

# After these there is less on her page, or nothing.
LAST = ["decline", "met", "withdraw", "erase"]
TYPED = "textarea[required], input[required]:not([type=radio], [type=checkbox])"


@pytest.fixture(scope="module")
def example(live_system: Callable[..., LiveSystem], browser_name: str) -> Example:
    """One for each browser: at its end everything is erased."""
    system = live_system(FORMS=browser_name)
    return Example(system, system.demo())


def forms(page: Page, path: str) -> dict[str, Locator]:
    """What each form on the page is for, by the end of its address → the form."""
    page.goto(path)
    found = {}
    for form in page.locator("main form[method=post]").all():
        action = form.get_attribute("action") or path
        found[action.rstrip("/").rpartition("/")[2]] = form
    return found


def press(page: Page, form: Locator) -> int:
    """The status of what its button got."""
    open_folds(page)
    for field in form.locator(TYPED).all():
        # A browser would not post it empty.
        field.fill("something")
    # The page it leads to is there as well, before anything else is loaded.
    posted = page.expect_response(lambda answer: answer.request.method == "POST")
    with page.expect_navigation(), posted as answered:
        form.locator("button[type=submit]").last.click()
    return answered.value.status


def test_every_form_of_hers_is_taken_without_a_script(
    example: Example, asker_page: Callable[..., Page]
) -> None:
    page = asker_page(example.system)
    example.enter(page, "the asker")
    paths = [path for path in pages(page, ROLES["asker"]) if path != "/a/mine/"]
    taken = {}
    for path in paths:
        for name in forms(page, path):
            taken[name] = press(page, forms(page, path)[name])
    while left := {name: form for name, form in forms(page, "/a/mine/").items() if name not in taken}:
        name = min(left, key=lambda name: (name in LAST, LAST.index(name) if name in LAST else 0))
        taken[name] = press(page, left[name])
    assert {form: status for form, status in taken.items() if status not in (200, 302, 422)} == {}
    assert {"ride", "stay", "accompaniment", "return", "withdraw", "erase"} <= set(taken)
