"""The services whose address somebody types whole: what each is told, over TLS, compared to the last word."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from notify import deliver, outbox, transports
from notify.models import Channel, Notice
from notify.transports import egress
from notify.transports.messengers import SERVICES
from privacy.due import Swept
from tests.notify import certificates, gateways
from tests.notify.gateways import Answer
from tests.notify.pigeons import AT, add

pytestmark = pytest.mark.once

SENDER = "Bread & Roses"
SUBJECT, BODY = f"{SENDER}: there is news", f"{SENDER}\n\nThere is news."
BOTH = f"{SUBJECT}\r\n{BODY}"

# address: (host asked for, method, path, body)
TOLD: dict[str, tuple[str, str, str, Any]] = {
    "discord://123456789012345678/abcDEF-ghi_jkl": (
        "discord.com",
        "POST",
        "/api/webhooks/123456789012345678/abcDEF-ghi_jkl",
        {"tts": False, "wait": True, "content": BOTH},
    ),
    "gchat://workspace/key/token": (
        "chat.googleapis.com",
        "POST",
        "/v1/spaces/workspace/messages?token=token&key=key",
        {"text": BODY.replace("&", "&amp;")},
    ),
    "gotifys://gotify.example/Ax1234567890123": (
        "gotify.example",
        "POST",
        "/message",
        {"priority": 5, "title": SUBJECT, "message": BODY},
    ),
    "mmosts://chat.example/aaaaaaaaaaaaaaaaaaaaaaaa": (
        "chat.example",
        "POST",
        "/hooks/aaaaaaaaaaaaaaaaaaaaaaaa",
        {"text": BODY, "username": SENDER},
    ),
    "nctalks://us:passphrase@cloud.example/roomid": (
        "cloud.example",
        "POST",
        "/ocs/v2.php/apps/spreed/api/v1/chat/roomid",
        {"message": BOTH},
    ),
    "ntfys://tk_secret@ntfy.example/topic": (
        "ntfy.example",
        "POST",
        "/",
        {"topic": "topic", "title": SUBJECT, "message": BODY},
    ),
    f"pover://{'u' * 30}@{'a' * 30}": (
        "api.pushover.net",
        "POST",
        "/1/messages.json",
        {
            "token": "a" * 30,
            "priority": "0",
            "title": SUBJECT,
            "message": BODY,
            "sound": "pushover",
            "user": "u" * 30,
            "device": "ALL_DEVICES",
        },
    ),
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ": (
        "hooks.slack.com",
        "POST",
        "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        {
            "mrkdwn": False,
            "attachments": [
                {
                    "title": SUBJECT.replace("&", "&amp;"),
                    "text": BODY.replace("&", "&amp;"),
                    "color": "#3AA3E3",
                }
            ],
        },
    ),
    "tgram://123456789:ABCdefghijkl/12345678": (
        "api.telegram.org",
        "POST",
        "/bot123456789:ABCdefghijkl/sendMessage",
        {
            "disable_notification": False,
            "disable_web_page_preview": True,
            "parse_mode": "HTML",
            "text": "Bread &amp; Roses\r\n\r\nThere is news.",
            "chat_id": 12345678,
        },
    ),
    "threema://*GATEWAY@secret12345/+32470000000": (
        "msgapi.threema.ch",
        "POST",
        "/send_simple?secret=secret12345&from=%2AGATEWAY"
        "&text=Bread+%26+Roses%0A%0AThere+is+news.&phone=32470000000",
        {"secret": "secret12345", "from": "*GATEWAY", "text": BODY, "phone": "32470000000"},
    ),
    f"zulip://bot@org/{'a' * 32}/stream": (
        "org.zulipchat.com",
        "POST",
        "/api/v1/messages",
        {"topic": SUBJECT, "content": BODY, "type": "stream", "to": "stream"},
    ),
}


def cover_name() -> str:
    return SENDER


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("tls"), [host for host, *_ in TOLD.values()])


@pytest.fixture
def server(
    certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[gateways.Server]:
    """It stands for every host on the internet: each name leads to 127.0.0.2, which counts as public."""
    settings.OTHER_SERVICES = True
    settings.NOTIFY_SENDER_NAME = "tests.notify.test_other_services.cover_name"
    deliver.breakers.clear()
    with gateways.Server("127.0.0.2") as server:
        tls = certificates.server_side(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        monkeypatch.setattr(egress, "is_public", lambda address: address == "127.0.0.2")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        yield server
        server.over.set()
        server.shutdown()


def news(address: str) -> Channel:
    channel = add(uuid.uuid4(), address, transport="other")
    outbox.queue(channel.recipient, "news", AT, pace="now")
    return channel


def body_of(text: str, path: str) -> Any:
    if text.startswith("{"):
        return json.loads(text)
    return dict(parse_qsl(text or path.partition("?")[2]))


def test_every_service_there_is_is_compared_here() -> None:
    assert sorted(address.partition("://")[0] for address in TOLD) == sorted(SERVICES)


@pytest.mark.django_db
@pytest.mark.parametrize("address", TOLD, ids=lambda address: address.partition(":")[0])
def test_each_service_is_told_the_constant_words_and_nothing_of_the_library(
    address: str, server: gateways.Server
) -> None:
    server.answer = Answer(200, body=b"ok") if address.startswith("slack") else Answer(200)
    news(address)

    assert deliver.run(AT) == Swept(done=1)

    (asked,) = server.asked
    host, method, path, body = TOLD[address]
    assert (asked.headers["Host"], asked.method) == (host, method)
    assert (asked.path, body_of(asked.text, asked.path)) == (path, body)
    assert asked.headers["User-Agent"] == "Mozilla/5.0"
    assert [word for word in ("apprise", "caronc", "python") if word in server.all_text.lower()] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer", [Answer(drip=b"HTTP/1.1 200 OK\r\n" * 50), Answer(hang=True)], ids=["drip", "hang"]
)
def test_also_over_tls_a_server_that_drips_or_hangs_is_cut_off(
    answer: Answer, server: gateways.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough to agree on a secret and to ask, also on a busy machine.
    monkeypatch.setattr("notify.transports.messengers.POST_LASTS", timedelta(seconds=3))
    server.answer = answer
    news("discord://123456789012345678/abc")

    assert deliver.run(AT) == Swept(failed=1)
    assert (len(server.asked), Notice.objects.get().status) == (1, "queued")


@pytest.mark.django_db
def test_a_certificate_for_somebody_else_is_not_taken(server: gateways.Server) -> None:
    channel = news("gotifys://stranger.example/Ax1234567890123")

    assert deliver.run(AT) == Swept(failed=1)

    channel.refresh_from_db()
    assert (server.asked, channel.is_broken, Notice.objects.get().status) == ([], False, "queued")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "broken"), [(404, True), (410, True), (401, False), (429, False), (500, False)]
)
def test_a_hook_that_is_gone_is_shown_to_its_owner(
    status: int, broken: bool, server: gateways.Server
) -> None:
    server.answer = Answer(status)
    channel = news("discord://123456789012345678/abc")

    deliver.run(AT)

    channel.refresh_from_db()
    assert (channel.is_broken, len(server.asked)) == (broken, 1)


@pytest.mark.django_db
def test_what_the_library_makes_nothing_of_is_shown_to_its_owner(server: gateways.Server) -> None:
    """It is looked at by our own rules when typed: the library is not loaded where pages are served."""
    channel = news("threema://*TOOLONGAGATEWAYNAME@secret/+32470000000")

    deliver.run(AT)

    channel.refresh_from_db()
    assert (channel.is_broken, server.asked) == (True, [])


@pytest.mark.parametrize("address", TOLD, ids=lambda address: address.partition(":")[0])
def test_an_address_is_kept_as_it_was_typed(address: str) -> None:
    assert transports.get("other").clean(f" {address}/ ") == address


BEGIN = [
    *("", "discord", "https://discord.com/api/webhooks/1/a", "json://a.example/x", "jsons://a.example/x"),
    *("file:///etc/passwd", "dbus://", "mailto://a:b@c.example", "gotify://a.example/Ax", "DISCORD://1/a"),
    *("ntfy://a.example/topic", "schan://a", "syslog://", "matrixs://t@a.example/x"),
]
CHECK = [
    *(
        "discord://1",
        "discord://1/a/b",
        "discord://x@1/a",
        "slack://a/b/c/#general",
        "tgram://123:abc",
        "pover://u",
    ),
    *(
        "gotifys://a.example",
        "gotifys://a.example/x/y",
        "ntfys://a.example/a/b",
        "gotifys:///x",
        "ntfys://a@b@c.example/t",
    ),
    *("threema://G@s/+32", "zulip://bot@org/tok", "tgram://123:abc/1,2", "gchat://a/b/c%2f.."),
]
INSIDE = [
    *(
        "gotifys://127.0.0.1/Ax",
        "gotifys://localhost/Ax",
        "gotifys://[::1]/Ax",
        "ntfys://u:p@10.0.0.1:8443/topic",
    ),
    *(
        "mmosts://2130706433/a",
        "nctalks://u:p@nas.local/room",
        "ntfys://a.example:0/t",
        "ntfys://a.example:99999/t",
    ),
]
LEAVE_OUT = [
    "discord://1/a?avatar=no",
    "gotifys://a.example/Ax?verify=no",
    "ntfys://a.example/t?to=x",
    "pover://u@a#x",
]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        *((address, "Begin with one of these: discord://,") for address in BEGIN),
        *(
            (address, "This is not how such an address is written.")
            for address in CHECK
            if "#" not in address
        ),
        *((address, "We cannot send there.") for address in INSIDE),
        *((address, "Leave out the “?” or “#”,") for address in LEAVE_OUT),
        ("gotifys://a.example/" + "x" * 500, "This address is too long."),
    ],
)
def test_anything_else_gets_one_clear_sentence(address: str, words: str) -> None:
    with pytest.raises(ValidationError) as problem:
        transports.get("other").clean(address)

    assert problem.value.messages[0].startswith(words)
