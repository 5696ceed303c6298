"""Whoever takes over after some hours, said to both in plain words; and what whoever comes keeps in mind."""

from datetime import timedelta

from privacy import clock
from requests_app import matching
from requests_app.models import Need
from tests.requests_app import desk
from tests.requests_app.company import ENDS, Company, asked, yes
from tests.requests_app.test_query_counts import enter
from tests.requests_app.world import World, take
from tests.volunteers.people import AT

CARD = ("Sit beside them.", "Do not advise.", "Do not record.", "Do not retell it, to anybody.")


def with_relief(world: World) -> Company:
    """One companion, Ben, for four hours; Cleo could take over."""
    visit, need = world.ask(**asked(answers={"setting": "clinic", "relief": "4"}))
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    made = Company(visit, need, ben, cleo, cleo)
    yes(made, ben, "companion")
    return made


def test_both_read_when_somebody_takes_over_and_whether_anybody_does(world: World) -> None:
    made = with_relief(world)
    path = f"/needs/{made.need.pk}/"
    wished = "A relief after 4 hours is wished for. Nobody has taken it yet."
    assert wished in desk.browser(made.ben).words(path)

    yes(made, made.cleo, "relief")

    bens, cleos = desk.browser(made.ben).words(path), desk.browser(made.cleo).words(path)
    hers = desk.read(enter(made.visit).get("/a/mine/").content.decode())
    after, takes_over = "After 4 hours somebody else takes over.", "Takes over 4 hours after the beginning."
    assert (after in bens, takes_over in bens) == (True, False)
    assert (after in cleos, takes_over in cleos) == (False, True)
    assert (after in hers, takes_over in hers, wished in hers) == (True, True, False)


def test_how_many_hours_it_is_stands_nowhere_in_clear(world: World) -> None:
    made = with_relief(world)
    tasks = list(made.need.tasks.order_by("role").values_list("role", "need__day"))
    assert tasks == [("companion", made.need.day), ("relief", made.need.day)]
    row = Need.objects.filter(pk=made.need.pk).values(*("kind", "parts", "covers", "nights", "people")).get()
    assert row == {"kind": "accompaniment", "parts": 1, "covers": 1, "nights": 0, "people": 1}


def test_a_relief_who_leaves_at_noon_is_replaced(world: World) -> None:
    made = with_relief(world)
    claim = yes(made, made.cleo, "relief")
    claim.release(ENDS + timedelta(minutes=30))
    assert made.task("relief").escalate_after is not None


def test_whoever_is_free_after_noon_alone_can_take_over_and_nobody_else_need_be_free_all_day(
    world: World,
) -> None:
    made = with_relief(world)
    later = world.volunteer("Eve", weekly=sum(int(clock.Part.AFTERNOON) << 4 * day for day in range(7)))
    fits = {match.task_id for match in matching.board(later.volunteer, AT)}
    assert fits == {made.task("relief").pk}


def test_a_relief_is_not_missed_at_the_beginning(world: World) -> None:
    made = with_relief(world)
    claim = yes(made, made.cleo, "relief")
    waits = set(claim.taps.filter(status="expected").values_list("side", "slug"))
    assert waits == {("asker", "home-safe"), ("volunteer", "home-safe")}
    bens = set(made.claim(made.ben).taps.filter(status="expected").values_list("slug", flat=True))
    assert "arrived" in bens


def test_the_card_is_there_from_the_hold_on_and_not_before(world: World) -> None:
    visit, need = world.ask(**asked(answers={"setting": "office"}))
    ben = world.volunteer("Ben")
    made, browser, path = Company(visit, need, ben, ben, ben), desk.browser(ben), f"/needs/{need.pk}/"
    before = browser.words(path)
    take(ben, made.task("companion"))
    held = browser.words(path)
    assert [line for line in CARD if line in before] == []
    assert [line for line in CARD if line in held] == list(CARD)
    _visit, ride = world.ask()
    take(ben, ride.tasks.get())
    assert "Keep in mind" not in browser.words(f"/needs/{ride.pk}/")
