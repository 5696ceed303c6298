"""People who ask, claim, say yes, write and erase, one after the other, and note what they were told.

What the system says before the power is cut must be so after it.
"""

import copy
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.invariants import key_of
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.page import NotThere
from tests.journeys.soak import Person
from tests.journeys.story import RIDE, Asker, id_in
from tests.journeys.walk import Browser

ENDS = ["erase", "", "expire", "erase", "", "withdraw"]
NOTHING_HERE = "This code opens nothing here."
STATUS = {"erase": "", "withdraw": "withdrawn", "expire": "expired"}


@dataclass
class Story:
    """One asker's evening, as far as the answers were read. `ending`: how it was to end, also where nobody
    said yet that it has; `ended`: once that was said. `keys`: of its slots, as they lay in the keyring."""

    note: str
    code: str = ""
    need: str = ""
    claim: str = ""
    place: str = ""
    messages: list[str] = field(default_factory=list)
    ending: str = ""
    ended: str = ""
    keys: list[bytes] = field(default_factory=list)


@dataclass
class Evening:
    """Everybody's stories, on a running system, until `over`."""

    stage: Stage
    seed: str
    stories: list[Story] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, people: int) -> None:
        system = self.stage.system
        made = system.manage("shell", "-c", f"from tests.journeys import crowd; crowd.join({people})")
        for number, name in enumerate(json.loads(made.splitlines()[-1])):
            volunteer = Person(Browser(system.url, source=f"127.0.2.{number + 1}"), *name)
            volunteer.signs_in()
            rng = Random(f"{self.seed} {number}")
            thread = threading.Thread(target=self._goes_on, args=(rng, volunteer), daemon=True)
            self.threads.append(thread)
        for thread in self.threads:
            thread.start()

    def said(self) -> list[Story]:
        """What was said to be done by now."""
        return copy.deepcopy(self.stories)

    def has_everything(self) -> bool:
        """Whether something was said to have ended in each way, and something lives in which was written."""
        ended = {story.ended for story in self.stories}
        return ended == {"", *STATUS} and sum(bool(story.messages) for story in self.stories) >= 2

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def _goes_on(self, rng: Random, volunteer: Person) -> None:
        ends = rng.sample(ENDS, len(ENDS))
        while not self.over.is_set():
            try:
                self._one(rng, volunteer, ends)
            except NotThere as problem:
                self.wrong.append(str(problem)[:400])
            except Exception as problem:
                self.wrong.append(f"{type(problem).__name__}: {str(problem)[:400]}")
                return

    def _one(self, rng: Random, volunteer: Person, ends: list[str]) -> None:
        """Each line is noted only after its answer was read."""
        source = f"127.0.{rng.randrange(3, 250)}.{rng.randrange(1, 250)}"
        asker = Asker(Browser(self.stage.system.url, source=source))
        story = Story(note=f"Note {rng.getrandbits(64):x}")
        self.stories.append(story)
        asker.asks(RIDE, note=story.note, desk_reads="no")
        story.code = " ".join(asker.code)
        need = asker.need()
        story.keys.append(self._key(f"need:{need}"))
        story.need = need
        volunteer.browser.visit(f"/needs/{need}/")
        volunteer.browser.press("I can do this").says("You hold this")
        claim = id_in(asker.looks(), r"/a/mine/people/([0-9a-f-]{36})/approve/")
        story.keys.append(self._key(f"claim:{claim}"))
        story.claim = claim
        place = f"Place {rng.getrandbits(64):x}"
        asker.approves(volunteer.handle, place=place).says("You said yes.")
        story.place = place
        for _message in range(rng.randrange(3)):
            text = f"Words {rng.getrandbits(64):x}"
            asker.writes(volunteer.handle, text).says(text)
            story.messages.append(text)
        story.ending = ends.pop()
        ends.insert(0, story.ending)
        if story.ending:
            self._ends(asker, story)
            story.ended = story.ending

    def _ends(self, asker: Asker, story: Story) -> None:
        rows = self.stage.rows
        if story.ending == "erase":
            asker.erases().says("Everything you wrote here is erased.")
        elif story.ending == "withdraw":
            asker.withdraws()
            assert rows.status(story.need) == "withdrawn"
        else:
            rows.need_runs_out(story.need)
            assert eventually(lambda: rows.status(story.need) == "expired")
            assert eventually(lambda: self._key(f"need:{story.need}") == b"")

    def _key(self, owner: str) -> bytes:
        return key_of(keyring_of(self.stage.system.data_dir), owner)


def keyring_of(data_dir: Path) -> Path:
    return data_dir / "keyring" / "slots"
