"""Four needs with everything in them: three end, each in its way, and one goes on living."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.journeys.canary import Canaries
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.page import Typed
from tests.journeys.slots import live_keys
from tests.journeys.story import COMPANY, RIDE, STAY, THERE, Asker, Volunteer

# label → kind, title on the board
NEEDS = {
    "expires": (RIDE, THERE),
    "is withdrawn": (STAY, STAY),
    "is erased": (COMPANY, COMPANY),
    "lives": (RIDE, THERE),
}
ENDING = [label for label in NEEDS if label != "lives"]


@dataclass
class Life:
    """What was typed (`ended` and `living`: canaries), by whom, and the key of every slot there was."""

    stage: Stage
    ended: Canaries = field(default_factory=Canaries)
    living: Canaries = field(default_factory=Canaries)
    clear: Canaries = field(default_factory=Canaries)
    askers: dict[str, Asker] = field(default_factory=dict)
    needs: dict[str, str] = field(default_factory=dict)
    slots: dict[str, list[bytes]] = field(default_factory=dict)

    def begin(self) -> None:
        """Up to where somebody is on the way to each of them, and they wrote to each other."""
        self.ben = self.stage.volunteer(self.clear.new("Ben: handle"), mail=False)
        self.cleo = self.stage.volunteer(self.clear.new("Cleo: handle"), mail=False)
        for label in NEEDS:
            before = set(live_keys(self.keyring))
            self._asks_and_is_met(label)
            self.slots[label] = [key for key in live_keys(self.keyring) if key not in before]

    @property
    def keyring(self) -> Path:
        return self.stage.system.data_dir / "keyring" / "slots"

    @property
    def volunteers(self) -> list[Volunteer]:
        return [self.stage.coordinator, self.ben, self.cleo]

    @property
    def codes(self) -> list[str]:
        return [" ".join(asker.code) for asker in self.askers.values()]

    def ended_slots(self) -> list[bytes]:
        return [key for label in ENDING for key in self.slots[label]]

    def _canaries(self, label: str) -> Canaries:
        return self.living if label == "lives" else self.ended

    def _asks_and_is_met(self, label: str) -> None:
        new, (kind, title) = self._canaries(label).new, NEEDS[label]
        # Two rides have the same title: each is somebody else's.
        who = self.cleo if label == "lives" else self.ben
        asker = self.askers[label] = self.stage.asker()
        answers: dict[str, Typed] = {"note": new(f"{label}: note"), "desk_reads": "yes"}
        if kind == RIDE:
            answers["q_to"] = new(f"{label}: answer")
        elif kind == COMPANY:
            answers["plan"] = new(f"{label}: plan")
        asker.asks(kind, **answers)
        asker.writes_the_code_on_paper()
        self.needs[label] = asker.need()
        place = new(f"{label}: place")
        who.claims(title, place=place if kind == STAY else None)
        asker.approves(who.handle, place=None if kind == STAY else place)
        asker.writes(who.handle, new(f"{label}: her message"))
        who.writes(new(f"{label}: his message"), title)

    def end(self) -> None:
        """One by the broom, two by their askers; a day later the rows are gone as well."""
        rows = self.stage.rows
        rows.need_runs_out(self.needs["expires"])
        self.askers["is withdrawn"].withdraws()
        self.askers["is erased"].erases()
        assert eventually(lambda: rows.status(self.needs["expires"]) == "expired")
        assert eventually(lambda: len(live_keys(self.keyring)) == len(self.slots["lives"]))
        for label in ("expires", "is withdrawn"):
            rows.a_day_after_the_end(self.needs[label])
        assert eventually(lambda: rows.count("requests_app_need") == 1)
