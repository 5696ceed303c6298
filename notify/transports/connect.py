"""Connections that begin in time: a name is looked up once, and each of its addresses gets its share."""

import queue
import socket
import threading
from collections.abc import Callable

from notify.transports.fuse import Fuse

_Found = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
# Look-ups that hang cannot be ended from outside: so many may, then no more begin. Each is a sleeping thread.
_looking = threading.BoundedSemaphore(32)


class Refused(OSError):
    """This address is not to be connected to."""


def connect(
    host: str, port: int, fuse: Fuse, allowed: Callable[[str], bool] = lambda address: True
) -> socket.socket:
    """A connection to one of the addresses `host` has now, watched by `fuse`.

    Raises Refused, without a packet sent, where one of them is not `allowed`; OSError where none answers.
    """
    found = _resolve(host, port, fuse.remaining)
    if not all(allowed(where[0]) for _family, where in found):
        raise Refused
    problem = OSError()
    for number, (family, where) in enumerate(found):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            # One that does not answer leaves time for the others.
            connection.settimeout(fuse.remaining / (len(found) - number))
            connection.connect(where)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(fuse.remaining)
            fuse.watch(connection)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _resolve(host: str, port: int, patience: float) -> list[_Found]:
    """The addresses of a name, asked once. Raises OSError, also where nobody answers in time."""
    if not _looking.acquire(timeout=patience):
        raise TimeoutError
    answers: queue.SimpleQueue[list[_Found] | OSError] = queue.SimpleQueue()
    threading.Thread(target=_look_up, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, port: int, answers: "queue.SimpleQueue[list[_Found] | OSError]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put([(family, where) for family, _type, _protocol, _name, where in found])  # type: ignore[misc]
    except (OSError, UnicodeError):
        answers.put(OSError())
    finally:
        _looking.release()
