"""A desk that lies open says by itself that a promise is not kept, and that it is kept again."""

import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import post_office
from tests.journeys.conftest import on_stage
from tests.live import LiveSystem

WITHIN = 15_000  # milliseconds, on a page nobody touches
STOPPED = "The background work has stopped. No message leaves."

pytestmark = [pytest.mark.chromium, pytest.mark.drill]


def test_it_says_so_within_fifteen_seconds(
    live_system: Callable[..., LiveSystem], member_page: Callable[..., Page]
) -> None:
    with post_office.opened() as post:
        system = live_system(**post.environment)
        coordinator = on_stage(system, post).coordinator
    desk = member_page(system)
    desk.goto("/accounts/login/")
    desk.get_by_label("User name").fill(coordinator.username)
    desk.get_by_label("Passphrase").fill(coordinator.passphrase)
    desk.get_by_role("button", name="Sign in").click()
    desk.wait_for_url("**/board/")
    desk.goto("/desk/")
    expect(desk.get_by_text(STOPPED)).to_be_hidden(timeout=WITHIN)
    worker = next(one for one in system.processes()[2:4] if not one.children())
    worker.send_signal(signal.SIGSTOP)
    try:
        expect(desk.get_by_text(STOPPED)).to_be_visible(timeout=WITHIN)
        expect(desk.get_by_text("Since about").first).to_be_visible()
        expect(desk.get_by_text("Call people instead.").first).to_be_visible()
    finally:
        worker.send_signal(signal.SIGCONT)
    expect(desk.get_by_text(STOPPED)).to_be_hidden(timeout=WITHIN)
