"""What is never asked, shown or kept (design, promise 2): in no form, in no column, in no answer's shape."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.db import models

from organisation import kinds
from organisation.kind import Kind, Question
from requests_app.forms.ask import AskForm
from tests.volunteers.people import AT

pytestmark = pytest.mark.once

# Words that a question about it would have, English and as the names of fields; whole words only.
NEVER = {
    "legal name": r"(legal|real|full|family|first|last|sur|fore)[\s_-]?names?|your names?",
    "birth date": r"birth\w*|born|dob|how old are you|your age",
    "papers": r"passports?|papers|identity|id[\s_-]cards?|licen[cs]es?|documents?|nationality|citizen\w*",
    "immigration or police status": r"immigra\w*|migrant\w*|visas?|residen\w*|asylum|criminal\w*|convict\w*"
    r"|undocumented|police (record|status|file)",
    "health": r"health\w*|illness\w*|diagnos\w*|medica\w*|hiv|disease\w*|addict\w*|pregnan\w*|disab\w*",
    "kind of work": r"(your|kind of|sort of) (work|job)|jobs?|occupation|profession|services? you",
    "venue": r"venues?|workplaces?|brothels?|clubs?|street[\s_-]?work",
    "clients": r"clients?|customers?|punters?",
    "photo": r"photos?|pictures?|images?|selfies?|camera",
    "where it was visited from": r"ips?|ip[\s_-]?address|user[\s_-]?agent|browser|device|fingerprints?",
    "map pin": r"gps|lat|lon|latitude|longitude|geo\w*|coordinates|map",
    "why": r"why|reasons?|because",
}
FILES = (forms.FileField, forms.ImageField, forms.FilePathField)
# Words in names of columns that mean something else: which, and why.
MEANS_SOMETHING_ELSE = {
    ("requests_app.Proposal", "reasons"): "codes of matching: why this volunteer fits, never why she asks",
}
OF_THE_ASKER = "requests_app"


def told_apart(text: str) -> list[str]:
    """The promises a text would break."""
    return [what for what, words in NEVER.items() if re.search(rf"(?<!\w)({words})(?!\w)", text.casefold())]


def asked(form: forms.BaseForm) -> Iterator[tuple[str, str]]:
    """(name, everything that is read about it) of each field of a form, with its choices."""
    for name, field in form.fields.items():
        choices = [str(label) for _value, label in getattr(field, "choices", [])]
        yield name, " ".join([name.replace("_", " "), str(field.label), str(field.help_text), *choices])


def complaints(form: forms.BaseForm) -> dict[str, list[str]]:
    found = {name: told_apart(text) for name, text in asked(form)}
    files = {name: ["a file"] for name, field in form.fields.items() if isinstance(field, FILES)}
    return {**{name: wrong for name, wrong in found.items() if wrong}, **files}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", kinds.all(), ids=lambda kind: kind.slug)
@pytest.mark.parametrize("desk", [True, False], ids=["with the desk", "without"])
def test_no_form_asks_for_what_is_never_asked(kind: Kind, desk: bool) -> None:
    form = AskForm(kind=kind, at=AT, desk=desk)
    assert complaints(form) == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("label", "promise"),
    [
        ("What is your legal name?", "legal name"),
        ("When were you born?", "birth date"),
        ("Do you have a visa?", "immigration or police status"),
        ("Is there anything about your health?", "health"),
        ("Who are your clients?", "clients"),
        ("Why do you need this?", "why"),
    ],
)
def test_a_question_about_it_would_be_found(label: str, promise: str) -> None:
    kind = replace(kinds.get("ride"), slug="another", questions=(Question("more", label, "text"),))
    with kinds.registered(kind):
        form = AskForm(kind=kind, at=AT, desk=True)
    assert complaints(form) == {"q_more": [promise]}


def columns() -> Iterator[tuple[str, Any]]:
    for model in apps.get_app_config(OF_THE_ASKER).get_models():
        for field in model._meta.concrete_fields:
            yield model._meta.label, field


def test_no_column_about_an_asker_keeps_it() -> None:
    found = {
        (label, field.name): told_apart(field.name.replace("_", " "))
        for label, field in columns()
        if told_apart(field.name.replace("_", " "))
    }
    assert set(found) == set(MEANS_SOMETHING_ELSE)


def test_what_is_typed_freely_has_no_column_in_clear() -> None:
    """Letters that people choose lie in binary columns, sealed; a text column holds a word of ours."""
    texts = (models.TextField, models.GenericIPAddressField, models.FileField, models.URLField)
    assert [(label, field.name) for label, field in columns() if isinstance(field, texts)] == []
    longest = max(
        (field.max_length or 0, label, field.name)
        for label, field in columns()
        if isinstance(field, models.CharField)
    )
    # A name of ours, a state, an epoch: none is as long as a sentence.
    assert longest[0] <= 40
