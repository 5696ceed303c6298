"""The state machines as they stand in the code, drawn for docs/states.md."""

from collections.abc import Iterable
from typing import Any

from notify.models import Notice
from requests_app.models import Claim, Need, Task

MACHINES: tuple[Any, ...] = (Need, Task, Claim, Notice)
INTRODUCTION = """# States

Drawn from the code by `python manage.py states`; a test compares. Each table stands beside its model
as `MOVES`, and a row changes only along it, by compare-and-set.
"""


def drawn() -> str:
    """docs/states.md, whole."""
    return "\n".join([INTRODUCTION, *(_machine(model) for model in MACHINES)])


def _machine(model: Any) -> str:
    name, about = model.__name__, (model.__doc__ or "").split("\n")[0]
    return "\n".join(
        [f"## {name}\n\n{about}\n", "```mermaid", *_diagram(model.MOVES), "```\n", _table(model.MOVES)]
    )


def _diagram(moves: dict[str, frozenset[str]]) -> Iterable[str]:
    yield "stateDiagram-v2"
    for state, following in moves.items():
        yield from (f"    {state} --> {after}" for after in sorted(following))
        if not following:
            yield f"    {state} --> [*]"


def _table(moves: dict[str, frozenset[str]]) -> str:
    rows = [
        f"| {state} | {', '.join(sorted(after)) or 'nothing: it is over'} |" for state, after in moves.items()
    ]
    return "\n".join(["| from | may become |", "|---|---|", *rows, ""])
