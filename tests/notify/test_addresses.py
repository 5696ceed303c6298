"""Addresses as people type them: forgiven where they are clear, refused in one plain sentence where not."""

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from notify import transports

pytestmark = pytest.mark.once

LINK = "Give the link of your topic, like https://ntfy.sh/your-topic."
INSIDE = "We cannot send there. Use a server that everybody on the internet can reach."
NUMBER = "Give the number with its country, like +32 470 12 34 56."
ROOM = "Give the room’s address, like #room:example.org."


@pytest.fixture(autouse=True)
def _set_up(settings: Settings) -> None:
    settings.NTFY_SERVER = "http://tk_token@127.0.0.1:2586"


@pytest.mark.parametrize(
    ("slug", "typed", "stored"),
    [
        ("ntfy", " my-topic_1 ", "my-topic_1"),
        ("ntfy", "https://ntfy.sh/my-topic", "https://ntfy.sh/my-topic"),
        ("ntfy", "HTTPS://NTFY.sh/My-Topic/", "https://ntfy.sh/My-Topic"),
        ("ntfy", "https://ntfy.sh:443/t", "https://ntfy.sh/t"),
        ("ntfy", "https://ntfy.example:8443/t", "https://ntfy.example:8443/t"),
        ("ntfy", "https://[2606:4700::1111]/t", "https://[2606:4700::1111]/t"),
        ("ntfy", "https://bücher.example/t", "https://xn--bcher-kva.example/t"),
        ("ntfy", "http://127.0.0.1:2586/t", "http://127.0.0.1:2586/t"),
        ("signal", "+32 470 12 34 56", "+32470123456"),
        ("signal", "0032 (470) 12-34.56", "+32470123456"),
        ("sms", "+1 (555) 123‑4567", "+15551234567"),
        ("sms", "+32/470/123456", "+32470123456"),
        ("matrix", " #room:example.org ", "#room:example.org"),
        ("matrix", "!abcDEF123:example.org", "!abcDEF123:example.org"),
        (
            "matrix",
            "!iX9cuR0_Z-mWJp7Ygzq1Yw0lL3hYp3nN2n8a8n5bQYk",
            "!iX9cuR0_Z-mWJp7Ygzq1Yw0lL3hYp3nN2n8a8n5bQYk",
        ),
    ],
)
def test_what_is_clear_is_kept_in_one_way(slug: str, typed: str, stored: str) -> None:
    assert transports.get(slug).clean(typed) == stored


@pytest.mark.parametrize(
    ("slug", "typed", "words"),
    [
        *(
            ("ntfy", typed, LINK)
            for typed in ("", "my topic", "ntfy.sh/topic", "http://ntfy.sh/topic", "a" * 65)
        ),
        *(
            ("ntfy", f"https://ntfy.sh/{rest}", LINK)
            for rest in ("", "a/b", "a?b=c", "a#b", "a b", "é", "a" * 65)
        ),
        *(
            ("ntfy", typed, LINK)
            for typed in ("https://u:p@ntfy.sh/t", "https://ntfy.sh@127.0.0.1/t", "ntfys://a.b/t")
        ),
        *(
            ("ntfy", typed, LINK)
            for typed in ("https:///t", "https://ntfy.sh\\@a.example/t?", "javascript:alert(1)")
        ),
        *(
            ("ntfy", f"https://{host}/t", INSIDE)
            for host in (
                *(
                    "127.0.0.1",
                    "127.0.0.1:2586",
                    "localhost",
                    "[::1]",
                    "10.0.0.8",
                    "169.254.169.254",
                    "nas.local",
                ),
                *(
                    "2130706433",
                    "0x7f000001",
                    "0177.0.0.1",
                    "127.1",
                    "[::ffff:10.0.0.1]",
                    "x.internal",
                    "printer",
                ),
                *("[64:ff9b::7f00:1]", "127。0。0。1", "ntfy.sh:0", "ntfy.sh:70000", "ntfy..sh"),
            )
        ),
        ("ntfy", "http://127.0.0.1:2587/t", LINK),
        ("ntfy", "http://127.0.0.1:2586/a/b", LINK),
        ("ntfy", "https://ntfy.sh/" + "a" * 500, "This address is too long."),
        *(
            (slug, typed, NUMBER)
            for slug in ("signal", "sms")
            for typed in ("", "0470 12 34 56", "+0470123456", "me")
        ),
        *(
            (slug, typed, NUMBER)
            for slug in ("signal", "sms")
            for typed in ("+32 470", "+1234567890123456", "++3247012345")
        ),
        *(
            (slug, typed, NUMBER)
            for slug in ("signal", "sms")
            for typed in ("+32470123456,+32470123457", "+3247012345x")
        ),
        ("sms", "+32470123456\n+32470123457", NUMBER),
        ("signal", "group.abc", NUMBER),
        *(
            ("matrix", typed, ROOM)
            for typed in ("", "room", "#room", "#room:", "!a:", "@ana:example.org", "#a b:c.d")
        ),
        *(
            ("matrix", typed, ROOM)
            for typed in ("#room:example.org,#b:c.d", "#room:a/b", "https://matrix.to/#/#a:b.c")
        ),
    ],
)
def test_what_is_not_gets_one_clear_sentence(slug: str, typed: str, words: str) -> None:
    with pytest.raises(ValidationError) as problem:
        transports.get(slug).clean(typed)

    assert problem.value.messages == [words]


@pytest.mark.parametrize(
    ("setting", "slug", "value"),
    [
        ("NTFY_SERVER", "ntfy", "https://ntfy.sh"),
        ("SIGNAL_GATEWAY", "signal", "signal://127.0.0.1:8080/+32470000000/{to}"),
        ("SMS_GATEWAY", "sms", "twilio://a:b@+32470000000/{to}"),
        ("MATRIX_GATEWAY", "matrix", "matrixs://token@matrix.example/{to}"),
        ("OTHER_SERVICES", "other", True),
    ],
)
def test_each_is_offered_once_it_is_set_up(
    setting: str, slug: str, value: object, settings: Settings
) -> None:
    setattr(settings, setting, type(value)())
    before = slug in transports.offered()
    setattr(settings, setting, value)

    assert (before, slug in transports.offered()) == (False, True)


@pytest.mark.parametrize(
    ("slug", "address", "gateway"),
    [
        ("ntfy", "https://ntfy.sh/t", "ntfy.sh:443"),
        ("ntfy", "https://ntfy.example:8443/t", "ntfy.example:8443"),
        ("ntfy", "t", ""),
        ("ntfy", "http://127.0.0.1:2586/t", ""),
        ("signal", "+32470123456", ""),
        ("sms", "+32470123456", ""),
        ("matrix", "#room:example.org", ""),
        ("other", "discord://1/a", "discord"),
        ("other", "gotifys://a.example/Ax", "a.example:443"),
        ("other", "nctalks://u:p@a.example:8443/room", "a.example:8443"),
    ],
)
def test_who_carries_it_is_told_apart(slug: str, address: str, gateway: str) -> None:
    assert transports.get(slug).gateway(address) == gateway


def test_people_who_ask_are_offered_what_they_can_know(settings: Settings) -> None:
    """Not what needs an account in a browser of hers, nor an address that only few know how to write."""
    not_for_them = [slug for slug in transports.known() if not transports.get(slug).for_askers]

    assert sorted(not_for_them) == ["other", "push"]


def test_without_a_server_of_the_operators_a_topic_needs_its_link(settings: Settings) -> None:
    settings.NTFY_SERVER = ""

    with pytest.raises(ValidationError) as problem:
        transports.get("ntfy").clean("my-topic")

    assert problem.value.messages == [LINK]


@pytest.mark.parametrize(
    ("slug", "address", "hint"),
    [
        ("email", "ana@example.org", "an…"),
        ("ntfy", "https://ntfy.sh/my-topic", "my…"),
        ("ntfy", "my-topic", "my…"),
        ("signal", "+32470123456", "+3…"),
        ("matrix", "#room:example.org", "#r…"),
        ("other", "discord://1/a", "discord:"),
    ],
)
def test_its_owner_knows_an_address_again_and_nobody_reads_it_over_a_shoulder(
    slug: str, address: str, hint: str
) -> None:
    assert transports.get(slug).hint(address) == hint
