"""The rival: one Starlette handler under the same uvicorn with the same settings as ours, doing the same work.

It parses the JSON, checks the HMAC in constant time, compares the token, and answers `JSONResponse` of the dict
that our own server answered. It imports nothing of ours, so that its start can be measured too.
"""

import hashlib
import hmac
import json
import os
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY, SECRET = os.environ.get("BENCH_KEY", ""), os.environ.get("BENCH_SECRET", "")
ANSWER = json.loads(os.environ.get("BENCH_ANSWER", "{}"))
TOKEN = ANSWER["tasklist"][0]["socketaccesstoken"] if ANSWER else ""


async def detail(request: Request) -> Response:
    """Task/Detail of the one task there is."""
    headers = request.headers
    nonce, signature = headers.get("x-nonce", ""), headers.get("x-signature", "")
    expected = hmac.new(KEY.encode(), f"{SECRET}{nonce}".encode(), hashlib.sha256).hexdigest()
    known = hmac.compare_digest(headers.get("x-api-key", "").encode(), KEY.encode())
    if not known or not hmac.compare_digest(signature.encode(), expected.encode()):
        return JSONResponse({"result": False}, status_code=401)
    if (await request.json()).get("tasktoken") != TOKEN:
        return JSONResponse({"result": False})
    return JSONResponse(ANSWER)


async def ready(_: Request) -> Response:
    """Answer 200."""
    return JSONResponse({"ready": True})


class Announcing(uvicorn.Server):
    """Prints one line when it can serve, as ours does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        print(f"ready 127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}/", flush=True)


if __name__ == "__main__":
    app = Starlette(
        routes=[Route("/v1/Task/Detail", detail, methods=["POST"]), Route("/__wiro/ready", ready, methods=["GET"])]
    )
    config = uvicorn.Config(
        app,
        port=0,
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        ws_per_message_deflate=False,
        ws_ping_interval=30,
        ws_max_size=8 << 20,
    )
    Announcing(config).run()
