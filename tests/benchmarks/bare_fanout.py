"""A bare Starlette WebSocket that sends ready-made texts to whoever has said something, all at a word: the rival.

The texts come as a JSON list in the file that `FRAMES` names. With `APART` each text goes to everybody before the next
one does, as texts do that come at instants of their own; without, each socket gets them all in one go. uvicorn is
configured as ours is.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.benchmarks.bare import serve

TEXTS = json.loads(Path(os.environ["FRAMES"]).read_text())
APART = bool(os.environ.get("APART"))
GO = asyncio.Event()
SOCKETS: list[WebSocket] = []
SPEAKING: list[asyncio.Future[None]] = []


async def follow(socket: WebSocket) -> None:
    """Welcome, listen, wait for the word, send everything."""
    await socket.accept()
    await socket.send_text(TEXTS[0])
    await socket.receive_text()
    await socket.send_text(TEXTS[1])
    SOCKETS.append(socket)
    if not APART:
        await GO.wait()
        for text in TEXTS[2:]:
            await socket.send_text(text)
    await socket.receive()


async def tell_all() -> None:
    """Each text to everybody, then the next."""
    for text in TEXTS[2:]:
        for socket in SOCKETS:
            await socket.send_text(text)
        await asyncio.sleep(0)


async def go(request: Request) -> Response:
    """The word."""
    GO.set()
    if APART:
        SPEAKING.append(asyncio.ensure_future(tell_all()))
    return Response(b"{}")


def main() -> None:
    """Serve on a free port, and say which."""
    app = Starlette(routes=[WebSocketRoute("/v1", follow), Route("/__wiro/holds/release", go, methods=["POST"])])
    serve(app, ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
