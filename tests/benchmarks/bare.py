"""How the rivals serve: uvicorn configured as ours is, on a free port, which they say in a line."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.applications import Starlette

from wiro_mock.server import bind, loop_factory


def serve(app: Starlette, **more: Any) -> None:
    """Serve until a signal; `more` is uvicorn's."""
    sock = bind("127.0.0.1", 0)
    config = uvicorn.Config(
        app, access_log=False, log_config=None, log_level="critical", ws="websockets-sansio", **more
    )
    server = uvicorn.Server(config)
    print(f"ready http://127.0.0.1:{sock.getsockname()[1]}/", flush=True)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(server.serve(sockets=[sock]))
