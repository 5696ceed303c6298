"""The rules of the house, held against the code itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

ROOMS = ("privacy", "notify", "organisation", "volunteers", "requests_app", "mutualaid")
# The only pages that answer somebody who has not signed in.
PUBLIC = {
    "home",
    "help",
    "language",
    "healthz",
    "ask",
    "code",
    "return",
    "leave",
    "mine",
    "pause",
    "resume",
    "erase",
    "erased",
    "erasing",
    "withdraw",
    "try_telling",
    "stop_telling",
    "write_again",
    "met",
    "approve",
    "approve_key",
    "decline",
    "did_not_come",
    "message",
    "place",
    "move_on",
    "longer",
    "longer_answer",
    "withdraw_together",
    "say",
    "meet_when",
    "promote",
    "plan",
    "asker_wrong",
    "asker_talk",
    "outside",
    "outside_report",
    "outside_decide",
    "calendar",
    "join",
    "news_script",
    "account_login",
    "account_logout",
    "account_recover",
    "restore_login",
    "account_passkey",
    "mfa_authenticate",
    "mfa_login_webauthn",
}


def sources() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((settings.BASE_DIR / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sources():
        yield path.relative_to(settings.BASE_DIR), ast.parse(path.read_text(encoding="utf-8"))


def views() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path, tree in trees():
        if path.name == "views.py" or "views" in path.parts:
            yield from ((path, node) for node in tree.body if isinstance(node, ast.FunctionDef))


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def test_no_room_has_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "helpers.py", "common.py", "core.py", "services.py", "signals.py", "misc.py"}
    assert [str(path) for path in sources() if path.name in drawers] == []


def test_nothing_is_imported_inside_a_function() -> None:
    inside = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_no_signal_is_connected() -> None:
    found = [
        str(path)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and "signals" in (node.module or "")
    ]
    assert found == []


def test_views_ask_named_questions_and_call_verbs() -> None:
    spoken = {"save", "update", "create", "delete", "bulk_create", "get_or_create", "update_or_create"}
    found = []
    for path, view in views():
        for node in ast.walk(view):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            on_manager = isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "objects"
            of_a_row = node.func.attr == "save" and not any(word.arg == "kind" for word in node.keywords)
            if of_a_row or (on_manager and node.func.attr in spoken | {"get"}):
                found.append(f"{path}:{node.lineno} .{node.func.attr}()")
    assert found == []


def test_every_file_and_function_says_what_it_is() -> None:
    silent = []
    for path, tree in trees():
        if path.name in {"__init__.py", "apps.py", "urls.py"}:
            continue
        if not ast.get_docstring(tree):
            silent.append(str(path))
    assert silent == []


def test_functions_stay_within_reach_of_the_eye() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.name != "__init__"
        and (node.end_lineno or 0) - node.lineno + 1 > 40
    ]
    assert long == []


def test_views_fit_on_a_phone() -> None:
    long = [
        f"{path}:{view.lineno} {view.name}"
        for path, view in views()
        if (view.end_lineno or 0) - view.lineno + 1 > 25
    ]
    assert long == []


def test_files_stay_small() -> None:
    assert [str(path) for path in sources() if len(path.read_text().splitlines()) > 400] == []


def test_sql_never_asks_what_time_it_is() -> None:
    allowed = {"privacy/clock.py"}
    found = [
        str(path)
        for path, tree in trees()
        if str(path) not in allowed
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
        and (getattr(node, "id", "") or getattr(node, "attr", "")) in {"Now", "CURRENT_TIMESTAMP"}
    ]
    assert found == []


def test_the_public_pages_are_these_and_no_others() -> None:
    public = {
        pattern.name
        for pattern in patterns(get_resolver())
        if not getattr(pattern.callback, "login_required", True)
    }
    assert public == PUBLIC


@pytest.mark.parametrize("name", ["mutualaid", "requests_app", "volunteers", "templates", "tests"])
def test_the_fixed_names_stay(name: str) -> None:
    assert (settings.BASE_DIR / name).is_dir()
