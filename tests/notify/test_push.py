"""A notice by web push, on a real wire: whoever carries it reads nothing, and is understood."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from pytest_django import Settings

from notify import deliver, outbox, start, transports
from notify.forms import AskersChannelForm, ChannelForm, PushForm
from notify.models import PACES, Channel, Notice, PushKey
from notify.transports import push
from privacy.crypto import Unreadable
from privacy.due import Swept
from tests import servers
from tests.notify import push_service
from tests.notify.pigeons import AT, add
from tests.notify.push_service import Browser, Server, base64url

pytestmark = pytest.mark.django_db


def cover_name() -> str:
    return "Bread & Roses\nKnitting"


def longest_cover_name() -> str:
    return "🧶" * 30


@pytest.fixture
def service(settings: Settings) -> Iterator[Server]:
    deliver.breakers.clear()
    start.keep_push_key(AT)
    with push_service.listening() as server:
        settings.PUSH_HOSTS = [server.place]
        settings.DEFAULT_FROM_EMAIL = "news@notes.example"
        settings.NOTIFY_SENDER_NAME = "tests.notify.test_push.cover_name"
        yield server


@pytest.fixture
def phone(service: Server) -> Browser:
    return Browser(f"http://{service.place}/ada")


def subscribe(phone: Browser, **more: object) -> Channel:
    return add(uuid.uuid4(), phone.subscription, transport="push", **more)


def news(phone: Browser, pace: str = "now", **more: object) -> Channel:
    channel = subscribe(phone, **more)
    outbox.queue(channel.recipient, "news", AT, pace=pace)
    return channel


def status() -> str:
    return str(Notice.objects.get().status)


# What leaves


def test_the_browser_opens_it_and_shows_constant_words(service: Server, phone: Browser) -> None:
    news(phone)

    assert deliver.run(AT) == Swept(done=1)

    (posted,) = service.posted
    assert phone.shows(posted) == {"title": "Bread & Roses Knitting", "body": "There is news."}


@pytest.mark.parametrize(
    ("pace", "body"),
    [
        ("", "There is news."),
        ("now", "There is news.\nIt is for now."),
        ("week", "There is news.\nIt is for this week."),
        ("changed", "There is news.\nSomething changed. Look before you go."),
    ],
)
def test_whoever_wants_it_reads_how_soon(service: Server, phone: Browser, pace: str, body: str) -> None:
    news(phone, pace, paces=True)

    deliver.run(AT)

    assert phone.shows(service.posted[0])["body"] == body


def test_it_speaks_the_language_of_whoever_reads_it(service: Server, phone: Browser) -> None:
    news(phone, "changed", paces=True, language="fr")

    deliver.run(AT)

    assert phone.shows(service.posted[0])["body"] == (
        "Il y a du nouveau.\nIl y a un changement. Regardez avant de partir."
    )


def test_nobody_else_opens_it(service: Server, phone: Browser) -> None:
    news(phone)

    deliver.run(AT)

    with pytest.raises(InvalidTag):
        Browser(phone.endpoint).opens(service.posted[0])


def test_its_headers_are_the_same_for_every_message(service: Server, phone: Browser) -> None:
    news(phone)

    deliver.run(AT)

    headers = dict(service.posted[0].headers)
    assert headers.pop("authorization").startswith("vapid t=")
    assert len(headers.pop("topic")) == 32
    assert headers == {
        "host": service.place,
        "user-agent": "Mozilla/5.0",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "content-length": "1127",
        "ttl": "43200",
        "urgency": "high",
    }


def test_neither_language_nor_pace_nor_name_changes_its_length(
    service: Server, phone: Browser, settings: Settings
) -> None:
    for name in ("cover_name", "longest_cover_name"):
        settings.NOTIFY_SENDER_NAME = f"tests.notify.test_push.{name}"
        for language, _label in django_settings.LANGUAGES:
            for pace in PACES:
                news(phone, pace, paces=True, language=language)
        deliver.run(AT)

    texts = {json.dumps(phone.shows(posted)) for posted in service.posted}
    lengths = {(len(posted.body), len(phone.opens(posted))) for posted in service.posted}
    assert (len(texts), lengths) == (2 * 2 * len(PACES), {(1127, 1024)})


def test_the_same_news_twice_is_the_same_topic_and_other_news_is_not(service: Server, phone: Browser) -> None:
    channel = news(phone)
    deliver.run(AT)
    Notice.objects.update(status="queued")
    deliver.run(AT)
    outbox.queue(channel.recipient, "other news", AT)
    deliver.run(AT)

    first, again, other = (posted.headers["topic"] for posted in service.posted)
    assert (first == again, first == other) == (True, False)


def test_a_test_looks_like_news(service: Server, phone: Browser) -> None:
    channel = news(phone)
    channel.test(AT)

    deliver.run(AT)

    real, test = service.posted
    assert phone.shows(real) == phone.shows(test)
    assert len(real.body) == len(test.body)
    own = {"topic", "authorization"}
    assert {name for name, text in real.headers.items() if text != test.headers[name]} - own == set()


class TestOurSignature:
    def test_it_is_for_this_service_alone_for_twelve_hours(self, service: Server, phone: Browser) -> None:
        news(phone)

        deliver.run(AT)

        assert service.posted[0].claims() == {
            "aud": f"http://{service.place}",
            "exp": int((AT + timedelta(hours=12)).timestamp()),
            "sub": "mailto:news@notes.example",
        }

    def test_it_is_of_the_key_that_browsers_subscribe_with(self, service: Server, phone: Browser) -> None:
        news(phone)

        deliver.run(AT)

        key = PushKey.objects.current()
        assert key is not None
        assert base64url(service.posted[0].sender()) == key.public_text()

    def test_one_that_was_changed_is_not_right(self, service: Server, phone: Browser) -> None:
        """Else the two tests above would say nothing."""
        news(phone)
        deliver.run(AT)
        (posted,) = service.posted
        words = posted.headers["authorization"]
        posted.headers["authorization"] = words.replace(words[60], "A" if words[60] != "A" else "B", 1)

        with pytest.raises((InvalidSignature, ValueError)):
            posted.claims()

    @pytest.mark.parametrize(
        ("sender", "address", "contact"),
        [
            ("news@notes.example", "https://notes.example", "mailto:news@notes.example"),
            ("Notes <news@notes.example>", "", "mailto:news@notes.example"),
            ("news@localhost", "https://notes.example:8443", "https://notes.example"),
            ("news@localhost", "", "mailto:news@localhost"),
        ],
    )
    def test_it_names_the_sender_of_our_mail_or_our_address(
        self, settings: Settings, sender: str, address: str, contact: str
    ) -> None:
        settings.DEFAULT_FROM_EMAIL, settings.PUBLIC_URL = sender, address

        assert push.contact() == contact


class TestWhatTheServiceAnswers:
    @pytest.mark.parametrize("answer", [200, 201, 202, 204])
    def test_what_it_took_is_done(self, service: Server, phone: Browser, answer: int) -> None:
        service.answers[""] = answer
        news(phone)

        assert deliver.run(AT) == Swept(done=1)
        assert status() == "sent"

    @pytest.mark.parametrize("answer", [404, 410])
    def test_a_browser_that_is_gone_is_shown_to_its_owner_and_the_next_channel_is_used(
        self, service: Server, phone: Browser, answer: int
    ) -> None:
        service.answers["/ada"] = answer
        channel = news(phone)
        other = Browser(f"http://{service.place}/at-home")
        later = AT + timedelta(hours=1)
        second = add(channel.recipient, other.subscription, transport="push", at=later)
        outbox.queue(channel.recipient, "more news", AT)

        deliver.run(AT)
        outbox.queue(channel.recipient, "later news", AT)
        deliver.run(AT)

        assert [row.broken_at for row in Channel.objects.of(channel.recipient)] == [AT, None]
        assert sorted(posted.path for posted in service.posted) == ["/ada", "/at-home", "/at-home"]
        assert Notice.objects.filter(channel=second, status="sent").count() == 2

    @pytest.mark.parametrize("answer", [400, 401, 403, 413, 301, 307])
    def test_what_it_refuses_is_tried_again_and_holds_up_nobody(
        self, service: Server, phone: Browser, answer: int
    ) -> None:
        service.answers["/ada"] = answer
        channel = news(phone)
        news(Browser(f"http://{service.place}/eve"))

        first = deliver.run(AT)
        service.answers.clear()
        again = deliver.run(AT + timedelta(seconds=6))

        channel.refresh_from_db()
        assert (first, again, channel.is_broken) == (Swept(done=1, failed=1), Swept(done=1), False)
        paths = [posted.path for posted in service.posted]
        # Which of two that are due at the same moment goes first is nobody's promise.
        assert (sorted(paths[:2]), paths[2:]) == (["/ada", "/eve"], ["/ada"])

    @pytest.mark.parametrize("answer", [429, 500, 502, 503, "hang up"])
    def test_one_that_is_ill_is_asked_again_and_nothing_is_lost(
        self, service: Server, phone: Browser, answer: int | str
    ) -> None:
        service.answers[""] = answer
        channel = news(phone)

        first = deliver.run(AT)
        service.answers.clear()
        again = deliver.run(AT + timedelta(seconds=6))

        channel.refresh_from_db()
        assert (first.failed, again.done, channel.is_broken) == (1, 1, False)
        assert len({posted.headers["topic"] for posted in service.posted}) == 1

    @pytest.mark.parametrize("answer", [429, 503])
    def test_one_that_asks_for_half_a_minute_gets_it(
        self, service: Server, phone: Browser, answer: int
    ) -> None:
        service.answers[""], service.said = answer, {"Retry-After": "30"}
        news(phone)

        deliver.run(AT)
        service.answers.clear()
        too_soon = deliver.run(AT + timedelta(seconds=29))
        then = deliver.run(AT + timedelta(seconds=31))

        assert (too_soon, then.done, len(service.posted)) == (Swept(), 1, 2)

    def test_one_that_is_down_holds_up_no_other(
        self, service: Server, phone: Browser, settings: Settings
    ) -> None:
        service.answers[""] = 503
        news(phone)
        with push_service.listening() as other:
            settings.PUSH_HOSTS = [service.place, other.place]
            eve = Browser(f"http://{other.place}/eve")
            for _once_more in range(5):
                news(eve)

            swept = deliver.run(AT)

        assert (swept, len(other.posted)) == (Swept(done=5, failed=1), 5)

    @pytest.mark.parametrize("answer", ["hang", "drip"])
    def test_one_that_never_ends_its_answer_is_left(
        self, service: Server, phone: Browser, answer: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("notify.transports.push_wire.POST_LASTS", timedelta(seconds=0.4))
        service.answers[""] = answer
        news(phone)

        assert deliver.run(AT).failed == 1
        assert status() == "queued"

    def test_one_that_is_not_there_is_asked_again(self, service: Server, settings: Settings) -> None:
        nowhere = f"127.0.0.1:{servers.free_port()}"
        settings.PUSH_HOSTS = [nowhere]
        channel = news(Browser(f"http://{nowhere}/ada"))

        assert deliver.run(AT).failed == 1
        channel.refresh_from_db()
        assert (status(), channel.is_broken) == ("queued", False)

    def test_where_it_leads_to_the_inside_of_the_machine_it_is_not_posted_to(
        self, service: Server, phone: Browser, settings: Settings
    ) -> None:
        """A name that the operator listed yesterday, or that a resolver lies about: no fault of the owner."""
        channel = news(phone)
        settings.PUSH_HOSTS = []

        deliver.run(AT)

        channel.refresh_from_db()
        assert (service.posted, status(), channel.is_broken) == ([], "queued", False)

    @pytest.mark.parametrize("answer", [201, 400, 404, 429, 500, "hang up"])
    def test_no_log_line_says_where_it_went(
        self, service: Server, phone: Browser, answer: int | str, caplog: pytest.LogCaptureFixture
    ) -> None:
        service.answers[""] = answer
        news(phone)

        with caplog.at_level("DEBUG"):
            deliver.run(AT)

        assert "/ada" not in caplog.text
        assert base64url(phone.auth) not in caplog.text


POINT = Browser("").point
P256DH = base64url(POINT)
AUTH = base64url(Browser("").auth)


def typed(endpoint: str = "https://fcm.googleapis.com/fcm/send/x:y", **keys: object) -> str:
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": P256DH, "auth": AUTH, **keys}})


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com:443/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example/https://fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilnotify.windows.com/x",
        "https://notify.windows.com/x",
        "https://FCM.googleapis.com/x",
        "https://fcm.googleapis.com./x",
        "https://fcm.googleapis.com\\@evil.example/x",
        "https://fcm.googleapis.com/x\r\nHost: evil.example",
        "https://fcm.googleapis.com/x\n",
        " https://fcm.googleapis.com/x",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com/x#y",
        "https://fcm.googleapis.com/ü",
        "https://fcm.googleapis.com/\ud800",
        "https://127.0.0.1/x",
        "http://127.0.0.1:6379/x",
        "http://localhost/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://fcm.googleapis.com/x",
        "",
    ],
)
def test_what_is_no_push_service_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError):
        transports.get("push").clean(typed(endpoint))


class TestASubscription:
    @pytest.mark.parametrize(
        ("endpoint", "who", "gateway"),
        [
            ("https://fcm.googleapis.com/fcm/send/a:b-c_d", "Google", "fcm.googleapis.com:443"),
            (
                "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
                "Mozilla",
                "updates.push.services.mozilla.com:443",
            ),
            (
                "https://wns2-par02p.notify.windows.com/w/?token=A%2fb%3d",
                "Microsoft",
                "wns2-par02p.notify.windows.com:443",
            ),
            ("https://web.push.apple.com/QGuQyavXut", "Apple", "web.push.apple.com:443"),
        ],
    )
    def test_those_of_the_makers_of_browsers_are_taken(self, endpoint: str, who: str, gateway: str) -> None:
        way = transports.get("push")

        address = way.clean(typed(endpoint))

        assert json.loads(address) == {"endpoint": endpoint, "keys": {"auth": AUTH, "p256dh": P256DH}}
        assert (way.hint(address), way.gateway(address)) == (who, gateway)

    @pytest.mark.parametrize(
        "keys",
        [
            {"auth": base64url(b"fifteen bytes..")},
            {"auth": base64url(b"seventeen bytes..")},
            {"auth": ""},
            {"auth": 7},
            {"auth": None},
            {"auth": "ü" * 22},
            {"p256dh": base64url(b"\4" + bytes(64))},
            {"p256dh": base64url(b"\4" + b"\xff" * 64)},
            {"p256dh": base64url(b"\2" + POINT[1:])},
            {"p256dh": base64url(POINT[:-1])},
            # Of one point: the last byte of another may be the one that makes it right again.
            {"p256dh": base64url(POINT[:-1] + bytes([POINT[-1] ^ 1]))},
            {"p256dh": base64url(POINT + b"\0")},
        ],
    )
    def test_keys_that_are_none_are_refused(self, keys: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            transports.get("push").clean(typed(**keys))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "ada@example.org",
            "null",
            "[]",
            "7",
            "[" * 1999,
            '{"a":' * 399,
            "{}",
            '{"endpoint": "https://fcm.googleapis.com/x"}',
            '{"endpoint": "https://fcm.googleapis.com/x", "keys": []}',
            '{"endpoint": {}, "keys": {}}',
            json.dumps(
                {"endpoint": ["https://fcm.googleapis.com/x"], "keys": {"p256dh": P256DH, "auth": AUTH}}
            ),
            "9" * 1999,
            typed("https://fcm.googleapis.com/" + "x" * 2000),
        ],
    )
    def test_what_has_another_shape_is_refused(self, text: str) -> None:
        with pytest.raises(ValidationError):
            transports.get("push").clean(text)

    @pytest.mark.parametrize(
        ("listed", "endpoint", "taken"),
        [
            ("push.example", "https://push.example/x", True),
            ("push.example", "https://push.example:8443/x", False),
            ("push.example:8443", "https://push.example:8443/x", True),
            ("push.example:8443", "https://push.example/x", False),
            ("push.example:80", "http://push.example:80/x", False),
            ("127.0.0.1:9000", "http://127.0.0.1:9000/x", True),
            ("127.0.0.1:9000", "http://127.0.0.1:9001/x", False),
            ("127.0.0.1:9000", "http://localhost:9000/x", False),
        ],
    )
    def test_the_operator_may_list_more(
        self, settings: Settings, listed: str, endpoint: str, taken: bool
    ) -> None:
        settings.PUSH_HOSTS = [listed]

        form = PushForm({"transport": "push", "address": typed(endpoint)})

        assert form.is_valid() is taken

    def test_the_same_browser_twice_is_one_channel(self) -> None:
        recipient, plain = uuid.uuid4(), json.loads(typed())
        padded = {**plain, "expirationTime": None, "keys": {n: f"{k}==" for n, k in plain["keys"].items()}}

        channels = [add(recipient, json.dumps(one), transport="push") for one in (plain, padded)]

        assert channels[0].pk == channels[1].pk

    def test_a_browser_knows_its_own_by_a_hash_of_its_endpoint(self) -> None:
        way = transports.get("push")
        # As crypto.subtle.digest makes it.
        assert way.mark(way.clean(typed("https://fcm.googleapis.com/x"))) == (
            "ff1fb28f3bb00e75861a9578e8f138fa43fb17379bc589e63d8160a55e9ab63b"
        )


def test_nobody_who_asks_can_choose_it() -> None:
    form = AskersChannelForm({"transport": "push", "address": typed()})

    assert form.errors == {"transport": ["Choose one of these."]}


class TestWhoIsOfferedIt:
    def test_no_card_asks_for_a_subscription_to_be_typed(self, settings: Settings) -> None:
        assert "push" in transports.offered()
        assert "push" not in transports.typed()
        assert "push" not in str(ChannelForm()["transport"])

    def test_an_operator_can_switch_it_off(self, settings: Settings) -> None:
        settings.PUSH = False

        form = PushForm({"transport": "push", "address": typed()})

        assert (form.is_valid(), "push" in transports.offered()) == (False, False)


def test_the_database_does_not_hold_the_private_half_of_our_key() -> None:
    start.keep_push_key(AT)
    key = PushKey.objects.get()

    stored = repr(PushKey.objects.values_list().get()).encode() + bytes(key.private_key)

    assert (len(key.private()), key.private() in stored) == (32, False)


class TestTheKeyPair:
    def test_it_is_made_once(self) -> None:
        start.keep_push_key(AT)
        first = PushKey.objects.values().get()

        start.keep_push_key(AT)

        assert PushKey.objects.values().get() == first

    @pytest.mark.parametrize("damaged", ["private_key", "public_key"])
    def test_where_it_does_not_open_another_is_made_and_owners_see_that_their_phones_are_not_reached(
        self, service: Server, phone: Browser, damaged: str
    ) -> None:
        channel, mail = news(phone), add(uuid.uuid4(), "ada@example.org", transport="email")
        before = PushKey.objects.get()
        value = bytearray(getattr(before, damaged))
        value[-1] ^= 1
        PushKey.objects.update(**{damaged: bytes(value)})

        lost = start.keep_push_key(AT)

        channel.refresh_from_db()
        mail.refresh_from_db()
        assert (lost, channel.is_broken, mail.is_broken) == (1, True, False)
        key = PushKey.objects.current()
        assert key is not None
        assert (key.is_genuine(), bytes(key.public_key) == bytes(before.public_key)) == (True, False)

    def test_without_one_news_waits_and_no_channel_is_blamed(self, service: Server, phone: Browser) -> None:
        channel = news(phone)
        PushKey.objects.all().delete()

        assert deliver.run(AT).failed == 1

        channel.refresh_from_db()
        assert (status(), channel.is_broken) == ("queued", False)

    def test_of_those_who_saw_none_at_the_same_moment_one_makes_it(self) -> None:
        PushKey.objects.make()
        first = PushKey.objects.values().get()

        PushKey.objects.make()

        assert PushKey.objects.values().get() == first

    def test_a_pair_whose_private_half_was_moved_does_not_open(self) -> None:
        for number in range(2):
            PushKey.objects.make(after=number)
        one, other = PushKey.objects.order_by("number")
        one.private_key = other.private_key

        with pytest.raises(Unreadable):
            one.private()


@pytest.mark.once
def test_no_page_loads_what_only_the_worker_needs() -> None:
    """In a process of its own: every address, every form, and a subscription that is looked at."""
    script = """
import sys
from django.conf import settings
import django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
import volunteers.views.profile
from notify import transports
way = transports.get("push")
address = way.clean(sys.argv[1])
way.gateway(address), way.hint(address), way.mark(address)
heavy = {"requests", "http_ece", "py_vapid", "apprise", "notify.transports.push_wire"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, typed()],
        check=True,
        capture_output=True,
        text=True,
        cwd=django_settings.BASE_DIR,
    )
    assert done.stdout.strip() == "[]"
