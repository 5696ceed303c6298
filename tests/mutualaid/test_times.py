"""No stored moment says more exactly than it must when somebody was here; no number counts the askers."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.db import connection, models
from django.test import Client

from tests.mutualaid import grains
from tests.volunteers import people
from tests.volunteers.test_login import SEED, code_now
from volunteers import seeds
from volunteers.models import Volunteer

# Numbered as they come: none of them comes or goes with an asker.
NUMBERED = {
    *("auth.Permission", "auth.Group", "auth.Group_permissions", "contenttypes.ContentType"),
    *("account.EmailAddress", "account.EmailConfirmation", "mfa.Authenticator"),
    *("organisation.Area", "organisation.Neighbour", "organisation.Distance"),
    *("organisation.Hours", "organisation.PhoneNumber", "privacy.Counter"),
    *("volunteers.Vouch", "volunteers.Supply", "volunteers.OfferPlace"),
    *("volunteers.OfferArea", "volunteers.OfferException", "volunteers.OfferNight"),
    *("volunteers.OnCall",),
}


@pytest.mark.once
def test_every_moment_says_how_exact_it_may_be() -> None:
    assert set(grains.moments()) == set(grains.GRAINS)


@pytest.mark.once
def test_no_row_about_an_asker_has_a_number_in_the_order_of_coming() -> None:
    numbered = {
        model._meta.label
        for model in apps.get_models(include_auto_created=True)
        if isinstance(model._meta.pk, models.AutoField)
    }

    assert numbered == NUMBERED


@pytest.mark.django_db
def test_the_database_does_not_count_them_either() -> None:
    """Neither SQLite's table of sequences nor a sequence of PostgreSQL says how many there ever were."""
    if connection.vendor == "postgresql":
        sql = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"
    else:
        sql = "SELECT name || '_id_seq' FROM sqlite_sequence"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        counted = {str(name) for (name,) in cursor.fetchall()}
    tables = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.label not in NUMBERED
    }

    assert counted & {f"{table}_id_seq" for table in tables} == set()
    assert "django_migrations_id_seq" in counted


@pytest.mark.django_db
def test_a_second_factor_does_not_say_when_its_owner_was_here(client: Client) -> None:
    ana = people.founder()
    with seeds.belonging_to(ana.volunteer):
        TOTP.activate(ana.volunteer, SEED)
        RecoveryCodes.activate(ana.volunteer)
    client.post("/accounts/login/", {"login": ana.volunteer.username, "password": ana.passphrase})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code_now()})

    assert (answer.status_code, client.session["_auth_user_id"]) == (302, str(ana.volunteer.pk))
    rows = Authenticator.objects.values_list("created_at", "last_used_at")
    assert [(made.minute, made.second, made.microsecond, used) for made, used in rows] == [
        (0, 0, 0, None)
    ] * 2


@pytest.mark.once
def test_an_account_has_no_last_login() -> None:
    assert "last_login" not in {field.name for field in Volunteer._meta.get_fields()}
