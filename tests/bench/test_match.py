"""`python -m bench match` says what it measured, each figure beside a baseline of the same run."""

import json

import pytest
from django.db import connection

from bench import country, match


@pytest.mark.django_db(transaction=True)
def test_matching_is_measured_small_and_large(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"AREAS": 40, "SIDE_KM": 80}
    for name, value in small.items():
        monkeypatch.setattr(country, name, value)
    for name, value in {"FEW": 100, "MANY": 400, "SOME_NEEDS": 10, "NEEDS_OF_NOBODY": 5}.items():
        monkeypatch.setattr(match, name, value)

    match.main()

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["database"] for line in lines} == {connection.vendor}
    best = [line for line in lines if line["what"] == "best 20 for a task"]
    assert [(line["offers"], line["fits"], line["tasks"]) for line in best] == [
        (100, "some", 10),
        (100, "nobody", 5),
        (400, "some", 10),
        (400, "nobody", 5),
    ]
    assert all(line["most_queries"] <= 3 and set(line["ratios"]) <= set(line["baseline"]) for line in best)
    assert [line["found_nobody"] for line in best if line["fits"] == "nobody"] == [5, 5]
