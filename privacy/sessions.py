"""Sessions that say nothing to whoever holds the database.

The cookie is 256 random bits and stored nowhere. The row's id and the key that seals its content are
keyed hashes of it. The row says when it ends, to the quarter of an hour, and nothing else in clear.
"""

import base64
import binascii
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import Error as DatabaseAway
from django.db import IntegrityError, transaction

from privacy import clock, crypto
from privacy.models import Session

_COOKIE_BYTES = 32
_IDLE = "_idle"


class SessionStore(SessionBase):
    """One browser's session. It ends SESSION_COOKIE_AGE (or its own expiry) after it was last used.

    Its content is JSON and at most 16 K; more raises crypto.TooLong. A cookie that is unknown, malformed
    or opens nothing is an empty session.
    """

    # A page that looks again by itself must not keep a session alive: nobody may be there.
    slides = True
    # When it was read; None while it was not.
    loaded_at: datetime | None = None

    def load(self) -> dict[str, Any]:
        self.loaded_at = at = clock.now()
        found = self._find(at)
        if found is None:
            self._session_key = None
            return {}
        row, content = found
        self._session_cache = content
        # Sliding, but in steps: at most one write each quarter of an hour.
        if self.slides and row.expires_at < self._ends(at):
            self.modified = True
        return content

    def exists(self, session_key: str) -> bool:
        names = _names(session_key)
        return names is not None and Session.objects.filter(pk=names[0]).exists()

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        names = _names(self.session_key)
        if names is None:
            self.create()
            return
        row_id, key = names
        content = json.dumps(self._content(must_create), separators=(",", ":"))
        sealed = {
            "data": crypto.seal(key, content.encode(), _context(row_id)),
            "expires_at": self._ends(clock.now()),
        }
        if must_create:
            try:
                with transaction.atomic():
                    Session.objects.create(pk=row_id, **sealed)
            except IntegrityError:
                raise CreateError from None
        elif not Session.objects.filter(pk=row_id).update(**sealed):
            # Ended meanwhile, in another tab or by somebody else: it must not come back.
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        names = _names(self.session_key if session_key is None else session_key)
        if names is not None:
            Session.objects.filter(pk=names[0]).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.expired(clock.now()).delete()

    def _get_new_session_key(self) -> str:
        return secrets.token_urlsafe(_COOKIE_BYTES)

    def _validate_session_key(self, key: str | None) -> bool:
        return _names(key) is not None

    def _content(self, fresh: bool) -> dict[str, Any]:
        if fresh and not hasattr(self, "_session_cache"):
            # Nothing to load: this key was made a moment ago.
            self._session_cache = {}
        return dict(self.items())

    def _find(self, at: datetime) -> tuple[Session, dict[str, Any]] | None:
        names = _names(self.session_key)
        row = Session.objects.filter(pk=names[0], expires_at__gt=at).first() if names else None
        if names is None or row is None:
            return None
        try:
            content = json.loads(crypto.open_sealed(names[1], bytes(row.data), _context(names[0])))
        except (crypto.Unreadable, ValueError):
            return None
        return (row, content) if isinstance(content, dict) else None

    def let_go(self) -> None:
        """End it here, and in the browser also where the database does not answer: the row then ends when
        nobody has used it for as long as it may be idle, and opens with nothing but the cookie that is gone.
        """
        try:
            self.flush()
        except DatabaseAway:
            self._session_key = None

    def end_when_idle(self, seconds: int) -> None:
        """End when nobody used it for so long, and with the browser: a cookie with an age of its own would
        be written to the visitor's disk. It counts more than what a login asks for in the same browser."""
        self[_IDLE] = seconds

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Seconds after its last use, unless `end_when_idle` said otherwise."""
        idle = self.get(_IDLE)
        return super().get_expiry_age(**kwargs) if idle is None else int(idle)

    def get_expire_at_browser_close(self) -> bool:
        """Whether the cookie ends with the browser: all but those of a device somebody chose to remember."""
        return _IDLE in self or super().get_expire_at_browser_close()

    def _ends(self, at: datetime) -> datetime:
        return clock.quarter_up(at + timedelta(seconds=self.get_expiry_age()))


def _names(cookie: str | None) -> tuple[bytes, bytes] | None:
    """(row id, key) of a cookie; None if it cannot be one of ours."""
    try:
        raw = base64.b64decode((cookie or "").encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    if len(raw) != _COOKIE_BYTES:
        return None
    return crypto.derive(raw, "session row"), crypto.derive(raw, "session key")


def _context(row_id: bytes) -> bytes:
    return crypto.context("privacy.session", "data", row_id.hex())
