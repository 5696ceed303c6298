"""Both languages are complete and speak as the design asks: short, plain, calm, about nobody's gender."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from django.conf import settings
from django.utils import formats, translation
from django.utils.translation import ngettext

from mutualaid import translations
from notify.text import compose
from scripts import messages
from tests.locale import pseudo

pytestmark = pytest.mark.once
FRENCH = messages.LOCALE / "fr" / "LC_MESSAGES" / "django.po"
MOST_WORDS = 15
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\w*\}|</?\w+[^>]*>|\n")
NO_BREAK = "\u00a0"

FORBIDDEN = {
    "en": r"victim|rescue|cases?|clients?|beneficiar|saviou?r|prostitut|vulnerable|abuse",
    "fr": r"victime|cas|cliente?s?|bénéficiaire|sauver|sauvet|secourir|prostitu|vulnérable|usager|assisté",
}
GENDERED = {
    "en": r"he|she|him|her|his|hers|himself|herself|guys|chairman",
    "fr": (
        r"\w*·\w*|\w+\(e\)\w*|il/elle|celles et ceux|celleux|iel|madame|monsieur|hôte|hôtesse|chauffeur"
        r"|conduct(eur|rice)"
        r"|utilisat(eur|rice)|demandeu[rs]e?|accompagnat(eur|rice)|coordinat(eur|rice)|garante?|amie?s?|copine?s?"
        r"|êtes (?!en\b)\w+|soyez \w+"
    ),
}


def catalogue() -> list[Message]:
    return [message for message in messages.read(FRENCH) if message.id]


def ids(message: Message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def spoken(language: str) -> Iterator[str]:
    """Every text in one language."""
    for message in catalogue():
        yield from ids(message) if language == "en" else strings(message)


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+|\n", re.sub(r"<[^>]*>", "", text))


def words(sentence: str) -> list[str]:
    """What stands between spaces and is more than punctuation."""
    return [word for word in sentence.split() if re.search(r"\w", word)]


def said(pattern: str, language: str) -> list[str]:
    """The texts in which one of these words stands, whole."""
    whole = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
    return [text for text in spoken(language) if whole.search(text)]


@pytest.mark.parametrize("path", messages.catalogues(), ids=lambda path: path.parts[-3])
def test_everything_people_see_is_translated(path: Path) -> None:
    """What it prints is what is left to translate: `make messages` puts it into the catalogue."""
    assert messages.faults(path, messages.collect()) == []


def test_every_language_that_is_offered_has_a_catalogue() -> None:
    assert [code for code, _name in settings.LANGUAGES] == ["en", "fr"]
    assert [path.parts[-3] for path in messages.catalogues()] == ["fr"]
    assert pseudo.CODE not in dict(settings.LANGUAGES)


def test_what_is_put_into_a_sentence_is_put_into_its_translation() -> None:
    for message in catalogue():
        wanted = {tuple(sorted(PLACEHOLDER.findall(text))) for text in ids(message)}
        assert {tuple(sorted(PLACEHOLDER.findall(text))) for text in strings(message)} == wanted, message.id


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_sentence_is_longer_than_fifteen_words(language: str) -> None:
    long = [one for text in spoken(language) for one in sentences(text) if len(words(one)) > MOST_WORDS]
    assert long == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nobody_is_called_what_they_are_not(language: str) -> None:
    assert said(FORBIDDEN[language], language) == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_sentence_says_anybodys_gender(language: str) -> None:
    # "Only women" and its sisters say who may come, never who reads.
    assert said(GENDERED[language], language) == []


def test_french_says_vous() -> None:
    assert said(r"tu|te|toi|ton|ta|tes|t’\w+", "fr") == []


def test_french_is_set_as_french_is_set() -> None:
    """No typewriter's apostrophe; the space before a sign of two parts does not break the line."""
    wrong = re.compile(rf"'|[^\s{NO_BREAK}?!][?!:;»](?!//)(?=\s|$|{NO_BREAK})|«(?!{NO_BREAK})| [?!:;»]")
    assert [text for text in spoken("fr") if wrong.search(text)] == []


@pytest.mark.parametrize(
    ("language", "none", "one", "two"), [("en", "nights", "night", "nights"), ("fr", "nuit", "nuit", "nuits")]
)
def test_each_language_counts_in_its_own_way(language: str, none: str, one: str, two: str) -> None:
    with translation.override(language):
        counted = [ngettext("%(count)d night", "%(count)d nights", n) % {"count": n} for n in (0, 1, 2)]
    assert counted == [f"0 {none}", f"1 {one}", f"2 {two}"]


def test_every_plural_has_as_many_forms_as_its_language() -> None:
    french = messages.read(FRENCH)
    plurals = [message for message in french if message.id and message.pluralizable]
    assert french.plural_forms == "nplurals=2; plural=(n > 1);"
    assert [message.id for message in plurals if len(strings(message)) != 2] == []


def test_french_dates_are_french() -> None:
    with translation.override("fr"):
        assert formats.date_format(date(2026, 3, 2), "l j F") == "lundi 2 mars"


def test_setting_up_compiles_what_changed_and_leaves_out_what_is_doubtful(tmp_path: Path) -> None:
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "django.po"
    source.write_text('msgid "Yes"\nmsgstr "Oui"\n\n#, fuzzy\nmsgid "No"\nmsgstr "Nom"\n', "utf-8")
    assert (translations.compile_all(tmp_path), translations.compile_all(tmp_path)) == (1, 0)
    compiled = (folder / "django.mo").read_bytes()
    assert (b"Oui" in compiled, b"Nom" in compiled) == (True, False)
    assert [path.name for path in sorted(folder.iterdir())] == ["django.mo", "django.po"]


@pytest.mark.parametrize(
    ("pace", "line"),
    [
        ("", ""),
        ("now", "C’est pour maintenant.\n"),
        ("week", "C’est pour cette semaine.\n"),
        ("changed", "Il y a un changement. Regardez avant de partir.\n"),
    ],
)
def test_a_message_says_as_little_in_french(pace: str, line: str) -> None:
    subject, body = compose("B & <b>", "fr", pace)
    assert subject == f"B & <b>{NO_BREAK}: il y a du nouveau"
    assert body == f"B & <b>\n\nIl y a du nouveau.\n{line}"
