"""What everybody agrees to: accepted with the account, and anew when the words change."""

from datetime import timedelta

import pytest
from django.test import Client

from privacy import clock
from tests.volunteers import people
from tests.volunteers.people import AT, Person
from volunteers.agreements import Unchanged
from volunteers.joining import join
from volunteers.models import Acceptance, Agreement, Invitation, Volunteer

FIRST = "do-not-ask-why:1"
DAY = clock.local_day(AT)


def accepted(volunteer: Volunteer) -> list[tuple[str, int]]:
    return list(volunteer.acceptances.order_by("slug", "version").values_list("slug", "version"))


def missing(person: Person) -> list[str]:
    return [text.mark for text in Acceptance.objects.missing(person.volunteer)]


def test_whoever_opens_an_account_has_accepted_what_stood_above_the_button(ana: Person) -> None:
    page = Client().get(f"/join/{Invitation.objects.make(ana.volunteer, AT)}/").content.decode()
    assert page.index("We do not ask why") < page.index("Opening the account means") < page.index("</button>")
    ben = people.newcomer(ana)
    assert (accepted(ben.volunteer), missing(ben)) == ([("do-not-ask-why", 1)], [])
    assert {row.on for row in Acceptance.objects.all()} == {DAY}


@pytest.mark.django_db
def test_the_first_text_can_be_translated() -> None:
    (text,) = Agreement.objects.current()
    assert not isinstance(text.title, str)
    assert not isinstance(text.text, str)


def test_words_that_changed_after_they_were_read_are_not_accepted_unread(ana: Person) -> None:
    token = Invitation.objects.make(ana.volunteer, AT)
    Agreement.objects.write("do-not-ask-why", "We do not ask", "Other words.", AT)
    joined = join(
        token,
        username="quiet-meadow-10",
        handle="Ben",
        passphrase=people.PASSPHRASE,
        language="en",
        at=AT,
        read=[FIRST],
    )
    assert accepted(joined.volunteer) == []


def test_other_words_are_a_new_version_that_everybody_accepts_anew(ana: Person, ben: Person) -> None:
    Agreement.objects.write("do-not-ask-why", "We do not ask", "Other words.", AT)
    assert missing(ben) == ["do-not-ask-why:2"]
    Acceptance.objects.accept(ben.volunteer, [FIRST], AT)
    assert missing(ben) == ["do-not-ask-why:2"]
    Acceptance.objects.accept(ben.volunteer, ["do-not-ask-why:2"], AT)
    Acceptance.objects.accept(ben.volunteer, ["do-not-ask-why:2"], AT + timedelta(days=3))
    assert (missing(ben), accepted(ben.volunteer)) == ([], [("do-not-ask-why", 1), ("do-not-ask-why", 2)])
    with pytest.raises(Unchanged):
        Agreement.objects.write("do-not-ask-why", "We do not ask", "Other words.", AT)


def test_one_more_text_and_none_any_more(ana: Person, ben: Person) -> None:
    Agreement.objects.add("Cars", "I wear a belt.", AT)
    other = Agreement.objects.add("Cars", "I do not drink.", AT)
    assert missing(ben) == ["cars:1", "cars-2:1"]
    Agreement.objects.stop(other.slug)
    Agreement.objects.stop("do-not-ask-why")
    assert missing(ben) == ["cars:1"]
    assert [text.slug for text in Agreement.objects.current()] == ["do-not-ask-why", "cars"]


def test_the_page_shows_what_is_new_one_button_accepts_it_and_leads_on(ana: Person, ben: Person) -> None:
    his = ben.sign_in(Client())
    assert "I agree" not in his.get("/profile/agreements/").content.decode()
    Agreement.objects.add("Cars", "I wear a belt.", AT)
    page = his.get("/profile/agreements/?next=/offers/").content.decode()
    assert ("I wear a belt." in page, "We do not ask why" in page) == (True, False)
    answer = his.post("/profile/agreements/", {"read": "cars:1", "next": "/offers/"})
    assert (answer["Location"], missing(ben)) == ("/offers/", [])


@pytest.mark.parametrize("read", [[], ["cars:2"], ["\x00"], ["cars:1 OR 1=1"], ["x" * 500]])
def test_what_was_not_read_is_not_accepted(ana: Person, ben: Person, read: list[str]) -> None:
    Agreement.objects.add("Cars", "I wear a belt.", AT)
    answer = ben.sign_in(Client()).post("/profile/agreements/", {"read": read})
    assert (answer.status_code, missing(ben)) == (200, ["cars:1"])


@pytest.mark.parametrize("there", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:1"])
def test_it_leads_nowhere_else(ana: Person, ben: Person, there: str) -> None:
    answer = ben.sign_in(Client()).post("/profile/agreements/", {"next": there})
    assert "elsewhere" not in answer["Location"]
    assert "javascript" not in answer["Location"]
