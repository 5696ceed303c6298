"""The drawn state machines are those of the code."""

from django.conf import settings

from mutualaid.states import MACHINES, drawn


def test_the_drawing_is_of_the_code() -> None:
    assert (settings.BASE_DIR / "docs" / "states.md").read_text(encoding="utf-8") == drawn()


def test_every_state_that_can_be_reached_is_in_its_table() -> None:
    for model in MACHINES:
        reached = {after for following in model.MOVES.values() for after in following}
        assert reached - set(model.MOVES) == set()
