"""Nobody who came can be found afterwards: no address, no hash of one, no browser, no exact time.

A whole story, whose people come from addresses of their own, with everything that can go wrong: answers of
400, 403, 404, 405, 413 and 500, what is no HTTP, a database that refuses, mail that fails and is tried again,
duties that stop. Everything left anywhere is searched, as in test_canaries.py; here also PostgreSQL's list of
what it is doing, and its log, set as docs/operations.md says.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlencode

import pytest
from django.apps import apps

from mutualaid.third_party_fields import THIRD_PARTY
from privacy import fields
from privacy.crypto import BUCKETS
from tests import servers
from tests.journeys import damage
from tests.journeys.canary import Canaries, Needle
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.story import STAY, tomorrow
from tests.journeys.test_canaries import found, kept_in_redis, listening, stage
from tests.journeys.traces import Stranger, keyed
from tests.journeys.typing_everywhere import Story
from tests.journeys.walk import Browser
from tests.mutualaid.grains import is_too_exact, moments

__all__ = ["stage"]
pytestmark = [
    pytest.mark.drill,
    pytest.mark.once,
    pytest.mark.xdist_group("traces"),
    pytest.mark.timeout(600),
]

# 127.0.0.0/8 is this machine, each address of it somebody else; behind it what a proxy would name.
ASKER, VOLUNTEER, OUTSIDER = "127.83.19.71", "127.83.19.72", "127.83.19.73"
BEHIND = {ASKER: "2001:db8:83:19::71", VOLUNTEER: "203.0.113.72", OUTSIDER: "2001:db8:83:19:a:b:c:73"}
ENVELOPE, SEALED_TO = 1 + 24 + 16, 1 + 32


class TracedStory(Story):
    """The same story; each browser comes from an address of its own, by way of a proxy that names others."""

    def __init__(self, stage: Stage, people: dict[str, Stranger]) -> None:
        super().__init__(stage)
        self.people = people

    def browser(self) -> Browser:
        browser = super().browser()
        # The first and last are hers, what lies between are accounts'.
        who = self.people[ASKER if len(self.browsers) % 2 else VOLUNTEER]
        browser.source, browser.user_agent = who.address, who.headers["User-Agent"]
        browser.forwarded = {**who.headers, "Accept-Language": browser.language}
        return browser


def test_nobody_who_came_can_be_found(stage: Stage) -> None:
    traces = Canaries()
    people = {one: Stranger(stage.system, one, BEHIND[one], traces) for one in BEHIND}
    story = TracedStory(stage, people)
    with listening(stage) as listener:
        stage.post.server.answers["RCPT"] = "451 4.2.1 later"
        story.tell()
        mail_fails_and_arrives(stage)
        nothing_is_too_exact(stage)
        nothing_says_how_long_it_is(stage)
        answers = everything_goes_wrong(people[OUTSIDER])
        assert {400, 403, 404, 405, 413} <= answers

        damage.log_as_operations_says(stage.system)
        log, server_log = stage.system.log.read_text(), postgresql_log(stage)
        errors = the_database_refuses(story, people)
        assert set(errors) <= {500, 503}
        written = stage.system.log.read_text().removeprefix(log)
        assert written.count("answered 50") >= len(errors)
        told = postgresql_log(stage).removeprefix(server_log)
        assert ("violates check constraint" in told) == ("DATABASE_URL" in stage.system.environment)
        assert named_in_errors(written + told, story) == set()

        hashes, counted = keyed(stage.system, [*BEHIND, *BEHIND.values()])
        traces.hashes("a hash under a key of the instance", *hashes)
        assert found(stage, traces, listener) == {}
        assert found(stage, story.sealed, listener) == {}
        activity = what_postgresql_does(stage, people[OUTSIDER])
        assert traces.found_in(activity) | story.sealed.found_in(activity) == set()
        counted_only_in_the_cache(stage, counted)

        story.end()
        assert found(stage, traces, listener) == {}
    assert "DEBUG" in stage.system.log.read_text()


# --- What goes wrong


def mail_fails_and_arrives(stage: Stage) -> None:
    """Refused for now, cut off, refused as a whole; then it arrives."""
    answers = stage.post.server.answers

    def attempts() -> int:
        found = damage.do(stage.system, "SELECT max(attempts) FROM notify_notice")[0][0]
        return found if isinstance(found, int) else 0

    assert eventually(attempts)
    answers.clear()
    answers["DATA"] = "hang up"
    stage.coordinator.browser.visit("/profile/")
    stage.coordinator.browser.press("Send me one to try")
    refused = attempts()
    assert eventually(lambda: attempts() > refused)
    answers.clear()
    assert eventually(stage.post.raw)


def everything_goes_wrong(outsider: Stranger) -> set[int]:
    """What nobody's browser sends, and what is not even HTTP; the statuses it was answered with."""
    canary = outsider.traces.new
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    body = urlencode({"note": canary("note of nobody"), "email": canary("mail of nobody", after="@x.org")})
    for method in ("GET", "POST", "OPTIONS"):
        outsider.asks(method, f"/{canary(f'path {method}')}/", body.encode(), **form)
        outsider.asks(method, "/a/ride/", body.encode(), **form)
        outsider.asks(method, f"/join/{canary(f'token {method}')}/", body.encode(), **form)
        outsider.asks(method, "/a/ride/", body.encode(), Host=canary(f"host {method}", after=".example"))
        outsider.asks(method, "/accounts/login/", body.encode(), Content_Type="text/plain; charset=rot13")
        outsider.asks(method, "/a/leave/", b"", **form)
    part = f'--B\r\nContent-Disposition: form-data; name="{canary("field")}"; filename="{canary("file")}"'
    parts = f"{part}\r\n\r\n{canary('file content') * 2000}\r\n".encode()
    for end in (b"", b"--B--\r\n", b"\xff\xfe"):
        outsider.asks(
            "POST", "/a/ride/", parts[:60_000] + end, Content_Type="multipart/form-data; boundary=B"
        )
    outsider.asks("POST", "/a/ride/", (canary("too much") * 10_000).encode(), **form)
    outsider.asks("POST", "/a/ride/", b"x", Content_Length=canary("length"))
    outsider.asks("POST", "/a/ride/", b"x", Transfer_Encoding=canary("encoding"))
    outsider.asks("GET", "/", X_Long=canary("long header") * 5_000)
    outsider.cookies |= {name: canary(f"cookie {name}") for name in "scl"}
    outsider.asks("GET", "/a/mine/")
    outsider.asks("POST", "/a/mine/erase/", body.encode(), **form)
    line = canary("line")
    for raw in (
        f"{line}\r\n\r\n",
        f"GET {line}",
        f"GET / HTTP/9.9\r\n{line}: {line}\r\n\r\n",
        f"\x16\x03{line}",
    ):
        outsider.says(raw.encode("latin-1"))
    outsider.says(f"GET /{line}\xff\xfe HTTP/1.1\r\n{line} {line}\r\n\r\n".encode("latin-1"))
    return set(outsider.statuses)


def the_database_refuses(story: TracedStory, people: dict[str, Stranger]) -> list[int]:
    """Statuses of requests that carry what was typed, and what nobody else has, while a table is away."""
    system, new = story.stage.system, story.sealed.new
    her, his = people[ASKER], people[VOLUNTEER]
    statuses = []
    story.asker.looks()
    message = posted(story.asker.browser, "Send", STAY, text=new("message into a broken table"))
    with damage.without(system, "requests_app_message"):
        statuses += [send(her, story.asker.browser, message), her.asks("GET", "/a/mine/")]
    story.asker.browser.visit("/a/ride/")
    note = {"note": new("note into a broken table"), "desk_reads": "no", "day": tomorrow()}
    asked = posted(story.asker.browser, "Ask", "", **note)
    with damage.without(system, "requests_app_needday"):
        statuses += [send(her, story.asker.browser, asked)]
    story.ben.browser.visit("/profile/")
    about = posted(story.ben.browser, "Save", "", handle=story.clear.new("handle that is refused"))
    with damage.refusing(system, "volunteers_volunteer"):
        statuses += [send(his, story.ben.browser, about)]
    stopped = "duty lapse stopped"
    with damage.without(system, "requests_app_claim"):
        assert eventually(
            lambda: stopped in system.log.read_text() or "cannot look" in system.log.read_text()
        )
        statuses += [send(his, story.ben.browser, ("/board/", {}))]
    return statuses


def posted(browser: Browser, button: str, within: str, **typed: str) -> tuple[str, dict[str, str]]:
    form = browser.page.form(button, within, **typed)
    return form.action, dict(form.fields)


def send(who: Stranger, browser: Browser, form: tuple[str, dict[str, str]]) -> int:
    """What the browser would send, with everything a stranger says of themselves."""
    who.cookies |= browser.cookies
    body = urlencode(form[1]).encode()
    kind = "application/x-www-form-urlencoded"
    method = "POST" if body else "GET"
    path = form[0] or browser.page.url.removeprefix(browser.url)
    return who.asks(method, path, body, Content_Type=kind, Origin=browser.url, Referer=browser.page.url)


# --- Where it is looked for


def named_in_errors(text: str, story: Story) -> set[str]:
    """What was typed and stands in a log: what is sealed, and what is clear in the database but not there."""
    data = text.encode()
    return story.sealed.found_in(data) | story.clear.found_in(data)


def postgresql_log(stage: Stage) -> str:
    if "DATABASE_URL" not in stage.system.environment:
        return ""
    return (servers.test_dir() / "postgresql.log").read_text(errors="replace")


ACTIVITY = "SELECT query, application_name, client_addr FROM pg_stat_activity"


def what_postgresql_does(stage: Stage, outsider: Stranger) -> bytes:
    """Its list of who asks what, which an operator's tools keep; pages are served meanwhile."""
    if "DATABASE_URL" not in stage.system.environment:
        return b""
    told = ""

    def is_told() -> bool:
        """While pages are served: no connection outlives its request."""
        nonlocal told
        with ThreadPoolExecutor(1) as visitor:
            visits = visitor.submit(lambda: [outsider.asks("GET", "/a/ride/") for _visit in range(5)])
            while not visits.done() and "organisation_" not in told:
                told = repr(damage.do(stage.system, ACTIVITY))
        return "organisation_" in told

    assert eventually(is_told)
    return told.encode()


def counted_only_in_the_cache(stage: Stage, counted: list[bytes]) -> None:
    """The control: who tried something is counted, under a name that says nothing, and there alone."""
    if "CACHE_URL" not in stage.system.environment:
        return
    assert any(name in kept_in_redis(stage) for name in counted)
    blinded = Needle.of(*(name.rpartition(b":")[2] for name in counted))
    log = stage.system.log.read_bytes()
    assert not blinded.is_in(log, log.lower())


def nothing_is_too_exact(stage: Stage) -> None:
    """Every moment stored by now is as coarse as its model says."""
    exact, seen = [], 0
    for name, column in moments().items():
        table = column.model._meta.db_table
        sql = f"SELECT {column.column} FROM {table} WHERE {column.column} IS NOT NULL"
        for (moment,) in damage.do(stage.system, sql):
            seen += 1
            read = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
            exact += [name] if is_too_exact(name, read) else []
    assert exact == []
    assert seen > 50


def nothing_says_how_long_it_is(stage: Stage) -> None:
    """A sealed value is as long as one of four buckets, with the key it is sealed to where it has one."""
    once = {ENVELOPE + bucket for bucket in BUCKETS}
    lengths = once | {SEALED_TO + length for length in once}
    odd: dict[str, set[object]] = {}
    for name, length in sealed_lengths(stage):
        if length not in lengths:
            odd.setdefault(name, set()).add(length)
    assert odd == {}


def sealed_lengths(stage: Stage) -> Iterator[tuple[str, object]]:
    for model in apps.get_models():
        if model._meta.label in THIRD_PARTY:
            continue
        for name in {name for classes in fields.declared(model, {}) for name in classes.sealed}:
            column = model._meta.get_field(name).column  # type: ignore[union-attr]
            sql = f"SELECT length({column}) FROM {model._meta.db_table} WHERE {column} IS NOT NULL"
            yield from ((f"{model._meta.label}.{name}", row[0]) for row in damage.do(stage.system, sql))
