"""A client's socket through the recorder: what comes from either side goes to the other, with the addresses changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from wiro_mock.recorder.follower import CLOSING, MOST
from wiro_mock.recorder.places import Upstream

if TYPE_CHECKING:
    import ssl


async def play(here: WebSocket, upstream: Upstream, tls: ssl.SSLContext | None, tell: Callable[[str], None]) -> None:
    """A client's socket: what comes from either side goes to the other."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, WebSocketException

    ours = f"{'https' if here.url.scheme == 'wss' else 'http'}://{here.url.netloc}"
    try:
        trust = tls if upstream.socket.startswith("wss:") else None
        there = await connect(upstream.socket, max_size=MOST, close_timeout=CLOSING, ssl=trust)
    except (OSError, WebSocketException) as error:
        tell(f"the upstream's socket cannot be opened ({error}); look at --socket")
        await here.close()
        return
    await here.accept()

    async def outward() -> None:
        with suppress(WebSocketDisconnect, ConnectionClosed):
            while (message := await here.receive())["type"] == "websocket.receive":
                said = message.get("text")
                await there.send(message["bytes"] if said is None else said)

    async def inward() -> None:
        async for said in there:
            if isinstance(said, bytes):
                await here.send_bytes(said)
            else:
                await here.send_text(upstream.to_ours(said, ours))

    ways = {asyncio.create_task(outward()), asyncio.create_task(inward())}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await there.close()
        with suppress(RuntimeError, WebSocketDisconnect):
            await here.close(there.close_code if there.close_code in (1000, 1001, 1011) else 1000)
