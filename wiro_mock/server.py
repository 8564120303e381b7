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
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from wiro_mock.breaking import NO_PING, TRANSPORT, WRITE

BACKLOG = 2048
PING_SECONDS = 30.0  # socket.md §1.1
PONG_SECONDS = 20.0
"""How long a client may take to answer a ping; "a few seconds" at Wiro (socket.md §1.1), generous here."""
UNREAD_SECONDS = 5.0
"""How long a connection that is being closed is kept for what its client has not read."""
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


def message_frame(message: str | bytes) -> bytes:
    """A message in one frame, unmasked and uncompressed (RFC 6455 §5.2), made in a third of the library's time."""
    kind, data = (b"\x81", message.encode()) if isinstance(message, str) else (b"\x82", message)
    size = len(data)
    if size < 126:
        return kind + bytes((size,)) + data
    if size < 1 << 16:
        return kind + b"\x7e" + size.to_bytes(2, "big") + data
    return kind + b"\x7f" + size.to_bytes(8, "big") + data


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which would wait for ever for what a gone client has not read, leave an upgrade that cannot
    be read without an answer, and take a frame for a client that it is just turning away for a mistake of ours.
    """

    async def run_asgi(self) -> None:
        """Play the connection; what its client has not read by then does not keep it open for ever."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions |= {WRITE: self.write_now, NO_PING: self.stop_keepalive}
        self.scope["state"][TRANSPORT] = self.transport
        try:
            await super().run_asgi()
        finally:
            self._drop_if_unread()

    async def send(self, message: Any) -> None:
        """Send a frame, unless the connection is being closed for what the client did."""
        said = message.get("text") if message.get("text") is not None else message.get("bytes")
        if said is not None and self.write_now(said):
            return
        await self.writable.wait()
        if self.close_sent and message["type"] == "websocket.send":
            raise ClientDisconnected
        await super().send(message)

    def write_now(self, message: str | bytes | None) -> bool:
        """Write a message as one frame (None: none), if the connection is plainly open and has room; whether it is."""
        ready = self.handshake_complete and self.initial_response is None and self.writable.is_set()
        if not ready or self.close_sent or self.disconnected or self.conn.state is not State.OPEN:
            return False
        if message is not None:
            self.transport.write(message_frame(message))
        return True

    def handle_ping(self) -> None:
        """Answer a ping, unless the client reads nothing: then its pongs would fill the memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        """The client has not answered a ping."""
        super().keepalive_timeout()
        self._drop_if_unread()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client. An upgrade that cannot be read (a header of 9 KB, say) is answered, not left open."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handshake_initiated = True
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def _drop_if_unread(self) -> None:
        if self.transport.get_write_buffer_size():
            self.loop.call_later(UNREAD_SECONDS, self._abort)

    def _abort(self) -> None:
        if not self.disconnected:
            self.transport.abort()


def _http_protocol() -> type[asyncio.Protocol]:
    """Uvicorn's HTTP, which lets the app get at the transport: some faults break the connection."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    class HttpProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
        app_state: dict[str, Any]

        def connection_made(self, transport: asyncio.Transport) -> None:
            self.app_state = {**self.app_state, TRANSPORT: transport}
            super().connection_made(transport)

    return HttpProtocol


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        http=_http_protocol(),
        ws=SocketProtocol,
        # Compression costs 48 KB for every open socket, and one client's own parser knows none of it.
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        ws_max_size=8 << 20,
    )


@asynccontextmanager
async def serving(app: ASGIApp, sock: socket.socket) -> AsyncIterator[None]:
    """Serve the app on a bound socket while the block runs; it is ready when the block begins."""
    config = _config(app)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with sock:
        try:
            await server.startup(sockets=[sock])
        except SystemExit:  # uvicorn's own word for a lifespan that failed
            raise RuntimeError("the app could not start: its lifespan failed") from None
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
    def netloc(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The origin, such as `http://127.0.0.1:4747`."""
        return f"http://{self.netloc}"

    @property
    def api_url(self) -> str:
        """The API's base URL, ending in `/v1`."""
        return f"{self.url}/v1"

    @property
    def socket_url(self) -> str:
        """The socket's address, ending in `/v1`."""
        return f"ws://{self.netloc}/v1"

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
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._serve())
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


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop: uvloop's, where the extra `fast` is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
