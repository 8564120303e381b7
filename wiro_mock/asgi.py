"""The Starlette app: the API and the CDN, the socket, and the control API of a running server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from wiro_mock import admin, upkeep
from wiro_mock.hosting import Hosting
from wiro_mock.lodging import MOST, Lodging
from wiro_mock.mock import World
from wiro_mock.pump import Pump
from wiro_mock.transport import ApiEndpoint
from wiro_mock.worlds import Worlds

SOCKET_PATHS = ("/v1", "/", "/v1/")
"""Where the socket answers: Wiro's own path, and those that SDKs' test servers use (socket.md §1.1)."""


def create_app(
    served: World | Worlds,
    *,
    access: admin.Access | None = None,
    webhook_hosts: frozenset[str] = frozenset(),
    most_worlds: int = MOST,
) -> Starlette:
    """The app over a world, or over several. Webhooks go to private addresses, and to hosts named in `webhook_hosts`.

    `app.state.worlds` are the worlds; worlds may be attached and detached at any time. `app.state.pumps["pump"]` is
    the pump of the one world that was given, while the app runs. Others may make `most_worlds` more by the control API.
    """
    worlds = served if isinstance(served, Worlds) else Worlds(served, home=served)
    lodging = Lodging(worlds, like=worlds.home, most=most_worlds)
    hosting = Hosting(worlds, webhook_hosts=webhook_hosts, warm_up=_warm_up_sockets)
    pumps: dict[str, Pump] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with hosting:
            if isinstance(served, World):
                pumps["pump"] = hosting.pump_of(served)
            yield
            lodging.close()

    api = ApiEndpoint(hosting)
    doors = _doors(api, hosting)
    # What is no route of the control API goes through the doors. They are no routes, because Starlette's patterns
    # take some paths for others (one with a line feed at its end), and because a path with a slash too many
    # is to be answered, not redirected (clients.md §1 line 30).
    access = access or admin.Access()
    worlds.hide(access.token)
    own = [*upkeep.routes(worlds, access), *admin.routes(worlds, access, lodging)]
    control = Router(own, default=doors, redirect_slashes=False)
    app = _App(api, routes=[Mount("/__wiro", app=control)], lifespan=lifespan)
    app.router.default = doors
    app.router.redirect_slashes = False
    app.state.pumps, app.state.worlds, app.state.lodging = pumps, worlds, lodging
    return app


def _doors(api: ApiEndpoint, hosting: Hosting) -> ASGIApp:
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
            from wiro_mock.connection import SocketEndpoint, no_such_socket  # a start does not wait for it

            if scope["path"] in SOCKET_PATHS:
                await SocketEndpoint(hosting)(scope, receive, send)
            else:
                await no_such_socket(scope, send, hosting.worlds)
        else:
            await cors(scope, receive, send)

    return doors


def _warm_up_sockets() -> None:
    """A start does not wait for what plays sockets; nor need the first socket."""
    import wiro_mock.connection  # noqa: F401


class _App(Starlette):
    """A Starlette whose API is asked directly where nothing of Starlette's is needed.

    Its middleware and router, and CORS for requests without `Origin`, take a quarter of the time of a Detail.
    """

    def __init__(self, api: ApiEndpoint, **given: Any) -> None:
        super().__init__(**given)
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or play a socket."""
        if scope.get("path") == "/__wiro":
            scope = {**scope, "path": "/__wiro/"}  # whoever asks for it asks what there is
        plain = scope["type"] == "http" and not scope["path"].startswith("/__wiro")
        if plain and all(name != b"origin" for name, _ in scope["headers"]):
            await self._api(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
