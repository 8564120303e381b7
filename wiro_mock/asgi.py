"""The Starlette app: the API and the CDN, the socket, and the control API of a running server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route, WebSocketRoute

from wiro_mock import admin
from wiro_mock.mock import World
from wiro_mock.pump import Pump
from wiro_mock.transport import ApiEndpoint, SocketEndpoint, no_such_socket
from wiro_mock.webhooks import Poster

SOCKET_PATHS = ("/v1", "/", "/v1/")
"""Where the socket answers: Wiro's own path, and those that SDKs' test servers use (socket.md §1.1)."""


def create_app(
    world: World, *, access: admin.Access | None = None, webhook_hosts: frozenset[str] = frozenset()
) -> Starlette:
    """The app over a world. Webhooks go to private addresses, and to hosts named in `webhook_hosts`."""
    pumps: dict[str, Pump] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with Poster(world, allowed_hosts=webhook_hosts) as poster:
            pumps["pump"] = Pump(world, poster.post)
            running = asyncio.create_task(pumps["pump"].run())
            yield
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    socket = SocketEndpoint(world, pumps)
    # Any page may call the API from a browser; its key is what protects it, as at Wiro. The control API has no CORS.
    api = CORSMiddleware(ApiEndpoint(world), allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    return Starlette(
        routes=[
            Mount("/__wiro", routes=admin.routes(world, access or admin.Access())),
            *(WebSocketRoute(path, socket) for path in SOCKET_PATHS),
            WebSocketRoute("/{path:path}", no_such_socket),
            Route("/{path:path}", api),
        ],
        lifespan=lifespan,
    )
