"""A volunteer who leaves: what they took is free, and no row, key or address of theirs is left."""

import pytest
from django.apps import apps

from privacy.keyring import keyring
from requests_app.models import Claim
from tests.requests_app.test_pages import post, text, volunteer_client
from tests.requests_app.world import World, claim_of, only_task, say_yes, take
from tests.volunteers.people import PASSPHRASE
from volunteers.models import Volunteer


def test_whoever_leaves_leaves_nothing_and_what_they_took_is_free(world: World) -> None:
    visit, need = world.ask()
    ben, cleo = world.volunteer("Ben"), world.volunteer("Cleo")
    claim = say_yes(visit, take(ben, only_task(need)), place="Under the clock")
    take(cleo, claim.task, standing_by=True)
    world.can_be_told(ben)
    client = volunteer_client(ben)

    page = text(client.get("/accounts/close/"))
    answer = post(client, "/accounts/close/", page, passphrase=PASSPHRASE)

    assert "1 thing you took is free again." in page
    assert "Your account is closed" in text(answer)
    assert claim_of(cleo, claim.task).status == "held"
    assert keyring().missing([(claim.slot_number, claim.slot_owner)]) == [claim.slot_owner]
    assert [model._meta.label for model in apps.get_models() if names(model, ben.volunteer.pk)] == []
    assert client.get("/board/").status_code == 302
    # Their browser shows no more news, either: it forgets what does.
    assert answer["Clear-Site-Data"] == '"cache", "storage"'


def names(model: type, pk: object) -> bool:
    """Whether a row of this table still names that volunteer."""
    uuids = [f.attname for f in model._meta.concrete_fields if "UUID" in f.get_internal_type()]
    uuids += [
        f.attname for f in model._meta.concrete_fields if f.is_relation and f.related_model in (Volunteer,)
    ]
    return any(model._default_manager.filter(**{name: pk}).exists() for name in set(uuids))


def test_whoever_took_nothing_reads_of_nothing_that_is_free_again(world: World) -> None:
    page = text(volunteer_client(world.volunteer("Ben")).get("/accounts/close/"))

    assert ("free again" in page, "Nobody can undo it." in page) == (False, True)


def test_an_open_screen_is_not_enough(world: World) -> None:
    ben = world.volunteer("Ben")
    client = volunteer_client(ben)
    page = text(client.get("/accounts/close/"))

    answer = post(client, "/accounts/close/", page, passphrase="not this one at all")

    assert (answer.status_code, Volunteer.objects.filter(pk=ben.volunteer.pk).count()) == (422, 1)
    assert "This is not your passphrase." in text(answer)


def test_whoever_works_at_the_desk_leaves_it_first(world: World) -> None:
    ana = world.coordinator
    client = volunteer_client(ana)

    answer = post(client, "/accounts/close/", text(client.get("/accounts/close/")), passphrase=PASSPHRASE)

    assert answer["Location"] == f"/desk/people/{ana.volunteer.pk}/"
    assert Volunteer.objects.get(pk=ana.volunteer.pk).is_active is True
    assert Claim.objects.count() == 0


@pytest.mark.parametrize("path", ["/accounts/close/"])
def test_nobody_else_can_close_anything(world: World, path: str) -> None:
    ben = world.volunteer("Ben")
    client = volunteer_client(ben)
    client.post("/accounts/logout/")
    assert client.get(path).status_code in (302, 200)
    assert Volunteer.objects.filter(pk=ben.volunteer.pk).exists()
