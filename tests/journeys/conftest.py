"""The stages of a story: a running system on each pair of servers, its post office, its people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.journeys import post_office
from tests.journeys.clockwork import Rows
from tests.journeys.post_office import PostOffice
from tests.journeys.story import Asker, Coordinator, Volunteer, first_link
from tests.journeys.walk import Browser
from tests.live import LiveSystem

STAGES = [("sqlite", "memory"), ("postgresql", "redis")]


@dataclass
class Stage:
    """A running system and whoever is in the story."""

    system: LiveSystem
    post: PostOffice
    rows: Rows
    coordinator: Coordinator
    people: dict[str, Volunteer] = field(default_factory=dict)

    def browser(self, language: str = "en") -> Browser:
        return Browser(self.system.url, language)

    def asker(self) -> Asker:
        return Asker(self.browser())

    def volunteer(self, handle: str, *kinds: str, mail: bool = True) -> Volunteer:
        """Invited, joined, vouched for; offers these kinds here at any time, and wants mail."""
        person = Volunteer(self.browser(), handle)
        person.joins(self.coordinator.invites())
        person.offers(*(kinds or ("ride", "stay", "accompaniment")))
        if mail:
            person.wants_mail(self.address(handle))
        self.coordinator.vouches_for(handle)
        self.people[handle] = person
        return person

    def address(self, handle: str) -> str:
        return f"{handle.lower()}@example.org"


@pytest.fixture(scope="module", params=STAGES, ids=lambda pair: "-".join(pair))
def stage(request: pytest.FixtureRequest, live_system: Callable[..., LiveSystem]) -> Iterator[Stage]:
    """An instance that was just set up; its first coordinator has joined."""
    with post_office.opened() as post:
        yield on_stage(live_system(*request.param, **post.environment), post)


def on_stage(system: LiveSystem, post: PostOffice) -> Stage:
    """The first coordinator joins, by the link that set-up printed."""
    coordinator = Coordinator(Browser(system.url), "Ana")
    coordinator.joins(first_link(system))
    coordinator.wants_mail("ana@example.org")
    return Stage(system, post, Rows(system), coordinator)
