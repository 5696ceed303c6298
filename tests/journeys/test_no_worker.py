"""Every worker is dead. What ran out has run out all the same: each query knows the time itself."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mutualaid import parent_death
from tests import live
from tests.journeys import post_office
from tests.journeys.conftest import STAGES, Stage, on_stage
from tests.journeys.story import CLOSED, NOBODY, RIDE, THERE

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("journeys without a worker")]


@pytest.fixture(scope="module", params=STAGES, ids=lambda pair: "-".join(pair))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An instance of which only the web process runs."""
    folder = tmp_path_factory.mktemp("without")
    parent = os.getpid()
    with post_office.opened() as post, live.instance(*request.param, folder, **post.environment) as system:
        with system.log.open("ab") as log:
            system.runner = subprocess.Popen(
                [sys.executable, "-m", "mutualaid.web"],
                cwd=live.ROOT,
                env=system.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: parent_death.die_with(parent),
            )
        system.wait_until_it_answers()
        yield on_stage(system, post)


def test_a_hold_that_ran_out_is_free_and_the_late_yes_is_refused(stage: Stage) -> None:
    rows = stage.rows
    ben, cleo, dan = (stage.volunteer(name) for name in ("Ben", "Cleo", "Dan"))
    asker = stage.asker()
    asker.asks(RIDE, note="Seventh bell.", desk_reads="no")
    need = asker.need()

    # Nobody was asked, for nobody asks; but the board shows it to whoever looks.
    asker.looks().says("Nobody was asked yet.")
    ben.claims().says("You hold this until")
    dan.opens().says("Somebody holds it. You can stand by.")
    late, window = asker.looks(), asker.browser.new_window()

    # His time is over: it is free, on every page, though no worker ever came.
    rows.hold_runs_out(need)
    ben.board().says(THERE, "You could do this")
    asker.looks().says(NOBODY)
    desk = stage.coordinator.desk()
    desk.says("Nobody")

    # Her late yes, from a page she had open, is refused, and nobody is expected.
    window.page = late
    window.press("Yes, Ben may come", place="At the old oak").says(
        "This person is not waiting any more. Here is how it is now.", NOBODY
    )
    assert rows.claims(need) == ["lapsed"]

    # Somebody else takes it, while the first still has the page with his hold open.
    cleo.claims().says("You hold this until")
    assert rows.claims(need) == ["lapsed", "held"]
    asker.approves("Cleo", place="At the fountain").says("Yes. Somebody is coming.")
    cleo.opens().says("Seventh bell.", "At the fountain")
    page = ben.browser.visit(f"/needs/{need}/")
    assert page.status == 404 or "Seventh bell." not in page

    # The need itself runs out: gone for everybody, at once, and nothing can be read any more.
    rows.need_runs_out(need)
    assert cleo.browser.visit(f"/needs/{need}/").status == 404
    page = asker.looks().says("Closed.", CLOSED)
    assert "Seventh bell." not in page
    assert stage.coordinator.browser.visit(f"/desk/needs/{need}/").status == 404


def test_the_system_says_that_nobody_works_in_the_background(stage: Stage) -> None:
    stage.coordinator.desk().says("The background work has stopped.")
    with pytest.raises(AssertionError, match="503"):
        stage.browser().visit("/healthz")
