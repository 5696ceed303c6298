"""The search itself finds what it is to find: otherwise a clean sweep would say nothing."""

import base64
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.journeys.canary import Canaries, files_below
from tests.journeys.traces import hashes, texts

pytestmark = pytest.mark.once
NOISE = os.urandom(50_000)


@pytest.mark.parametrize("offset", range(9))
@pytest.mark.parametrize("name", ["sha256", "md5", "blake2b"])
def test_a_hash_of_an_address_is_found_however_it_is_written(offset: int, name: str) -> None:
    traces = Canaries()
    traces.hashes("address", *hashes("127.83.19.7"))
    digest = hashlib.new(name, b"127.83.19.7").digest()
    written = [digest, digest.hex().encode(), digest.hex().upper().encode(), base64.b64encode(digest)]

    assert [bool(traces.found_in(NOISE + b"-" * offset + form + NOISE)) for form in written] == [True] * 4
    assert traces.found_in(NOISE) == set()


@pytest.mark.parametrize("text", sorted(texts("127.83.19.7") | texts("2001:db8:83:19::7")))
def test_an_address_is_found_in_each_of_its_spellings(text: str) -> None:
    traces = Canaries()
    traces.secret("address", *(one.encode() for one in texts("127.83.19.7") | texts("2001:db8:83:19::7")))

    assert traces.found_in(NOISE + text.encode() + NOISE) == {"address"}


def test_a_folder_that_goes_while_it_is_searched_hides_no_other(tmp_path: Path) -> None:
    for name in ("first", "going", "last"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    files = files_below(tmp_path)
    found = [next(files)]
    shutil.rmtree(tmp_path / "going")

    assert [*found, *files] == [tmp_path / "first" / "file", tmp_path / "last" / "file"]
