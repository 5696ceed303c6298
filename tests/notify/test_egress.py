"""Nothing a person typed leads into the machine or a private network, and no server holds us for long."""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from notify.transports import AddressGone, NotNow, TransportDown, addresses, egress
from notify.transports.connect import Refused
from tests import servers
from tests.notify import gateways
from tests.notify.gateways import Answer

pytestmark = pytest.mark.once

PUBLIC = [
    "1.1.1.1",
    "192.0.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.255",
]
PUBLIC += ["2606:4700::1111", "2a00:1450:4001::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
NOT_PUBLIC = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.9"]
NOT_PUBLIC += ["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1"]
NOT_PUBLIC += ["192.0.2.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"]
NOT_PUBLIC += [
    "168.63.129.16",
    "192.88.99.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "fd00:ec2::254",
]
NOT_PUBLIC += ["ff02::1", "2001:db8::1", "3fff::1", "2001::1", "100::1", "5f00::1", "fec0::1", "::127.0.0.1"]
NOT_PUBLIC += ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"]
NOT_PUBLIC += ["2002:7f00:1::1", "2002:a00:1::", "::ffff:0:127.0.0.1", "2001:0:a00:1::"]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_the_whole_internet_can_reach_is_public(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_is_ours", lambda ip: False)

    assert addresses.is_public(address) is True


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_lies_in_the_machine_or_its_networks_is_not(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_is_ours", lambda ip: False)

    assert addresses.is_public(address) is False


@pytest.mark.parametrize(("address", "ours"), [("127.0.0.1", True), ("::1", True), ("127.0.0.2", False)])
def test_a_public_address_of_this_very_machine_is_not_public(
    address: str, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells which those are; 127.0.0.2 stands for one of somebody else."""
    monkeypatch.setattr(addresses, "_is_global", lambda ip: True)

    assert addresses.is_public(address) is not ours


@pytest.mark.parametrize(
    ("typed", "asked_for"),
    [
        (" Push.Example.ORG. ", "push.example.org"),
        ("1.1.1.1", "1.1.1.1"),
        ("[2606:4700::1111]", "[2606:4700::1111]"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a_b.example", "a_b.example"),
        ("3com.example", "3com.example"),
        ("localhost.example", "localhost.example"),
    ],
)
def test_a_host_is_written_as_it_is_asked_for(typed: str, asked_for: str) -> None:
    assert addresses.clean_host(typed) == asked_for


@pytest.mark.parametrize(
    "host",
    [
        *("", ".", "localhost", "LOCALHOST.", "x.localhost", "printer", "printer.local", "a.internal"),
        *("nas.lan", "router.home.arpa", "x.onion", "x.test", "metadata.google.internal"),
        *("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.01", "1.1.1", "1.1.1.256"),
        *("017700000001", "0x", "example.0x7f", "127.0.0.1", "127.0.0.1.", "10.1.2.3", "169.254.169.254"),
        *(
            "１２７.０.０.１",
            "127。0。0。1",
            "ⓛocalhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fe80::1%lo]",
            "[2606:4700::1%1]",
            "[fd00::1]",
        ),
        *(
            "::1",
            "[::1",
            "[1.1.1.1]",
            "a b.example",
            "a\n.example",
            "a\x00.example",
            "-a.example",
            "a..example",
        ),
        *(
            "user@a.example",
            "a.example:80",
            "a.example/",
            "a\\b.example",
            "a%2eb.example",
            "x" * 64 + ".example",
        ),
    ],
)
def test_a_host_that_points_inside_or_is_none_is_refused(host: str) -> None:
    with pytest.raises(addresses.NoPlace):
        addresses.clean_host(host)


# --- Posts ----------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[gateways.Server]:
    with gateways.listening() as server:
        yield server


def post(
    server: gateways.Server | int, host: str = "127.0.0.1", *, trusted: bool = True, lasts: float = 30
) -> egress.Seen:
    """One post, as a library does it: its own errors are swallowed."""
    port = server if isinstance(server, int) else server.port
    allowed = frozenset({(host, port)}) if trusted else frozenset()
    requests = egress.wire().requests
    with egress.only_public(trusted=allowed, lasts=timedelta(seconds=lasts), headers={"Topic": "7"}) as seen:
        try:
            requests.post(f"http://{host}:{port}/x", json={}, headers={"User-Agent": "Library/1"})
        except OSError:
            return seen
    return seen


def test_what_the_operator_named_may_lie_inside(server: gateways.Server) -> None:
    post(server).judge()

    assert [asked.path for asked in server.asked] == ["/x"]


def test_nobody_elses_words_are_sent_along(server: gateways.Server) -> None:
    post(server)

    (asked,) = server.asked
    assert asked.headers == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": "Mozilla/5.0",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": "2",
        "Content-Type": "application/json",
        "Topic": "7",
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1"])
def test_nothing_is_connected_to_inside(server: gateways.Server, host: str) -> None:
    seen = post(server, host, trusted=False)

    with pytest.raises(AddressGone):
        seen.judge()
    assert server.asked == []


def test_another_port_of_what_the_operator_named_is_as_closed(server: gateways.Server) -> None:
    requests = egress.wire().requests
    other = frozenset({("127.0.0.1", server.port + 1)})
    with egress.only_public(trusted=other) as seen, pytest.raises(requests.ConnectionError):
        requests.post(f"http://127.0.0.1:{server.port}/", json={})

    assert (seen.refused, server.asked) == (True, [])


def test_outside_of_a_block_nothing_leaves(server: gateways.Server) -> None:
    with pytest.raises(Refused):
        egress.wire().requests.post(f"http://127.0.0.1:{server.port}/", json={})

    assert server.asked == []


def test_a_connection_of_one_block_is_not_used_in_the_next(server: gateways.Server) -> None:
    """Also where the server keeps it open: the next block would not watch it."""
    server.keeps_alive = True
    with egress.wire().Session() as session:
        for _ in range(2):
            with egress.only_public(trusted=frozenset({("127.0.0.1", server.port)})) as seen:
                session.post(server.url, json={})
            seen.judge()

    assert (len(server.asked), server.connections) == (2, 2)


def test_another_thread_does_not_borrow_the_block(server: gateways.Server) -> None:
    problems: list[Exception] = []

    def stray() -> None:
        try:
            egress.wire().requests.post(f"http://127.0.0.1:{server.port}/", json={})
        except OSError as problem:
            problems.append(problem)

    with egress.only_public(trusted=frozenset({("127.0.0.1", server.port)})):
        thread = threading.Thread(target=stray)
        thread.start()
        thread.join()

    assert ([type(problem) for problem in problems], server.asked) == ([Refused], [])


def looked_up(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names lead to `answers`, one after the other; returns the names asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    # 127.0.0.2 stands for a public address: tests do not leave this machine.
    monkeypatch.setattr(egress, "is_public", lambda address: address == "127.0.0.2")
    return asked


def test_a_name_that_leads_inside_is_not_connected_to(
    server: gateways.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up(monkeypatch, ["127.0.0.1"])

    seen = post(server, "rebound.example", trusted=False)

    with pytest.raises(AddressGone):
        seen.judge()
    assert server.asked == []


@pytest.mark.parametrize("found", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
def test_one_address_inside_among_others_is_enough_to_refuse(
    server: gateways.Server, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    looked_up(monkeypatch, found)

    assert post(server, "both.example", trusted=False).refused is True
    assert server.asked == []


def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    port = servers.free_port()
    with gateways.listening("127.0.0.2", port) as outside, gateways.listening("127.0.0.1", port) as inside:
        asked = looked_up(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])

        post(outside, "rebound.example", trusted=False).judge()

        assert asked == ["rebound.example"]
        assert ([len(outside.asked), len(inside.asked)], outside.asked[0].headers["Host"]) == (
            [1, 0],
            f"rebound.example:{outside.port}",
        )


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    server: gateways.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens at the first."""
    looked_up(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    monkeypatch.setattr(egress, "is_public", lambda address: True)

    post(server, "two.example", trusted=False).judge()

    assert len(server.asked) == 1


def test_a_redirect_is_an_answer_and_not_followed(server: gateways.Server) -> None:
    with gateways.listening() as inside:
        server.answer = Answer(307, {"Location": f"{inside.url}/secret"})

        seen = post(server)

        with pytest.raises(NotNow):
            seen.judge()
        assert (len(server.asked), inside.asked) == (1, [])


def test_no_proxy_or_password_out_of_the_environment_is_used(
    server: gateways.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    post(server).judge()

    assert "Authorization" not in server.asked[0].headers


# --- What answers mean ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((200, None), (201, None), (204, None), (301, NotNow), (400, NotNow), (401, NotNow), (403, NotNow)),
        *((413, NotNow), (404, AddressGone), (410, AddressGone), (408, TransportDown), (429, TransportDown)),
        *((500, TransportDown), (502, TransportDown), (503, TransportDown), (507, TransportDown)),
    ],
)
def test_each_answer_has_its_meaning(
    server: gateways.Server, status: int, meaning: type[Exception] | None
) -> None:
    server.answer = Answer(status, body=b"")

    seen = post(server)

    if meaning is None:
        seen.judge()
    else:
        with pytest.raises(meaning):
            seen.judge()


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "3600"}, 60),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "Wed, 01 May 2030 20:00:09 GMT", "Date": "Wed, 01 May 2030 20:00:00 GMT"}, 9),
        ({"Retry-After": "Wed, 01 May 2030 19:00:00 GMT", "Date": "Wed, 01 May 2030 20:00:00 GMT"}, 0),
        ({"Retry-After": "Wed, 01 May 2030 20:00:09 GMT"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_what_the_server_says_up_to_a_minute(
    headers: dict[str, str], after: int | None
) -> None:
    assert egress.retry_after(headers) == (None if after is None else timedelta(seconds=after))


def test_who_was_told_to_wait_does_not_ask_again_in_the_same_post(server: gateways.Server) -> None:
    server.answer = Answer(429, {"Retry-After": "7"})
    requests = egress.wire().requests
    with egress.only_public(trusted=frozenset({("127.0.0.1", server.port)})) as seen:
        requests.post(f"http://127.0.0.1:{server.port}/", json={})
        with pytest.raises(requests.ConnectionError):
            requests.post(f"http://127.0.0.1:{server.port}/", json={})

    assert (len(server.asked), seen.after) == (1, timedelta(seconds=7))


@pytest.mark.parametrize(
    ("drip", "lasts"),
    [
        (b"HTTP/1.1 200 OK\r\n" * 50, 0.3),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, 0.3),
        # Its status has come; its headers never do.
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500, 2),
    ],
    ids=["status", "go on", "headers"],
)
def test_a_server_that_drips_is_cut_off(server: gateways.Server, drip: bytes, lasts: float) -> None:
    server.answer = Answer(drip=drip)

    seen = post(server, lasts=lasts)

    assert (seen.fuse.blown, server.heard_out, seen.status) == (True, False, None)
    with pytest.raises(TransportDown):
        seen.judge()


def test_a_server_that_hangs_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seen = post(silent.getsockname()[1], lasts=0.3)

    with pytest.raises(TransportDown):
        seen.judge()


def test_a_look_up_that_hangs_is_given_up(server: gateways.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    seen = post(server, "slow.example", trusted=False, lasts=0.3)
    release.set()

    with pytest.raises(TransportDown):
        seen.judge()


def test_an_answer_without_end_is_read_only_so_far(server: gateways.Server) -> None:
    server.answer = Answer(body=b"x" * 10_000_000)

    seen = post(server)

    assert (seen.status, len(seen.body)) == (200, 64 * 1024)
