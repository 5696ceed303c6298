"""A recovery sheet on its way to paper: kept in the (encrypted) session until two of its words were typed."""

from __future__ import annotations

from typing import TypedDict, cast

from django.http import HttpRequest

from volunteers.forms import pick_two

KEY = "recovery_sheet"


class Sheet(TypedDict):
    """words: separated by spaces. places: of the two that are asked for, counted from 0."""

    words: str
    places: list[int]


def keep(request: HttpRequest, words: str) -> None:
    """Show it at /accounts/sheet/ from now on, in this session only."""
    request.session[KEY] = {"words": words, "places": pick_two(words)}


def kept(request: HttpRequest) -> Sheet | None:
    """The sheet that is to be written down now; None for everybody else."""
    return cast("Sheet | None", request.session.get(KEY))


def is_on_paper(request: HttpRequest) -> None:
    """Never show it again."""
    request.session.pop(KEY, None)
