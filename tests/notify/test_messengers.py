"""A notice through ntfy, Signal, a text message, Matrix: on a real wire, by the duty that sends it."""

import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from notify import deliver, outbox, transports
from notify.models import Channel, Notice
from notify.transports import POST_LASTS
from privacy.due import Swept
from tests import servers
from tests.notify import gateways
from tests.notify.gateways import Answer
from tests.notify.pigeons import AT, add

# The wire is the same whatever the rows lie in; the duty itself is asked on both (test_deliver.py).
pytestmark = [pytest.mark.django_db, pytest.mark.once]

SENDER = "Bread & Roses"
ADDRESS, NUMBER = "her-topic", "+32470000001"
BODIES = {
    ("en", ""): f"{SENDER}\n\nThere is news.",
    ("en", "now"): f"{SENDER}\n\nThere is news.\nIt is for now.",
    ("en", "week"): f"{SENDER}\n\nThere is news.\nIt is for this week.",
    ("en", "changed"): f"{SENDER}\n\nThere is news.\nSomething changed. Look before you go.",
    ("fr", ""): f"{SENDER}\n\nIl y a du nouveau.",
    ("fr", "now"): f"{SENDER}\n\nIl y a du nouveau.\nC’est pour maintenant.",
    ("fr", "week"): f"{SENDER}\n\nIl y a du nouveau.\nC’est pour cette semaine.",
    ("fr", "changed"): f"{SENDER}\n\nIl y a du nouveau.\nIl y a un changement. Regardez avant de partir.",
}
SUBJECTS = {"en": f"{SENDER}: there is news", "fr": f"{SENDER}\N{NO-BREAK SPACE}: il y a du nouveau"}


def cover_name() -> str:
    return SENDER


@dataclass(frozen=True)
class Shape:
    """How one kind of gateway is set up on loopback, and what it is asked: `asks(subject, body, key)`."""

    slug: str
    setting: str
    template: str
    address: str
    asks: Any
    answer: Answer = field(default_factory=Answer)
    answers: dict[str, Answer] = field(default_factory=dict)


def ntfy(subject: str, body: str, key: str) -> list[Any]:
    return [("POST", "/", {"topic": ADDRESS, "title": subject, "message": body})]


def signal(subject: str, body: str, key: str) -> list[Any]:
    said = {"message": body, "number": "+32400000000", "text_mode": "normal", "recipients": [NUMBER]}
    return [("POST", "/v2/send", said)]


def sms(subject: str, body: str, key: str) -> list[Any]:
    said = {
        "method": "sms.send_sms",
        "params": {
            "access_token": "secret-token",
            "message_type": "sms",
            "responsetype": "extended",
            "highpriority": 0,
            "flash": 0,
            "test": 0,
            "unicode": 1,
            "message": body,
            "to": NUMBER,
        },
    }
    return [("POST", "/jsonrpc/sms", said)]


def matrix(subject: str, body: str, key: str) -> list[Any]:
    sends = f"/_matrix/client/v3/rooms/%21r%3Ahome.example/send/m.room.message/{int(key, 16)}"
    return [
        ("POST", "/_matrix/client/v3/join/%23room%3Ahome.example", {}),
        ("PUT", sends, {"msgtype": "m.text", "body": body}),
    ]


SHAPES = [
    Shape("ntfy", "NTFY_SERVER", "http://127.0.0.1:{port}", ADDRESS, ntfy),
    Shape(
        "signal",
        "SIGNAL_GATEWAY",
        "signal://127.0.0.1:{port}/+32400000000/{to}",
        NUMBER,
        signal,
        Answer(201, body=b'{"timestamp": "1"}'),
    ),
    Shape(
        "sms",
        "SMS_GATEWAY",
        "smseagle://secret-token@127.0.0.1:{port}/{to}",
        NUMBER,
        sms,
        Answer(200, body=b'{"result": {"message_id": 1, "status": "ok"}}'),
    ),
    Shape(
        "matrix",
        "MATRIX_GATEWAY",
        "matrix://secret-token@127.0.0.1:{port}/{to}",
        "#room:home.example",
        matrix,
        Answer(200, body=b'{"event_id": "$1"}'),
        {"/_matrix/client/v3/join": Answer(200, body=b'{"room_id": "!r:home.example"}')},
    ),
]
EACH = pytest.mark.parametrize("shape", SHAPES, ids=[shape.slug for shape in SHAPES])


@pytest.fixture
def server(settings: Settings) -> Iterator[gateways.Server]:
    deliver.breakers.clear()
    settings.NOTIFY_SENDER_NAME = "tests.notify.test_messengers.cover_name"
    with gateways.listening() as server:
        yield server


def set_up(shape: Shape, server: gateways.Server, settings: Settings) -> None:
    name_gateway(shape, server.port, settings)
    server.answer, server.answers = shape.answer, dict(shape.answers)


def name_gateway(shape: Shape, port: int, settings: Settings) -> None:
    """The operator names a gateway at this port."""
    setattr(settings, shape.setting, shape.template.replace("{port}", str(port)))


def news(shape: Shape, pace: str = "", **more: object) -> Channel:
    channel = add(uuid.uuid4(), shape.address, transport=shape.slug, paces=True, **more)
    outbox.queue(channel.recipient, "news", AT, pace=pace)
    return channel


def said(server: gateways.Server) -> list[Any]:
    return [(asked.method, asked.path, asked.json) for asked in server.asked]


@EACH
@pytest.mark.parametrize(("language", "pace"), BODIES)
def test_each_says_the_constant_words_in_the_receivers_language(
    shape: Shape, language: str, pace: str, server: gateways.Server, settings: Settings
) -> None:
    set_up(shape, server, settings)
    news(shape, pace, language=language)
    key = Notice.objects.get().message_key()

    assert deliver.run(AT) == Swept(done=1)

    assert said(server) == shape.asks(SUBJECTS[language], BODIES[language, pace], key)


@EACH
def test_nothing_of_the_library_or_of_this_machine_is_sent_along(
    shape: Shape, server: gateways.Server, settings: Settings
) -> None:
    """Headers whole, but for what each protocol has of its own."""
    set_up(shape, server, settings)
    news(shape)

    deliver.run(AT)

    own = {"Content-Length", "Content-Type", "Host", "X-Sequence-ID", "Authorization"}
    for asked in server.asked:
        assert {name: value for name, value in asked.headers.items() if name not in own} == {
            "User-Agent": "Mozilla/5.0",
            "Accept": "application/json" if shape.slug == "matrix" else "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **({"X-Priority": "high"} if shape.slug == "ntfy" else {}),
        }
    assert [
        word for word in ("apprise", "caronc", "python", "github") if word in server.all_text.lower()
    ] == []


@EACH
def test_sent_twice_it_is_the_same_message(shape: Shape, server: gateways.Server, settings: Settings) -> None:
    set_up(shape, server, settings)
    news(shape)
    deliver.run(AT)
    once = list(server.asked)
    Notice.objects.update(status="queued", lease_until=None, retry_after=None)

    deliver.run(AT + timedelta(minutes=1))

    assert server.asked == once + once


@pytest.mark.parametrize(
    ("shape", "where"),
    [(SHAPES[0], lambda asked: asked.headers["X-Sequence-ID"]), (SHAPES[3], lambda asked: asked.path)],
    ids=["ntfy", "matrix"],
)
def test_two_notices_are_two_messages_where_the_protocol_can_tell(
    shape: Shape, where: Any, server: gateways.Server, settings: Settings
) -> None:
    set_up(shape, server, settings)
    channel = news(shape)
    outbox.queue(channel.recipient, "more news", AT)

    deliver.run(AT)

    sent = [where(asked) for asked in server.asked if "join" not in asked.path]
    assert (len(sent), len(set(sent))) == (2, 2)


# --- What goes wrong ------------------------------------------------------------------------------

LATER = [
    Answer(500),
    Answer(503, {"Retry-After": "4"}),
    Answer(429),
    Answer(429, {"Retry-After": "7"}),
    Answer(400, body=b"no"),
    Answer(403),
    Answer(hang_up=True),
]


@EACH
@pytest.mark.parametrize("answer", LATER, ids=repr)
def test_what_is_refused_for_now_is_sent_later(
    shape: Shape, answer: Answer, server: gateways.Server, settings: Settings
) -> None:
    set_up(shape, server, settings)
    channel = news(shape)
    server.answer, server.answers = answer, {}

    deliver.run(AT)
    tries = len(server.asked)
    status = Notice.objects.get().status
    set_up(shape, server, settings)
    deliver.run(AT + timedelta(seconds=8))

    channel.refresh_from_db()
    assert (tries, status, channel.is_broken) == (1, "queued", False)
    assert Notice.objects.get().status == "sent"


@EACH
@pytest.mark.parametrize(("status", "seconds"), [(429, 7), (503, 30), (429, 60)])
def test_whoever_asks_for_time_is_given_it(
    shape: Shape, status: int, seconds: int, server: gateways.Server, settings: Settings
) -> None:
    set_up(shape, server, settings)
    news(shape)
    server.answer, server.answers = Answer(status, {"Retry-After": str(seconds)}), {}
    deliver.run(AT)
    set_up(shape, server, settings)

    deliver.run(AT + timedelta(seconds=seconds - 1))
    too_early = len(server.asked)
    deliver.run(AT + timedelta(seconds=seconds + 1))

    assert (too_early, Notice.objects.get().status) == (1, "sent")


def test_matrix_says_how_long_to_wait_in_its_own_way(server: gateways.Server, settings: Settings) -> None:
    set_up(SHAPES[3], server, settings)
    news(SHAPES[3])
    busy = b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 20000}'
    server.answers["/_matrix/client/v3/rooms"] = Answer(429, body=busy)
    deliver.run(AT)
    del server.answers["/_matrix/client/v3/rooms"]

    deliver.run(AT + timedelta(seconds=19))
    too_early = Notice.objects.get().status
    deliver.run(AT + timedelta(seconds=21))

    assert (too_early, Notice.objects.get().status) == ("queued", "sent")


@EACH
@pytest.mark.parametrize(
    "answer",
    [
        Answer(hang=True),
        Answer(drip=b"HTTP/1.1 200 OK\r\n" * 50),
        Answer(drip=b"HTTP/1.1 100 Go\r\n\r\n" * 50),
    ],
    ids=["hang", "drip", "go on"],
)
def test_one_that_hangs_or_drips_is_left_and_asked_again(
    shape: Shape,
    answer: Answer,
    server: gateways.Server,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("notify.transports.messengers.POST_LASTS", timedelta(seconds=0.3))
    set_up(shape, server, settings)
    channel = news(shape)
    server.answer, server.answers = answer, {}

    assert deliver.run(AT) == Swept(failed=1)
    assert server.heard_out is False

    monkeypatch.setattr("notify.transports.messengers.POST_LASTS", POST_LASTS)
    set_up(shape, server, settings)
    deliver.run(AT + timedelta(seconds=8))
    channel.refresh_from_db()
    assert (Notice.objects.get().status, channel.is_broken) == ("sent", False)


@EACH
def test_one_that_is_not_there_is_asked_again(shape: Shape, settings: Settings) -> None:
    deliver.breakers.clear()
    port = servers.free_port()
    name_gateway(shape, port, settings)
    news(shape)
    deliver.run(AT)
    status = Notice.objects.get().status

    with gateways.listening(port=port) as server:
        set_up(shape, server, settings)
        deliver.run(AT + timedelta(seconds=8))

    assert (status, Notice.objects.get().status) == ("queued", "sent")


GONE = [
    (SHAPES[0], Answer(404)),
    *((shape, Answer(410)) for shape in SHAPES),
    (SHAPES[1], Answer(400, body=b'{"error": "Failed to send: Unregistered user \\"+32470000001\\""}')),
    (SHAPES[3], Answer(404, body=b'{"errcode": "M_NOT_FOUND", "error": "no such room"}')),
]


@pytest.mark.parametrize(("shape", "answer"), GONE)
def test_an_address_that_is_gone_is_shown_to_its_owner_and_the_next_one_is_used(
    shape: Shape, answer: Answer, server: gateways.Server, settings: Settings
) -> None:
    with gateways.listening() as other:
        set_up(shape, server, settings)
        server.answer, server.answers = answer, {}
        channel = add(uuid.uuid4(), shape.address, transport=shape.slug)
        spare = SHAPES[1 if shape.slug == "ntfy" else 0]
        name_gateway(spare, other.port, settings)
        add(channel.recipient, spare.address, transport=spare.slug)
        outbox.queue(channel.recipient, "news", AT)

        deliver.run(AT)
        outbox.queue(channel.recipient, "more news", AT)
        deliver.run(AT)

        channel.refresh_from_db()
        assert (channel.is_broken, len(server.asked), len(other.asked)) == (True, 1, 2)


ILL = [
    *((shape, Answer(status)) for shape in SHAPES[1:] for status in (401, 404, 405)),
    *((shape, Answer(302, {"Location": "http://127.0.0.1/"})) for shape in SHAPES[1:]),
    (SHAPES[1], Answer(400, body=b'{"error": "User +32400000000 is not registered."}')),
]


@pytest.mark.parametrize(("shape", "answer"), ILL)
def test_a_gateway_the_operator_set_up_wrongly_ends_no_channel(
    shape: Shape, answer: Answer, server: gateways.Server, settings: Settings
) -> None:
    """It is asked by one message every few seconds, not by all that wait."""
    set_up(shape, server, settings)
    channels = [news(shape) for _ in range(3)]
    server.answer, server.answers = answer, {}

    deliver.run(AT)

    assert (len(server.asked), Notice.objects.filter(status="queued").count()) == (1, 3)
    assert Channel.objects.working().count() == len(channels)


def test_a_room_that_is_not_there_is_not_made(server: gateways.Server, settings: Settings) -> None:
    set_up(SHAPES[3], server, settings)
    server.answers = {"/_matrix/client/v3/join": Answer(404, body=b'{"errcode": "M_NOT_FOUND"}')}
    news(SHAPES[3])

    deliver.run(AT)

    assert [asked.path for asked in server.asked] == ["/_matrix/client/v3/join/%23room%3Ahome.example"]


def test_matrix_signs_in_once_and_keeps_what_it_got_in_memory(
    server: gateways.Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    set_up(SHAPES[3], server, settings)
    settings.MATRIX_GATEWAY = f"matrix://us:passphrase@127.0.0.1:{server.port}/{{to}}"
    answer = b'{"access_token": "t1", "user_id": "@us:home.example", "device_id": "D"}'
    server.answers["/_matrix/client/v3/login"] = Answer(200, body=answer)
    channel = news(SHAPES[3])
    outbox.queue(channel.recipient, "more news", AT)

    assert deliver.run(AT) == Swept(done=2)

    steps = [asked.path.split("/")[4] for asked in server.asked]
    assert steps == ["login", "join", "rooms", "join", "rooms"]
    assert {asked.headers["Authorization"] for asked in server.asked[1:]} == {"Bearer t1"}
    assert server.asked[0].json["initial_device_display_name"] == SENDER
    # The library would make pauses between requests; the thread has others to send to.
    assert pauses == []


@EACH
def test_a_redirect_into_the_machine_is_not_followed(
    shape: Shape, server: gateways.Server, settings: Settings
) -> None:
    with gateways.listening() as inside:
        set_up(shape, server, settings)
        server.answer, server.answers = Answer(307, {"Location": f"{inside.url}/secret"}), {}
        news(shape)

        deliver.run(AT)

        assert (len(server.asked), inside.asked, Notice.objects.get().status) == (1, [], "queued")


@EACH
@pytest.mark.parametrize(
    "answer",
    [Answer(200), Answer(400), Answer(404), Answer(410), Answer(429), Answer(500), Answer(hang_up=True)],
    ids=repr,
)
def test_no_log_line_holds_an_address_a_token_or_a_text(
    shape: Shape,
    answer: Answer,
    server: gateways.Server,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    set_up(shape, server, settings)
    server.answer, server.answers = answer, {}
    news(shape, "now")

    with caplog.at_level("DEBUG"):
        deliver.run(AT)

    printed = caplog.text + "".join(capfd.readouterr())
    words = (ADDRESS, NUMBER, NUMBER[1:], "room", "secret", "news", "127.0.0.1", str(server.port))
    assert [word for word in words if word in printed] == []
    # They did say something: it went nowhere.
    assert "her-topic" in server.all_text or shape.slug != "ntfy"


# --- Addresses of persons -------------------------------------------------------------------------


def test_a_link_of_the_operators_server_may_lie_inside(server: gateways.Server, settings: Settings) -> None:
    set_up(SHAPES[0], server, settings)
    channel = add(uuid.uuid4(), f"{server.url}/her-topic", transport="ntfy")
    outbox.queue(channel.recipient, "news", AT)

    assert deliver.run(AT) == Swept(done=1)
    assert server.asked[0].json["topic"] == "her-topic"


def test_the_operators_login_is_for_the_operators_server(server: gateways.Server, settings: Settings) -> None:
    settings.NTFY_SERVER = f"http://tk_secret@127.0.0.1:{server.port}"
    ours, theirs = "her-topic", "https://ntfy.example/her-topic"

    urls = [transports.get("ntfy").url(address) for address in (ours, theirs)]  # type: ignore[attr-defined]

    assert urls == [
        f"ntfy://tk_secret@127.0.0.1:{server.port}/her-topic",
        "ntfys://ntfy.example/her-topic",
    ]
    news(SHAPES[0])
    deliver.run(AT)
    assert server.asked[0].headers["Authorization"] == "Bearer tk_secret"


def test_a_link_whose_name_leads_inside_reaches_nobody_and_is_shown_to_its_owner(
    server: gateways.Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed as a public name; when the message leaves, it leads into the machine."""
    settings.NTFY_SERVER = "https://ntfy.example"
    channel = add(uuid.uuid4(), f"https://rebound.example:{server.port}/topic", transport="ntfy")
    outbox.queue(channel.recipient, "news", AT)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    deliver.run(AT)

    channel.refresh_from_db()
    assert (server.asked, channel.is_broken, Notice.objects.get().status) == ([], True, "dropped")
