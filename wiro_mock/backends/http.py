"""One HTTP exchange over a connection of its own, which a cancelled job breaks off.

With the standard library's client: it knows no proxies, no redirects and no pools, a test of the very process cannot
patch it by accident (respx), and its socket can be shut down from another thread, which is what ends a silent read. Of
time it knows the silence of a socket only, which a byte now and then breaks; so the socket is handed to it in a wrapper
that asks, before each read, how long the whole may still take.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from wiro_mock.backends.job import Job

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS: Final = 10.0
_KEPT: Final = "/%:@!$&'()*+,;=~-._"


class NoUrl(ValueError):
    """A URL that cannot be asked; the message says why, and has nothing of the URL in it."""

    has_credentials = False


class HasCredentials(NoUrl):
    """One with a name or a password in it."""

    has_credentials = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a URL names, in parts; `text` is the URL without credentials and query, to be told of."""

    secure: bool
    host: str
    port: int
    netloc: str
    path: str
    text: str


def read_url(url: str) -> Target:
    """The parts of an http or https URL. Raises `NoUrl`."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        name = host if ":" in host else host.encode("idna").decode()
    except ValueError:
        raise NoUrl("it cannot be read; write it like https://example.com/cat.png") from None
    if parts.scheme not in ("http", "https") or not name or port == 0:
        raise NoUrl("it is no http or https URL with a host; write it like https://example.com/cat.png")
    if parts.username or parts.password:
        raise HasCredentials("it has a name or a password in it, which are not sent; leave them out")
    secure = parts.scheme == "https"
    written = f"[{name}]" if ":" in name else name
    netloc = written if port is None else f"{written}:{port}"
    path = quote(parts.path or "/", safe=_KEPT, errors="replace")
    query = quote(parts.query, safe=_KEPT + "?", errors="replace")
    return Target(
        secure=secure,
        host=name,
        port=port or (443 if secure else 80),
        netloc=netloc,
        path=f"{path}?{query}" if query else path,
        text=f"{parts.scheme}://{netloc}{path if path != '/' else ''}"[:200],
    )


@contextmanager
def exchange(
    target: Target,
    job: Job,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    address: str = "",
    left: Callable[[], float],
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, until the block ends. `address` is where to connect, instead of a look-up of the host;
    `left` says how many seconds there still are, or raises `TimeoutError`: it is asked before every wait, be it for
    the next byte of a header. Raises `OSError` and `http.client.HTTPException`.
    """
    sock = socket.create_connection((address or target.host, target.port), timeout=min(CONNECT_SECONDS, left()))
    undo = job.on_cancel(lambda: _shut(sock))
    try:
        if target.secure:
            context = ssl.create_default_context()
            # the handshake apart: until wrap_socket returns there is no socket that a cancel could shut down
            sock = tls = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
            if job.cancelled.is_set():  # it may have been while neither socket was there to be shut down
                raise ConnectionAbortedError("the task is over")
            tls.settimeout(left())
            tls.do_handshake()
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = _Timed(sock, left)  # it has what the client uses of a socket
        sent = {"Host": target.netloc, "Connection": "close", "User-Agent": "wiro-mock", **(headers or {})}
        connection.request(method, target.path, body=body, headers=sent)
        with connection.getresponse() as response:
            yield response
    finally:
        undo()
        _shut(sock)
        sock.close()


class _Timed:
    """A socket, as far as `http.client` uses one, no wait of which is longer than what is left."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._left = left

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._left())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._sock, self._left))

    def close(self) -> None:
        """Nothing: the client closes its own as soon as it has the header. Whoever made the exchange closes this."""


class _Reading(io.RawIOBase):
    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)


def _shut(sock: socket.socket) -> None:
    """Break the connection off: whoever reads from it, in whatever thread, gets its end."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
