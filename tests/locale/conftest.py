"""A language from right to left that only these tests know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from tests.locale import pseudo


@pytest.fixture(scope="session")
def _mirrored_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pseudo.write(tmp_path_factory.mktemp("locale"))


@pytest.fixture
def mirrored(settings: Any, _mirrored_folder: Path) -> Iterator[str]:
    """Its code, while it is one of the languages of the instance."""
    settings.LANGUAGES = [*settings.LANGUAGES, pseudo.language()]
    settings.LOCALE_PATHS = [*settings.LOCALE_PATHS, _mirrored_folder]
    with translation.override(None):
        yield pseudo.CODE
