"""The envelope: opens for its key at its place, and for nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import crypto, secret_store
from privacy.crypto import BUCKETS, MAX_BYTES, KeyPair, SealingImpossible, TooLong, Unreadable
from privacy.secret_store import SecretsMissing, StoredSecrets

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
Place = tuple[str, str, str, int]
PAIR = KeyPair.from_seed(KEY)
PLACE = crypto.context("need", "note", "7f3a")
OVERHEAD = 1 + 24 + 16

plaintexts = st.one_of(st.binary(max_size=600), st.integers(0, MAX_BYTES).map(lambda n: b"x" * n))


@given(plaintexts)
@settings(deadline=None)
def test_what_was_sealed_opens_as_it_was(plaintext: bytes) -> None:
    assert crypto.open_sealed(KEY, crypto.seal(KEY, plaintext, PLACE), PLACE) == plaintext


@given(plaintexts)
@settings(deadline=None)
def test_what_was_sealed_to_somebody_opens_with_their_key(plaintext: bytes) -> None:
    blob = crypto.seal_to(PAIR.public, plaintext, PLACE)

    assert crypto.open_with(PAIR.private, blob, PLACE) == plaintext


@given(plaintexts)
@settings(deadline=None)
def test_length_says_only_which_of_four_sizes_it_is(plaintext: bytes) -> None:
    smallest = next(bucket for bucket in BUCKETS if len(plaintext) + 4 <= bucket)

    assert len(crypto.seal(KEY, plaintext, PLACE)) == smallest + OVERHEAD
    assert len(crypto.seal_to(PAIR.public, plaintext, PLACE)) == smallest + OVERHEAD + 33


@given(plaintexts)
def test_padding_is_undone(plaintext: bytes) -> None:
    assert crypto.unpad(crypto.pad(plaintext)) == plaintext


@given(st.binary(max_size=20), st.sampled_from(BUCKETS), st.integers(0, 255), st.integers(0, 300))
def test_only_what_pad_makes_is_taken(start: bytes, bucket: int, filler: int, cut: int) -> None:
    padded = start.ljust(bucket - cut if bucket > cut else 0, bytes([filler]))

    try:
        plaintext = crypto.unpad(padded)
    except Unreadable:
        return
    assert crypto.pad(plaintext) == padded


def test_what_is_too_long_is_refused() -> None:
    assert len(crypto.pad(b"x" * MAX_BYTES)) == BUCKETS[-1]
    with pytest.raises(TooLong):
        crypto.seal(KEY, b"x" * (MAX_BYTES + 1), PLACE)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_at_the_edge_of_a_size_one_byte_more_is_the_next_size(bucket: int) -> None:
    full = b"x" * (bucket - 4)
    sizes = {len(crypto.seal(KEY, full[:n], PLACE)) for n in (len(full) - 1, len(full))}

    assert sizes == {bucket + OVERHEAD}
    if bucket == BUCKETS[-1]:
        with pytest.raises(TooLong):
            crypto.seal(KEY, full + b"x", PLACE)
    else:
        assert len(crypto.seal(KEY, full + b"x", PLACE)) > bucket + OVERHEAD


def test_sealing_the_same_twice_looks_different() -> None:
    assert crypto.seal(KEY, b"the same", PLACE) != crypto.seal(KEY, b"the same", PLACE)
    assert crypto.seal_to(PAIR.public, b"same", PLACE) != crypto.seal_to(PAIR.public, b"same", PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        crypto.context("claim", "note", "7f3a"),
        crypto.context("need", "answers", "7f3a"),
        crypto.context("need", "note", "7f3b"),
        crypto.context("need", "note", "7f3a", version=2),
    ],
)
def test_a_ciphertext_moved_elsewhere_does_not_open(elsewhere: bytes) -> None:
    with pytest.raises(Unreadable):
        crypto.open_sealed(KEY, crypto.seal(KEY, b"x", PLACE), elsewhere)
    with pytest.raises(Unreadable):
        crypto.open_with(PAIR.private, crypto.seal_to(PAIR.public, b"x", PLACE), elsewhere)


parts = st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), max_size=12)
places = st.tuples(parts, parts, parts, st.integers(0, 9))


@given(places, places)
def test_two_places_are_the_same_context_only_if_they_are_the_same(one: Place, other: Place) -> None:
    assert (crypto.context(*one) == crypto.context(*other)) == (one == other)


@given(parts, parts, parts, st.integers(0, 3))
def test_a_part_with_a_bar_would_be_two_parts_and_is_refused(
    one: str, other: str, third: str, at: int
) -> None:
    words = [one, other, third, "1"]
    words[at] += "|"
    with pytest.raises(ValueError, match="bar"):
        crypto.context(words[0], words[1], words[2], words[3])  # type: ignore[arg-type]


@given(
    st.binary(max_size=300),
    st.binary(max_size=80),
    st.binary(max_size=80),
    st.binary(min_size=32, max_size=32),
)
@settings(deadline=None)
def test_any_bytes_in_any_context_come_back_there_and_nowhere_else(
    plaintext: bytes, where: bytes, elsewhere: bytes, key: bytes
) -> None:
    pair = KeyPair.from_seed(key)
    sealed, sealed_to = crypto.seal(key, plaintext, where), crypto.seal_to(pair.public, plaintext, where)

    assert crypto.open_sealed(key, sealed, where) == plaintext
    assert crypto.open_with(pair.private, sealed_to, where) == plaintext
    if elsewhere != where:
        with pytest.raises(Unreadable):
            crypto.open_sealed(key, sealed, elsewhere)
        with pytest.raises(Unreadable):
            crypto.open_with(pair.private, sealed_to, elsewhere)


def test_every_single_bit_counts() -> None:
    """Of both forms, in nonce, ephemeral key, text and tag alike."""
    for blob, opens in (
        (crypto.seal(KEY, b"x", PLACE), lambda b: crypto.open_sealed(KEY, b, PLACE)),
        (crypto.seal_to(PAIR.public, b"x", PLACE), lambda b: crypto.open_with(PAIR.private, b, PLACE)),
    ):
        opened = []
        for bit in range(len(blob) * 8):
            changed = bytearray(blob)
            changed[bit // 8] ^= 1 << bit % 8
            try:
                opens(bytes(changed))
            except Unreadable:
                continue
            opened.append(bit)
        assert opened == []


def test_a_ciphertext_moved_to_another_instance_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = crypto.seal(KEY, b"x", PLACE)
    sealed_to = crypto.seal_to(PAIR.public, b"x", PLACE)
    monkeypatch.setattr(secret_store, "load", lambda: StoredSecrets(bytes(16), {1: KEY}))

    with pytest.raises(Unreadable):
        crypto.open_sealed(KEY, sealed, PLACE)
    with pytest.raises(Unreadable):
        crypto.open_with(PAIR.private, sealed_to, PLACE)


def test_without_instance_secrets_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> StoredSecrets:
        raise SecretsMissing

    monkeypatch.setattr(secret_store, "load", load)

    with pytest.raises(SealingImpossible):
        crypto.seal(KEY, b"x", PLACE)
    with pytest.raises(SealingImpossible):
        crypto.seal_to(PAIR.public, b"x", PLACE)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Unreadable):
        crypto.open_sealed(OTHER_KEY, crypto.seal(KEY, b"x", PLACE), PLACE)
    with pytest.raises(Unreadable):
        crypto.open_with(OTHER_KEY, crypto.seal_to(PAIR.public, b"x", PLACE), PLACE)
    with pytest.raises(Unreadable):
        crypto.open_with(b"short", crypto.seal_to(PAIR.public, b"x", PLACE), PLACE)


@given(st.data())
@settings(deadline=None)
def test_one_changed_bit_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(crypto.seal_to(PAIR.public, b"x", PLACE))
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8

    with pytest.raises(Unreadable):
        crypto.open_with(PAIR.private, bytes(blob), PLACE)


@given(st.binary(max_size=400))
def test_anything_else_is_unreadable(blob: bytes) -> None:
    with pytest.raises(Unreadable):
        crypto.open_sealed(KEY, blob, PLACE)
    with pytest.raises(Unreadable):
        crypto.open_with(PAIR.private, blob, PLACE)


def test_every_cut_is_unreadable() -> None:
    blob, blob_to = crypto.seal(KEY, b"x", PLACE), crypto.seal_to(PAIR.public, b"x", PLACE)

    for length in range(len(blob)):
        with pytest.raises(Unreadable):
            crypto.open_sealed(KEY, blob[:length], PLACE)
        with pytest.raises(Unreadable):
            crypto.open_with(PAIR.private, blob_to[:length], PLACE)


@pytest.mark.parametrize("public_key", [bytes(32), b"\1" + bytes(31), b"short", b""])
def test_nothing_is_sealed_to_what_is_no_public_key(public_key: bytes) -> None:
    with pytest.raises(SealingImpossible):
        crypto.seal_to(public_key, b"x", PLACE)


def test_a_pair_comes_back_from_its_seed() -> None:
    assert KeyPair.from_seed(KEY) == PAIR
    assert KeyPair.from_seed(OTHER_KEY) != PAIR
    assert KeyPair.generate() != KeyPair.generate()


def test_keys_do_not_show_in_texts() -> None:
    assert repr(PAIR) == f"KeyPair(public={PAIR.public!r})"


def test_a_context_is_the_place_and_nothing_can_be_slipped_in() -> None:
    assert crypto.context("need", "note", 12) == b"need|note|12|1"
    with pytest.raises(ValueError, match="bar"):
        crypto.context("need", "note|x", 12)


def test_derived_keys_differ_by_key_purpose_and_each_part() -> None:
    keys = [
        crypto.derive(KEY, "a", b"bc"),
        crypto.derive(KEY, "ab", b"c"),
        crypto.derive(KEY, "a", b"b", b"c"),
        crypto.derive(KEY, "a", b"bc", b""),
        crypto.derive(OTHER_KEY, "a", b"bc"),
    ]

    assert len(set(keys)) == 5
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize("length", [0, 15, 65])
def test_no_key_derives_from_too_little(length: int) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        crypto.derive(bytes(length), "purpose")


def test_a_fingerprint_stands_for_one_public_key() -> None:
    assert crypto.fingerprint(PAIR.public) == crypto.fingerprint(PAIR.public)
    assert crypto.fingerprint(PAIR.public) != crypto.fingerprint(KeyPair.generate().public)
    assert len(crypto.fingerprint(PAIR.public)) == 16
