"""The recovery sheet: on paper, as words and for a camera, and nowhere else."""

import pytest
from django.test import Client

from tests.volunteers import camera, people
from tests.volunteers.people import PASSPHRASE, Person
from tests.volunteers.test_join import asked_for, fill, sheet_on
from volunteers import keys, qr
from volunteers.account import Volunteer
from volunteers.invitations import Invitation

pytestmark = pytest.mark.urls("tests.volunteers.urls")
PICTURE = "/accounts/sheet/qr.png"


def joining(ana: Person) -> Client:
    """Somebody who joined a moment ago and sees the sheet."""
    client = Client()
    client.post(f"/join/{Invitation.objects.make(ana.volunteer, people.AT)}/", fill())
    return client


def test_the_picture_says_the_words_of_the_sheet(ana: Person) -> None:
    client = joining(ana)
    words = " ".join(sheet_on(client.get("/accounts/sheet/").content.decode()))

    picture = client.get(PICTURE)

    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
    assert picture.content == qr.png(words)
    assert picture.content[:4] == b"\x89PNG"


@pytest.mark.parametrize("language", ["en", "fr", "xx"])
def test_what_a_camera_reads_off_the_printed_picture_restores_the_same_key(
    ben: Person, language: str
) -> None:
    """Eight words, in French with accents, or seven groups of digits where there is no list of words."""
    client = ben.sign_in(Client())
    client.post("/accounts/sheet/new/")
    fresh = Volunteer.objects.get(pk=ben.volunteer.pk)
    session = client.session
    session["recovery_sheet"]["words"] = words = sheet_with_an_accent(fresh, ben, language)
    session.save()

    seen = camera.read(client.get(PICTURE).content)
    restored = keys.restore(ben.volunteer.username, seen, "orchard window paper boat")

    assert (seen.isascii(), words.isascii()) == (True, language != "fr")
    assert keys.unlock(restored, "orchard window paper boat") == ben.private


def sheet_with_an_accent(volunteer: Volunteer, person: Person, language: str) -> str:
    """A new sheet; in French one of whose words has an accent, as about every second sheet's has."""
    while (words := keys.new_sheet(volunteer, person.private, language)).isascii() and language == "fr":
        pass
    return words


def test_the_picture_on_the_page_is_of_the_words_on_the_page(ana: Person) -> None:
    client = joining(ana)
    words = " ".join(sheet_on(client.get("/accounts/sheet/").content.decode()))

    assert camera.read(client.get(PICTURE).content) == words


def test_the_picture_is_kept_by_no_cache(ana: Person) -> None:
    assert "no-store" in joining(ana).get(PICTURE).headers["Cache-Control"]


def test_the_page_shows_the_picture_without_any_svg(ana: Person) -> None:
    page = joining(ana).get("/accounts/sheet/").content.decode()

    assert (f'<img src="{PICTURE}"' in page, "<svg" in page, "data:" in page) == (True, False, False)


def test_once_it_is_on_paper_the_picture_is_gone(ana: Person) -> None:
    client = joining(ana)
    page = client.get("/accounts/sheet/").content.decode()
    words = sheet_on(page)

    client.post("/accounts/sheet/", {f"word{place}": words[place] for place in asked_for(page)})

    assert client.get(PICTURE).status_code == 404


def test_nobody_else_sees_the_picture_not_even_the_same_person_elsewhere(ana: Person) -> None:
    joining(ana)
    ben = people.volunteer(ana)

    assert Client().get(PICTURE).status_code == 302
    assert ben.sign_in(Client()).get(PICTURE).status_code == 404


def test_a_new_sheet_has_a_picture_of_its_own(ana: Person, ben: Person) -> None:
    client = ben.sign_in(Client())
    client.post("/accounts/sheet/new/")
    words = " ".join(sheet_on(client.get("/accounts/sheet/").content.decode()))

    assert client.get(PICTURE).content == qr.png(words)
    assert words != ben.sheet
    keys.restore(ben.volunteer.username, words, "orchard window paper boat")
    assert keys.unlock(Volunteer.objects.get(pk=ben.volunteer.pk), "orchard window paper boat") == ben.private


def test_the_words_of_the_sheet_restore_the_same_key_through_the_page(ana: Person, ben: Person) -> None:
    typed = {
        "username": ben.volunteer.username,
        "sheet": ben.sheet,
        "passphrase": "orchard window paper boat",
    }

    Client().post("/accounts/recover/", typed | {"again": typed["passphrase"]})

    fresh = Volunteer.objects.get(pk=ben.volunteer.pk)
    assert keys.unlock(fresh, typed["passphrase"]) == ben.private
    assert fresh.public_key == ben.volunteer.public_key
    with pytest.raises(keys.WrongPassphrase):
        keys.unlock(fresh, PASSPHRASE)
