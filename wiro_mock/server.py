"""uvicorn around the app: in the foreground for the command line, in a thread for tests.

The sockets are made here, so that a port in use is one sentence and port 0 is known before anything is printed;
with IPPROTO_TCP, because asyncio sets TCP_NODELAY on no other, and every answer would take 40 ms more.
Stopping closes the connections instead of waiting for them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from starlette.types import ASGIApp

from wiro_mock.protocols import SocketProtocol, http_protocol

if TYPE_CHECKING:
    from wiro_mock.reach.doors import Doors

BACKLOG = 2048
PING_SECONDS = 30.0  # socket.md §1.1
PONG_SECONDS = 20.0
"""How long a client may take to answer a ping; "a few seconds" at Wiro (socket.md §1.1), generous here."""
CLOSING = 10.0
"""Seconds after its end in which a thread's loop may close: uvloop's was seen to wait for ever in `uv_run` there, with
nothing left that could wake it (a recorder under pytest, 2026-11-23). Its thread is left behind then.
"""
KEEP_ALIVE_SECONDS = 75
"""Clients poll every 2 to 10 s (socket.md §2.1); uvicorn's own 5 s would close the connection in between."""


class CannotListen(Exception):
    """The address cannot be listened on; the message says which and why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `CannotListen`."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not 0 <= port <= 65535:  # some systems would take it modulo 65536
        raise CannotListen(f"cannot listen on {where}: a port is 0 to 65535; --port 0 takes a free port")
    try:
        # As bytes where that will do: of a text Python makes IDNA first, and imports three modules for it.
        name = host.encode() if host.isascii() and len(host) < 64 else host
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, address = found[0]
        sock = socket.socket(family, kind, socket.IPPROTO_TCP)
    except (OSError, ValueError) as error:
        raise CannotListen(f"cannot listen on {where}: {getattr(error, 'strerror', None) or error}") from None
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        # Only listening takes the port: of two that are merely bound, the second would fail later and elsewhere.
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        text = error.strerror or str(error)
        raise CannotListen(f"cannot listen on {where}: {text}; {_way_out(error)}") from None
    return sock


def _way_out(error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; 127.0.0.1 is this machine alone, 0.0.0.0 is all its addresses"
    return "--port 0 takes a free port"


def _config(app: ASGIApp, doors: Doors | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=http_protocol() if doors is None else _behind(doors),
        ws=SocketProtocol,
        # Compression costs 48 KB for every open socket, and one client's own parser knows none of it.
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        ws_max_size=8 << 20,
    )


def _behind(doors: Doors) -> Any:
    """Makes the protocol of a connection of which it is to be seen first what it wants."""
    from wiro_mock.reach.front import Front

    inner = http_protocol()

    def front(**given: Any) -> Front:
        return Front(doors, partial(inner, **given), given["server_state"].connections)

    return front


def _listener(server: uvicorn.Server, sock: socket.socket, doors: Doors) -> Any:
    """What listens instead of uvicorn, where a connection may begin with TLS or without."""
    from wiro_mock.reach.listener import Listener

    given = {"config": server.config, "server_state": server.server_state, "app_state": server.lifespan.state}
    made = partial(http_protocol(), **given)
    return Listener(sock, doors, plain=partial(_behind(doors), **given), inner=made)


@asynccontextmanager
async def serving(app: ASGIApp, sock: socket.socket, doors: Doors | None = None) -> AsyncIterator[None]:
    """Serve the app on a bound socket while the block runs; it is ready when the block begins.

    `doors` say what else the port is: TLS, or a proxy.
    """
    config = _config(app, doors)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with sock:
        try:
            await server.startup(sockets=[sock] if doors is None or not doors.tls else [])
        except SystemExit:  # uvicorn's own word for a lifespan that failed
            raise RuntimeError("the app could not start: its lifespan failed") from None
        if doors is not None and doors.tls:
            server.servers.append(_listener(server, sock, doors))
        await server.on_tick(0)
        ticking = asyncio.create_task(server.main_loop())
        try:
            yield
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
            await _close(server)


async def _close(server: uvicorn.Server) -> None:
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        # A socket's client gets a close frame (1012) if it can be had at once; nobody is waited for.
        with suppress(Exception):
            connection.shutdown()
        if (transport := getattr(connection, "transport", None)) is not None:
            transport.abort()
    tasks = list(server.server_state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await server.lifespan.shutdown()


class ServerThread:
    """A server in a thread of its own: `start`, `stop`, or a with block. `host` and `port` are where it listens, unless
    a `sock` is given that listens already. `doors` say what else the port is.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        sock: socket.socket | None = None,
        doors: Doors | None = None,
    ) -> None:
        self._app = app
        self._doors = doors
        self._socket = bind(host, port) if sock is None else sock
        self.host, self.port = self._socket.getsockname()[:2]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="wiro-mock", daemon=True)

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The origin, such as `http://127.0.0.1:4747`."""
        return f"{self._scheme('http')}://{self.netloc}"

    @property
    def near_url(self) -> str:
        """The origin for clients on this machine: loopback, where it listens on all addresses."""
        near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host)  # noqa: S104 -- where it listens is not our choice
        return self.url if near is None else f"{self._scheme('http')}://{near}:{self.port}"

    @property
    def api_url(self) -> str:
        """The API's base URL, ending in `/v1`."""
        return f"{self.url}/v1"

    @property
    def socket_url(self) -> str:
        """The socket's address, ending in `/v1`."""
        return f"{self._scheme('ws')}://{self.netloc}/v1"

    def _scheme(self, plain: str) -> str:
        return f"{plain}s" if self._doors is not None and self._doors.tls else plain

    def start(self) -> Self:
        """Serve; returns when the server can answer."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop at once. Again is no error, nor is it before the start."""
        if self._thread.ident is None:
            self._socket.close()
            return
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._over.wait()
        self._thread.join(CLOSING)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                try:
                    runner.run(self._serve())
                finally:
                    self._over.set()
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
            self._over.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._app, self._socket, self._doors):
            self._ready.set()
            await self._stop.wait()


async def serve_until_stopped(
    app: ASGIApp,
    sock: socket.socket,
    *,
    stop: asyncio.Event,
    ready: Callable[[], None],
    doors: Doors | None = None,
) -> None:
    """Serve until `stop` is set; `ready` is called once the server can answer."""
    async with serving(app, sock, doors):
        ready()
        await stop.wait()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop: uvloop's, where the extra `fast` is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
