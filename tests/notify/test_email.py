"""A notice by e-mail, on a real wire: constant words, no trace of this machine, refusals understood."""

import email.message
import email.policy
import socket
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from notify import deliver, outbox, transports
from notify.models import Channel, Notice
from notify.transports import email as by_email
from notify.transports.smtp import NeutralBackend
from privacy.due import Swept, Watch
from tests import servers
from tests.notify import certificates, mailbox
from tests.notify.pigeons import AT, add

pytestmark = pytest.mark.django_db


def cover_name() -> str:
    return "Bread & Roses\nKnitting"


@pytest.fixture
def server(settings: Settings) -> Iterator[mailbox.Server]:
    deliver.breakers.clear()
    with mailbox.listening() as server:
        settings.EMAIL_BACKEND = "notify.transports.smtp.NeutralBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.DEFAULT_FROM_EMAIL = "news@notes.example"
        settings.NOTIFY_SENDER_NAME = "tests.notify.test_email.cover_name"
        yield server


def news(address: str = "ada@there.example", **more: object) -> Channel:
    channel = add(uuid.uuid4(), address, transport="email", **more)
    outbox.queue(channel.recipient, "news", AT, pace="now")
    return channel


def received(server: mailbox.Server) -> list[email.message.EmailMessage]:
    return [email.message_from_string(mail, policy=email.policy.default) for mail in server.mails]  # type: ignore[misc]


def test_the_whole_message_is_constant(server: mailbox.Server) -> None:
    news()

    deliver.run(AT + timedelta(seconds=7))

    (mail,) = received(server)
    assert [(name, value) for name, value in mail.items() if name != "Message-ID"] == [
        ("Content-Type", 'text/plain; charset="utf-8"'),
        ("MIME-Version", "1.0"),
        ("Content-Transfer-Encoding", "7bit"),
        ("Subject", "Bread & Roses Knitting: there is news"),
        ("From", "Bread & Roses Knitting <news@notes.example>"),
        ("To", "ada@there.example"),
        ("Date", "Mon, 06 May 2030 20:00:00 +0000"),
    ]
    assert mail.get_content() == "Bread & Roses Knitting\n\nThere is news.\n"
    assert mail["Message-ID"].partition("@")[2] == "notes.example>"


def test_neither_greeting_nor_message_names_this_machine(server: mailbox.Server) -> None:
    news()

    deliver.run(AT)

    (mail,) = received(server)
    drawn = mail["Message-ID"].strip("<").partition("@")[0]
    assert server.greetings == ["notes.example"]
    # What is drawn may have a short name of a machine in it.
    assert socket.gethostname() not in server.mails[0].replace(drawn, "")


def test_sent_twice_it_is_the_same_message(server: mailbox.Server) -> None:
    news()
    deliver.run(AT)
    Notice.objects.update(status="queued")

    deliver.run(AT)

    first, second = received(server)
    assert first["Message-ID"] == second["Message-ID"]
    assert server.mails[0] == server.mails[1]


def test_many_go_over_one_connection(server: mailbox.Server) -> None:
    for number in range(5):
        news(f"person{number}@there.example")

    assert deliver.run(AT) == Swept(done=5)
    assert len(server.greetings) == 1


@pytest.mark.parametrize(
    ("verb", "answer", "outcome"),
    [
        ("RCPT", "550 no such person", ("dropped", True)),
        ("RCPT", "550 5.1.1 no such person", ("dropped", True)),
        ("RCPT", "553 5.1.3 no such address", ("dropped", True)),
        ("RCPT", "550 5.2.1 closed", ("dropped", True)),
        ("BODY", "550 5.1.1 no such person", ("dropped", True)),
        ("RCPT", "451 later", ("queued", False)),
        ("RCPT", "452 4.2.2 mailbox full", ("queued", False)),
        ("RCPT", "552 mailbox full", ("queued", False)),
        ("RCPT", "552 5.2.2 mailbox full", ("queued", False)),
        ("RCPT", "554 5.7.1 your machine is on a list", ("queued", False)),
        ("RCPT", "530 sign in first", ("queued", False)),
        ("BODY", "451 later", ("queued", False)),
        ("BODY", "550 looks like spam", ("queued", False)),
        ("MAIL", "550 who are you", ("queued", False)),
        ("DATA", "421 closing", ("queued", False)),
        ("CONNECT", "421 closing", ("queued", False)),
        ("CONNECT", "hang up", ("queued", False)),
        ("BODY", "hang up", ("queued", False)),
    ],
)
def test_only_a_refused_address_ends_a_channel(
    server: mailbox.Server, verb: str, answer: str, outcome: tuple[str, bool]
) -> None:
    channel = news()
    server.answers[verb] = answer

    deliver.run(AT)
    status = Notice.objects.get().status
    server.answers.clear()
    deliver.run(AT + timedelta(seconds=6))

    channel.refresh_from_db()
    assert (status, channel.is_broken) == outcome
    assert len(server.mails) == (0 if channel.is_broken else 1)


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        *(
            ("RCPT", answer)
            for answer in ("421 closing", "452 no space", "452 4.3.1 no space", "451 4.3.0 broken")
        ),
        *(("BODY", answer) for answer in ("421 closing", "452 4.3.1 no space")),
        ("MAIL", "451 later"),
    ],
)
def test_a_server_in_trouble_is_asked_by_one_message_not_by_all(
    server: mailbox.Server, verb: str, answer: str
) -> None:
    for number in range(3):
        news(f"person{number}@there.example")
    server.answers[verb] = answer

    deliver.run(AT)

    assert (server.asked.count(verb if verb != "BODY" else "DATA"), Channel.objects.working().count()) == (
        1,
        3,
    )


@pytest.mark.parametrize("answer", ["451 4.7.1 later", "450 4.2.0 busy", "552 full", "554 5.7.1 no"])
def test_what_concerns_one_address_stops_no_other(server: mailbox.Server, answer: str) -> None:
    for number in range(3):
        news(f"person{number}@there.example")
    server.answers["RCPT"] = answer

    deliver.run(AT)

    assert server.asked.count("RCPT") == 3


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_server_that_hangs_or_drips_is_left_after_a_while(
    server: mailbox.Server, monkeypatch: pytest.MonkeyPatch, verb: str, answer: str
) -> None:
    monkeypatch.setattr(by_email, "POST_LASTS", timedelta(seconds=0.3))
    news()
    server.answers[verb] = answer

    assert deliver.run(AT) == Swept(failed=1)
    assert (Notice.objects.get().status, server.heard_out) == ("queued", False)


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_also_the_second_message_of_a_connection_is_cut_off(
    server: mailbox.Server, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    message = transports.Message("Notes", "Notes: there is news", "There is news.", "ab" * 16, AT)
    with transports.get("email").open() as post:
        post("ana@there.example", message)
        monkeypatch.setattr(by_email, "POST_LASTS", timedelta(seconds=0.3))
        server.answers["RCPT"] = answer

        with pytest.raises(transports.TransportDown):
            post("ben@there.example", message)

    assert (len(server.mails), server.heard_out, server.asked.count("EHLO")) == (1, False, 1)


def test_a_server_slow_to_greet_is_waited_for_as_long_as_a_post_may_take(
    server: mailbox.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it costs to connect belongs to the first post, not to the time of the whole batch."""
    opened: list[int] = []
    real = NeutralBackend.open

    def slow(backend: NeutralBackend) -> bool | None:
        if backend.connection is None:
            opened.append(1)
            # Connecting took three seconds.
            monkeypatch.setattr(Watch, "elapsed", lambda watch: timedelta(seconds=3))
        return real(backend)

    monkeypatch.setattr(NeutralBackend, "open", slow)
    news()

    deliver.run(AT)

    assert (len(opened), len(server.mails)) == (1, 1)


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_good_bye_without_end_changes_nothing(
    server: mailbox.Server, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    news()
    server.answers["QUIT"] = answer
    real = by_email._close

    def close(connection: object) -> None:
        monkeypatch.setattr(by_email, "POST_LASTS", timedelta(seconds=0.3))
        real(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(by_email, "_close", close)

    assert deliver.run(AT) == Swept(done=1)
    assert server.heard_out is False


@pytest.mark.parametrize("answer", ["", "drip"])
def test_over_tls_it_is_the_same(
    server: mailbox.Server,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    answer: str,
) -> None:
    monkeypatch.setattr(by_email, "POST_LASTS", timedelta(seconds=0.3 if answer else 5))
    certificate = certificates.make(tmp_path, ["localhost"])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mailbox.listening(certificates.server_side(certificate)) as encrypted:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_SSL = "localhost", encrypted.port, True
        if answer:
            encrypted.answers["RCPT"] = answer
        news()

        deliver.run(AT)

        assert len(encrypted.mails) == (0 if answer else 1)
        assert Notice.objects.get().status == ("queued" if answer else "sent")


def test_this_machines_name_is_asked_of_nobody(
    server: mailbox.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django would, for a greeting that is not used; where nobody answers that takes long."""
    asked: list[str] = []
    monkeypatch.setattr(socket, "getfqdn", lambda *args: asked.append("name") or "here")
    news()

    assert deliver.run(AT) == Swept(done=1)
    assert asked == []


def test_a_server_that_is_not_there_is_asked_again(server: mailbox.Server, settings: Settings) -> None:
    news()
    settings.EMAIL_PORT = servers.free_port()

    assert deliver.run(AT) == Swept(failed=1)
    assert Notice.objects.get().status == "queued"


@pytest.mark.parametrize("verb", ["CONNECT", "MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize("answer", ["550 no ada@there.example", "451 not ada@there.example", "hang up"])
def test_no_log_line_holds_the_address(
    server: mailbox.Server, verb: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    news()
    server.answers[verb] = answer

    with caplog.at_level("DEBUG"):
        deliver.run(AT)

    assert "ada" not in caplog.text


def test_without_a_mail_server_e_mail_is_not_offered(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

    assert "email" not in transports.offered()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "ada@there.example\nBcc: x@y.example",
        "ada@there.example, x@y.example",
        "a" * 250 + "@there.example",
        # The relay would connect into the machine or its network, or hand it to somebody there.
        "root@localhost",
        "root@LOCALHOST",
        "ada@[127.0.0.1]",
        "ada@[IPv6:::1]",
        "ada@[::1]",
        "ada@10.0.0.25",
        "ada@192.168.100.200",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        transports.get("email").clean(address)


def test_spaces_around_an_address_are_forgiven() -> None:
    assert transports.get("email").clean(" ada@there.example ") == "ada@there.example"
