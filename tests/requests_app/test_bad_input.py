"""Bad input by askers and volunteers: a clear sentence, what was typed comes back, and nothing is stored."""

import re
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from notify.models import Channel
from requests_app.models import Claim, Mailbox, Message, Need
from tests.bad_input import EMOJI, RIGHT_TO_LEFT, UNKNOWN_ID, Cast, assemble
from tests.forms_seen import typed_in
from tests.requests_app.world import TODAY, TOMORROW, World, day, only_task
from tests.volunteers.people import AT

KINDS = ("stay", "ride", "accompaniment")
LONG = "x" * 2001
TOO_LONG = "This is too long. Please use at most {} characters."


def ask(client: Client, world: World, kind: str = "ride", **typed: Any) -> Any:
    """Where and when, and whatever else is typed."""
    good = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": "once"}
    return client.post(f"/a/{kind}/", good | typed)


def sentences(response: Any) -> list[str]:
    """What the page says is wrong, beside the fields."""
    page = response.content.decode()
    found = re.findall(r'<div class="error"[^>]*>(.*?)</div>', page, re.DOTALL)
    return [unescape(text) for block in found for text in re.findall(r"<p>(.*?)</p>", block, re.DOTALL)]


def said(response: Any) -> str:
    """What the page after it says in passing."""
    return " ".join(str(message) for message in response.wsgi_request._messages)


@pytest.fixture
def client(world: World) -> Client:
    cache.clear()
    return Client()


@pytest.fixture
def cast(world: World) -> Cast:
    return assemble(world)


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no place": ({"area": ""}, ["Please choose a place."]),
    "a place that is none": ({"area": "999999"}, ["Please choose one of these places."]),
    "a word for a place": ({"area": "Somewhere"}, ["Please choose one of these places."]),
    "a huge place": ({"area": "9" * 30}, ["Please choose one of these places."]),
    "a negative place": ({"area": "-1"}, ["Please choose one of these places."]),
    "no day": ({"day": ""}, ["Please choose a day."]),
    "a day that is none": ({"day": "2026-02-30"}, ["Please choose one of these days."]),
    "a word for a day": ({"day": "tomorrow"}, ["Please choose one of these days."]),
    "a day that is over": ({"day": day(-1)}, ["This day is over. Please choose today or later."]),
    "a day too far": ({"day": day(31)}, ["This day is too far away. Please choose an earlier one."]),
    "the last day there is": (
        {"day": "9999-12-31"},
        ["This day is too far away. Please choose an earlier one."],
    ),
    "a time that is over": (
        {"day": TODAY, "parts": "1"},
        ["This time is over. Please choose a later one."],
    ),
    "a time that is none": ({"parts": ["1", "16"]}, ["Please choose from these times."]),
    "a language that is none": ({"languages": "xx"}, ["Please choose from these languages."]),
    "a long note": ({"note": LONG, "desk_reads": "no"}, [TOO_LONG.format(2000)]),
    "a note for nobody knows whom": ({"note": "Hi."}, ["Please say who may open your note."]),
    "an address that is none": (
        {"tell_by": "email", "email": "nobody"},
        ["Please check this e-mail address."],
    ),
    "no address": (
        {"tell_by": "email"},
        ["Please write the address, or choose to look yourself."],
    ),
    "a long address": (
        {"tell_by": "email", "email": f"a@{'x' * 60}.{'x' * 60}.{'x' * 60}.{'x' * 60}.{'x' * 20}.org"},
        ["This address is too long."],
    ),
    "one hour of two": (
        {"tell_by": "email", "email": "a@example.org", "from_hour": "9"},
        ["Choose both hours, or none."],
    ),
    "the same hour twice": (
        {"tell_by": "email", "email": "a@example.org", "from_hour": "9", "until_hour": "9"},
        ["Choose two different hours."],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_answer_is_refused_with_one_sentence_and_nothing_is_stored(
    client: Client, world: World, kind: str, what: str
) -> None:
    typed, expected = REFUSED[what]
    response = ask(client, world, kind, q_to="The old bridge", q_home="The old bridge", **typed)
    assert (response.status_code, sentences(response)) == (422, expected)
    assert (Need.objects.count(), Mailbox.objects.count(), Channel.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("number", ["0", "-1", "99", "9" * 30, "1e400", "1.5", "many", "\0"])
def test_a_number_out_of_range_says_the_range(client: Client, world: World, number: str) -> None:
    response = ask(client, world, "stay", nights=number, people=number)
    assert response.status_code == 422
    assert sentences(response)[-2:] == [
        "Please write a number from 1 to 7.",
        "Please write a number from 1 to 8.",
    ]


def test_digits_of_another_script_are_digits(client: Client, world: World) -> None:
    assert ask(client, world, "stay", nights="٣").status_code == 302
    assert Need.objects.get().nights == 3


def test_what_was_typed_comes_back(client: Client, world: World) -> None:
    typed = {
        "day": TODAY.isoformat(),
        "parts": ["1"],
        "people": "3",
        "languages": ["fr", "ro"],
        "languages_hard": "on",
        "who": "only_women",
        "conditions": ["luggage", "long_way"],
        "q_to": f"{EMOJI} <b>&amp;",
        "note": RIGHT_TO_LEFT,
        "desk_reads": "yes",
        "decides": "first",
        "looks_again": "6",
        "tell_by": "email",
        "email": "somebody@example.org",
        "from_hour": "9",
        "until_hour": "21",
    }
    page = ask(client, world, **typed).content.decode()
    shown = {name: [value for values in typed_in(page, name) for value in values] for name in typed}
    assert shown == {name: value if isinstance(value, list) else [value] for name, value in typed.items()}


@pytest.mark.parametrize("kind", ["mind-reading", "stay ", "code2", "x" * 500])
def test_an_unknown_kind_is_not_there(client: Client, kind: str) -> None:
    assert client.get(f"/a/{kind}/").status_code == 404
    assert client.post(f"/a/{kind}/", {"day": TOMORROW}).status_code == 404


def test_the_same_form_from_another_browser_makes_another_need(world: World) -> None:
    ask(Client(), world)
    ask(Client(), world)
    assert (Need.objects.count(), Mailbox.objects.count()) == (2, 2)


def test_where_no_mail_leaves_none_is_offered(client: Client, world: World) -> None:
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend"):
        assert 'name="tell_by"' not in client.get("/a/ride/").content.decode()
        assert ask(client, world, tell_by="email", email="a@example.org").status_code == 302
    assert (Need.objects.count(), Channel.objects.count()) == (1, 0)


# The return code


def ticket(client: Client, path: str = "/a/return/") -> str:
    return str(typed_in(client.get(path).content.decode(), "ticket")[0][0])


@pytest.mark.parametrize(
    "typed", ["zebra", "1234 5678", "\0zebra", EMOJI, RIGHT_TO_LEFT, "zebra " * 33, "\ufdfa" * 190, "٣" * 28]
)
def test_a_code_that_is_none_opens_nothing_and_is_not_echoed(client: Client, typed: str) -> None:
    response = client.post("/a/return/", {"ticket": ticket(client), "code": typed})
    assert (response.status_code, typed_in(response.content.decode(), "code")) == (422, [[""]])
    assert len(sentences(response)) == 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("", "Please type your code."), ("zebra " * 40, "This is too long to be a code.")],
)
def test_no_code_and_far_too_much_of_one(client: Client, typed: str, expected: str) -> None:
    response = client.post("/a/return/", {"ticket": ticket(client), "code": typed})
    assert (response.status_code, sentences(response)) == (422, [expected])


@pytest.mark.parametrize("typed", ["zebra", "", "x" * 41, EMOJI, "\0"])
def test_wrong_words_of_the_code_are_not_echoed_and_do_not_confirm(
    client: Client, world: World, rare_code: str, typed: str
) -> None:
    ask(client, world)
    assert typed not in rare_code.split()
    response = client.post("/a/code/", {"first": typed, "second": typed})
    page = response.content.decode()
    assert (response.status_code, len(sentences(response))) == (422, 2)
    assert typed_in(page, "first") + typed_in(page, "second") == [[""], [""]]
    assert not Mailbox.objects.get().confirmed


# Her page


HERS = ("approve", "decline", "message", "place", "key")
HER_NEEDS = ("withdraw", "met", "write-again")


def test_ids_of_others_and_of_nobody_are_not_there(cast: Cast) -> None:
    mine = set(Need.objects.of(_mailbox(cast)).values_list("pk", flat=True))
    others = [pk for pk in Need.objects.values_list("pk", flat=True) if pk not in mine]
    claims = Claim.objects.exclude(need__in=mine).values_list("pk", flat=True)
    paths = [f"/a/mine/people/{pk}/{verb}/" for pk in [*claims, UNKNOWN_ID, "x"] for verb in HERS]
    paths += [f"/a/mine/needs/{pk}/{verb}/" for pk in [*others, UNKNOWN_ID, "x"] for verb in HER_NEEDS]
    typed = {"fingerprint": "", "place": "P", "text": "T", "note": "N"}
    assert {cast.asker.post(path, typed).status_code for path in paths} == {404}


def _mailbox(cast: Cast) -> Mailbox:
    claim = Claim.objects.get(status="approved")
    return claim.need.mailbox


def coming(cast: Cast) -> str:
    return f"/a/mine/people/{Claim.objects.get(status='approved').pk}"


@pytest.mark.parametrize(
    ("verb", "name", "typed", "expected"),
    [
        ("message", "text", "", "Please write something first."),
        ("message", "text", " \n ", "Please write something first."),
        ("message", "text", "x" * 1001, TOO_LONG.format(1000)),
        ("message", "text", "a\0b", "Null characters are not allowed."),
        ("place", "place", "", "Please write where to meet."),
        ("place", "place", "x" * 301, TOO_LONG.format(300)),
        ("place", "place", "a\0b", "Null characters are not allowed."),
    ],
)
def test_what_she_writes_to_somebody_is_refused_kindly(
    cast: Cast, verb: str, name: str, typed: str, expected: str
) -> None:
    response = cast.asker.post(f"{coming(cast)}/{verb}/", {name: typed})
    assert (response.status_code, sentences(response)) == (422, [expected])
    assert Message.objects.count() == 1
    if typed.strip() and "\0" not in typed:
        assert [typed] in typed_in(response.content.decode(), name)


@pytest.mark.parametrize("text", [EMOJI, RIGHT_TO_LEFT, "<b>&amp;</b>", "x" * 1000])
def test_what_a_keyboard_can_type_arrives(cast: Cast, text: str) -> None:
    assert cast.asker.post(f"{coming(cast)}/message/", {"text": text}).status_code == 302
    need = Claim.objects.get(status="approved").need_id
    page = cast.volunteer.get(f"/needs/{need}/").content.decode()
    assert text in unescape(page)


def held_ride() -> Claim:
    return Claim.objects.select_related("volunteer", "need").get(
        status="held", need__kind="ride", need__decides="asker"
    )


@pytest.mark.parametrize("fingerprint", ["", "00" * 16, "x" * 5000, "\0", EMOJI])
def test_a_yes_to_another_key_than_the_one_shown_is_no_yes(cast: Cast, fingerprint: str) -> None:
    path = f"/a/mine/people/{held_ride().pk}/approve/"
    response = cast.asker.post(path, {"fingerprint": fingerprint, "place": "P"}, follow=True)
    assert held_ride().status == "held"
    assert "Something about this person changed. Please look again first." in response.content.decode()


def test_a_place_too_long_comes_back_with_the_yes(cast: Cast) -> None:
    claim = held_ride()
    typed = {"fingerprint": claim.key_fingerprint(), "place": "x" * 301}
    response = cast.asker.post(f"/a/mine/people/{claim.pk}/approve/", typed)
    assert (response.status_code, sentences(response)) == (422, [TOO_LONG.format(300)])
    assert ["x" * 301] in typed_in(response.content.decode(), "place")
    assert held_ride().status == "held"


def test_a_message_too_long_to_somebody_who_left_meanwhile_says_that_they_left(cast: Cast) -> None:
    path, claim = coming(cast), Claim.objects.get(status="approved")
    claim.release(AT)
    response = cast.asker.post(f"{path}/message/", {"text": "x" * 1001})
    assert response.status_code == 422
    assert "This person is not coming any more. Your message was not sent." in response.content.decode()


def test_a_yes_said_twice_is_a_yes(cast: Cast) -> None:
    claim = held_ride()
    yes = {"fingerprint": claim.key_fingerprint(), "place": "At the fountain"}
    for _ in range(2):
        response = cast.asker.post(f"/a/mine/people/{claim.pk}/approve/", yes, follow=True)
    assert "You said yes. Here is how it is now." in response.content.decode()
    assert Claim.objects.get(pk=claim.pk).status == "approved"


@pytest.mark.parametrize("once", ["", "x", "\0", "9" * 5000, EMOJI])
def test_a_form_without_a_mark_of_its_own_sends_all_the_same(cast: Cast, once: str) -> None:
    assert cast.asker.post(f"{coming(cast)}/message/", {"text": "Hi.", "once": once}).status_code == 302
    assert Message.objects.count() == 2


def test_a_message_sent_by_a_form_pressed_twice_arrives_once(cast: Cast) -> None:
    page = cast.asker.get("/a/mine/").content.decode()
    once = typed_in(page, "once")[0][0]
    for _ in range(2):
        assert cast.asker.post(f"{coming(cast)}/message/", {"text": "Hi.", "once": once}).status_code == 302
    assert Message.objects.count() == 2


@pytest.mark.parametrize("verb", ["withdraw", "met"])
def test_ending_twice_is_ending_once(cast: Cast, verb: str) -> None:
    need = held_ride().need
    for _ in range(2):
        assert cast.asker.post(f"/a/mine/needs/{need.pk}/{verb}/").status_code == 302
    assert not Need.objects.get(pk=need.pk).lives(AT)


def test_erasing_twice_ends_at_the_door(cast: Cast) -> None:
    assert cast.asker.post("/a/mine/erase/")["Location"] == "/a/erased/"
    assert cast.asker.post("/a/mine/erase/")["Location"] == "/a/return/"


# The volunteer's pages


def free_ride() -> Need:
    return next(need for need in Need.objects.filter(kind="ride", status="open") if not need.claims.exists())


def free_stay(world: World) -> Need:
    return world.ask(kind="stay", day=day(3))[1]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"place": ""}, "Please write a meeting point or the address."),
        ({"place": "x" * 301}, TOO_LONG.format(300)),
        ({"place": "a\0b"}, "Null characters are not allowed."),
        ({"place": "P", "what": "palace"}, "Please choose one of the two."),
    ],
)
@pytest.mark.parametrize("verb", ["claim", "stand-by"])
def test_a_host_who_writes_no_good_place_takes_nothing_yet(
    cast: Cast, world: World, verb: str, typed: dict[str, str], expected: str
) -> None:
    need = free_stay(world)
    response = cast.volunteer.post(f"/needs/{need.pk}/{verb}/", {"task": only_task(need).pk, **typed})
    assert (response.status_code, sentences(response)) == (422, [expected])
    assert need.claims.count() == 0


@pytest.mark.parametrize("task", ["", "x", UNKNOWN_ID, "\0", "9" * 40])
def test_a_task_that_is_none_of_this_need(cast: Cast, task: str) -> None:
    need = free_ride()
    codes = {
        cast.volunteer.post(f"/needs/{need.pk}/{verb}/", {"task": task}).status_code
        for verb in ("release", "finish", "message")
    }
    assert codes <= {404, 422}
    assert need.claims.count() == 0


def test_taking_twice_is_taking_once(cast: Cast) -> None:
    need = free_ride()
    for verb in ("claim", "claim", "stand-by"):
        response = cast.volunteer.post(f"/needs/{need.pk}/{verb}/", {"task": only_task(need).pk})
        assert response.status_code == 302
    assert [claim.status for claim in need.claims.all()] == ["held"]


@pytest.mark.parametrize("verb", ["release", "finish"])
def test_ending_a_claim_twice_goes_back_to_the_board(cast: Cast, verb: str) -> None:
    claim = Claim.objects.get(status="approved")
    for _ in range(2):
        response = cast.volunteer.post(f"/needs/{claim.need_id}/{verb}/", {"task": str(claim.task_id)})
        assert (response.status_code, response["Location"]) == (302, "/board/")


def test_a_volunteers_message_pressed_twice_arrives_once(cast: Cast) -> None:
    claim = Claim.objects.get(status="approved")
    path = f"/needs/{claim.need_id}/"
    once = typed_in(cast.volunteer.get(path).content.decode(), "once")[0][0]
    for _ in range(2):
        cast.volunteer.post(f"{path}message/", {"task": str(claim.task_id), "text": "Hi.", "once": once})
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "Please write something first."), ("x" * 1001, TOO_LONG.format(1000))],
)
def test_a_volunteers_message_is_refused_kindly(cast: Cast, text: str, expected: str) -> None:
    claim = Claim.objects.get(status="approved")
    typed = {"task": str(claim.task_id), "text": text}
    response = cast.volunteer.post(f"/needs/{claim.need_id}/message/", typed)
    assert (response.status_code, sentences(response)) == (422, [expected])
    assert [text] in typed_in(response.content.decode(), "text")
    assert Message.objects.count() == 1


def test_everything_of_a_need_that_is_not_theirs_is_not_there(cast: Cast) -> None:
    """Cleo holds what the desk decides about; Ben may stand by for it, but nothing more."""
    claim = Claim.objects.get(need__decides="desk")
    verbs = ("release", "finish", "message")
    codes = [
        cast.volunteer.post(f"/needs/{claim.need_id}/{verb}/", {"task": str(claim.task_id), "text": "T"})
        for verb in verbs
    ]
    assert [response.status_code for response in codes] == [404, 404, 404]
