"""A client of Wiro's socket for one task, as any other: it opens, registers, and hands on what comes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

PATIENCE = 10.0
"""Seconds that a server may take to open."""
WATCH = "x-wiro-mock-watch"
"""Says to a mock that nobody is here to talk to (`connection.WATCH`); any other Wiro passes over it."""
TICK = 0.1
"""Seconds between two looks at the view, while no frame comes."""


class Unreachable(Exception):
    """There is no socket; the message says why, and what would help."""


class Watcher:
    """A socket that is open while the block runs. Raises `Unreachable` at its begin."""

    def __init__(self, origin: str, token: str) -> None:
        self._origin = origin
        self._token = token
        self._open = ExitStack()
        self._socket: ClientConnection
        self.goodbye = ""

    def __enter__(self) -> Self:
        self._socket = self._open.enter_context(self._connected())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def frames(self) -> Iterator[str | bytes | None]:
        """Every message as it comes, and None ten times a second while none comes. Ends when the server closes."""
        try:
            self._socket.send(json.dumps({"type": "task_info", "tasktoken": self._token}))
            while True:
                try:
                    yield self._socket.recv(timeout=TICK)
                except TimeoutError:
                    yield None
        except ConnectionClosed as closed:
            code = f" with {closed.rcvd.code}" if closed.rcvd else ""
            self.goodbye = f"the server closed the socket{code}" if code else "the connection to the server was lost"

    def _connected(self) -> ClientConnection:
        """An open socket. A server of one's own is never reached through a proxy of the environment."""
        try:
            parts = urlsplit(self._origin)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise Unreachable(f"{self._origin!r} is no address; write one such as http://127.0.0.1:4747")
            secure = parts.scheme == "https"
            own = socket.create_connection((parts.hostname, parts.port or (443 if secure else 80)), timeout=PATIENCE)
            url = f"{'wss' if secure else 'ws'}://{parts.netloc}{parts.path}/v1"
            # Any size: what a fault makes too long for others is to be seen here.
            return connect(
                url, sock=own, max_size=None, open_timeout=PATIENCE, close_timeout=1, additional_headers={WATCH: "1"}
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise Unreachable(f"{self._origin} refused a socket with HTTP {status}; is it a Wiro?") from None
        except (OSError, InvalidHandshake, EOFError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise Unreachable(f"{self._origin} cannot be reached: {why}; is `wiro-mock serve` running there?") from None
