"""Damaged answers on a real connection: late, dripping, cut off, reset, or never finished.

A connection is broken through its asyncio transport, which `server` puts into the scope: ASGI itself has no word for
it. Length of time is the world's: where its time is real, it is waited for; where it is virtual, the clock moves and
nobody waits. A `hang` lasts until the client goes or the server stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.types import Receive, Scope, Send

from wiro_mock.api import Damage, Response
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.mock import World, hooks
from wiro_mock.resets import reset

TRANSPORT = "wiro_mock.transport"
"""Under this name a connection's transport is in the state of its scope."""
WRITE = "wiro_mock.write"
"""The extension by which our own server lets a frame be written without a coroutine."""
NO_PING = "wiro_mock.no_ping"
"""The one by which it stops to ping a connection."""
DRIPS_PER_SECOND = 10
_LOOK_AGAIN = 0.001


class CutShort(Exception):
    """A fault has struck a request that its client is still sending; this is what becomes of it (see `sending`)."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """The transport of a connection, where our own server serves it."""
    transport: asyncio.Transport | None = scope.get("state", {}).get(TRANSPORT)
    return transport


class Breaking:
    """One damaged answer on its way to a client."""

    def __init__(self, world: World, transport: asyncio.Transport | None, receive: Receive, send: Send) -> None:
        self._world = world
        self._transport = transport
        self._receive = receive
        self._send = send

    async def carry_out(self, response: Response, damage: Damage, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send what is to come of the answer, and end it as is said."""
        gone = asyncio.ensure_future(self._receive())
        try:
            if await self._pass(damage.latency, gone) or damage.is_total:
                await self._end(damage, gone)
                return
            await self._send({"type": "http.response.start", "status": response.status, "headers": list(headers)})
            for piece in pieces(response, damage):
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                if await self._pass(length_of(piece, damage), gone):
                    return
            if damage.end:
                await self._end(damage, gone)
            else:
                await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            close(response)

    async def _pass(self, length: Duration, gone: asyncio.Future[Any]) -> bool:
        """Let so much time pass; whether the client has gone meanwhile."""
        seconds = self._world.pass_time(length) if length else 0.0
        await asyncio.wait((gone,), timeout=seconds)
        if length:
            await hooks.let_those_before_go(self._world)
        return gone.done()

    async def _end(self, damage: Damage, gone: asyncio.Future[Any]) -> None:
        transport = self._transport
        if transport is not None and damage.end == "reset":
            while transport.get_write_buffer_size() and not gone.done():
                await asyncio.sleep(_LOOK_AGAIN)
            reset(transport)
        elif transport is not None and damage.end == "close":
            transport.close()
        await gone  # before it, uvicorn would take an answer that is not whole for a mistake


def pieces(response: Response, damage: Damage) -> Iterator[bytes]:
    """The bytes of the body as far as they come, in as many pieces as they come in."""
    left = damage.stop_at
    most = max(1, damage.drip // DRIPS_PER_SECOND) if damage.drip else 1 << 20
    for chunk in (response.content,) if response.chunks is None else response.chunks:
        for start in range(0, len(chunk), most):
            piece = chunk[start : start + most]
            if left is not None:
                piece = piece[:left]
                left -= len(piece)
            if piece:
                yield piece
            if left == 0:
                return


def length_of(piece: bytes, damage: Damage) -> Duration:
    """How long a piece takes, in microseconds."""
    return len(piece) * SECOND // damage.drip if damage.drip else 0


def close(response: Response) -> None:
    """Let go of a file."""
    letting_go = getattr(response.chunks, "close", None)
    if letting_go is not None:
        letting_go()
