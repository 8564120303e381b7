"""A bare Starlette WebSocket that takes sound and sends sound, and looks at neither: the rival of `voice`.

It sends what the file that `SOUND` names holds, in pieces of 200 ms, to whoever has said something first, all at a
word. A text that comes later is answered. uvicorn is configured as ours is.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.benchmarks.bare import serve

PIECE = 9_600
SOUND = Path(os.environ["SOUND"]).read_bytes()
PIECES = [b"x" * 30 + b"|" + SOUND[at : at + PIECE] for at in range(0, len(SOUND), PIECE)]
GO = asyncio.Event()


async def follow(socket: WebSocket) -> None:
    """Welcome, listen, send at a word, listen again."""
    await socket.accept()
    await socket.send_text("{}")
    await socket.receive_text()
    await socket.send_text('{"type":"task_stream_ready"}')
    speaking = asyncio.ensure_future(_speak(socket))
    try:
        while "bytes" in (message := await socket.receive()) or message["type"] == "websocket.receive":
            if message.get("text"):
                await socket.send_text('{"type":"error"}')
    except WebSocketDisconnect:
        pass
    finally:
        speaking.cancel()


async def _speak(socket: WebSocket) -> None:
    await GO.wait()
    for piece in PIECES:
        await socket.send_bytes(piece)
    await socket.send_text('{"type":"task_cost"}')


async def go(request: Request) -> Response:
    """The word."""
    GO.set()
    return Response(b"{}")


def main() -> None:
    """Serve on a free port, and say which."""
    app = Starlette(routes=[WebSocketRoute("/v1", follow), Route("/__wiro/holds/release", go, methods=["POST"])])
    serve(app, ws_per_message_deflate=False)


if __name__ == "__main__":
    main()
