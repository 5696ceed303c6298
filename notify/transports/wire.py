"""requests, behind the guard of `egress.py`. Imported in the worker only, when the first message leaves.

Libraries call `requests.post`, which makes a session of its own each time: so the class it makes is replaced,
once, by one that asks `egress.here()`. Nothing else in this program uses requests.
"""

import ssl
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests import adapters, sessions
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from notify.transports import egress

# What every request says of whoever sends it: nothing. Some servers refuse those who say nothing at all.
NEUTRAL = {"User-Agent": "Mozilla/5.0", "Accept-Encoding": "identity", "Connection": "close"}
# An answer is read so far. Nobody needs more of it than a status, or a short object.
LONGEST_ANSWER = 64 * 1024


class _Guarded(HTTPConnection):
    def _new_conn(self) -> Any:
        try:
            return egress.here().connect(self._dns_host, self.port or self.default_port)
        except OSError:
            raise NewConnectionError(self, "not connected") from None


class _GuardedTLS(HTTPSConnection):
    _new_conn = _Guarded._new_conn


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class Adapter(adapters.HTTPAdapter):
    """Connects through the guard only, and keeps what it answered."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        seen = egress.here()
        if seen.is_over:
            raise requests.ConnectionError
        request.headers.update({**NEUTRAL, **seen.headers})
        answer = super().send(request, True, seen.fuse.remaining, trusted_by(verify), cert, None)
        if seen.fuse.blown:
            # The end of its headers was ours, not the server's: that is no answer.
            answer.close()
            raise requests.ConnectionError
        body = _read(answer)
        answer.close()
        answer._content, answer._content_consumed = body, True
        seen.answered(answer.status_code, answer.headers, body)
        return answer


class Session(sessions.Session):
    """No proxy, no password file, no certificate out of the environment; no redirect; the neutral headers."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers = CaseInsensitiveDict({**NEUTRAL, "Accept": "*/*"})
        self.mount("https://", Adapter())
        self.mount("http://", Adapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Where it leads was not looked at by anybody."""
        return


def _read(answer: requests.Response) -> bytes:
    """The beginning of a body. A status is an answer: what goes wrong behind it changes nothing."""
    try:
        return bytes(answer.raw.read(LONGEST_ANSWER, decode_content=False))
    except (HTTPError, OSError):
        return b""


def trusted_by(verify: Any) -> Any:
    """The certificates of this machine, as mail uses them, or those that came with requests."""
    if verify is not True:
        return verify
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    return paths.capath if paths.capath and any(Path(paths.capath).iterdir()) else True


# It would print the operator's own host, where the operator said not to look at certificates.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
sessions.Session = Session  # type: ignore[misc]
requests.Session = Session  # type: ignore[misc]
sessions.HTTPAdapter = Adapter  # type: ignore[attr-defined]
