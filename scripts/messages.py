"""Collects what people see, for the translators: `make messages`. Needs Babel and Django, not GNU gettext.

python scripts/messages.py           bring locale/*/LC_MESSAGES/django.po up to date; say what is untranslated
python scripts/messages.py --check   change nothing; fail with the list where a catalogue is not complete
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
ROOMS = ("mutualaid", "requests_app", "volunteers", "organisation", "notify", "privacy")
# Babel knows gettext's own names; these are Django's.
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# "Translators: …" above a string is kept beside it in the catalogue.
COMMENT_TAGS = ("Translators:",)
HEADER = """\
# What people see, in another language. `make messages` keeps it in step with the code.
# How it speaks, and why: docs/decisions/french.md
#"""
# A date would make two people's copies differ, and say when somebody was at work.
LEFT_OUT = tuple(
    f'"{name}'.encode()
    for name in ("Project-Id", "Report-", "POT-", "PO-", "Last-Translator", "Language-Team", "Generated-By")
)


def catalogues() -> list[Path]:
    """The catalogue of each language that has a folder in locale/."""
    return [folder / "django.po" for folder in sorted(LOCALE.glob("*/LC_MESSAGES"))]


def sources() -> Iterator[tuple[str, str]]:
    """(path from the root, Python to extract from) of each file of ours that may hold a sentence."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield _name(path), path.read_text("utf-8")
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            # Django turns a template into calls of gettext; its indentation would be wrong in Python.
            text = templatize(path.read_text("utf-8"), origin=_name(path))
            yield _name(path), "\n".join(map(str.lstrip, text.splitlines()))


def collect() -> Catalog:
    """Every string of the rooms and templates, where it stands, and the comments for translators."""
    collected = Catalog(charset="utf-8")
    for name, text in sources():
        found = extract(
            "python", io.BytesIO(text.encode()), KEYWORDS, COMMENT_TAGS, {"encoding": "utf-8"}, True
        )
        for _line, message, comments, context in found:
            # The file is enough to find it by; a line number would change with every edit above it.
            collected.add(message, None, [(name, None)], auto_comments=comments, context=context)
    return collected


def read(path: Path) -> Catalog:
    """The catalogue at `path` in the language of its folder; an empty one where there is none yet."""
    language = path.parent.parent.name
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as source:
        return read_po(source, locale=language)


def brought_up_to_date(old: Catalog, collected: Catalog) -> bytes:
    """What the file should hold: each collected string, its translation where there is one, nothing else."""
    new = Catalog(locale=old.locale, charset="utf-8", header_comment=HEADER, fuzzy=False)
    for message in collected:
        if message.id:
            before = _before(old, message)
            new.add(
                message.id,
                before.string or None,
                sorted(set(message.locations)),
                before.flags & {"fuzzy"},
                message.auto_comments,
                before.user_comments,
                context=message.context,
            )
    written = io.BytesIO()
    write_po(written, new, width=100, sort_output=True, include_lineno=False)
    return b"".join(line for line in written.getvalue().splitlines(True) if not line.startswith(LEFT_OUT))


def faults(path: Path, collected: Catalog) -> list[str]:
    """What a translator has to do with the catalogue at `path`, a line each."""
    have, lines = read(path), []
    for message in collected:
        if message.id:
            before = _before(have, message)
            where = ", ".join(sorted({name for name, _ in message.locations}))
            if before.fuzzy or not _is_whole(before):
                lines.append(f"{_name(path)}: to translate: {message.id!r} ({where})")
            lines += [f"{_name(path)}: {problem}: {message.id!r}" for problem in before.check(have)]
    for message in have:
        if message.id and collected.get(message.id, message.context) is None:
            lines.append(f"{_name(path)}: used nowhere: {message.id!r}")
    return lines


def _before(old: Catalog, message: Message) -> Message:
    """The message as the old catalogue has it; an empty one where it is new or got a plural meanwhile."""
    found = old.get(message.id, message.context)
    if found is None or found.pluralizable != message.pluralizable:
        return Message(message.id)
    return found


def _is_whole(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return all(strings)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def main() -> int:
    """Write, unless --check was asked for; then what is left to do."""
    collected, check = collect(), "--check" in sys.argv[1:]
    if not check:
        for path in catalogues():
            path.write_bytes(brought_up_to_date(read(path), collected))
    lines = [line for path in catalogues() for line in faults(path, collected)]
    sys.stdout.write("\n".join([*lines, ""]) if lines else "Everything is translated.\n")
    return int(check and bool(lines))


if __name__ == "__main__":
    sys.exit(main())
