"""A log says where and what kind, never what somebody typed or which page they asked for."""

import logging
import sys

import pytest

from mutualaid.logs import Formatter

pytestmark = pytest.mark.once


def written(**changes: object) -> str:
    record = logging.LogRecord("django.request", logging.ERROR, "", 1, "Not Found: %s", ("/needs/7/",), None)
    vars(record).update(changes)
    return Formatter().format(record)


def test_a_failed_request_is_a_status_and_not_an_address() -> None:
    assert written(status_code=500, request=object()).split(" ", 2)[2] == "ERROR django.request answered 500"


def test_an_exception_is_its_places_and_its_type_without_its_text() -> None:
    def read(typed: str) -> int:
        return int(typed)

    try:
        read("a secret address")
    except ValueError:
        text = written(exc_info=sys.exc_info(), status_code=500)

    assert "a secret address" not in text
    assert text.splitlines()[-1] == "builtins.ValueError"
    assert text.splitlines()[-2].endswith(" read")


def test_other_lines_are_written_as_they_are() -> None:
    record = logging.LogRecord("mutualaid.celery", logging.ERROR, "", 1, "duty %s stopped", ("lapse",), None)

    assert Formatter().format(record).split(" ", 2)[2] == "ERROR mutualaid.celery duty lapse stopped"
