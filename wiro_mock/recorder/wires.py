"""A client's socket through the recorder: what comes from either side goes to the other, with the addresses changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from wiro_mock.breaking import transport_of
from wiro_mock.recorder.attending import Tap
from wiro_mock.recorder.follower import CLOSING, MOST
from wiro_mock.recorder.passing import forwarded
from wiro_mock.recorder.places import Upstream

if TYPE_CHECKING:
    import ssl


GONE: Final = 1006
"""Not sent by anybody: the connection was lost without a close frame (RFC 6455 §7.4.1)."""


async def play(
    here: WebSocket, upstream: Upstream, tls: ssl.SSLContext | None, tell: Callable[[str], None], tap: Tap
) -> None:
    """A client's socket: what comes from either side goes to the other, and the tap is told of it."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, WebSocketException

    ours = f"{'https' if here.url.scheme == 'wss' else 'http'}://{here.url.netloc}"
    try:
        trust = tls if upstream.socket.startswith("wss:") else None
        there = await connect(
            upstream.socket + (f"?{here.url.query}" if here.url.query else ""),
            max_size=MOST,
            close_timeout=CLOSING,
            ssl=trust,
            subprotocols=here.scope.get("subprotocols") or None,
            user_agent_header=None,
            additional_headers=_headers(here),
        )
    except (OSError, ValueError, WebSocketException) as error:
        tell(f"the upstream's socket cannot be opened ({error}); look at --socket")
        await here.close()
        return
    await here.accept(there.subprotocol)

    async def outward() -> None:
        with suppress(WebSocketDisconnect, ConnectionClosed):
            while (message := await here.receive())["type"] == "websocket.receive":
                text = message.get("text")
                said: str | bytes = message["bytes"] if text is None else text
                tap.up(said)
                await there.send(said)

    async def inward() -> None:
        async for said in there:
            tap.down(said)  # before the client has it, who may close the socket then
            if isinstance(said, bytes):
                await here.send_bytes(said)
            else:
                await here.send_text(upstream.to_ours(said, ours))

    ways = [asyncio.create_task(outward()), asyncio.create_task(inward())]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        tap.end(broken=ways[1].done() and not ways[0].done())
        for way in ways:
            way.cancel()
        try:
            await asyncio.gather(*ways, return_exceptions=True)
            await there.close()
        except asyncio.CancelledError:  # the recorder ends just now, and its loop will not wait
            there.transport.abort()
            raise
        if there.close_code == GONE and (transport := transport_of(here.scope)) is not None:
            transport.abort()  # as the client would have met it without us
        with suppress(RuntimeError, WebSocketDisconnect):
            await here.close(_to_send(there.close_code), there.close_reason)


def _headers(here: WebSocket) -> list[tuple[str, str]]:
    """The client's own, without those of the handshake."""
    raw = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in forwarded(here.headers))
    return [(name, value) for name, value in raw if not name.lower().startswith("sec-websocket-")]


def _to_send(code: int | None) -> int:
    """The code for a close frame, where one may have it (RFC 6455 §7.4); 1000 otherwise."""
    may_be = code is not None and (code in (1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999)
    return code if may_be and code is not None else 1000
