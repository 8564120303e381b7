"""A bare Starlette handler that waits for the word, notices who goes, and answers ready-made bytes: the rival.

The answer is in the file that `ANSWER` names. With `?stream=true` an event comes at once and the answer as another, at
the word. uvicorn is configured as ours is.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.benchmarks.bare import serve
from tests.benchmarks.kit import KEY, SECRET

ANSWER = Path(os.environ["ANSWER"]).read_bytes()
GO = asyncio.Event()


async def run(request: Request) -> Response:
    """Check the signature, read the body, wait, answer."""
    headers = request.headers
    expected = hmac.new(KEY.encode(), f"{SECRET}{headers.get('x-nonce', '')}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(headers.get("x-signature", ""), expected):
        return JSONResponse({"result": False}, status_code=401)
    await request.json()
    if request.query_params.get("stream") == "true":
        return StreamingResponse(events(), media_type="text/event-stream")
    halves = [asyncio.ensure_future(GO.wait()), asyncio.ensure_future(request.receive())]
    await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
    for half in halves:
        half.cancel()
    return Response(ANSWER, media_type="application/json")


async def events() -> AsyncIterator[bytes]:
    """The start and the end."""
    yield b'event: start\ndata: {"id":"1","status":"task_queue","pexit":null}\n\n'
    await GO.wait()
    yield b"event: done\ndata: " + ANSWER + b"\n\n"


async def go(_: Request) -> Response:
    """The word."""
    GO.set()
    return Response(b"{}")


def main() -> None:
    """Serve on a free port, and say which."""
    app = Starlette(
        routes=[
            Route("/v1/Run/{owner}/{model}/sync", run, methods=["POST"]),
            Route("/__wiro/time", go, methods=["POST"]),
        ]
    )
    serve(app)


if __name__ == "__main__":
    main()
