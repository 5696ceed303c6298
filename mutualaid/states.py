"""The state machines as they stand in the code, drawn for docs/states.md."""

from collections.abc import Iterable
from typing import Any

from notify.models import Notice
from privacy.states import Moves
from requests_app.models import Claim, Extension, Need, Tap, Task
from volunteers.models import Check

MACHINES: tuple[Any, ...] = (Need, Task, Claim, Extension, Tap, Notice, Check)
INTRODUCTION = """# States

Drawn from the code by `python manage.py states`; a test compares. Each table stands beside its model
as `MOVES`, and a row changes only along it, by compare-and-set. "By" names the verbs that lead along an
arrow: methods of the row, of its QuerySet or of what it belongs to. What happened when is in `Event`, to the
hour, until the need is purged.
"""


def drawn() -> str:
    """docs/states.md, whole."""
    return "\n".join([INTRODUCTION, *(_machine(model) for model in MACHINES)])


def _machine(model: Any) -> str:
    name, about = model.__name__, (model.__doc__ or "").split("\n")[0]
    lives = f"Its row lives {model.privacy.lives}."
    return "\n".join(
        [
            f"## {name}\n\n{about} {lives}\n",
            "```mermaid",
            *_diagram(model.MOVES),
            "```\n",
            _table(model.MOVES),
        ]
    )


def _diagram(moves: Moves) -> Iterable[str]:
    yield "stateDiagram-v2"
    for state, following in moves.items():
        yield from (f"    {state} --> {after} : {following[after]}" for after in sorted(following))
        if not following:
            yield f"    {state} --> [*]"


def _table(moves: Moves) -> str:
    rows = []
    for state, following in moves.items():
        rows += [f"| {state} | {after} | {_code(following[after])} |" for after in sorted(following)]
        rows += [] if following else [f"| {state} | nothing: it is over | |"]
    return "\n".join(["| from | may become | by |", "|---|---|---|", *rows, ""])


def _code(verbs: str) -> str:
    return ", ".join(f"`{verb}`" for verb in verbs.split(", "))
