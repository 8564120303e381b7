"""uvicorn around the app: in the foreground for the command line, in a thread for tests.

The sockets are made here, so that a port in use is one sentence and port 0 is known before anything is printed;
with IPPROTO_TCP, because asyncio sets TCP_NODELAY on no other, and every answer would take 40 ms more.
Stopping closes the connections instead of waiting for them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp


class CannotListen(Exception):
    """The address cannot be listened on; the message says which and why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening-ready socket. Raises `CannotListen`."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        sock = socket.socket(family, kind, socket.IPPROTO_TCP)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except (OSError, OverflowError) as error:
        sock.close()
        text = getattr(error, "strerror", None) or str(error)
        raise CannotListen(f"cannot listen on {host}:{port}: {text}; --port 0 takes a free port") from None
    return sock


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        # Compression costs 48 KB for every open socket, and one client's own parser knows none of it.
        ws_per_message_deflate=False,
        ws_ping_interval=30,  # socket.md §1.1
        ws_max_size=8 << 20,
    )


@asynccontextmanager
async def serving(app: ASGIApp, sock: socket.socket) -> AsyncIterator[None]:
    """Serve the app on a bound socket while the block runs; it is ready when the block begins."""
    config = _config(app)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    await server.on_tick(0)
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(server.server_state.tasks):
            task.cancel()
        await server.lifespan.shutdown()
        sock.close()


class ServerThread:
    """A server in a thread of its own: `start`, `stop`, or a with block. `host` and `port` are where it listens."""

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._app = app
        self._socket = bind(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="wiro-mock", daemon=True)

    @property
    def url(self) -> str:
        """The origin, such as `http://127.0.0.1:4747`."""
        return f"http://{self.host}:{self.port}"

    @property
    def socket_url(self) -> str:
        """The socket's address, ending in `/v1`."""
        return f"ws://{self.host}:{self.port}/v1"

    def start(self) -> Self:
        """Serve; returns when the server can answer."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop at once."""
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._app, self._socket):
            self._ready.set()
            await self._stop.wait()


async def serve_until_stopped(
    app: ASGIApp, sock: socket.socket, *, stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Serve until `stop` is set; `ready` is called once the server can answer."""
    async with serving(app, sock):
        ready()
        await stop.wait()
