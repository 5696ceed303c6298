"""Closed by default, whatever the environment forgets to say."""

import json
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from psycopg.pq import PGconn

ONION = f"{'a2b3' * 14}.onion"
ROOT = Path(__file__).resolve().parents[2]
SHOW = """
import django, json, sys
django.setup()
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def shown(*names: str, **environment: str) -> dict[str, object]:
    """The settings of a process that has this environment and no other."""
    kept = {"PATH": os.environ["PATH"], "ENV_FILE": "-", "DJANGO_SETTINGS_MODULE": "mutualaid.settings"}
    command = [sys.executable, "-c", SHOW, *names]
    done = subprocess.run(command, cwd=ROOT, env=kept | environment, check=True, capture_output=True)
    return dict(json.loads(done.stdout))


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_every_sqlite_connection_erases_what_it_frees_and_waits_for_the_disk() -> None:
    connection = connections["default"]
    connection.close()
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "temp_store": 2,
        "mmap_size": 0,
        "journal_size_limit": 0,
        "foreign_keys": 1,
    }
    with connection.cursor() as cursor:
        found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}

    assert found == wanted


@pytest.mark.once
def test_postgresql_never_sees_values_in_the_text_of_a_statement() -> None:
    url = "postgresql://ann:p%40ss@db.example:5433/aid?host=%2Frun%2Fpg"
    database = shown("DATABASES", DATABASE_URL=url)["DATABASES"]["default"]  # type: ignore[index]

    assert database["OPTIONS"]["server_side_binding"] is True
    found = [database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert found == ["aid", "ann", "p@ss", "/run/pg", "5433"]


@pytest.mark.once
def test_a_database_server_that_says_nothing_any_more_is_given_up_within_ten_seconds() -> None:
    database = shown("DATABASES", DATABASE_URL="postgresql://db.example/aid")["DATABASES"]["default"]  # type: ignore[index]
    words = {name: value for name, value in database["OPTIONS"].items() if name != "server_side_binding"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = " ".join(f"{name}={value}" for name, value in words.items())
        connection = PGconn.connect_start(f"host=127.0.0.1 port={server.getsockname()[1]} {text}".encode())
        with socket.socket(fileno=os.dup(connection.socket)) as ours:
            tcp = partial(ours.getsockopt, socket.IPPROTO_TCP)
            sent_and_not_taken = tcp(socket.TCP_USER_TIMEOUT) / 1000
            idle = tcp(socket.TCP_KEEPIDLE) + tcp(socket.TCP_KEEPINTVL) * tcp(socket.TCP_KEEPCNT)
        connection.finish()

    assert (sent_and_not_taken, idle) == (8, 8)


@pytest.mark.once
def test_without_an_address_nobody_is_believed_who_says_https() -> None:
    names = ("SECURE_PROXY_SSL_HEADER", "CSRF_TRUSTED_ORIGINS", "ALLOWED_HOSTS")

    assert list(shown(*names).values()) == [None, [], ["127.0.0.1", "localhost", "[::1]"]]


@pytest.mark.once
def test_cookies_travel_in_clear_only_where_the_middleware_says_so() -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE")

    assert list(shown(*names).values()) == [True, True, True]


@pytest.mark.once
def test_both_addresses_are_answered_and_their_forms_taken() -> None:
    found = shown(
        *("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECURE_PROXY_SSL_HEADER"),
        PUBLIC_URL="https://aid.example/",
        ONION_URL=f"http://{ONION}/",
    )

    assert found == {
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]", "aid.example", ONION],
        "CSRF_TRUSTED_ORIGINS": ["https://aid.example", f"http://{ONION}"],
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
    }


@pytest.mark.once
def test_an_onion_address_alone_is_plain_http() -> None:
    found = shown("ALLOWED_HOSTS", "SECURE_PROXY_SSL_HEADER", ONION_URL=f"http://{ONION}")

    assert found == {
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]", ONION],
        "SECURE_PROXY_SSL_HEADER": None,
    }


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "aid.example"),
        ("PUBLIC_URL", "https://aid.example/notes"),
        ("PUBLIC_URL", "ftp://aid.example"),
        ("ONION_URL", f"https://{ONION}"),
        ("ONION_URL", "http://aid.example"),
        ("ONION_URL", ONION),
        ("NTFY_SERVER", "ntfy.example"),
        ("NTFY_SERVER", "https://ntfy.example/topic"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        shown("ALLOWED_HOSTS", **{name: value})

    assert f"{name} must be like http" in refused.value.stderr.decode().splitlines()[-1]


@pytest.mark.once
@pytest.mark.parametrize("name", ["SIGNAL_GATEWAY", "SMS_GATEWAY", "MATRIX_GATEWAY"])
def test_a_gateway_that_cannot_be_right_is_refused_without_its_token(name: str) -> None:
    for value in ("token@host", "signal://token@host/", "signal://token@host/{to}/{to}"):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            shown("ALLOWED_HOSTS", **{name: value})

        said = refused.value.stderr.decode()
        assert f"{name} must be a URL of apprise, with {{to}}" in said.splitlines()[-1]
        assert "token@host" not in said


@pytest.mark.once
def test_nothing_switches_the_pages_with_values_on() -> None:
    assert shown("DEBUG", DEBUG="1", DJANGO_DEBUG="1") == {"DEBUG": False}


def test_cookies_are_out_of_reach_of_scripts_and_other_sites() -> None:
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.CSRF_COOKIE_HTTPONLY
    assert (settings.SESSION_COOKIE_SAMESITE, settings.CSRF_COOKIE_SAMESITE) == ("Lax", "Strict")
    assert settings.MESSAGE_STORAGE == "django.contrib.messages.storage.session.SessionStorage"


def test_nobody_is_mailed_what_was_typed() -> None:
    assert (settings.ADMINS, settings.MANAGERS) == ([], [])
    handlers = {name for one in settings.LOGGING["loggers"].values() for name in one["handlers"]}
    assert handlers | set(settings.LOGGING["root"]["handlers"]) == {"stderr", "none"}
