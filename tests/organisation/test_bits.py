"""Conditions and languages: bits that are never given to anything else, and what people read for them."""

import pytest
from django.utils import translation

from organisation import conditions, house, languages

# Second copies, by hand. A line is added when a bit is given away; none is ever changed or removed,
# because rows and backups keep the number and not the name.
LANGUAGE_BITS = {
    "en": 0, "fr": 1, "es": 2, "pt": 3, "de": 4, "it": 5, "nl": 6, "pl": 7, "ro": 8, "bg": 9, "hu": 10,
    "cs": 11, "sk": 12, "sr": 13, "hr": 14, "sq": 15, "el": 16, "tr": 17, "ru": 18, "uk": 19, "ar": 20,
    "fa": 21, "ku": 22, "ur": 23, "hi": 24, "bn": 25, "pa": 26, "ta": 27, "ne": 28, "zh": 29, "yue": 30,
    "th": 31, "vi": 32, "ko": 33, "ja": 34, "id": 35, "fil": 36, "sw": 37, "am": 38, "ti": 39, "so": 40,
    "ha": 41, "ig": 42, "yo": 43, "pcm": 44, "ln": 45, "rom": 46, "ase": 47,
}  # fmt: skip
CONDITION_BITS = {
    "only_women": 0, "only_men": 1, "only_trans_nonbinary": 2, "step_free": 3, "smoke_free": 4,
    "no_pets": 5, "pets_welcome": 6, "children_welcome": 7, "own_room": 8, "lockable_room": 9,
    "own_bathroom": 10, "sleep_by_day": 11, "late_arrival": 12, "scent_free": 13, "alcohol_free": 14,
    "wheelchair": 15, "child_seat": 16, "luggage": 17, "long_way": 18, "whole_day": 19,
    "baby_seat": 20, "booster_seat": 21,
}  # fmt: skip

HOUSE_BITS = {
    "cat": 0, "dog": 1, "other_animals": 2, "children": 3, "other_adults": 4, "by_day_away": 5, "kitchen": 6,
    "washing": 7, "own_key": 8, "quiet_after_ten": 9, "shoes_off": 10, "no_visitors": 11,
    "smoke_outside": 12, "no_meat": 13,
}  # fmt: skip


def test_no_language_ever_changes_its_bit() -> None:
    assert languages.BITS | languages.RETIRED == LANGUAGE_BITS


def test_no_condition_ever_changes_its_bit() -> None:
    assert {slug: condition.bit for slug, condition in conditions.ALL.items()} == CONDITION_BITS


def test_no_fact_about_a_home_ever_changes_its_bit() -> None:
    assert {slug: fact.bit for slug, fact in house.ALL.items()} == HOUSE_BITS


@pytest.mark.parametrize("table", [LANGUAGE_BITS, CONDITION_BITS, HOUSE_BITS])
def test_every_bit_is_given_away_once_and_fits_a_signed_column(table: dict[str, int]) -> None:
    assert sorted(table.values()) == sorted(set(table.values()))
    assert 0 <= min(table.values()) <= max(table.values()) <= 62


def test_what_is_chosen_comes_back_as_it_was() -> None:
    assert languages.codes(languages.bits(["uk", "en"])) == ["en", "uk"]
    assert conditions.slugs(conditions.bits(["own_room", "only_women"])) == ["only_women", "own_room"]
    assert house.slugs(house.bits(["shoes_off", "cat"])) == ["cat", "shoes_off"]


def test_nothing_chosen_is_zero() -> None:
    assert (languages.bits([]), conditions.bits([])) == (languages.ANY, conditions.NONE) == (0, 0)


def test_a_bit_nobody_knows_is_passed_over() -> None:
    assert languages.names(1 << 62) == []
    assert conditions.labels(1 << 62) == []
    assert house.labels(1 << 62, house.ALL) == []


def test_what_has_no_bit_is_refused() -> None:
    with pytest.raises(languages.UnknownLanguage):
        languages.bits(["en", "tlh"])
    with pytest.raises(conditions.UnknownCondition):
        conditions.bits(["sea_view"])
    with pytest.raises(house.UnknownHouseFact):
        house.bits(["moat"])


def test_languages_are_named_in_the_language_of_the_page() -> None:
    mask = languages.bits(["en", "ro", "de"])
    with translation.override("en"):
        english = languages.names(mask)
    with translation.override("fr"):
        french = languages.names(mask)
    assert (english, french) == (["English", "German", "Romanian"], ["Allemand", "Anglais", "Roumain"])


def test_a_page_in_a_language_without_names_shows_english_ones() -> None:
    with translation.override("xx-rtl"):
        assert languages.names(languages.bits(["el"])) == ["Greek"]


def test_every_language_has_a_name_in_every_language_of_the_pages() -> None:
    for page_language in ("en", "fr"):
        with translation.override(page_language):
            names = dict(languages.choices())
        assert set(names) == set(languages.BITS)
        assert all(names.values())


def test_who_may_come_is_asked_apart_from_what_the_place_is_like() -> None:
    offered = ("only_women", "step_free")
    assert conditions.choices(offered) == [("step_free", "No steps, no stairs")]
    assert conditions.who_choices(offered) == [("", "Anybody"), ("only_women", "Only women")]
    assert conditions.offer_choices((*offered, "step_free")) == [
        ("only_women", "Ask me when only women should come"),
        ("step_free", "No steps, no stairs"),
    ]
