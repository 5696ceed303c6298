"""The drawn state machines are those of the code."""

from django.conf import settings

from mutualaid.states import MACHINES, drawn
from notify.models import Channel
from requests_app import standing
from requests_app.models import Mailbox
from volunteers.models import Volunteer


def test_the_drawing_is_of_the_code() -> None:
    assert (settings.BASE_DIR / "docs" / "states.md").read_text(encoding="utf-8") == drawn()


def test_every_arrow_says_which_verbs_lead_along_it() -> None:
    has = (*MACHINES, *(model.objects for model in MACHINES), Channel, Mailbox, Volunteer, standing)
    for model in MACHINES:
        verbs = {
            verb for after in model.MOVES.values() for words in after.values() for verb in words.split(", ")
        }
        assert [verb for verb in sorted(verbs) if not any(hasattr(one, verb) for one in has)] == []


def test_every_state_that_can_be_reached_is_in_its_table() -> None:
    for model in MACHINES:
        reached = {after for following in model.MOVES.values() for after in following}
        assert reached - set(model.MOVES) == set()
