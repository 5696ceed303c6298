"""A whole trip: there with one driver, and back with another, because a car breaks down in the middle."""

from tests.journeys.clockwork import eventually
from tests.journeys.conftest import Stage
from tests.journeys.post_office import says_nothing_but_news
from tests.journeys.story import CLOSED, NOBODY, RIDE, THERE

BACK, BROKE = "The way back", "My car broke down"


def test_a_leg_is_lost_on_the_way_and_somebody_else_drives_her_home(stage: Stage) -> None:
    rows, post = stage.rows, stage.post
    ben = stage.volunteer("Ben")

    # A way back before the way there comes back with a sentence and all she typed.
    asker = stage.asker()
    trip = {"q_to": "The mill by the canal", "q_back_to": "The blue door", "q_there_by": "10:20"}
    page = asker.asks(RIDE, q_back="message", q_back_by="09:00", **trip)
    page.says("This is before “The way there”. Please choose a later time.")
    assert (page.status, "The blue door" in page.html) == (422, True)
    asker.browser.press("Ask", q_back_by="23:50")
    asker.code = asker.browser.page.items("code")
    asker.writes_the_code_on_paper().says(NOBODY, f"{THERE}: nobody yet. {BACK}: nobody yet.")
    need = asker.need()

    # Ben takes both ways; she says yes to each, with a place of its own.
    ben.opens(THERE)
    ben.browser.press("I can do this", within=THERE)
    ben.opens(THERE)
    ben.browser.press("I can do this", within=BACK)
    asker.approves("Ben", place="Under her own window").says(f"{BACK}: somebody offered.")
    asker.approves("Ben", place="Behind the mill").says("Yes. Somebody is coming.")
    ben.opens(THERE).says("The mill by the canal", "Under her own window", "10:20", "Behind the mill")

    # He drives her there. The way back lives on, until she writes.
    ben.opens(THERE)
    ben.browser.press("It is done", within=THERE)
    asker.looks().says("Yes. Somebody is coming.", "This begins when you write to them.")
    ben.opens(BACK).says("This begins when the person writes to you.")
    asker.writes("Ben", "I am ready.")

    # On the way his car breaks down: what is left is lost, what is done stays done, and she reads both.
    cleo = stage.volunteer("Cleo")
    told = len(post.letters("ana@example.org"))
    ben.opens(BACK)
    ben.browser.press(BROKE).says("Thank you for saying so. We look for somebody else at once.")
    asker.looks().says(
        "Somebody who was coming cannot come any more.",
        f"{BACK}: nobody yet. {THERE}: done. {NOBODY} The desk knows.",
    )
    assert ("Behind the mill" in asker.looks(), rows.status(need)) == (False, "open")
    assert eventually(lambda: len(post.letters("ana@example.org")) > told), "the desk is told at once"

    # Everybody who fits is asked at once, and another drives her home: she never reads the first leg.
    assert eventually(lambda: bool(post.letters(stage.address("Cleo"))))
    cleo.claims(BACK)
    asker.approves("Cleo", place="By the side gate")
    page = cleo.opens(BACK).says("The blue door", "By the side gate", "23:50")
    secrets = ("The mill by the canal", "Under her own window", "10:20", "Behind the mill", "I am ready.")
    assert [secret for secret in secrets if secret in page] == []
    assert asker.two_words() == cleo.two_words(BACK)
    cleo.finishes(BACK).says("Thank you. What was written is closed now.")
    asker.looks().says("Done. Take care.", CLOSED)
    assert (rows.status(need), rows.count("privacy_compartment")) == ("met", 0)

    for letter in post.letters(stage.address("Cleo")) + post.letters(stage.address("Ben")):
        says_nothing_but_news(letter)
    rows.a_day_after_the_end(need)
    assert eventually(lambda: rows.status(need) == "")
    assert [rows.count(f"requests_app_{name}") for name in ("task", "needday", "claim", "event")] == [0] * 4
