"""Sessions: what a stolen database says of them, how they end, and that no cookie breaks a page."""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from privacy import clock, crypto
from privacy.models import Session
from privacy.sessions import SessionStore

pytestmark = pytest.mark.django_db

AT = datetime(2030, 5, 6, 12, 7, 31, tzinfo=UTC)
IDLE = timedelta(hours=12)
MARK = "a word nobody must find"


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SESSION_COOKIE_AGE = int(IDLE.total_seconds())
    _at(monkeypatch, AT)


def _at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def _stored(**content: object) -> str:
    store = SessionStore()
    store.update(content)
    store.save()
    assert store.session_key is not None
    return store.session_key


def test_what_was_put_in_comes_out_with_the_cookie() -> None:
    cookie = _stored(mark=MARK, deep={"list": [1, "é", None]})

    assert dict(SessionStore(cookie).items()) == {"mark": MARK, "deep": {"list": [1, "é", None]}}


def test_the_cookie_is_256_random_bits() -> None:
    cookies = {_stored() for _ in range(20)}

    assert len(cookies) == 20
    assert {len(base64.urlsafe_b64decode(cookie + "=")) for cookie in cookies} == {32}


def test_the_row_has_neither_the_cookie_nor_the_content() -> None:
    cookie = _stored(mark=MARK)
    raw = base64.urlsafe_b64decode(cookie + "=")

    row = Session.objects.get()
    stored = bytes(row.id) + bytes(row.data)

    assert [part in stored for part in (MARK.encode(), cookie.encode(), raw)] == [False] * 3


def test_the_row_says_when_it_ends_to_the_quarter_of_an_hour() -> None:
    _stored()

    assert Session.objects.get().expires_at == datetime(2030, 5, 7, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "x",
        "short",
        "a" * 42,
        "é" * 43,
        "\0" * 43,
        "a" * 44,
        "A" * 5000,
        "=" * 43,
        "/" * 43,
        "\ud800" * 43,
    ],
)
def test_a_cookie_that_is_none_of_ours_is_an_empty_session(cookie: str | None) -> None:
    store = SessionStore(cookie)

    assert dict(store.items()) == {}
    assert store.session_key is None


def test_an_unknown_cookie_is_never_taken_over() -> None:
    planted = secrets.token_urlsafe(32)
    store = SessionStore(planted)

    store["mark"] = MARK
    store.save()

    assert store.session_key != planted
    assert not SessionStore().exists(planted)


def test_a_row_that_does_not_open_is_an_empty_session() -> None:
    cookie, other = _stored(mark=MARK), _stored(mark="other")
    rows = {bytes(row.id): bytes(row.data) for row in Session.objects.all()}
    for row_id, data in zip(rows, reversed(list(rows.values())), strict=True):
        Session.objects.filter(pk=row_id).update(data=data)

    assert [dict(SessionStore(each).items()) for each in (cookie, other)] == [{}, {}]


def test_an_idle_session_is_over_even_if_its_row_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = _stored(mark=MARK)

    _at(monkeypatch, AT + IDLE + timedelta(minutes=15))

    assert dict(SessionStore(cookie).items()) == {}


def test_a_session_in_use_is_prolonged_at_most_every_quarter_of_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cookie = _stored(mark=MARK)
    modified = []
    for minutes in (0, 7, 8, 60):
        _at(monkeypatch, AT + timedelta(minutes=minutes))
        store = SessionStore(cookie)
        store.get("mark")
        modified.append(store.modified)
        if store.modified:
            store.save()

    assert modified == [False, False, True, True]
    assert SessionStore(cookie)["mark"] == MARK
    assert Session.objects.get().expires_at == datetime(2030, 5, 7, 1, 15, tzinfo=UTC)


def test_reading_a_session_writes_nothing() -> None:
    cookie = _stored(mark=MARK)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        SessionStore(cookie).get("mark")

    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


def test_entering_gives_a_new_cookie_and_ends_the_old_one() -> None:
    old = _stored(mark=MARK)
    store = SessionStore(old)

    store.cycle_key()
    store.save()

    assert store.session_key != old
    assert dict(SessionStore(old).items()) == {}
    assert SessionStore(store.session_key)["mark"] == MARK
    assert Session.objects.count() == 1


def test_leaving_deletes_the_row() -> None:
    store = SessionStore(_stored(mark=MARK))

    store.flush()

    assert (Session.objects.count(), store.session_key, dict(store.items())) == (0, None, {})


def test_a_session_that_was_left_in_another_tab_does_not_come_back() -> None:
    cookie = _stored(mark=MARK)
    here = SessionStore(cookie)
    here["more"] = 1

    SessionStore(cookie).flush()

    with pytest.raises(UpdateError):
        here.save()
    assert Session.objects.count() == 0


def test_clearing_takes_the_rows_that_are_over_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    _stored(mark="early")
    _at(monkeypatch, AT + timedelta(hours=1))
    late = _stored(mark="late")

    _at(monkeypatch, AT + IDLE + timedelta(minutes=20))
    SessionStore.clear_expired()

    assert [bytes(row.id) for row in Session.objects.all()] == [_row_id(late)]


def test_a_session_with_an_expiry_of_its_own_keeps_to_it() -> None:
    store = SessionStore()
    store.set_expiry(60 * 60)

    store.save()

    assert Session.objects.get().expires_at == datetime(2030, 5, 6, 13, 15, tzinfo=UTC)


def test_what_ends_when_idle_ends_with_the_browser_whatever_a_login_asks_for() -> None:
    store = SessionStore()
    store.end_when_idle(60 * 60)
    store.set_expiry(14 * 24 * 60 * 60)

    store.save()

    assert Session.objects.get().expires_at == datetime(2030, 5, 6, 13, 15, tzinfo=UTC)
    assert store.get_expire_at_browser_close() is True


def test_more_than_16_k_is_refused_and_not_cut() -> None:
    store = SessionStore()
    store["much"] = "x" * 17_000

    with pytest.raises(crypto.TooLong):
        store.save()
    assert Session.objects.count() == 0


def test_small_sessions_are_all_of_one_length() -> None:
    _stored()
    _stored(mark="x" * 150)

    assert len({len(bytes(row.data)) for row in Session.objects.all()}) == 1


def _row_id(cookie: str) -> bytes:
    return crypto.derive(base64.urlsafe_b64decode(cookie + "="), "session row")
