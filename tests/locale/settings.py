"""The real settings with the mirrored language of tests/locale/pseudo.py beside the others.

DJANGO_SETTINGS_MODULE=tests.locale.settings python -m mutualaid.run
"""

from mutualaid.settings import *
from mutualaid.settings import DATA_DIR, LANGUAGES, LOCALE_PATHS
from tests.locale import pseudo

LANGUAGES = [*LANGUAGES, pseudo.language()]
LOCALE_PATHS = [*LOCALE_PATHS, pseudo.write(DATA_DIR / "locale")]
