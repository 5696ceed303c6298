"""A hundred people press "I can do this" at the same moment, over HTTP, on a running system."""

import json
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from tests.journeys.conftest import Stage
from tests.journeys.story import RIDE
from tests.journeys.walk import Browser

CROWD = 100

pytestmark = [pytest.mark.timeout(300), pytest.mark.drill]


def crowd(stage: Stage) -> list[Browser]:
    """Browsers of as many volunteers, signed in."""
    printed = stage.system.manage("shell", "-c", f"from tests.journeys import crowd; crowd.make({CROWD})")
    cookies = json.loads(printed.splitlines()[-1])
    return [Browser(stage.system.url, cookies={"s": cookie}) for cookie in cookies]


def at_once(browsers: list[Browser], press: Callable[[Browser], object]) -> Counter[int]:
    """The statuses of their posts. A Browser fails on anything of 500 and more."""
    gate = threading.Barrier(len(browsers))
    statuses: list[int] = []

    def go(browser: Browser) -> None:
        before = len(browser.seen)
        gate.wait()
        try:
            press(browser)
        finally:
            statuses.append(browser.seen[before].status if len(browser.seen) > before else 0)

    threads = [threading.Thread(target=go, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(statuses)


def test_one_of_a_hundred_gets_it_and_the_others_are_told_politely_and_stand_by(stage: Stage) -> None:
    asker = stage.asker()
    asker.asks(RIDE)
    need = asker.need()
    browsers = crowd(stage)
    for browser in browsers:
        browser.visit(f"/needs/{need}/").says("If you take it")

    assert at_once(browsers, lambda browser: browser.press("I can do this")) == {302: 1, 409: CROWD - 1}
    assert stage.rows.claims(need) == ["held"]

    late = [browser for browser in browsers if browser.page.status == 409]
    for browser in late:
        browser.page.says("Somebody was faster.")
        browser.visit(f"/needs/{need}/").says("Somebody holds it. You can stand by.")
    assert at_once(late, lambda browser: browser.press("I stand by")) == {302: CROWD - 1}
    assert Counter(stage.rows.claims(need)) == {"held": 1, "standby": CROWD - 1}
