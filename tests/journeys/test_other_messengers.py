"""The running system tells a volunteer by ntfy and an asker by Signal, and says nothing else there."""

from collections.abc import Callable, Iterator

import pytest

from tests.journeys import post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage, on_stage
from tests.journeys.story import RIDE
from tests.live import LiveSystem
from tests.notify import gateways
from tests.notify.gateways import Answer

pytestmark = pytest.mark.drill

TOPIC, NUMBER = "kestrel-under-the-roof", "+32470765432"


@pytest.fixture
def carriers() -> Iterator[tuple[gateways.Server, gateways.Server]]:
    with gateways.listening() as ntfy, gateways.listening() as signal:
        signal.answer = Answer(201, body=b'{"timestamp": "1"}')
        yield ntfy, signal


@pytest.fixture
def stage(
    live_system: Callable[..., LiveSystem], carriers: tuple[gateways.Server, gateways.Server]
) -> Iterator[Stage]:
    ntfy, signal = carriers
    settings = {
        "NTFY_SERVER": ntfy.url,
        "SIGNAL_GATEWAY": f"signal://127.0.0.1:{signal.port}/+32400000000/{{to}}",
        # As somebody does who looks for a fault.
        "LOG_LEVEL": "DEBUG",
    }
    with post_office.opened() as post:
        yield on_stage(live_system("sqlite", "memory", **settings, **post.environment), post)


def test_a_volunteer_hears_by_ntfy_and_an_asker_by_signal(
    stage: Stage, carriers: tuple[gateways.Server, gateways.Server]
) -> None:
    ntfy, signal = carriers
    ben = stage.volunteer("Ben", mail=False)
    ben.browser.visit("/profile/")
    ben.browser.press("Add", transport="ntfy", address=TOPIC, paces=True)
    assert eventually(lambda: len(ntfy.asked) == 1), "the first message, to see whether it arrives"

    asker = stage.asker()
    asker.asks(RIDE, note="Third bell.", desk_reads="no", tell_by="signal", email=NUMBER)
    asker.writes_the_code_on_paper()
    assert eventually(lambda: len(ntfy.asked) == 2)
    ben.claims()
    assert eventually(lambda: signal.asked)

    news = {"topic": TOPIC, "title": "Notes: there is news", "message": "Notes\n\nThere is news."}
    assert [asked.json for asked in ntfy.asked] == [
        news,
        {**news, "message": "Notes\n\nThere is news.\nIt is for now."},
    ]
    assert signal.asked[-1].json == {
        "message": "Notes\n\nThere is news.",
        "number": "+32400000000",
        "text_mode": "normal",
        "recipients": [NUMBER],
    }
    everything = ntfy.all_text + signal.all_text
    typed = ("Third bell.", "Ben", "Ana")
    assert [word for word in typed if word in everything] == []
    log = stage.system.log.read_text()
    assert "DEBUG" in log
    assert [
        word for word in (TOPIC, NUMBER, NUMBER[1:], str(ntfy.port), "There is news") if word in log
    ] == []
