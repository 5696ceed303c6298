"""What people type is nowhere: not in the database, not in a dump, a cache, a log, a mail, a file, a header.

Everything typed is a canary, a string that exists nowhere else. Everything the system left anywhere is then
searched for them, in clear, hex and base64: while all of it is stored, and again after the end. What is clear
by design is searched for too, and must be found: otherwise this would be looking in the wrong places.
"""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests import live, servers
from tests.journeys import post_office
from tests.journeys.canary import Canaries, pairs_of
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import STAGES, Stage, on_stage
from tests.journeys.typing_everywhere import Story
from tests.journeys.walk import Exchange

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("canaries"), pytest.mark.timeout(300)]

# Kept for those it was typed for: the address of a letter is on the letter.
ON_LETTERS = {"Ben: address", "Cleo: address", "her address"}
# User names are clear, so one that nobody has is looked up as it was typed.
LOOKED_UP = {"unknown name"}


@dataclass
class Listener:
    """Everything that is said to Redis while the story runs."""

    url: str
    heard: bytearray = field(default_factory=bytearray)
    stopping: bool = False

    def listen(self) -> None:
        place = urlsplit(self.url)
        with socket.create_connection((place.hostname, place.port), timeout=0.2) as line:
            line.sendall(b"MONITOR\r\n")
            while not self.stopping:
                with contextlib.suppress(TimeoutError):
                    self.heard += line.recv(1 << 16)


@contextlib.contextmanager
def listening(stage: Stage) -> Iterator[Listener | None]:
    """A listener beside the broker, where there is one."""
    url = stage.system.environment.get("CELERY_BROKER_URL")
    if not url:
        yield None
        return
    listener = Listener(url)
    thread = threading.Thread(target=listener.listen, daemon=True)
    thread.start()
    yield listener
    listener.stopping = True
    thread.join()


@pytest.fixture(scope="module", params=STAGES, ids=lambda pair: "-".join(pair))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An instance that logs all it can, over a PostgreSQL that logs every statement with its values."""
    folder = tmp_path_factory.mktemp("canaries")
    loud = {"LOG_LEVEL": "DEBUG", "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    with (
        post_office.opened() as post,
        live.instance(*request.param, folder, **post.environment, **loud) as it,
    ):
        if url := it.environment.get("DATABASE_URL"):
            _log_every_statement(url)
        it.start()
        yield on_stage(it, post)


def _log_every_statement(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET log_min_duration_statement = 0')


def test_nothing_that_was_typed_can_be_found_anywhere(stage: Stage) -> None:
    story = Story(stage)
    with listening(stage) as listener:
        story.tell()
        assert found(stage, story.sealed, listener) == {}
        assert kinds_of_places(found(stage, story.clear, listener)) == places_with_clear_text(stage)
        assert "DEBUG" in stage.system.log.read_text()

        story.end()
        for need in story.needs:
            stage.rows.a_day_after_the_end(need)
        assert eventually(lambda: not stage.rows.count("requests_app_need"))
        assert found(stage, story.sealed, listener) == {}
    assert not_typed(story) == set()
    exchanges = [exchange for browser in story.browsers for exchange in browser.seen]
    nothing_in_headers(exchanges, story, said_to_strangers(stage))


def found(stage: Stage, canaries: Canaries, listener: Listener | None) -> dict[str, set[str]]:
    """place → labels of what stands there."""
    places = {
        f"files: {name}": labels for name, labels in canaries.found_below(stage.system.data_dir).items()
    }
    places |= {"mail": canaries.found_in("\n".join(stage.post.raw()).encode()) - ON_LETTERS}
    if url := stage.system.environment.get("DATABASE_URL"):
        places |= {"dump": canaries.found_in(dump(url))}
        folder = servers.test_dir() / "postgresql"
        data = canaries.found_below(folder / "data")
        places |= {f"server: {name}": labels for name, labels in data.items()}
        log = (servers.test_dir() / "postgresql.log").read_bytes()
        places |= {"statements": canaries.found_in(log) - LOOKED_UP}
    if listener is not None:
        places |= {"said to Redis": canaries.found_in(bytes(listener.heard))}
        places |= {"kept in Redis": canaries.found_in(kept_in_redis(stage))}
    return {place: labels for place, labels in places.items() if labels}


def not_typed(story: Story) -> set[str]:
    """The free fields that somebody saw and nobody filled, but for words of a sheet that are typed back."""
    offered = {name for browser in story.browsers for name in browser.free_text}
    typed = {name for browser in story.browsers for name in browser.typed}
    return {name for name in offered - typed if not name.startswith("word")}


def kinds_of_places(places: dict[str, set[str]]) -> set[str]:
    return {place.partition(":")[0] for place in places}


def places_with_clear_text(stage: Stage) -> set[str]:
    """Where a handle, which is clear by design, must have been found."""
    return {"dump", "server", "statements"} if "DATABASE_URL" in stage.system.environment else {"files"}


def dump(url: str) -> bytes:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return subprocess.run([servers.program("pg_dump"), url], check=True, capture_output=True).stdout


def kept_in_redis(stage: Stage) -> bytes:
    kept = [b""]
    for name in ("CELERY_BROKER_URL", "CACHE_URL"):
        client = redis.Redis.from_url(stage.system.environment[name])
        for key in client.scan_iter():
            kept += [key, client.dump(key) or b""]
        client.close()
    return b"\n".join(kept)


def nothing_in_headers(exchanges: list[Exchange], story: Story, own_words: str) -> None:
    """No address, no cookie and no header carries anything typed, the return code least of all."""
    pairs = pairs_of(story.asker.code)
    for exchange in exchanges:
        told = told_in(exchange)
        assert story.sealed.found_in(told.encode()) - {"Ben: invitation", "Cleo: invitation"} == set()
        assert [pair for pair in pairs.findall(told.lower()) if pair not in own_words] == []


def told_in(exchange: Exchange) -> str:
    texts = [exchange.url, *exchange.sent.values(), *(value for _name, value in exchange.received)]
    return "\n".join(texts)


def said_to_strangers(stage: Stage) -> str:
    """The headers of whoever never typed anything: two of their words may be two of a code."""
    stranger = stage.browser()
    for path in ("/", "/a/ride/", "/a/return/", "/accounts/login/", "/nothing/at/all/"):
        stranger.visit(path)
    return "\n".join(map(told_in, stranger.seen)).lower()
