"""One HTTP exchange over a connection of its own, which a cancelled job breaks off.

With the standard library's client: it knows no proxies, no redirects and no pools, a test of the very process cannot
patch it by accident (respx), and its socket can be shut down from another thread, which is what ends a silent read.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from wiro_mock.backends.job import Job

CONNECT_SECONDS: Final = 10.0
_KEPT: Final = "/%:@!$&'()*+,;=~-._"


class NoUrl(ValueError):
    """A URL that cannot be asked; the message says why."""


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
        raise NoUrl("it has a name or a password in it, which are not sent; leave them out")
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
    seconds: float,
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, until the block ends. `address` is where to connect, instead of a look-up of the host;
    `seconds` is the longest silence. Raises `OSError` and `http.client.HTTPException`.
    """
    sock = socket.create_connection((address or target.host, target.port), timeout=min(CONNECT_SECONDS, seconds))
    undo = job.on_cancel(lambda: _shut(sock))
    try:
        if target.secure:
            context = ssl.create_default_context()
            # the handshake apart: until wrap_socket returns there is no socket that a cancel could shut down
            sock = tls = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
            if job.cancelled.is_set():  # it may have been while neither socket was there to be shut down
                raise ConnectionAbortedError("the task is over")
            tls.do_handshake()
        sock.settimeout(seconds)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = sock
        sent = {"Host": target.netloc, "Connection": "close", "User-Agent": "wiro-mock", **(headers or {})}
        connection.request(method, target.path, body=body, headers=sent)
        with connection.getresponse() as response:
            yield response
    finally:
        undo()
        _shut(sock)
        sock.close()


def _shut(sock: socket.socket) -> None:
    """Break the connection off: whoever reads from it, in whatever thread, gets its end."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
