"""What every answer carries, and what no request may do."""

from typing import Any

import pytest
from django.core.exceptions import BadRequest
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from privacy import crypto, gate
from privacy.middleware import BodyLimit, SealedOr503, SecurityHeaders, Sessions
from privacy.sessions import SessionStore

# The pages show the organisation's cover name.
pytestmark = pytest.mark.django_db

BARE = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
WITH_SCRIPT = BARE + "; script-src 'self'; connect-src 'self'"
ALWAYS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture(autouse=True)
def _plain_file_names(settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


class Somebody:
    is_authenticated = True


class Nobody:
    is_authenticated = False


def _answer(path: str, user: object = None, status: int = 200, **attributes: object) -> HttpResponseBase:
    def view(request: HttpRequest) -> HttpResponse:
        for name, value in attributes.items():
            setattr(request, name, value)
        if user is not None:
            request.user = user  # type: ignore[assignment]
        return HttpResponse("x", status=status)

    return SecurityHeaders(view)(RequestFactory().get(path))


def _never(request: HttpRequest) -> HttpResponse:
    raise AssertionError("The request went through.")


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 405, 413, 429, 500, 503])
@pytest.mark.parametrize("path", ["/", "/a/mine/", "/board/", "/healthz", "/static/none.css"])
def test_every_answer_has_the_headers(path: str, status: int) -> None:
    response = _answer(path, status=status)

    assert {name: response[name] for name in ALWAYS} == ALWAYS
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Content-Security-Policy"].startswith("default-src 'none'; ")


def test_only_passkeys_may_be_asked_for_and_only_by_us() -> None:
    features = dict(part.split("=") for part in _answer("/")["Permissions-Policy"].split(", "))

    assert {name: allowed for name, allowed in features.items() if allowed != "()"} == {
        "publickey-credentials-create": "(self)",
        "publickey-credentials-get": "(self)",
    }


@pytest.mark.parametrize("path", ["/", "/a/", "/a/stay/", "/a/return/", "/a/mine/"])
@pytest.mark.parametrize("user", [None, Nobody(), Somebody()])
def test_the_askers_pages_never_have_a_script(path: str, user: object) -> None:
    assert _answer(path, user)["Content-Security-Policy"] == BARE


@pytest.mark.parametrize(
    ("path", "user", "policy"),
    [
        ("/board/", Somebody(), WITH_SCRIPT),
        ("/board/", Nobody(), BARE),
        ("/help/", None, BARE),
        ("/accounts/login/", Nobody(), WITH_SCRIPT),
        ("/about", Somebody(), WITH_SCRIPT),
    ],
)
def test_scripts_are_ours_and_for_those_with_an_account(path: str, user: object, policy: str) -> None:
    assert _answer(path, user)["Content-Security-Policy"] == policy


def test_an_error_page_asks_nobody_who_it_is_for() -> None:
    def database_is_gone() -> object:
        raise AssertionError("The database was asked.")

    response = _answer("/board/", SimpleLazyObject(database_is_gone), 500)

    assert response["Content-Security-Policy"] == BARE


@pytest.mark.parametrize(
    ("path", "status", "stored"),
    [
        ("/", 200, "no-store"),
        ("/a/mine/", 404, "no-store"),
        ("/static/gone.css", 404, "no-store"),
        ("/static/style.css", 200, None),
        ("/static/style.css", 304, None),
    ],
)
def test_nothing_but_static_files_is_kept_by_the_browser(path: str, status: int, stored: str | None) -> None:
    assert _answer(path, status=status).get("Cache-Control") == stored


def test_a_large_body_is_refused_before_it_is_read(settings: Any) -> None:
    settings.MAX_BODY = 1000
    request = RequestFactory().post("/a/stay/", b"x" * 1001, content_type="text/plain")
    request._read_started = False

    response = BodyLimit(_never)(request)

    assert response.status_code == 413
    assert request._read_started is False
    assert isinstance(response, HttpResponse)
    assert "too much" in response.content.decode()


def test_a_body_of_unknown_length_is_refused() -> None:
    request = RequestFactory().post("/a/stay/", HTTP_TRANSFER_ENCODING="chunked")

    assert BodyLimit(_never)(request).status_code == 413


def test_a_body_up_to_the_limit_goes_through(settings: Any) -> None:
    settings.MAX_BODY = 1000
    request = RequestFactory().post("/a/stay/", b"x" * 1000, content_type="text/plain")

    response = BodyLimit(lambda request: HttpResponse(request.body))(request)

    assert isinstance(response, HttpResponse)
    assert response.content == b"x" * 1000


@pytest.mark.parametrize("length", ["abc", "-1", "1e9", "٣", " 5"])
def test_a_length_that_is_none_is_a_bad_request(length: str) -> None:
    with pytest.raises(BadRequest):
        BodyLimit(_never)(RequestFactory().get("/", CONTENT_LENGTH=length))


def test_a_length_beyond_all_bounds_is_too_large() -> None:
    assert BodyLimit(_never)(RequestFactory().get("/", CONTENT_LENGTH="9" * 5000)).status_code == 413


def test_nul_in_an_address_is_not_found() -> None:
    with pytest.raises(Http404):
        BodyLimit(_never)(RequestFactory().get("/needs/%00/"))


@pytest.mark.parametrize("query", ["a=%00", "%00=a", "a=b&a=c%00d"])
def test_nul_in_a_query_is_a_bad_request(query: str) -> None:
    with pytest.raises(BadRequest):
        BodyLimit(_never)(RequestFactory().get(f"/board/?{query}"))


@pytest.mark.parametrize("problem", [crypto.SealingImpossible("no secrets"), gate.Busy()])
def test_where_nothing_can_be_sealed_the_answer_is_a_calm_503(problem: Exception) -> None:
    response = SealedOr503(_never).process_exception(RequestFactory().post("/a/stay/"), problem)

    assert response is not None
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert "Nothing was stored" in response.content.decode()


def test_other_errors_stay_errors() -> None:
    assert SealedOr503(_never).process_exception(RequestFactory().get("/"), KeyError()) is None


def test_the_503_is_in_the_visitors_language(settings: Any) -> None:
    request = RequestFactory().get("/", headers={"Accept-Language": "fr"})

    response = SealedOr503(_never).process_exception(request, gate.Busy())

    assert response is not None
    assert '<html lang="fr"' in response.content.decode()


def test_without_a_template_the_sentence_alone_is_sent(settings: Any) -> None:
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": []}]

    response = SealedOr503(_never).process_exception(RequestFactory().get("/"), gate.Busy())

    assert response is not None
    page = response.content.decode()
    assert page.endswith("<p>Not just now. Nothing was stored. Try again in a minute.</p>")
    assert '<a href="/a/leave/">Leave now</a>' in page


def test_without_the_database_the_503_is_the_same_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(manager: object) -> object:
        raise OperationalError

    monkeypatch.setattr("organisation.models.OrganisationManager.current", gone)

    response = SealedOr503(_never).process_exception(RequestFactory().get("/"), gate.Busy())

    assert response is not None
    assert '<a class="leave" href="/a/leave/">Leave now</a>' in response.content.decode()


@pytest.mark.parametrize(
    ("method", "says"),
    [("get", "Nothing was stored."), ("post", "We do not know whether your last step worked.")],
)
@pytest.mark.parametrize("problem", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_a_calm_503_that_says_what_is_known(
    method: str, says: str, problem: type[Exception]
) -> None:
    request = getattr(RequestFactory(), method)("/a/mine/")

    response = SealedOr503(_never).process_exception(request, problem("a name and an address"))

    assert response is not None
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    page = response.content.decode()
    assert (says in page, "address" in page) == (True, False)


@pytest.mark.parametrize(("problem", "status"), [(OperationalError, 503), (ValueError, 500)])
def test_a_database_that_is_away_before_any_view_is_met_is_a_503_as_well(
    client: Client, monkeypatch: pytest.MonkeyPatch, problem: type[Exception], status: int
) -> None:
    def away(session: SessionStore) -> dict[str, object]:
        raise problem("a name and an address")

    monkeypatch.setattr("privacy.sessions.SessionStore.load", away)
    client.raise_request_exception = False
    client.cookies["s"] = SessionStore()._get_new_session_key()

    answer = client.get("/board/")

    assert (answer.status_code, b"address" in answer.content) == (status, False)


@pytest.mark.parametrize("problem", [OperationalError, ValueError])
def test_a_full_disk_gets_room_by_whoever_meets_it_first(
    monkeypatch: pytest.MonkeyPatch, problem: type[Exception]
) -> None:
    gone: list[bool] = []
    monkeypatch.setattr("privacy.ballast.is_full", lambda: True)
    monkeypatch.setattr("privacy.ballast.let_go", lambda: gone.append(True))

    SealedOr503(_never).process_exception(RequestFactory().post("/"), problem())

    assert gone == [True] * (problem is OperationalError)


def test_an_error_whose_page_cannot_be_drawn_has_a_way_out_and_the_headers() -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        raise ValueError

    response = SecurityHeaders(broken)(RequestFactory().get("/a/mine/", headers={"Accept-Language": "fr"}))

    assert isinstance(response, HttpResponse)
    assert response.status_code == 500
    assert '<a href="/a/leave/">Quitter vite</a>' in response.content.decode()
    assert (response["Content-Security-Policy"], response["Cache-Control"]) == (BARE, "no-store")


def test_a_session_that_cannot_be_sealed_is_a_503_without_a_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    def impossible(self: SessionStore, must_create: bool = False) -> None:
        raise crypto.SealingImpossible

    def view(request: HttpRequest) -> HttpResponse:
        request.session["mark"] = 1
        return HttpResponse("x")

    monkeypatch.setattr(SessionStore, "save", impossible)

    response = Sessions(view)(RequestFactory().get("/a/stay/"))

    assert response.status_code == 503
    assert not response.cookies
