"""What leaves the system: the same few words for everybody."""

import pytest
from django.utils import translation

from notify.models import PACES
from notify.text import compose

LINES = {
    "": "",
    "now": "It is for now.\n",
    "week": "It is for this week.\n",
    "changed": "Something changed. Look before you go.\n",
}


@pytest.mark.parametrize("pace", PACES)
def test_a_message_says_that_there_is_news_and_perhaps_how_soon(pace: str) -> None:
    subject, body = compose("Notes", "en", pace)

    assert subject == "Notes: there is news"
    assert body == f"Notes\n\nThere is news.\n{LINES[pace]}"


@pytest.mark.parametrize("pace", PACES)
def test_no_message_holds_a_link(pace: str) -> None:
    subject, body = compose("Notes", "en", pace)

    assert [mark for mark in ("http", "www", "/", "@") if mark in subject + body] == []


def test_an_unknown_language_is_no_reason_to_say_nothing() -> None:
    assert compose("Notes", "tlh", "") == compose("Notes", "en", "")


def test_writing_to_somebody_changes_nobody_elses_language() -> None:
    with translation.override("en"):
        compose("Notes", "fr", "")

        assert translation.get_language() == "en"


def test_the_name_is_written_as_it_is() -> None:
    assert compose("B & <b>", "en", "")[0] == "B & <b>: there is news"
