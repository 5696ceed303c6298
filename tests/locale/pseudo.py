"""A language for tests that is written from right to left: the English text, accented, longer, and mirrored.

Whatever stays plain English on a page in it was never given to the translators; whatever breaks there breaks
in Arabic. It is made from the catalogues and stands in no folder of the product.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import allauth
import django
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

# ICU's code for it; its first part makes Django and the browsers write from right to left.
CODE = "ar-xb"
FOLDER = "ar_XB"
ROOT = Path(__file__).resolve().parents[2]
# Right-to-left override, and its end.
MIRROR, END = "\u202e", "\u202c"
ACCENTED = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "áƀçđéƒĝĥíĵķļɱñóƥʠŕšťúṽŵẋýžÁƁÇĐÉƑĜĤÍĴĶĻṀÑÓƤɊŔŠŤÚṼŴẊÝŽ",
        strict=True,
    )
)
# What must reach the page as it is: %(name)s, {name}, tags, entities.
KEPT = re.compile(r"(%\(\w+\)[a-z]|%[a-z%]|\{\w*\}|<[^>]*>|&\w+;|\s+)")


def accented(text: str) -> str:
    """`text` without a letter of plain English, about a third longer, each word from right to left."""
    return "".join(part if KEPT.fullmatch(part) else _word(part) for part in KEPT.split(text) if part)


def language() -> tuple[str, str]:
    """The language as LANGUAGES has it: code and name."""
    return CODE, accented("Mirrored")


def _word(word: str) -> str:
    longer = re.sub(r"([aeiouAEIOU])(?=\w)", r"\1\1", word, count=2)
    return f"{MIRROR}{''.join(ACCENTED.get(letter, letter) for letter in longer)}{END}"


def write(folder: Path) -> Path:
    """Put <folder>/ar_XB/LC_MESSAGES/django.mo there, for LOCALE_PATHS. Returns the folder."""
    path = folder / FOLDER / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    with part.open("wb") as target:
        write_mo(target, _catalogue())
    part.replace(path)
    return folder


def _catalogue() -> Catalog:
    made = Catalog(locale="en", charset="utf-8")
    for message in _messages():
        if message.id:
            texts = [message.id] if isinstance(message.id, str) else message.id
            strings = tuple(map(accented, texts))
            made.add(message.id, strings if len(strings) > 1 else strings[0], context=message.context)
    return made


def _messages() -> Iterable[Message]:
    """Everything that has a French translation: Django's, allauth's and ours."""
    for package in (django, allauth):
        for path in sorted(Path(package.__file__).parent.rglob("locale/fr/LC_MESSAGES/django.mo")):
            with path.open("rb") as source:
                for message in read_mo(source):
                    # Babel forgets to decode it.
                    message.context = message.context and message.context.decode()
                    yield message
    with (ROOT / "locale/fr/LC_MESSAGES/django.po").open("rb") as source:
        yield from read_po(source)
