"""A bare pass-through proxy: Starlette, httpx and websockets hand on what comes, and nobody looks at it. The rival.

What any proxy of these libraries costs; `UPSTREAM` is the origin. uvicorn is configured as ours is.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

from tests.benchmarks.bare import serve

UPSTREAM = os.environ["UPSTREAM"]
HOP = {"host", "content-length", "connection", "transfer-encoding", "accept-encoding"}


async def answer(request: Request) -> Response:
    """The upstream's answer: JSON whole, anything else as it comes."""
    headers = [(name, value) for name, value in request.headers.items() if name not in HOP]
    http: httpx.AsyncClient = request.app.state.http
    asked = http.build_request(
        request.method, f"{UPSTREAM}{request.url.path}", headers=headers, content=await request.body()
    )
    got = await http.send(asked, stream=True)
    kept = {name: value for name, value in got.headers.items() if name != "transfer-encoding"}
    if "json" in got.headers.get("content-type", ""):
        return Response(await got.aread(), got.status_code, kept)

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in got.aiter_raw():
            yield piece
        await got.aclose()

    return StreamingResponse(pieces(), got.status_code, kept)


async def play(here: WebSocket) -> None:
    """A socket."""
    async with connect(f"ws{UPSTREAM.removeprefix('http')}{here.url.path}", max_size=1 << 26, proxy=None) as there:
        await here.accept()

        async def outward() -> None:
            with suppress(WebSocketDisconnect):
                while True:
                    await there.send(await here.receive_text())

        async def inward() -> None:
            async for said in there:
                assert isinstance(said, str)
                await here.send_text(said)

        ways = {asyncio.create_task(outward()), asyncio.create_task(inward())}
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """One client for all requests."""
    async with httpx.AsyncClient(timeout=60) as app.state.http:
        yield


def main() -> None:
    """Serve on a free port, and say which."""
    app = Starlette(
        routes=[WebSocketRoute("/{path:path}", play), Route("/{path:path}", answer, methods=["GET", "POST"])],
        lifespan=lifespan,
    )
    serve(app)


if __name__ == "__main__":
    main()
