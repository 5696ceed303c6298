"""Every form of hers posts with no script, at the https address and at the onion address alike.

Forms are found by walking her pages. What she could be shown is read from the resolver: a new form that this
walk does not come to, or that is not taken, fails here.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import resolve
from playwright.sync_api import Locator, Page, expect

from organisation import kinds
from requests_app.urls import asker
from tests.browser.crawl import ROLES, open_folds, pages
from tests.browser.doors import Door, kept

pytestmark = pytest.mark.timeout(300)

# They take no post, or are no form of hers.
NO_FORM = {"leave", "erased", "erasing"}
# Somebody who comes has a new key: the same button as "approve", tests/requests_app/test_new_key.py. What is
# there in the middle of a stay, for a backup, or after somebody stayed away:
# tests/browser/test_lives.py, tests/requests_app/test_stay_pages.py, test_trust.py.
ELSEWHERE = {
    *("approve_key", "longer", "longer_answer", "move_on", "promote", "did_not_come"),
}
POSTED = {str(pattern.name) for pattern in asker} - NO_FORM - ELSEWHERE
# After these there is less on her page, or nothing; of the others the order does not matter.
LAST = ["decline", "pause", "resume", "met", "withdraw", "erase"]
WORDS = {"text": "Behind the baker's.", "email": "somebody@example.org", "time": "09:30"}
# Two hours must not be the same. In one step: a browser that is asked field by field takes its time.
FILL = """
(form, words) => {
    form.querySelectorAll('input[type=radio], input[type=checkbox]').forEach(box => { box.checked = true })
    form.querySelectorAll('select').forEach((choice, number) => {
        choice.selectedIndex = Math.max(0, choice.options.length - 1 - number)
    })
    form.querySelectorAll('textarea, input').forEach(typed => {
        if (typed.type in words && !typed.readOnly) typed.value = words[typed.type]
        if (typed.tagName === 'TEXTAREA') typed.value = words.text
    })
}
"""
# As a lost keyring leaves a need, and a mail server that sends back what she is told.
LOSE_A_KEY = """
from notify.models import Channel
from privacy import clock
from requests_app.models import Need
Need.objects.latest("asked_at", "sequence").lose_key(clock.now())
for channel in Channel.objects.filter(recipient__in=Need.objects.values("pk")):
    channel.broken(clock.now())
"""


@dataclass
class Walk:
    """One browser at one door. `taken`: what each form is for → the status of what its button got."""

    page: Page
    code: list[str] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    taken: dict[str, int] = field(default_factory=dict)

    def forms(self) -> dict[str, Locator]:
        """What each form on the page is for → the form; of those for the same thing, the first."""
        found: dict[str, Locator] = {}
        for form in self.page.locator("main form[method=post]").all():
            path = form.get_attribute("action") or urlsplit(self.page.url).path
            found.setdefault(str(resolve(path).url_name), form)
        self.shown |= set(found)
        return found

    def press(self, name: str) -> None:
        """Fill everything in this form of the page, and press its button."""
        open_folds(self.page)
        form = self.forms()[name]
        fill(form)
        words = self.page.locator("ol.code li").all_inner_texts()
        if name == "code":
            self.code = words
        if words:
            for label in form.locator("label").all():
                number = re.search(r"\d+", label.inner_text())
                assert number
                typed = self.page.locator(f"[id='{label.get_attribute('for')}']")
                typed.fill(words[int(number[0]) - 1])
        if name == "ask":
            # A place is for the desk, where the desk decides.
            form.locator("[name=decides][value=desk]").check(force=True)
        if name == "return":
            form.get_by_label("Your return code").fill(" ".join(self.code))
        # The page it leads to is there as well, before anything else is loaded.
        posted = self.page.expect_response(lambda answer: answer.request.method == "POST")
        with self.page.expect_navigation(), posted as answered:
            form.locator("button[type=submit]").last.click()
        self.taken[name] = max(answered.value.status, self.taken.get(name, 0))
        if name == "mine" and self.page.locator("ol.code").count():
            # The second code it made is to be written down first.
            self.press(name)

    def press_what_is_new(self) -> None:
        """Everything on her page that was not pressed yet, what ends something last."""
        while new := [name for name in self.forms() if name not in self.taken]:
            first = min(new, key=lambda name: LAST.index(name) + 1 if name in LAST else 0)
            if first == "erase":
                # Before that, what can be said when something is over.
                self.say_afterwards()
            self.press(first)
            if first == "erase":
                return
            self.page.goto("/a/mine/")

    def say_afterwards(self) -> None:
        """That something was wrong, and that she would like to talk: each on a page of its own."""
        for name in ("asker_talk", "asker_wrong"):
            open_folds(self.page)
            self.page.locator(f"a[href$='/{name.removeprefix('asker_')}/']").first.click()
            self.press(name)
            self.page.goto("/a/mine/")


def fill(form: Locator) -> None:
    """Something in every field, the last of what can be chosen, every box ticked."""
    form.evaluate(FILL, WORDS)


def switches_language(page: Page) -> None:
    """There and back, by the buttons of the form that is on the page; what was typed stays."""
    page.locator("textarea").first.fill("Half a word")
    for code in ("fr", "en"):
        with page.expect_navigation():
            page.locator(f"button[name=switch_language][value={code}]").click()
        expect(page.locator("html")).to_have_attribute("lang", code)
        open_folds(page)
        expect(page.locator("textarea").first).to_have_value("Half a word")


def asks_for_everything(walk: Walk) -> None:
    page = walk.page
    for number, kind in enumerate(kinds.all()):
        page.goto(f"/a/{kind.slug}/")
        open_folds(page)
        if number == 0:
            switches_language(page)
        walk.press("ask")
        if number == 0:
            expect(page).to_have_url(re.compile("/a/code/$"))
            walk.press("code")
        expect(page).to_have_url(re.compile("/a/mine/$"))


def test_every_form_of_hers_is_taken_at_both_doors(door: Door, asker_at: Page) -> None:
    filled: dict[str, Any] = door.system.demo()
    walk = Walk(asker_at)
    asker_at.goto("/")
    # Somebody on the network was here before, over http.
    planted = [
        {"name": name, "value": "planted", "domain": door.host, "path": "/"} for name in ("s", "c", "l")
    ]
    if door.scheme == "https":
        asker_at.context.add_cookies(planted)  # type: ignore[arg-type]
    asks_for_everything(walk)
    door.system.manage("shell", "-c", LOSE_A_KEY)
    for _path in pages(asker_at, ROLES["asker"]):
        walk.forms()
    now = [cookie for cookie in asker_at.context.cookies() if cookie["value"] != "planted"]
    assert kept(now) == door.cookies("s", "c", "l")
    # Somebody comes to the one of the example: her page has all the other forms.
    asker_at.goto("/a/mine/")
    for name in ("write_again", "try_telling", "stop_telling", "withdraw_together", "withdraw"):
        walk.press(name)
        asker_at.goto("/a/mine/")
    walk.code = filled["return_code"].split()
    asker_at.goto("/a/return/")
    walk.press("return")
    expect(asker_at).to_have_url(re.compile("/a/mine/$"))
    walk.press_what_is_new()
    expect(asker_at).to_have_url(re.compile("/a/erased/$"))
    assert walk.taken == dict.fromkeys(POSTED, 302)
    assert walk.shown == POSTED
