"""The frame and the error pages: a way out first, a neutral name, and a page that says what to do now."""

from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

from tests.look.markup import Markup, parse

# Every page names the organisation.
pytestmark = pytest.mark.django_db

ERRORS = ("400", "403", "403_csrf", "404", "413", "500", "503")


def frame(path: str = "/", template: str = "base.html", **context: object) -> Markup:
    """A frame drawn for a request to `path`, by a coordinator."""
    request = RequestFactory().get(path)
    request.user = SimpleNamespace(is_authenticated=True, is_let_in=True, is_coordinator=True)  # type: ignore[assignment]
    return parse(render_to_string(template, context, request))


@pytest.mark.parametrize("template", ["base.html", "signed_in.html"])
def test_leave_now_is_the_first_stop(template: str) -> None:
    assert frame(template=template).first_stop() == {"class": "leave", "href": "/a/leave/"}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_draws_without_anything_behind_it(name: str) -> None:
    page = parse(render_to_string(f"{name}.html"))

    assert page.first_stop()["href"] == "/a/leave/"
    assert len(page.named("h1")) == 1
    assert page.named("script") == []


def test_the_title_is_the_cover_name_and_nothing_else() -> None:
    html = render_to_string("base.html", {"organisation": SimpleNamespace(cover_name="Garden club")})

    assert "<title>Garden club</title>" in html


def test_without_a_cover_name_the_title_is_still_neutral() -> None:
    assert "<title>Notes</title>" in render_to_string("base.html")


def test_a_first_page_asks_for_two_more_things_only() -> None:
    assert [link["rel"] for link in frame().named("link")] == ["stylesheet", "icon"]
    assert frame().named("script", "img", "iframe", "form") == []


def test_the_page_says_its_language_and_direction() -> None:
    with translation.override("fr"):
        assert frame().named("html") == [{"lang": "fr", "dir": "ltr"}]
    with translation.override("ar"):
        assert frame().named("html") == [{"lang": "ar", "dir": "rtl"}]


def test_the_language_switch_comes_back_to_the_same_page() -> None:
    links = [link for link in frame("/desk/?open=1").named("a") if "hreflang" in link]

    assert [link["href"] for link in links] == ["/language/?language=fr&next=%2Fdesk%2F%3Fopen%3D1"]


def test_the_place_somebody_is_at_is_marked_in_the_navigation() -> None:
    current = [
        link["href"] for link in frame("/board/", "signed_in.html").named("a") if "aria-current" in link
    ]

    assert current == ["/board/"]


def test_only_a_coordinator_sees_the_desk() -> None:
    request = RequestFactory().get("/board/")
    request.user = SimpleNamespace(is_authenticated=True, is_let_in=True, is_coordinator=False)  # type: ignore[assignment]

    page = parse(render_to_string("signed_in.html", {}, request))

    assert [a["href"] for a in page.named("a")] == [
        "/a/leave/",
        "/",
        "/language/?language=fr&next=%2Fboard%2F",
        "/board/",
        "/offers/",
        "/profile/",
    ]


def test_htmx_keeps_no_pages_and_runs_no_strings() -> None:
    html = render_to_string("signed_in.html")

    for setting in (
        '"includeIndicatorStyles":false',
        '"allowEval":false',
        '"historyCacheSize":0',
        '"selfRequestsOnly":true',
    ):
        assert setting in html
