"""The instance: its secrets belong to its database and its keyring, or it does not start."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from privacy import crypto, instance, key_sheet, secret_store
from privacy.crypto import SealingImpossible, Unreadable
from privacy.instance import InstanceRefused
from privacy.keyring import keyring
from privacy.models import Instance
from privacy.secret_store import StoredSecrets

PLACE = crypto.context("channel", "address", 1)

NOT_SET_UP = "This instance is not set up yet."
MISSING = "The instance secrets are missing: put them back, or restore them from the key sheet."
DAMAGED = "The instance secrets are damaged: put them back, or use the key sheet."
FOREIGN = "The instance secrets belong to another instance: put back this one's own."
CHANGED = "The instance secrets were changed: put back those this database began with."
KEYRING_MISSING = "The keyring is missing: put it back, or say that it is lost (setup --keyring-lost)."
KEYRING_FOREIGN = "The keyring is damaged or another instance's: put back this one's own."
EMPTY = "The database is empty, but its keyring is in use: restore a backup first."
WRONG_WORD = "A word is missing or wrong: compare with the key sheet."


@pytest.fixture
def folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which nothing is set up yet."""
    settings.SECRETS_DIR = tmp_path / "secrets"
    settings.KEYRING_PATH = tmp_path / "keyring" / "slots"
    monkeypatch.delenv("INSTANCE_SECRETS", raising=False)
    return tmp_path


@pytest.fixture
def empty(folder: Path, db: None) -> Path:
    """The same folder with a database that belongs to nobody."""
    Instance.objects.all().delete()
    return folder


@pytest.fixture
def made(empty: Path) -> Path:
    """The same folder after set-up."""
    instance.ensure(create=True)
    return empty


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(InstanceRefused) as refused:
        act()
    return str(refused.value)


def start() -> None:
    instance.ensure(create=False)


def lines(language: str = "en") -> dict[int, str]:
    return {version: " ".join(words) for version, words in instance.sheet(language).items()}


def with_second_root() -> None:
    stored = secret_store.load()
    secret_store.write(StoredSecrets(stored.id, {**stored.roots, 2: crypto.new_key()}))


def test_before_set_up_it_does_not_start_and_makes_nothing(empty: Path) -> None:
    assert refusal(start) == NOT_SET_UP
    assert list(empty.iterdir()) == []


def test_after_set_up_it_starts_again_and_again(made: Path) -> None:
    before = (made / "secrets" / "instance.json").read_bytes()

    start()
    instance.ensure(create=True)

    assert (made / "secrets" / "instance.json").read_bytes() == before
    assert Instance.objects.count() == 1


def test_the_secrets_are_for_their_owner_only_and_not_in_the_database(made: Path) -> None:
    file = made / "secrets" / "instance.json"
    row = Instance.objects.get()
    root = secret_store.load().roots[1]

    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert oct(file.parent.stat().st_mode & 0o777) == "0o700"
    assert [entry.name for entry in file.parent.iterdir()] == ["instance.json"]
    assert root not in {bytes(row.instance_id), bytes(row.fingerprint)}
    assert bytes(row.instance_id) == secret_store.load().id


def test_set_up_that_was_cut_short_is_finished_by_the_next_one(made: Path) -> None:
    words = instance.sheet()
    Instance.objects.all().delete()

    instance.ensure(create=True)

    assert instance.sheet() == words


def test_an_empty_database_beside_a_keyring_in_use_is_refused(made: Path) -> None:
    """Set-up would free every slot without a row: before a restore that is all of them."""
    slot = keyring().allocate("need:1")
    instance.refuse_without_its_rows()
    Instance.objects.all().delete()

    assert refusal(instance.refuse_without_its_rows) == EMPTY

    assert keyring().read(slot.number, "need:1") == slot.key
    assert not Instance.objects.exists()


def test_missing_secrets_are_refused_and_never_replaced(made: Path) -> None:
    (made / "secrets" / "instance.json").unlink()

    assert refusal(start) == MISSING
    assert refusal(lambda: instance.ensure(create=True)) == MISSING
    assert list((made / "secrets").iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"id": "00", "roots": {}}', '{"id": 1, "roots": {"1": "00"}}', "é"]
)
def test_damaged_secrets_are_refused(made: Path, text: str) -> None:
    (made / "secrets" / "instance.json").write_text(text, encoding="utf-8")

    assert refusal(start) == DAMAGED


def test_foreign_secrets_are_refused(made: Path) -> None:
    secret_store.write(StoredSecrets(bytes(16), {1: crypto.new_key()}))

    assert refusal(start) == FOREIGN


def test_changed_secrets_are_refused(made: Path) -> None:
    secret_store.write(StoredSecrets(secret_store.load().id, {1: crypto.new_key()}))

    assert refusal(start) == CHANGED


def test_a_missing_keyring_is_refused_and_never_replaced(made: Path) -> None:
    (made / "keyring" / "slots").unlink()

    assert refusal(start) == KEYRING_MISSING
    assert refusal(lambda: instance.ensure(create=True)) == KEYRING_MISSING


def test_a_foreign_keyring_is_refused(made: Path) -> None:
    own = secret_store.load()
    (made / "keyring" / "slots").unlink()
    secret_store.write(StoredSecrets(bytes(16), own.roots))
    keyring().create()
    secret_store.write(own)

    assert refusal(start) == KEYRING_FOREIGN


def test_secrets_may_come_from_the_environment_instead(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made / "secrets" / "instance.json"
    monkeypatch.setenv("INSTANCE_SECRETS", file.read_text())
    file.unlink()

    start()

    assert secret_store.from_environment()
    monkeypatch.setenv("INSTANCE_SECRETS", json.dumps({"id": "00" * 16, "roots": {"1": "11" * 32}}))
    assert refusal(start) == FOREIGN


def test_set_up_with_secrets_from_the_environment_writes_none(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_SECRETS", json.dumps({"id": "22" * 16, "roots": {"1": "11" * 32}}))

    instance.ensure(create=True)

    start()
    assert not (empty / "secrets").exists()


def test_the_signing_key_needs_no_database(folder: Path) -> None:
    before_set_up = {instance.signing_key() for _ in range(2)}
    secret_store.write(StoredSecrets(bytes(16), {1: bytes(32)}))
    afterwards = {instance.signing_key() for _ in range(2)}

    assert (len(before_set_up), len(afterwards)) == (2, 1)
    assert {len(key) for key in before_set_up | afterwards} == {64}


def test_without_secrets_nothing_is_sealed(folder: Path) -> None:
    for act in (
        lambda: instance.mac("purpose"),
        lambda: instance.blind("purpose", "x"),
        lambda: instance.service_seal(b"x", PLACE),
        instance.secrets,
        instance.sheet,
    ):
        with pytest.raises(SealingImpossible):
            act()


def test_a_mac_holds_for_its_purpose_and_its_parts_only() -> None:
    value = instance.mac("grant", b"a", b"b")

    assert instance.check_mac(value, "grant", b"a", b"b")
    assert [
        instance.check_mac(value, "other", b"a", b"b"),
        instance.check_mac(value, "grant", b"ab"),
        instance.check_mac(value, "grant", b"b", b"a"),
        instance.check_mac(value[:-1], "grant", b"a", b"b"),
        instance.check_mac(b"", "grant", b"a", b"b"),
    ] == [False] * 5


def test_a_blinded_value_says_nothing_but_is_found_again() -> None:
    assert instance.blind("look-up", "x") == instance.blind("look-up", b"x")
    assert instance.blind("look-up", "x") != instance.blind("cache", "x")
    assert len(bytes.fromhex(instance.blind("look-up", "x"))) == 32


def test_addresses_open_under_the_service_key_at_their_place_only() -> None:
    sealed = instance.service_seal(b"someone@example.org", PLACE)

    assert instance.service_open(sealed, PLACE) == b"someone@example.org"
    with pytest.raises(Unreadable):
        instance.service_open(sealed, crypto.context("channel", "address", 2))


def test_what_an_older_root_made_is_recognised_until_that_root_is_gone(made: Path) -> None:
    value, sealed = instance.mac("grant", b"a"), instance.service_seal(b"x", PLACE)
    pepper = instance.secrets().peppers[1]

    with_second_root()

    assert instance.secrets().pepper_version == 2
    assert instance.secrets().peppers[1] == pepper
    assert instance.check_mac(value, "grant", b"a")
    assert instance.mac("grant", b"a") != value
    assert instance.service_open(sealed, PLACE) == b"x"
    secret_store.write(StoredSecrets(secret_store.load().id, {2: secret_store.load().roots[2]}))
    assert not instance.check_mac(value, "grant", b"a")
    with pytest.raises(Unreadable):
        instance.service_open(sealed, PLACE)


def test_the_salt_outlives_every_root(made: Path) -> None:
    salt = instance.secrets().salt

    with_second_root()

    assert instance.secrets().salt == salt
    assert len(salt) == 16


def test_secrets_do_not_show_in_texts(made: Path) -> None:
    shown = repr(secret_store.load()) + repr(instance.secrets())

    assert shown == (
        f"StoredSecrets(id={secret_store.load().id!r})"
        f"InstanceSecrets(id={secret_store.load().id!r}, version=1)"
    )


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_key_sheet_brings_lost_secrets_back(made: Path, language: str) -> None:
    with_second_root()
    Instance.objects.update(fingerprint=instance._fingerprint(secret_store.load()))
    sheet, sealed = lines(language), instance.service_seal(b"x", PLACE)
    (made / "secrets" / "instance.json").unlink()
    secret_store.forget()

    instance.restore(sheet)

    start()
    assert instance.service_open(sealed, PLACE) == b"x"


def test_four_letters_of_each_word_of_the_sheet_are_enough(made: Path) -> None:
    short = {1: " ".join(word[:4].upper() for word in instance.sheet()[1])}

    instance.restore(short)

    start()


def test_a_wrong_word_of_the_sheet_is_refused(made: Path) -> None:
    words = list(instance.sheet()[1])
    # Two neighbours that are one word change nothing: one pair in 2,048 is.
    at = next(place for place, (one, other) in enumerate(pairwise(words)) if one != other)
    typed = {
        "cut": words[:-1],
        "swapped": [*words[:at], words[at + 1], words[at], *words[at + 2 :]],
        "unknown": ["qqqq", *words[1:]],
        "empty": [],
    }
    # One order in 256 has the right checksum by chance: then it is another sheet.
    refused = {name: refusal(lambda t=t: instance.restore({1: " ".join(t)})) for name, t in typed.items()}

    assert refused.pop("swapped") in {WRONG_WORD, CHANGED}
    assert set(refused.values()) == {WRONG_WORD}
    assert refusal(lambda: instance.restore({})) == WRONG_WORD


def test_the_sheet_of_another_instance_is_refused(made: Path) -> None:
    other = " ".join(key_sheet.words(crypto.new_key()))

    assert refusal(lambda: instance.restore({1: other})) == CHANGED
    start()


def test_a_key_sheet_has_24_words_for_each_root(made: Path) -> None:
    with_second_root()

    assert {version: len(words) for version, words in instance.sheet().items()} == {1: 24, 2: 24}


def test_set_up_is_finished_once_the_asked_word_is_typed_back(made: Path) -> None:
    word = instance.sheet()[1][instance.asked_word() - 1]
    fr = instance.sheet("fr")[1][instance.asked_word() - 1]
    wrong = [instance.confirm(typed) for typed in ("", " ", "qqqq", word[:2])]
    before = instance.is_confirmed()

    right = [instance.confirm(f"  {word.title()} "), instance.confirm(word[:4]), instance.confirm(fr)]

    assert (wrong, before) == ([False] * 4, False)
    assert (right, instance.is_confirmed()) == ([True] * 3, True)


def test_a_new_root_asks_for_its_own_word(made: Path) -> None:
    with_second_root()

    assert instance.confirm(instance.sheet()[2][instance.asked_word() - 1])


@pytest.mark.parametrize(
    "root", [bytes(32), b"\xff" * 32, bytes(range(7, 39))], ids=["zeros", "ones", "mixed"]
)
def test_words_and_root_are_the_same_thing(root: bytes) -> None:
    assert key_sheet.root_from(" ".join(key_sheet.words(root))) == root
