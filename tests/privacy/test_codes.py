"""Codes on paper: what is forgiven, what is repaired, and that every input gives exactly one secret."""

import hashlib
import random
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privacy import codes
from privacy.wordlists import LANGUAGES, WordList, fold, word_list

SECRETS = st.binary(min_size=codes.SECRET_BYTES, max_size=codes.SECRET_BYTES)
LETTERS = "abcdefghijklmnopqrstuvwxyz"

# Not the table that replaces them, but what somebody who has to flee would hate to read.
HURTS = {
    "en": """abuse accuse addict afraid alien alone anger army arrest assault attack battle betray blame
        blood bomb border broken bullet cage client crime cruel crush cry damage danger death despair
        destroy detect divorce drug enemy evil exile expose fatal fear flee gasp guard guilt gun harm hate
        hospital hunt hurt illegal ill insane jail judge kick kill knife lawsuit naked orphan owner pain
        panic patrol pistol police poverty prison prostitute punch rape rescue rifle sad scare sell sex
        shame sheriff shock shoot sick slave spy suffer suspect sword thief threat trade traffic trap
        trial trick ugly uniform victim violence visa war weapon whip witness wolf wound wrong""",
    "fr": """accuser agresser angoisse arme armement attaque blessant bourreau brutal captif cellule
        client coupable couteau crainte cruel danger dénuder détresse douleur drogue écraser effrayer
        emprise enfermer enlever ennemi esclave expulser filature frapper fugitif fusil garde gendarme
        gibier guerrier honteux hôpital humide hurler illicite injure intime isoler jugement justice larme
        ligoter malheur maltraiter matraque menacer mort munition naufrage nuire otage palper panique
        pénétrer peur piquer pistolet policier prison proie prostituer punir renvoi sang scalpel séduire
        sexe sexuel soldat tarif témoin terreur torturer trafic trahir tribunal tuer venger victime viol
        violon violence voler""",
}

SLURS = {"viol", "sext", "fuck", "slut", "kill", "hell"}

# A list that changes makes every code on paper unreadable.
SUMS = {
    "en": "b397018839e9b3c2cd6efbc843c50a03d7f60992d590136f0db1f80194378554",
    "fr": "77943a0bbdc6ba7090bd0b82ffeaa4c2ee9cb1ad05c7af798d94fafc26d77060",
}


@pytest.fixture(params=LANGUAGES)
def known(request: pytest.FixtureRequest) -> WordList:
    return word_list(request.param)


def test_a_list_has_2048_words_told_apart_by_four_plain_letters(known: WordList) -> None:
    assert len(known.words) == 2048
    assert len({fold(word)[:4] for word in known.words}) == 2048
    assert [word for word in known.folded if not (word.isascii() and word.isalpha())] == []


def test_no_word_hurts_in_full_or_by_its_first_four_letters(known: WordList) -> None:
    banned = {fold(word) for word in HURTS[known.language].split()}

    assert sorted(banned & set(known.folded)) == []
    assert SLURS & {word[:4] for word in known.folded} == set()


def test_the_lists_stay_as_they_were_when_codes_were_written_down(known: WordList) -> None:
    assert hashlib.sha256(" ".join(known.words).encode()).hexdigest() == SUMS[known.language]


def test_a_list_without_unique_plain_prefixes_is_refused() -> None:
    with pytest.raises(ValueError, match="first four letters"):
        WordList("xx", ("même", "mémé") * 1024)


@given(SECRETS, st.sampled_from(LANGUAGES))
def test_words_come_back_as_the_secret(secret: bytes, language: str) -> None:
    written = codes.as_words(secret, language)

    assert len(written.split()) == 8
    assert codes.read(written) == secret


@given(SECRETS)
@example(b"\0" * 10)
@example(b"\xff" * 10)
def test_digits_come_back_as_the_secret(secret: bytes) -> None:
    written = codes.as_digits(secret)

    assert [len(group) for group in written.split(" ")] == [4] * 7
    assert codes.read(written) == secret


@given(
    SECRETS, st.sampled_from(LANGUAGES), st.sampled_from([" ", "-", "\n", ", ", "\r\n", " – ", "\t", ". "])
)
def test_case_accents_and_separators_do_not_matter(secret: bytes, language: str, between: str) -> None:
    words = codes.as_words(secret, language).split()

    assert codes.read(between.join(words).upper()) == secret
    assert codes.read("  " + between.join(map(fold, words)) + "\n") == secret


@given(SECRETS, st.sampled_from(LANGUAGES))
def test_four_letters_of_each_word_are_enough(secret: bytes, language: str) -> None:
    assert codes.read(" ".join(word[:4] for word in codes.as_words(secret, language).split())) == secret


@given(SECRETS, st.sampled_from(LANGUAGES))
def test_the_numbers_of_a_numbered_list_do_not_matter(secret: bytes, language: str) -> None:
    words = codes.as_words(secret, language).split()

    assert codes.read("\n".join(f"{i}. {word}" for i, word in enumerate(words, 1))) == secret


@pytest.mark.parametrize("zero", ["0", "٠", "۰", "०", "০", "๐", "０", "𝟎"])
def test_digits_of_other_scripts_are_digits(zero: str) -> None:
    secret = bytes(range(10))
    written = codes.as_digits(secret).translate({ord("0") + i: ord(zero) + i for i in range(10)})

    assert codes.read(written.replace(" ", "-")) == secret


@given(SECRETS, st.integers(0, 27), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_repaired(secret: bytes, at: int, digit: str) -> None:
    digits = codes.as_digits(secret).replace(" ", "")

    assert codes.read(digits[:at] + digit + digits[at + 1 :]) == secret


def test_nearly_every_slip_in_one_word_is_repaired(known: WordList) -> None:
    draw = random.Random(7)
    secrets = [draw.randbytes(10) for _ in range(400)]

    right = sum(codes.read(_slip(codes.as_words(s, known.language), draw)) == s for s in secrets)

    assert right >= 0.98 * len(secrets)


def test_most_neighbours_that_changed_places_are_put_back(known: WordList) -> None:
    draw = random.Random(8)
    secrets = [draw.randbytes(10) for _ in range(400)]

    right = sum(codes.read(_swap(codes.as_words(s, known.language), draw)) == s for s in secrets)

    assert right >= 0.88 * len(secrets)


def test_words_run_together_are_told_apart(known: WordList) -> None:
    draw = random.Random(9)
    secrets = [draw.randbytes(10) for _ in range(200)]
    written = [codes.as_words(secret, known.language) for secret in secrets]

    assert [codes.read(text.replace(" ", "")) for text in written] == secrets
    assert [codes.read("".join(word[:4] for word in text.split())) for text in written] == secrets
    assert [codes.read(text.replace(" ", "", 1)) for text in written] == secrets


@given(st.text(max_size=codes.MAX_TYPED))
@example("")
@example("\ud800")
@example("ﷺ" * 200)
def test_whatever_is_typed_gives_one_and_the_same_secret(typed: str) -> None:
    assert len(codes.read(typed)) == codes.SECRET_BYTES
    assert codes.read(typed) == codes.read(typed)


def test_two_different_wrong_codes_give_two_different_secrets() -> None:
    assert codes.read("never a code") != codes.read("another one")


def test_two_slips_are_not_guessed_at() -> None:
    words = codes.as_words(b"0123456789", "en").split()

    assert codes.read(" ".join(["qqqq", "xxxx", *words[2:]])) != b"0123456789"


@pytest.mark.parametrize(
    "typed",
    [
        "a" * 200,
        "a " * 100,
        "1" * 28,
        "9" * 200,
        "ﷺ" * 200,
        "ß" * 200,
        "e\u0301" * 100,
        "act" * 21,
        "stay " * 8,
    ],
)
def test_no_input_takes_long(typed: str) -> None:
    codes.read(typed)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        codes.read(typed[: codes.MAX_TYPED])
        took.append(time.perf_counter() - began)

    assert min(took) < 0.05


def test_more_than_is_allowed_is_never_taken_for_a_code() -> None:
    secret = bytes(range(10))
    typed = codes.as_words(secret, "en") + " " * codes.MAX_TYPED

    assert codes.read(typed) != secret


def test_a_form_posted_twice_gives_the_same_code() -> None:
    assert codes.secret_from(b"token") == codes.secret_from(b"token")
    assert codes.secret_from(b"token") != codes.secret_from(b"other")
    assert len(codes.secret_from(b"token")) == codes.SECRET_BYTES


def test_no_two_new_secrets_are_alike() -> None:
    assert len({codes.new_secret() for _ in range(100)}) == 100


def test_a_language_without_a_list_gets_digits() -> None:
    secret = bytes(range(10))

    assert codes.for_language(secret, "fr-ca") == codes.as_words(secret, "fr")
    assert codes.for_language(secret, "tr") == codes.as_digits(secret)


@given(st.binary(min_size=16, max_size=32), st.integers(0, 12), st.sampled_from(["en", "fr", "tr"]))
def test_words_to_meet_by_are_different_and_follow_from_the_key(key: bytes, n: int, language: str) -> None:
    words = codes.words_from(key, n, language)

    assert len(set(words)) == n
    assert words == codes.words_from(key, n, language)


def _slip(written: str, draw: random.Random) -> str:
    words = [fold(word) for word in written.split()]
    at = draw.randrange(len(words))
    word, i, letter = words[at], draw.randrange(len(words[at])), draw.choice(LETTERS)
    words[at] = draw.choice(
        [
            word[:i] + word[i + 1 :],
            word[:i] + letter + word[i:],
            word[:i] + letter + word[i + 1 :],
            word[:i] + word[i : i + 2][::-1] + word[i + 2 :],
        ]
    )
    return " ".join(words)


def _swap(written: str, draw: random.Random) -> str:
    words = written.split()
    i = draw.randrange(len(words) - 1)
    words[i], words[i + 1] = words[i + 1], words[i]
    return " ".join(words)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(codes.as_words(bytes(range(10)), "en"), id="right"),
        pytest.param("arrive clutch frisbee hold milk prosper smart veneer", id="slips too many"),
        pytest.param("xxxx " * 8, id="no word of any list"),
        pytest.param("١٢٣ zebra", id="no code at all"),
        pytest.param(codes.as_digits(bytes(range(10))), id="digits"),
        pytest.param("", id="nothing"),
    ],
)
def test_every_code_has_a_slip_looked_for_once_in_eight_words(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    near = WordList.near
    monkeypatch.setattr(WordList, "near", lambda self, word: looked.append(word) or near(self, word))

    codes.read(typed)

    assert len(looked) == 8
