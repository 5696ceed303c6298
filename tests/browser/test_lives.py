"""Each kind's whole life in both browsers, with its ugly half: no script and 320 px for whoever asks."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import Her, Window
from tests.journeys import post_office
from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage, on_stage
from tests.journeys.story import CLOSED, COMPANY, NOBODY, RIDE, STAY, THERE, Volunteer, today, tomorrow
from tests.live import LiveSystem

# What the other browser would only say again is in test_whole_story.py and test_askers_forms.py.
pytestmark = [pytest.mark.timeout(300), pytest.mark.chromium]

ADDRESS, OTHER = "Fern street 5, second floor", "Harbour road 9"
BACK, ONWARD, BROKE = "The way back", "The way onward", "My car broke down"
SECOND, BACKUP = "A second companion", "A backup companion"
GONE = "That place is gone. Nobody is coming until this page says yes."
MORE = "Ask for more nights"


@pytest.fixture(scope="module")
def stage(live_system: Callable[..., LiveSystem], browser_name: str) -> Iterator[Stage]:
    """Three volunteers have joined, and are let in; no home is offered yet, and there is a number to call."""
    with post_office.opened() as post:
        told = on_stage(live_system(LIVES=browser_name, **post.environment), post)
        for handle in ("Ben", "Cleo", "Dan"):
            told.volunteer(handle, "ride", "accompaniment", mail=False)
        told.people["Dan"].offers("ride", conditions=["pets_welcome"])
        told.coordinator.browser.visit("/desk/settings/")
        told.coordinator.browser.press("Add", label="Night line", number="+49 30 123456")
        yield told


@pytest.fixture
def her(stage: Stage, asker_page: Callable[..., Page]) -> Iterator[Her]:
    """What she asked is gone afterwards."""
    window = Her(asker_page(stage.system))
    yield window
    window.page.goto("/a/mine/")
    if window.page.get_by_role("button", name="Erase everything now").count():
        window.erases()


@pytest.fixture
def member(stage: Stage, member_page: Callable[..., Page]) -> Callable[[Volunteer], Window]:
    """`member(person)`: a wide window of somebody who has signed in, with scripts."""

    def open_window(person: Volunteer) -> Window:
        page = member_page(stage.system)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto("/accounts/login/")
        page.get_by_label("User name").fill(person.username)
        page.get_by_label("Passphrase").fill(person.passphrase)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/board/")
        return Window(page)

    return open_window


# --- A stay ---------------------------------------------------------------------------------------


def offers_a_bed(host: Window) -> None:
    """For two, tonight and always; children and animals are welcome, and the room has a key."""
    host.goes("/offers/new/")
    host.page.locator("[name=home_area]").select_option(index=1)
    for cell in host.page.locator("table.week input").all():
        cell.check()
    welcome = ["children_welcome", "pets_welcome", "own_room", "lockable_room"]
    host.presses("Save", kinds="stay", capacity="2", conditions=welcome)
    host.reads("Your offer is saved.")


def asks_for_two_nights(her: Her) -> None:
    """For herself, a child and a dog; she must be able to lock the room, and would like it alone."""
    her.asks(
        STAY,
        day=today(),
        nights="2",
        q_adults="1",
        q_children_3_6="1",
        q_pets="1",
        q_which_pets="A small dog",
        q_ride="yes",
        conditions="lockable_room",
        wishes="own_room",
        note="The bell is broken.",
        desk_reads="no",
    )
    her.goes_on_without_paper()


def test_a_stay_from_the_first_night_to_the_third_place(
    stage: Stage, her: Her, member: Callable[[Volunteer], Window]
) -> None:
    ben, cleo, dan = (member(stage.people[name]) for name in ("Ben", "Cleo", "Dan"))
    desk = member(stage.coordinator)

    # Nobody has such a home yet: her page says so, with the number she can call.
    asks_for_two_nights(her)

    def nobody_fits() -> bool:
        her.looks()
        return her.part(STAY).get_by_text("Nobody here fits it just now.").is_visible()

    assert eventually(nobody_fits)
    her.reads(NOBODY, "You asked for this together with: A ride.", "Would be good: A room of my own")
    expect(her.part(STAY).get_by_role("link", name="+49 30 123456").first).to_be_visible()

    # Two have one, and one of them takes it. Somebody else drives her there.
    offers_a_bed(ben)
    offers_a_bed(cleo)
    ben.takes(STAY, place=ADDRESS)
    ben.reads("You hold this until")
    dan.takes(THERE)
    her.looks()
    her.reads_nothing_of(ADDRESS)
    her.says_yes("Ben")
    her.reads("Yes. Somebody is coming.", ADDRESS)
    her.says_yes("Dan", place="At the corner")
    dan.opens(THERE)
    dan.reads("At the corner")
    dan.reads_nothing_of(ADDRESS)
    dan.presses("It is done")
    ben.opens(STAY)
    ben.reads("A small dog", "The bell is broken.")

    # Both say with one tap that tonight is OK, each in their own language.
    her.looks()
    her.presses("OK tonight", her.part("Ben"))
    expect(her.page.locator("ol.thread").first).to_contain_text("OK tonight")
    ben.opens(STAY)
    ben.reads("OK tonight")
    ben.presses("OK tonight")

    # A third night: she asks, the host says yes, the desk says no.
    her.looks()
    her.presses(MORE, nights="1")
    her.reads("1 more night is asked for.", "You said yes.")
    ben.opens(STAY)
    ben.presses("Yes, more nights")
    desk.goes("/desk/")
    desk.reads("More nights wait for your yes")
    desk.follows(STAY)
    desk.presses("No, as agreed before")
    her.looks()
    her.reads("It does not become longer. All goes on as agreed before.", ADDRESS)

    # In the middle the host cannot any more: the rest is asked for, with a number to call.
    ben.opens(STAY)
    ben.presses("I can't after all")
    her.looks()
    her.reads(GONE)
    her.reads_nothing_of(ADDRESS)
    expect(her.part(STAY).get_by_role("link", name="+49 30 123456").first).to_be_visible()
    desk.goes("/desk/")
    desk.follows(STAY)
    desk.reads("Nobody yet.")

    # Somebody else takes her in; she moves on, and says no reason.
    cleo.takes(STAY, place=OTHER)
    her.says_yes("Cleo")
    her.reads(OTHER)
    her.presses("I need another place for the nights that are left")
    her.reads(GONE)
    her.reads_nothing_of(OTHER)
    cleo.goes("/board/")
    cleo.reads("A stay with you is over.")
    cleo.reads_nothing_of(OTHER)

    # She finds something herself: it is closed, and nothing is left of it.
    her.looks()
    her.presses("It is done", her.part(STAY))
    her.reads("Done. Take care.", CLOSED)
    her.reads_nothing_of(ADDRESS, OTHER, "bell", "small dog")


# --- A ride ---------------------------------------------------------------------------------------


def test_a_trip_whose_driver_breaks_down(
    stage: Stage, her: Her, member: Callable[[Volunteer], Window]
) -> None:
    ben, cleo = (member(stage.people[name]) for name in ("Ben", "Cleo"))
    day = tomorrow()

    # The way back before the way there: one sentence, and all she typed is still there.
    places = {
        "q_to": "The mill by the canal",
        "q_there_by": "10:20",
        "q_back_to": "The blue door",
        "q_onward_to": "Where nobody knows me",
        "note": "Ring twice.",
    }
    her.asks(
        RIDE,
        day=day,
        q_back="yes",
        q_back_by="09:00",
        q_onward="yes",
        desk_reads="no",
        **places,
    )
    her.reads("This is before “The way there”. Please choose a later time.")
    for name, typed in places.items():
        expect(her.page.locator(f"[name={name}]")).to_have_value(typed)
    expect(her.page.locator("[name=day]")).to_have_value(day)
    for chosen in ("q_back][value=yes", "q_onward][value=yes", "desk_reads][value=no"):
        expect(her.page.locator(f"[name={chosen}]")).to_be_checked()
    her.presses("Ask", q_back_by="23:00")
    her.goes_on_without_paper()
    her.reads(*(f"{leg}: nobody yet." for leg in (THERE, BACK, ONWARD)))

    # Ben drives her there and back; Cleo onward. Nobody reads where another goes.
    ben.takes(THERE, part=THERE)
    ben.takes(THERE, part=BACK)
    cleo.takes(ONWARD, part=ONWARD)
    her.says_yes("Ben", her.part("Ben", THERE), place="Under my window")
    her.says_yes("Ben", her.part("Ben", BACK), place="Behind the mill")
    her.says_yes("Cleo", place="By the side gate")
    her.reads("Yes. Somebody is coming.")
    cleo.opens(ONWARD)
    cleo.reads("Where nobody knows me", "By the side gate", "Ring twice.")
    cleo.reads_nothing_of("The mill by the canal", "The blue door", "Under my window", "Behind the mill")

    # She is there; then his car breaks down. What nobody has is named, and the rest stands.
    ben.opens(THERE)
    ben.presses("It is done", ben.part(THERE, css="section.card"))
    ben.opens(BACK)
    ben.presses(BROKE)
    ben.reads("Thank you for saying so. We look for somebody else at once.")
    her.looks()
    her.reads("Somebody who was coming cannot come any more.")
    her.reads(f"{BACK}: nobody yet.", f"{THERE}: done.", f"{ONWARD}: somebody comes.")
    her.reads_nothing_of("Behind the mill")

    # Cleo takes that way, too; she drives her home, and then onward.
    cleo.takes(BACK, part=BACK)
    her.says_yes("Cleo", her.part("Cleo", BACK), place="Under the station clock")
    cleo.opens(BACK)
    cleo.reads("Under the station clock", "The blue door")
    cleo.reads_nothing_of("The mill by the canal", "Under my window", "Behind the mill")
    cleo.presses("It is done", cleo.part(BACK, css="section.card"))
    cleo.opens(ONWARD)
    cleo.presses("It is done")
    her.looks()
    her.reads("Done. Take care.", CLOSED)
    her.reads_nothing_of(*places.values(), "By the side gate")


# --- Someone to come along ------------------------------------------------------------------------


@pytest.fixture
def let_in_again(stage: Stage) -> Iterator[None]:
    """Whoever was suspended can sign in once more, whichever test comes next."""
    yield
    desk = stage.coordinator.browser
    for handle in ("Ben", "Cleo", "Dan"):
        desk.visit("/desk/people/")
        if "Reinstate" in desk.follow(handle).buttons():
            desk.press("Reinstate")


@pytest.mark.usefixtures("let_in_again")
def test_a_morning_at_the_police(stage: Stage, her: Her, member: Callable[[Volunteer], Window]) -> None:
    ben, cleo, dan = (member(stage.people[name]) for name in ("Ben", "Cleo", "Dan"))
    desk = member(stage.coordinator)
    secrets = ("The blue file.", "Call my sister.", "I cough twice.", "By the old fountain")
    note, plan, sign, place = secrets

    # At the police, and nothing else chosen: two people, and a backup.
    her.asks(
        COMPANY,
        day=tomorrow(),
        parts="1",
        q_setting="police",
        q_want_speak="no",
        q_want_leave="yes",
        q_sign=sign,
        plan=plan,
        note=note,
        desk_reads="no",
    )
    her.goes_on_without_paper()
    her.reads(f"{COMPANY}: nobody yet.", f"{SECOND}: nobody yet.")
    need = her.page.locator("form[action$='/withdraw/']").get_attribute("action") or ""

    # Each takes a part. Whoever is the backup reads nothing of it.
    ben.takes(COMPANY, part=COMPANY)
    cleo.takes(COMPANY, part=SECOND)
    dan.takes(COMPANY, part=BACKUP)
    her.says_yes("Ben", place=place)
    her.says_yes("Cleo", place=place)
    her.looks()
    her.presses("Yes, Dan may be the backup")
    her.reads("Your backup: comes if somebody else cannot. Reads nothing until then.")
    ben.opens(COMPANY)
    ben.reads(*secrets, "Do not record. Take no pictures.")
    dan.opens(BACKUP)
    dan.reads("You are the backup.")
    dan.reads_nothing_of(*secrets)

    # Ben is late: he taps it, then is not heard of. She is told, and takes the backup.
    ben.presses("I am ten minutes late")
    her.looks()
    her.reads("I am ten minutes late")
    stage.rows.nobody_said("arrived", need.split("/")[4])

    def told() -> bool:
        her.looks()
        return her.page.get_by_text("They have not said that they are there.").first.is_visible()

    assert eventually(told)
    her.presses("Take the backup instead of Ben")
    her.reads("Your backup was told to come.")
    ben.goes("/board/")
    ben.reads("Please do not go.")
    ben.reads_nothing_of(*secrets)
    dan.opens(COMPANY)
    dan.reads("Yes. You are expected.", *secrets)
    dan.presses("I am there")
    dan.presses("We are inside")
    her.looks()
    her.reads("I am there", "We are inside")

    # In the middle the desk suspends the other one: gone at once, and her page says what is left.
    desk.goes("/desk/people/")
    desk.follows("Cleo")
    desk.presses("Suspend Cleo")
    her.looks()
    her.reads("Somebody is coming. Not everything is taken yet.", f"{SECOND}: nobody yet.")
    cleo.page.goto("/board/")
    cleo.reads_nothing_of(*secrets, COMPANY)

    # Out, home, done.
    her.presses("We are out", her.part("Dan"))
    her.presses("I am home safe", her.part("Dan"))
    dan.opens(COMPANY)
    dan.reads("We are out", "I am home safe")
    her.looks()
    her.presses("It is done")
    her.reads("Done. Take care.", CLOSED)
    her.reads_nothing_of(*secrets)
