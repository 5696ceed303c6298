"""The registry of kinds: what every entry must have, whichever it is."""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from organisation import conditions, kinds
from organisation.forms import answers, question_fields
from organisation.kind import BadKind, Choice, Kind, Question, TaskSpec, Text

MEAL = Kind(
    slug="test-meal",
    name="A meal",
    lead="Something warm to eat.",
    where_label="Where are you?",
    when_label="When?",
    tasks=(
        TaskSpec("cook", "The cook"),
        TaskSpec("bring", "The way", lambda given: given.get("brought") == "yes"),
    ),
    place_from="asker",
    offer_name="I can cook",
    need_lives=timedelta(days=1),
    hold=timedelta(hours=1),
    rings=(2, 4),
    escalate_every=timedelta(minutes=60),
    urgent_within=timedelta(hours=3),
    questions=(
        Question("brought", "Brought to you?", "choice", choices=(Choice("no", "No"), Choice("yes", "Yes"))),
        Question("hot", "How hot?", "number", most=5),
        Question(
            "taste",
            "What do you like?",
            "choices",
            choices=(Choice("sweet", "Sweet"), Choice("sour", "Sour")),
        ),
        Question("more", "More?", "text"),
    ),
)

every_kind = pytest.mark.parametrize("kind", kinds.all(), ids=lambda kind: kind.slug)


def texts(kind: Kind) -> list[Text]:
    """Everything in an entry that a person reads and that is never empty."""
    shown: list[Text] = [kind.name, kind.lead, kind.where_label, kind.when_label, kind.offer_name]
    shown += [task.name for task in kind.tasks] + [question.label for question in kind.questions]
    return shown + [choice.label for question in kind.questions for choice in question.choices]


def test_the_three_kinds_are_there_from_the_first_day() -> None:
    assert [kind.slug for kind in kinds.all()][:3] == ["stay", "ride", "accompaniment"]


@every_kind
def test_everything_shown_is_there_and_short(kind: Kind) -> None:
    assert all(str(text).strip() for text in texts(kind))
    helps = [kind.where_help, kind.when_help, *(question.help for question in kind.questions)]
    for text in [*texts(kind), *helps]:
        sentences = str(text).replace("?", ".").split(".")
        assert max(len(sentence.split()) for sentence in sentences) <= 15


@every_kind
def test_everything_shown_can_be_translated(kind: Kind) -> None:
    assert not [text for text in texts(kind) if isinstance(text, str)]


@every_kind
def test_nothing_asks_why(kind: Kind) -> None:
    # Where somebody is beside them may be said: it is sealed, and decides whether two come.
    setting = kind.question("setting")
    may_be_said = [choice.label for choice in setting.choices] if setting else []
    assert setting is None or setting.privacy == "sealed"
    words = " ".join(str(text) for text in texts(kind) if text not in may_be_said).casefold()
    assert not [
        word for word in ("why", "reason", "because", "police", "clinic", "court", "client") if word in words
    ]


@every_kind
def test_every_answer_is_sealed_unless_it_is_one_of_the_clear_facts(kind: Kind) -> None:
    clear = {question.slug for question in kind.questions if question.privacy == "clear"}
    assert clear <= {"kind", "area", "day", "parts", "nights", "people", "languages", "conditions"}


@every_kind
def test_a_need_without_answers_still_makes_a_task(kind: Kind) -> None:
    assert len(kind.roles({})) >= 1


@every_kind
def test_who_may_come_can_be_said(kind: Kind) -> None:
    assert [slug for slug, _label in conditions.who_choices(kind.condition_slugs)] == [
        "", "only_women", "only_men", "only_trans_nonbinary",
    ]  # fmt: skip


@every_kind
def test_a_hold_ends_on_a_quarter_of_an_hour(kind: Kind) -> None:
    assert kind.hold % timedelta(minutes=15) == timedelta(0)


@every_kind
def test_the_place_is_closed_before_the_need_is_erased(kind: Kind) -> None:
    day = date(2026, 3, 28)
    assert kind.over_at(day) <= kind.place_seen_until(day) <= kind.lives_until(day)


@every_kind
def test_an_empty_form_answers_every_question(kind: Kind) -> None:
    fields = question_fields(kind)
    assert [field.clean(None) for field in fields.values() if field.required] == []
    assert answers(kind, {name: field.clean(None) for name, field in fields.items()}) == {}


def test_a_stay_has_nights_and_a_place_of_the_host() -> None:
    stay = kinds.get("stay")
    assert (stay.roles({}), stay.has_nights, stay.host_seals_place) == (("stay",), True, True)
    assert stay.last_day(date(2026, 3, 30), 3) == date(2026, 4, 2)


def test_the_address_of_a_stay_closes_with_the_morning_after_the_last_night() -> None:
    stay = kinds.get("stay")
    last_day = stay.last_day(date(2026, 3, 30), 3)
    assert stay.place_seen_until(last_day) == datetime(2026, 4, 2, 12, tzinfo=UTC)


@every_kind
def test_what_it_makes_is_a_kind_that_has_room_for_as_many(kind: Kind) -> None:
    for makes in kind.makes:
        assert kinds.get(makes.kind).most_people >= kind.most_people


def test_a_ride_has_a_way_back_only_where_it_is_wanted() -> None:
    ride = kinds.get("ride")
    assert (ride.roles({}), ride.roles({"back": "yes"})) == (("there",), ("there", "back"))
    assert ride.last_day(date(2026, 3, 30), 3) == date(2026, 3, 30)


def test_one_or_two_people_come_along() -> None:
    kind = kinds.get("accompaniment")
    assert kind.roles({"companions": "one"}) == ("companion",)
    assert kind.roles({"companions": "two"}) == ("companion", "second_companion", "backup")
    assert kind.roles({"companions": "two", "backup": "no"}) == ("companion", "second_companion")
    for setting in ("police", "court"):
        assert kind.roles({"setting": setting}) == ("companion", "second_companion", "backup")
        assert kind.roles({"setting": setting, "companions": "one"}) == ("companion",)
    assert kind.roles({"setting": "clinic"}) == ("companion",)
    assert kind.roles({"setting": "clinic", "backup": "yes", "relief": "4"}) == (
        "companion",
        "backup",
        "relief",
    )
    assert kind.roles({"relief": "no"}) == ("companion",)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(kinds.UnknownKind):
        kinds.get("test-meal")


def test_a_fourth_kind_is_one_entry() -> None:
    with kinds.registered(MEAL):
        assert kinds.get("test-meal") is MEAL
        assert kinds.choices()[-1] == ("test-meal", "A meal")
        assert kinds.offer_choices()[-1] == ("test-meal", "I can cook")
    assert "test-meal" not in dict(kinds.choices())


def test_choices_are_named_in_the_language_of_the_page() -> None:
    with translation.override("fr"):
        names = [name for _slug, name in kinds.choices()]
    assert {type(name) for name in names} == {str}


def test_answers_come_back_as_a_person_reads_them() -> None:
    form = {"q_brought": "yes", "q_hot": 3, "q_taste": ["sweet", "sour"], "q_more": "", "other": "x"}
    given = answers(MEAL, form)
    assert given == {"brought": "yes", "hot": 3, "taste": ["sweet", "sour"]}
    assert MEAL.roles(given) == ("cook", "bring")
    assert MEAL.described(given) == [
        ("Brought to you?", "Yes"),
        ("How hot?", "3"),
        ("What do you like?", "Sweet, Sour"),
    ]


def test_fields_refuse_what_the_question_does_not_offer() -> None:
    fields = question_fields(MEAL)
    for name, typed in [
        ("q_brought", "perhaps"),
        ("q_hot", "6"),
        ("q_taste", ["bitter"]),
        ("q_more", "x" * 201),
    ]:
        with pytest.raises(Exception, match=r".+"):
            fields[name].clean(typed)


def test_a_role_it_no_longer_has_is_read_as_the_kind() -> None:
    assert (MEAL.role_name("bring"), MEAL.role_name("gone")) == ("The way", "A meal")


def test_what_begins_soon_is_asked_for_three_times_as_fast() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert MEAL.pace(at + timedelta(hours=4), at) == timedelta(minutes=60)
    assert MEAL.pace(at + timedelta(hours=2), at) == timedelta(minutes=20)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "code"},
        {"slug": "Meal/1"},
        {"slug": ""},
        {"tasks": ()},
        {"tasks": (TaskSpec("bring", "The way", lambda given: True),)},
        {"tasks": (TaskSpec("cook", "A"), TaskSpec("cook", "B"))},
        {"questions": (Question("name", "Your name?", "text", privacy="clear"),)},
        {"questions": (Question("a", "A?", "text"), Question("a", "B?", "text"))},
        {"questions": (Question("a", "A?", "choice"),)},
        {"condition_slugs": ("sea_view",)},
        {"questions": (Question("a", "A?", "text", of=("drive",)),)},
        {"questions": (Question("a", "A?", "text", beside="drive"),)},
        {"questions": (Question("parts_cook", "A?", "text"),)},
        {"questions": (Question("a", "A?", "time"),)},
        {"tasks": (TaskSpec("cook", "The cook", after=("drive",)),)},
        {"tasks": (TaskSpec("cook", "The cook", after=("bring",)), TaskSpec("bring", "The way"))},
        {"rings": ()},
        {"hold": timedelta(minutes=1)},
        {"need_lives": timedelta(days=-1)},
        {"place_seen_for": timedelta(days=2)},
        {"capacity_label": "Plates"},
        {"after_midnight": "late_arrival"},
        {"questions": (Question("dogs", "Dogs?", "number", implies="pets_welcome"),)},
        {"questions": (Question("who", "Who?", "text", counts=True),)},
        {"questions": (Question("adults", "Adults?", "number", counts=True),)},
    ],
)
def test_an_entry_that_breaks_a_promise_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadKind):
        dataclasses.replace(MEAL, **wrong)  # type: ignore[arg-type]


def test_a_slug_is_registered_once() -> None:
    with kinds.registered(MEAL), pytest.raises(BadKind):
        kinds.register(MEAL)
