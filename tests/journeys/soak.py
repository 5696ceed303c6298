"""Ten people who each do the next thing that comes to hand, on a running system, until they are told to stop.

What they do is drawn by lot from one seed; what comes of it depends on who is faster.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from tests.invariants import ALWAYS, Found, asking, slots_that_disagree
from tests.journeys.conftest import Stage
from tests.journeys.page import NotThere, Page, Typed
from tests.journeys.story import COMPANY, PASSPHRASE, RIDE, STAY, Asker
from tests.journeys.walk import Browser

ENDED = ("met", "withdrawn", "expired", "erased")
# She only looks.
LOOK = "Look again"
# What an asker's page offers → how often it is pressed, where it is there.
HERS = {
    LOOK: 12,
    "Yes": 60,
    "Send": 10,
    "Say where to meet": 6,
    "Change where to meet": 4,
    "No, thank you": 12,
    "Ask now": 20,
    "Not now": 1,
    "Take it back": 1,
    "It is done": 1,
    "Erase everything now": 1,
}
# And what a volunteer's page of one need offers.
THEIRS = {"I can do this": 30, "I stand by": 12, "Send": 12, "I can't after all": 8, "It is done": 4}


@dataclass
class Person:
    """One volunteer, in one browser, and whether the desk let them stay."""

    browser: Browser
    username: str
    handle: str

    def signs_in(self) -> Page:
        self.browser.visit("/accounts/login/")
        return self.browser.press("Sign in", login=self.username, password=PASSPHRASE)


@dataclass
class Place:
    """One of the needs that are there at every moment: who asks, what; somebody new where it ended."""

    asker: Asker
    need: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Soak:
    """`statuses` of every answer; `pressed`: what was pressed and done; `wrong`: whatever must not be."""

    stage: Stage
    seed: str
    needs: int
    people: list[Person] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    pressed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    broken: list[Found | list[str]] = field(default_factory=list)
    looks: int = 0
    events: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    desk: threading.Lock = field(default_factory=threading.Lock)
    suspended: set[str] = field(default_factory=set)
    addresses: int = 0

    # Before it begins

    def fill(self, workers: int) -> None:
        """Sign everybody in, and ask for everything there is."""
        system = self.stage.system
        made = system.manage("shell", "-c", f"from tests.journeys import crowd; crowd.join({workers})")
        names = json.loads(made.splitlines()[-1])
        self.people = [Person(self._browser(), *name) for name in names]
        self.places = [Place(Asker(self._browser())) for _ in range(self.needs)]
        self._all([person.signs_in for person in self.people])
        rngs = [Random(f"{self.seed} asks {number}") for number in range(workers)]
        self._all([partial(self._ask_all, rng, self.places[n::workers]) for n, rng in enumerate(rngs)])

    def _ask_all(self, rng: Random, places: list[Place]) -> None:
        for place in places:
            self._asks(rng, place)

    def _browser(self) -> Browser:
        """Each from an address of its own, so that nobody waits for the tries of another."""
        self.addresses += 1
        source = f"127.0.{self.addresses // 250 + 1}.{self.addresses % 250 + 1}"
        return Browser(self.stage.system.url, source=source)

    def _all(self, work: list[Callable[[], object]]) -> None:
        threads = [threading.Thread(target=self._guarded, args=(one,)) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as problem:
            self.wrong.append(f"{type(problem).__name__}: {problem}")

    # While it goes on

    def run(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Everybody at once, and somebody who looks at the rows all the while: for so long, and up to twice
        that where not `enough` has happened yet, as on a machine that has much else to do."""
        threads = [
            threading.Thread(target=self._guarded, args=(partial(self._works, number),))
            for number in range(len(self.people))
        ]
        threads.append(threading.Thread(target=self._guarded, args=(self._watches,)))
        for thread in threads:
            thread.start()
        ends = time.monotonic() + seconds
        while (
            not self.wrong and (time.monotonic() < ends or not enough()) and time.monotonic() < ends + seconds
        ):
            time.sleep(0.2)
        self.over.set()
        for thread in threads:
            thread.join()

    def _works(self, who: int) -> None:
        rng = Random(f"{self.seed} works {who}")
        turns = {self._as_volunteer: 50, self._as_asker: 40, self._as_desk: 2, self._as_clock: 8}
        while not self.over.is_set():
            (turn,) = rng.choices(list(turns), list(turns.values()))
            self._take(partial(turn, rng, self.people[who]))

    def _take(self, turn: Callable[[], object]) -> None:
        """What is not there any more was somebody faster's; a calm 503 is counted with the statuses."""
        try:
            turn()
        except NotThere:
            self.pressed["(was not there any more)"] += 1
        except AssertionError as problem:
            if not re.search(r": 50\d ", str(problem)):
                raise
            if ": 503 " not in str(problem):
                self.wrong.append(str(problem)[:300])

    def _watches(self) -> None:
        """What is true at every moment; and which moves there were, before their rows are gone."""
        keyring = self.stage.system.data_dir / "keyring" / "slots"
        with asking(self.stage.system) as ask:
            while not self.over.wait(0.3):
                self.looks += 1
                looked = [ask.broken(ALWAYS), slots_that_disagree(ask, keyring, at_rest=False)]
                self.broken += [found for found in looked if found]
                rows = ask.run("SELECT id, verb FROM requests_app_event", [])
                self.events |= {str(key): str(verb) for key, verb in rows}

    def happened(self) -> Counter[str]:
        """How often each move was seen in the rows."""
        return Counter(self.events.values())

    # Whose turn it is

    def _as_volunteer(self, rng: Random, me: Person) -> None:
        if me.handle in self.suspended and rng.random() < 0.8:
            return
        if rng.random() < 0.06:
            self._changes_address(rng, me)
            return
        place = rng.choice(self.places)
        page = self._see(me.browser, f"/needs/{place.need}/")
        if "/accounts/login/" in page.url:
            me.signs_in()
            self._count(me.browser)
            return
        button = self._drawn(rng, THEIRS, page.buttons())
        typed: dict[str, Typed] = {"text": f"Words {rng.random()}"} if button == "Send" else {}
        if button in ("I can do this", "I stand by") and "place" in page.free_text():
            typed = {"place": f"Gate {rng.random()}"}
        if button == "I can't after all" and rng.random() < 0.1:
            typed = {"never": True}
        self._press(me.browser, button, **typed)

    def _changes_address(self, rng: Random, me: Person) -> None:
        page = self._see(me.browser, "/profile/")
        if "Stop using it" in page.buttons() and rng.random() < 0.5:
            self._press(me.browser, "Stop using it")
        elif "Add" in page.buttons():
            address = f"{me.username}-{rng.randrange(3)}@example.org"
            self._press(me.browser, "Add", transport="email", address=address)

    def _as_asker(self, rng: Random, _me: Person) -> None:
        place = rng.choice(self.places)
        if not place.lock.acquire(blocking=False):
            return
        try:
            self._at_her_page(rng, place)
        finally:
            place.lock.release()

    def _at_her_page(self, rng: Random, place: Place) -> None:
        browser = place.asker.browser
        if rng.random() < 0.05 and place.asker.code:
            self._see(browser, "/a/leave/")
            place.asker.comes_back()
            self._count(browser)
            self.pressed["(came back with the code)"] += 1
        page = self._see(browser, "/a/mine/")
        if f"/a/mine/needs/{place.need}/" not in page.html:
            self._asks_anew(rng, place, "/a/mine/" in page.url)
            return
        buttons = [re.sub(r"^Yes, .* may (still )?come$", "Yes", words) for words in page.buttons()]
        button = self._drawn(rng, HERS, [LOOK, *buttons])
        within = rng.choice([h.text() for h in page.root.all("h3")] or [""])
        if button == LOOK:
            return
        if button in ("Yes", "No, thank you", "Send", "Say where to meet", "Change where to meet"):
            self._answers(rng, browser, button, within)
        else:
            self._press(browser, button)

    def _answers(self, rng: Random, browser: Browser, button: str, handle: str) -> None:
        words = f"Words {rng.random()}"
        if button == "Yes":
            typed = {"place": words} if rng.random() < 0.7 and "place" in browser.page.free_text() else {}
            try:
                self._press(browser, f"Yes, {handle} may come", **typed)
            except NotThere:
                self._press(browser, f"Yes, {handle} may come")
        elif button == "No, thank you":
            self._press(browser, button, within=handle, **({"never": True} if rng.random() < 0.1 else {}))
        else:
            self._press(browser, button, within=handle, **{"text" if button == "Send" else "place": words})

    def _asks_anew(self, rng: Random, place: Place, still_open: bool) -> None:
        """Her need ended: one more from the same mailbox, or somebody new."""
        if not (still_open and rng.random() < 0.3):
            place.asker = Asker(self._browser())
        self._asks(rng, place)

    def _asks(self, rng: Random, place: Place) -> None:
        (kind,) = rng.choices([RIDE, COMPANY, STAY], [5, 3, 2])
        answers = {"decides": rng.choice(["asker"] * 6 + ["first", "first", "desk"])}
        if rng.random() < 0.3:
            answers |= {"note": f"Note {rng.random()}", "desk_reads": rng.choice(["yes", "no"])}
        if rng.random() < 0.3:
            answers |= {"tell_by": "email", "email": f"hers-{rng.randrange(1000)}@example.org"}
        if kind == COMPANY and rng.random() < 0.5:
            answers |= {"q_companions": "two"}
        place.asker.asks(kind, **answers)
        place.need = place.asker.need()
        self._count(place.asker.browser)
        self.pressed["Ask"] += 1

    def _as_desk(self, rng: Random, _me: Person) -> None:
        with self.desk:
            person = rng.choice(self.people)
            if self.suspended and (len(self.suspended) > 2 or rng.random() < 0.6):
                handle = rng.choice(sorted(self.suspended))
                self._of_person(handle, "Reinstate")
                self.suspended.discard(handle)
            elif person.handle not in self.suspended:
                self._of_person(person.handle, f"Suspend {person.handle}")
                self.suspended.add(person.handle)

    def _of_person(self, handle: str, button: str) -> None:
        browser = self.stage.coordinator.browser
        self._see(browser, "/desk/people/")
        browser.follow(handle)
        self._press(browser, button)

    def _as_clock(self, rng: Random, _me: Person) -> None:
        """A need's time, a hold's, a ring's; or the day after its end."""
        rows, need = self.stage.rows, rng.choice(self.places).need
        if rows.status(need) in ENDED:
            rows.a_day_after_the_end(need)
            return
        (work,) = rng.choices([rows.hold_runs_out, rows.next_ring_is_due, rows.need_runs_out], [6, 6, 2])
        held = rows.held() if work == rows.hold_runs_out else []
        work(rng.choice(held) if held else need)

    # How a turn is taken

    def _drawn(self, rng: Random, weights: dict[str, int], there: list[str]) -> str:
        found = [words for words in weights if words in there]
        if not found:
            raise NotThere("nothing to press")
        (chosen,) = rng.choices(found, [weights[words] for words in found])
        return chosen

    def _see(self, browser: Browser, path: str) -> Page:
        try:
            return browser.visit(path)
        finally:
            self._count(browser)

    def _press(self, browser: Browser, button: str, within: str = "", **typed: Typed) -> None:
        try:
            browser.press(button, within, **typed)
        finally:
            posted = next((one for one in reversed(browser.seen) if one.method == "POST"), None)
            if posted is not None:
                self.pressed[f"{re.sub('Person [0-9]+', '…', button)} {posted.status}"] += 1
            self._count(browser)

    def _count(self, browser: Browser) -> None:
        self.statuses.update(one.status for one in browser.seen)
        browser.seen.clear()


def wait_until_at_rest(look: Callable[[], object], seconds: float) -> object:
    """Until nothing is found any more; what was found last."""
    end = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < end:
        time.sleep(0.5)
    return found
