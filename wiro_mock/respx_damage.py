"""Damaged answers in process: what an httpx client would have met on the network, as the exception it would raise.

Nobody waits here, whatever the time mode: the world's clock moves, and what lasts longer than the client's read timeout
is that timeout, at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from wiro_mock.api import Damage, Response
from wiro_mock.breaking import close, length_of, pieces
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.misuse import WaitsForEver
from wiro_mock.mock import World, hooks


class Patience:
    """How long a client waits for the next bytes, and what it raises when they do not come."""

    def __init__(self, world: World, request: httpx.Request) -> None:
        read = (request.extensions.get("timeout") or {}).get("read")
        self._read: Duration | None = None if read is None else round(read * SECOND)
        self._world = world
        self._request = request

    def wait(self, length: Duration) -> None:
        """Let so much time pass. Raises `httpx.ReadTimeout` where that is too long."""
        if self._read is not None and length >= self._read:
            self.lose_it()
        if length:
            self._world.skip(length)
            hooks.wait_for_those_before(self._world)

    def lose_it(self) -> None:
        """Nothing ever comes. Raises `httpx.ReadTimeout`, or `WaitsForEver` where there is no timeout."""
        if self._read is None:
            raise WaitsForEver(
                f"the fault hang on {self._request.method} {self._request.url.path}: this client has no read timeout "
                "and would wait for ever; give it one, such as httpx.Client(timeout=10), or use wiro_server if it has "
                "a deadline of another kind, such as asyncio.timeout"
            )
        self._world.skip(self._read)
        raise httpx.ReadTimeout("The read operation timed out", request=self._request)

    def end(self, damage: Damage, response: Response, sent: int) -> None:
        """The answer ends here. Raises what httpx raises then."""
        if damage.end == "hang":
            self.lose_it()
        if damage.end == "reset":
            raise httpx.ReadError("[Errno 104] Connection reset by peer", request=self._request)
        told = "Server disconnected without sending a response."
        if damage.stop_at is not None:
            whole = dict(response.headers).get("content-length") or (len(response.content) or None)
            told = "peer closed connection without sending complete message body " + (
                f"(received {sent} bytes, expected {whole})" if whole else "(incomplete chunked read)"
            )
        raise httpx.RemoteProtocolError(told, request=self._request)


def begin(world: World, response: Response, request: httpx.Request) -> Iterator[bytes]:
    """Carry out what happens before the first byte; the bytes of the body, which raise what happens after it."""
    damage = response.damage or Damage()
    patience = Patience(world, request)
    try:
        patience.wait(damage.latency)
        if damage.is_total:
            patience.end(damage, response, 0)
    except BaseException:
        close(response)
        raise
    body = _body(patience, damage, response)
    next(body)
    return body


def _body(patience: Patience, damage: Damage, response: Response) -> Iterator[bytes]:
    sent = 0
    try:
        yield b""  # it holds the file from now on, and closes it however it ends
        for piece in pieces(response, damage):
            patience.wait(length_of(piece, damage))
            sent += len(piece)
            yield piece
        if damage.end:
            patience.end(damage, response, sent)
    finally:
        close(response)
