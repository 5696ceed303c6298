"""Every field of every table says what it is to an outsider."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import models

from mutualaid.third_party_fields import THIRD_PARTY
from privacy import fields
from privacy.fields import FieldClasses
from privacy.models import Heartbeat, Session

MODELS = apps.get_models(include_auto_created=True)


class Aged(models.Model):
    """An abstract model declares its own fields."""

    ends = models.DateTimeField()

    privacy = FieldClasses(clear=("ends",), lives="a day")

    class Meta:
        abstract = True


def model(**namespace: object) -> type[models.Model]:
    """A model that was never installed."""

    class Meta:
        app_label = "privacy"
        managed = False
        # Kept out of the registry that the first test reads.
        apps = type(apps)([])

    return type("Example", (Aged,), {"__module__": __name__, "Meta": Meta, **namespace})


def test_every_field_of_every_model_is_in_exactly_one_class() -> None:
    lines = [fields.line_to_paste(m, THIRD_PARTY) for m in MODELS if fields.unclassified(m, THIRD_PARTY)]

    assert lines == [], "Sort these fields into sealed, clear and derived:\n" + "\n".join(lines)


def test_no_class_names_a_field_that_is_not_there() -> None:
    wrong = {m._meta.label: fields.unknown(m, THIRD_PARTY) for m in MODELS}

    assert {label: names for label, names in wrong.items() if names} == {}


def test_every_model_says_how_long_a_row_lives() -> None:
    assert [m._meta.label for m in MODELS if not fields.lives(m, THIRD_PARTY)] == []


def test_what_is_sealed_lies_in_binary_columns() -> None:
    wrong = {m._meta.label: fields.sealed_in_clear(m) for m in MODELS}

    assert {label: names for label, names in wrong.items() if names} == {}


def test_the_table_of_other_peoples_models_has_no_stranger() -> None:
    installed = {m._meta.label for m in MODELS}

    assert set(THIRD_PARTY) - installed == set()
    assert fields.unclassified(Group, {}) == ["id", "name"]


def test_a_forgotten_field_is_found_and_the_line_to_paste_is_shown() -> None:
    example = model(
        secret=models.BinaryField(),
        note=models.TextField(),
        privacy=FieldClasses(clear=("id",), lives="until it ends"),
    )

    assert fields.unclassified(example, {}) == ["secret", "note"]
    assert fields.line_to_paste(example, {}) == (
        "privacy.Example: privacy = FieldClasses("
        "sealed=('secret',), clear=('id', 'ends', 'note'), lives='until it ends')"
    )


def test_a_field_in_two_classes_is_found() -> None:
    example = model(privacy=FieldClasses(clear=("id", "ends")))

    assert fields.unclassified(example, {}) == ["ends"]


def test_text_that_claims_to_be_sealed_is_found() -> None:
    example = model(
        note=models.TextField(), privacy=FieldClasses(clear=("id",), sealed=("note",), derived=("gone",))
    )

    assert fields.sealed_in_clear(example) == ["note"]
    assert fields.unknown(example, {}) == ["gone"]
    assert fields.lives(example, {}) == "a day"


@pytest.mark.parametrize(("of", "expected"), [(Session, ["data"]), (Heartbeat, [])])
def test_what_is_sealed_is_said_by_the_model(of: type[models.Model], expected: list[str]) -> None:
    assert [name for classes in fields.declared(of, {}) for name in classes.sealed] == expected
