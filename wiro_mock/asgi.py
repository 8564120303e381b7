"""The Starlette app: the API and the CDN, the socket, and the control API of a running server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from wiro_mock import admin
from wiro_mock.deliveries import Webhook
from wiro_mock.mock import World
from wiro_mock.pump import Post, Pump
from wiro_mock.transport import ApiEndpoint, SocketEndpoint, no_such_socket

if TYPE_CHECKING:
    from wiro_mock.webhooks import Poster

SOCKET_PATHS = ("/v1", "/", "/v1/")
"""Where the socket answers: Wiro's own path, and those that SDKs' test servers use (socket.md §1.1)."""
WARM_UP_AFTER_SECONDS = 0.2


def _warm_up(world: World) -> None:
    threading.Thread(target=world.warm_up, name="wiro-mock-warm-up", daemon=True).start()


def create_app(
    world: World, *, access: admin.Access | None = None, webhook_hosts: frozenset[str] = frozenset()
) -> Starlette:
    """The app over a world. Webhooks go to private addresses, and to hosts named in `webhook_hosts`."""
    pumps: dict[str, Pump] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with _pumping(world, _postman(world, webhook_hosts)) as pumps["pump"]:
            yield

    api = ApiEndpoint(world)
    doors = _doors(api, SocketEndpoint(world, pumps))
    # What is no route of the control API goes through the doors. They are no routes, because Starlette's patterns
    # take some paths for others (one with a line feed at its end), and because a path with a slash too many
    # is to be answered, not redirected (clients.md §1 line 30).
    control = Router(admin.routes(world, access or admin.Access()), default=doors, redirect_slashes=False)
    app = _App(api, routes=[Mount("/__wiro", app=control)], lifespan=lifespan)
    app.router.default = doors
    app.router.redirect_slashes = False
    app.state.pumps = pumps
    return app


@asynccontextmanager
async def _pumping(world: World, post: Post) -> AsyncIterator[Pump]:
    """A pump that runs, and whatever else there is to do while a server runs."""
    pump = Pump(world, post)
    running = asyncio.create_task(pump.run())
    # Soon after the server can answer, so that neither the start nor the first Run has to wait for it.
    reading = asyncio.get_running_loop().call_later(WARM_UP_AFTER_SECONDS, _warm_up, world)
    yield pump
    reading.cancel()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def _postman(world: World, hosts: frozenset[str]) -> Post:
    """What posts webhooks, made when there is a first one; one for each life of a server."""

    @cache
    def poster() -> Poster:
        from wiro_mock.webhooks import Poster

        return Poster(world, allowed_hosts=hosts)

    async def post(webhook: Webhook) -> None:
        await poster().post(webhook)

    return post


def _doors(api: ApiEndpoint, socket: SocketEndpoint) -> ASGIApp:
    """The ways in for clients of Wiro: the API with CORS, and the socket."""
    # Any page may call the API from a browser; its key is what protects it, as at Wiro. The control API has no CORS.
    cors = CORSMiddleware(
        api,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["*"],
        allow_private_network=True,
    )

    async def doors(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await (socket if scope["path"] in SOCKET_PATHS else no_such_socket)(scope, receive, send)
        else:
            await cors(scope, receive, send)

    return doors


class _App(Starlette):
    """A Starlette whose API is asked directly where nothing of Starlette's is needed.

    Its middleware and router, and CORS for requests without `Origin`, take a quarter of the time of a Detail.
    """

    def __init__(self, api: ApiEndpoint, **given: Any) -> None:
        super().__init__(**given)
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or play a socket."""
        plain = scope["type"] == "http" and not scope["path"].startswith("/__wiro")
        if plain and all(name != b"origin" for name, _ in scope["headers"]):
            await self._api(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
