"""The style sheet: small, readable in both schemes, and safe on an old phone."""

import gzip
import re
from pathlib import Path

import brotli
import pytest

STATIC = Path(__file__).resolve().parents[2] / "static"
SHEET = (STATIC / "style.css").read_text()
RULES = re.sub(r"/\*.*?\*/", "", SHEET, flags=re.DOTALL)
GROUNDS = ("page", "card", "soft")


def palette(block: str) -> dict[str, str]:
    """The colours of one :root block, by name."""
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", block))


ROOTS = re.findall(r":root\s*\{(.*?)\}", RULES, flags=re.DOTALL)
SCHEMES = {"light": palette(ROOTS[0]), "dark": palette(ROOTS[1])}


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def weakest(scheme: str, inks: tuple[str, ...], grounds: tuple[str, ...]) -> tuple[float, str]:
    """The lowest contrast among the pairs, and which pair it is."""
    colours = SCHEMES[scheme]
    return min(
        (contrast(colours[ink], colours[ground]), f"{ink} on {ground}") for ink in inks for ground in grounds
    )


def test_black_on_white_is_twenty_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_sheet_weighs_at_most_four_kilobytes() -> None:
    assert len(gzip.compress(SHEET.encode(), 9)) <= 4096
    assert len(brotli.compress(SHEET.encode())) <= 4096


def test_the_icon_weighs_next_to_nothing() -> None:
    icon = (STATIC / "icon.png").read_bytes()

    assert icon.startswith(b"\x89PNG")
    assert len(icon) <= 400


def test_both_schemes_name_the_same_colours() -> None:
    assert sorted(SCHEMES["light"]) == sorted(SCHEMES["dark"])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_reads_at_aaa(scheme: str) -> None:
    assert weakest(scheme, ("text", "quiet", "link", "wrong"), GROUNDS) >= (7, "")
    assert weakest(scheme, ("on-button",), ("button",)) >= (7, "")
    assert weakest(scheme, ("on-leave",), ("leave",)) >= (7, "")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_edge_of_a_field_can_be_seen(scheme: str) -> None:
    assert weakest(scheme, ("line", "link"), GROUNDS) >= (3, "")


def test_a_dark_page_does_not_light_up_a_face() -> None:
    dark = SCHEMES["dark"]

    assert max(luminance(dark[name]) for name in (*GROUNDS, "button", "leave")) < 0.1


def test_nothing_in_the_sheet_is_too_new_for_an_old_phone() -> None:
    assert re.findall(r"@layer|@container|@scope|light-dark\(|:has\(|color-mix\(|&|oklch", RULES) == []


def test_rules_are_not_nested() -> None:
    flat = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\}", r"\1", RULES)

    assert re.findall(r"\{[^{}]*\{", flat) == []


def test_the_sheet_asks_for_nothing_else() -> None:
    assert re.findall(r"url\(|@import|@font-face", RULES) == []


def test_the_sheet_has_no_left_and_no_right() -> None:
    sides = r"(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)|[;{\s](?:left|right):"

    assert re.findall(sides, RULES) == []
