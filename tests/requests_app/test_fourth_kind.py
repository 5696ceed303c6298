"""A fourth kind is one entry in the registry and nothing else: it lives a whole life by the same pages."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from organisation import kinds
from organisation.complaints import MOST_TEXT
from organisation.kind import BadKind, Choice, Kind, Question, TaskSpec
from privacy.models import Compartment, Counter
from requests_app import matching, rings, tasks
from requests_app.models import Claim, Mailbox, Need, Task
from tests.requests_app.test_pages import code_words, hidden, post, text, volunteer_client
from tests.requests_app.world import TOMORROW, World, claim_of, only_task, take
from tests.volunteers.people import AT

ERRAND = Kind(
    slug="test-errand",
    name="An errand",
    lead="Somebody brings you what you need.",
    where_label="Where should it be brought?",
    when_label="When do you need it?",
    place_label="Where should the person meet you?",
    tasks=(
        TaskSpec("bring", "Bring it"),
        TaskSpec("carry", "Help to carry", lambda answers: answers.get("heavy") == "yes"),
    ),
    place_from="asker",
    offer_name="I can run an errand",
    people_label="For how many people?",
    capacity_label="Bags",
    questions=(
        Question("what", "What should it be?", "text", folded=False),
        Question(
            "heavy",
            "Is it heavy?",
            "choice",
            choices=(Choice("no", "No"), Choice("yes", "Yes")),
        ),
        Question("times", "How many times?", "number", most=5),
    ),
    condition_slugs=("only_women", "step_free"),
    need_lives=timedelta(days=1),
    hold=timedelta(minutes=45),
    rings=(2, 4),
    escalate_every=timedelta(minutes=30),
    urgent_within=timedelta(hours=6),
)
ERRAND_ELSEWHERE = replace(ERRAND, slug="test-errand-elsewhere")
WHAT = "Bread, and the blue box of tea"


@pytest.fixture(autouse=True)
def _a_fourth_kind() -> Iterator[None]:
    with kinds.registered(ERRAND):
        yield


def ask(client: Client, world: World, path: str = "/a/test-errand/", **typed: Any) -> Any:
    page = text(client.get(path))
    answers = {"area": world.area.pk, "day": TOMORROW.isoformat(), "token": hidden(page, "token")}
    return post(client, path, page, **answers, **typed)


@pytest.fixture
def asker(world: World) -> Client:
    return Client(enforce_csrf_checks=True)


def test_the_first_page_offers_it(world: World, client: Client) -> None:
    page = text(client.get("/"))
    assert ("An errand" in page, 'href="/a/test-errand/"' in page) == (True, True)


def test_its_form_asks_its_questions(asker: Client) -> None:
    page = text(asker.get("/a/test-errand/"))
    labels = (
        *("Where should it be brought?", "When do you need it?", "What should it be?", "Is it heavy?"),
        *("How many times?", "For how many people?", "No steps, no stairs", "Only women"),
    )
    assert [label for label in labels if label not in page] == []
    assert "How many nights?" not in page


def test_the_longest_answers_in_the_widest_letters_can_be_sealed(asker: Client, world: World) -> None:
    texts = tuple(Question(f"text{n}", "Text", "text", max_length=500) for n in range(MOST_TEXT // 500))
    with kinds.registered(replace(ERRAND_ELSEWHERE, questions=texts)) as kind:
        longest = {f"q_{question.slug}": "💐" * 500 for question in texts}
        assert ask(asker, world, kind.path, **longest).status_code == 302
        assert text(asker.get("/a/mine/")).count("💐" * 500) == len(texts)
    with pytest.raises(BadKind):
        replace(ERRAND_ELSEWHERE, questions=(*texts, Question("more", "More", "text", max_length=1)))


def test_without_the_entry_it_is_not_there(world: World, client: Client) -> None:
    with kinds.registered(ERRAND_ELSEWHERE):
        assert client.get("/a/test-errand-elsewhere/").status_code == 200
    assert client.get("/a/test-errand-elsewhere/").status_code == 404


def test_a_volunteer_can_offer_it_and_nothing_else(world: World) -> None:
    ben = world.volunteer("Ben", offers=False)
    client = volunteer_client(ben)
    page = text(client.get("/offers/new/"))
    assert "I can run an errand" in page
    answers = {
        "once": hidden(page, "once"),
        "kinds": ["test-errand"],
        "home_area": world.area.pk,
        "reach_km": 5,
        "weekly": list(range(28)),
        "capacity": 2,
        "conditions": ["step_free"],
    }
    assert post(client, "/offers/new/", page, **answers).status_code == 302
    assert "I can run an errand" in text(client.get("/offers/"))
    _visit, errand = world.ask(kind="test-errand")
    world.ask(kind="ride")
    assert [m.task_id for m in matching.board(ben.volunteer, AT)] == [only_task(errand).pk]


def test_its_answers_make_its_tasks_and_are_sealed(asker: Client, world: World) -> None:
    ask(asker, world, q_what=WHAT, q_heavy="yes", q_times="3", people="2")
    need = Need.objects.get()
    roles = list(need.tasks.order_by("role").values_list("role", flat=True))
    assert (need.kind, need.people, roles) == ("test-errand", 2, ["bring", "carry"])
    assert WHAT not in str(Need.objects.values_list().get())
    page = text(asker.get("/a/mine/"))
    assert ("An errand" in page, WHAT in page) == (True, True)


def test_the_first_ring_is_asked_about_it(world: World) -> None:
    people = [world.volunteer() for _ in range(3)]
    world.volunteer(kinds=["ride"])
    _visit, need = world.ask(kind="test-errand")
    rings.ask_next(only_task(need), AT)
    asked = set(only_task(need).proposals.values_list("volunteer_id", flat=True))
    assert (len(asked), asked <= {person.volunteer.pk for person in people}) == (2, True)


def test_it_is_claimed_approved_read_and_done_by_the_pages(asker: Client, world: World) -> None:
    ask(asker, world, q_what=WHAT, note="Ring twice.", desk_reads="no")
    client = volunteer_client(world.volunteer("Ben"))
    need = Need.objects.get()
    address = f"/needs/{need.pk}/"
    assert "Bring it" in text(client.get("/board/"))
    page = text(client.get(address))
    task = hidden(page, "task")
    assert WHAT not in page
    assert post(client, f"{address}claim/", page, task=task).status_code == 302
    assert Claim.objects.get().held_until == AT.replace(hour=13, minute=30)
    hers = text(asker.get("/a/mine/"))
    yes = {"fingerprint": hidden(hers, "fingerprint"), "place": "At the fountain"}
    post(asker, f"/a/mine/people/{Claim.objects.get().pk}/approve/", hers, **yes)
    opened = text(client.get(address))
    assert [said for said in (WHAT, "Ring twice.", "At the fountain") if said not in opened] == []
    assert post(client, f"{address}finish/", opened, task=task).status_code == 302
    assert (Need.objects.get().status, Compartment.objects.count()) == ("met", 0)


def test_both_of_its_tasks_are_done_before_it_is_met(world: World) -> None:
    visit, need = world.ask(kind="test-errand", answers={"heavy": "yes"})
    for role in ("bring", "carry"):
        person = world.volunteer()
        claim = take(person, Task.objects.select_related("need").get(need=need, role=role))
        claim.approve(visit.unlocked, claim.key_fingerprint(), AT)
        assert Need.objects.get().status == "open"
        claim_of(person, claim.task).finish(AT)
    assert Need.objects.get().status == "met"


def test_the_code_of_whoever_asked_for_it_opens_it(asker: Client, world: World) -> None:
    ask(asker, world, q_what=WHAT)
    words = code_words(text(asker.get("/a/code/")))
    other = Client(enforce_csrf_checks=True)
    page = text(other.get("/a/return/"))
    post(other, "/a/return/", page, ticket=hidden(page, "ticket"), code=" ".join(words))
    assert WHAT in text(other.get("/a/mine/"))


def test_its_legs_have_times_and_secrets_of_their_own(asker: Client, world: World) -> None:
    fetch = TaskSpec("fetch", "Fetch it again", after=("bring",), when_label="When is it fetched?")
    shelf = Question("shelf", "Which shelf?", "text", of=("fetch",))
    tasks_, asked = (*ERRAND.tasks, fetch), (*ERRAND.questions, shelf)
    two_ways = replace(
        ERRAND_ELSEWHERE, tasks=tasks_, questions=asked, cannot_go_on_label="My bike is broken"
    )
    with kinds.registered(two_ways) as kind:
        refused = ask(asker, world, kind.path, parts=[4], parts_fetch=[1], q_shelf="The third")
        assert (refused.status_code, "This is before “Bring it”." in text(refused)) == (422, True)
        ask(asker, world, kind.path, parts=[1], parts_fetch=[4], q_shelf="The third", q_what=WHAT)
        need = Need.objects.get()
        assert list(need.tasks.order_by("position").values_list("role", "parts")) == [
            ("bring", 1),
            ("fetch", 4),
        ]
        ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
        for person, role in ((ben, "bring"), (cleo, "fetch")):
            take(person, Task.objects.select_related("need").get(need=need, role=role))
            hers, claim = text(asker.get("/a/mine/")), Claim.objects.get(volunteer=person.volunteer)
            yes = {"fingerprint": claim.key_fingerprint(), "place": f"Where {role} begins"}
            post(asker, f"/a/mine/people/{claim.pk}/approve/", hers, **yes)
        pages = [text(volunteer_client(person).get(f"/needs/{need.pk}/")) for person in (ben, cleo)]
        assert [(WHAT in page, "The third" in page, "My bike is broken" in page) for page in pages] == [
            (True, False, True),
            (True, True, True),
        ]


def test_its_hold_lapses_it_expires_and_is_purged_by_the_broom(world: World) -> None:
    _visit, need = world.ask(kind="test-errand")
    claim = take(world.volunteer(), only_task(need))
    tasks.lapse(claim.held_until)
    assert only_task(need).status == "open"
    tasks.expire(need.expires_at)
    ended = Need.objects.get()
    assert (ended.status, ended.note) == ("expired", None)
    tasks.purge(ended.purge_after)
    assert (Need.objects.count(), Mailbox.objects.count(), Claim.objects.count()) == (0, 0, 0)
    assert Counter.objects.get(name="expired.test-errand").value == 1


def test_the_desk_sees_it_and_why_nobody_has_taken_it(world: World) -> None:
    world.ask(kind="test-errand")
    world.volunteer(kinds=["ride"])
    need = Need.objects.get()
    client = volunteer_client(world.coordinator)
    assert "An errand" in text(client.get("/desk/"))
    assert client.get(f"/desk/needs/{need.pk}/").status_code == 200
    nobody = {row.condition: row.would_fit for row in matching.why_nobody(only_task(need), AT)}
    assert nobody["kind"] == 1


def test_it_needs_no_migration(db: None) -> None:
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)
    assert out.getvalue().strip() == "No changes detected"
