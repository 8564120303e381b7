"""The two protocols of uvicorn, made fit for clients that mean no good, or mean it too well.

What a client sends is taken in slices, between which others have their turn: a flood of tiny frames or pings would
otherwise be played to its end first. What has no end (a header, a message in pieces) takes no more memory than it may
have bytes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from wiro_mock.breaking import NO_PING, TRANSPORT, WRITE

UNREAD_SECONDS = 5.0
"""How long a connection that is being closed is kept for what its client has not read."""
SLICE = 4096
"""So many bytes of one socket are looked at before others have their turn: at most 700 frames, some 5 ms."""
MOST_HEAD = 64 << 10
"""Bytes that the head of a request may have, roughly; h11 has the same bound. Node's is 16 KiB, nginx's 32."""
HEAD_SECONDS = 60.0
"""How long a client may take for the head of a request, from its connection or the head's first byte; nginx's, too."""
MOST_KEPT = 1 << 20
"""Bytes of a frame that is kept for those who follow the same task."""
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def message_frame(message: str | bytes) -> bytes:
    """A message in one frame, unmasked and uncompressed (RFC 6455 §5.2), made in a third of the library's time.

    The latest is kept: a text goes to all followers of a task, one after the other.
    """
    global _latest  # noqa: PLW0603 -- a value that is replaced as a whole, whichever thread does so
    text, made = _latest
    if text is message:
        return made
    kind, data = (b"\x81", message.encode()) if isinstance(message, str) else (b"\x82", message)
    size = len(data)
    if size < 126:
        made = kind + bytes((size,)) + data
    elif size < 1 << 16:
        made = kind + b"\x7e" + size.to_bytes(2, "big") + data
    else:
        made = kind + b"\x7f" + size.to_bytes(8, "big") + data
    if size <= MOST_KEPT:
        _latest = (message, made)
    return made


_latest: tuple[str | bytes, bytes] = ("", b"\x81\x00")


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which would wait for ever for what a gone client has not read, leave an upgrade that cannot
    be read without an answer, take a frame for a client that it is just turning away for a mistake of ours, and let a
    client that floods it have all of the loop's time.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._unread = bytearray()
        self._will_read = False

    async def run_asgi(self) -> None:
        """Play the connection; what its client has not read by then does not keep it open for ever."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions |= {WRITE: self.write_now, NO_PING: self.stop_keepalive}
        self.scope["state"][TRANSPORT] = self.transport
        try:
            await super().run_asgi()
        finally:
            self._drop_if_unread()

    # -- what we say ---------------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        """Send a frame, unless the connection is being closed for what the client did."""
        said = message.get("text") if message.get("text") is not None else message.get("bytes")
        if said is not None and self.write_now((said,)):
            return
        await self.writable.wait()
        if self.close_sent and message["type"] == "websocket.send":
            raise ClientDisconnected
        await super().send(message)

    def write_now(self, messages: Sequence[str | bytes]) -> bool:
        """Write messages in one go, a frame each, if the connection is plainly open and has room; whether it is."""
        ready = self.handshake_complete and self.initial_response is None and self.writable.is_set()
        if not ready or self.close_sent or self.disconnected or self.conn.state is not State.OPEN:
            return False
        if len(messages) == 1:
            self.transport.write(message_frame(messages[0]))
        elif messages:
            self.transport.write(b"".join(map(message_frame, messages)))
        return True

    # -- what the client says ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes from the client: looked at now, or, if they are many, slice by slice."""
        if not self._unread and len(data) <= SLICE:
            self._look_at(data)
            return
        self._unread += data
        self.transport.pause_reading()
        self._read_soon()

    async def receive(self) -> Any:
        """The next message, while no more is read than there is room for."""
        message = await super().receive()
        if self._unread:
            self.transport.pause_reading()  # uvicorn may have resumed it
            self._read_soon()
        return message

    def _read_soon(self) -> None:
        if not self._will_read and not self.read_paused:
            self._will_read = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        """Look at the next slice. After a message nothing is looked at until the app has taken it."""
        self._will_read = False
        if self.disconnected or self.transport.is_closing():
            self._unread.clear()
            return
        piece = bytes(self._unread[:SLICE])
        del self._unread[:SLICE]
        self._look_at(piece)
        if self._unread:
            self.transport.pause_reading()
            self._read_soon()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _look_at(self, data: bytes) -> None:
        """Bytes as uvicorn takes them. An upgrade that cannot be read (a header of 9 KB, say) is answered."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.handshake_initiated = True
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        """Another piece of a message: as many bytes as it has, where each in a list would take fifty more."""
        whole = self.frames[0] if isinstance(self.frames[0], bytearray) else bytearray(self.frames[0])
        whole += event.data
        self.frames = [bytes(whole) if event.fin else whole]  # type: ignore[list-item]
        if event.fin:
            self.send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer a ping, unless the client reads nothing: then its pongs would fill the memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    # -- its end -------------------------------------------------------------------------------------

    def keepalive_timeout(self) -> None:
        """The client has not answered a ping."""
        super().keepalive_timeout()
        self._drop_if_unread()

    def _drop_if_unread(self) -> None:
        try:
            unread = self.transport.get_write_buffer_size()
        except AttributeError:  # asyncio's TLS of Python 3.11, closed a second time, has forgotten what it wrote
            return
        if unread:
            self.loop.call_later(UNREAD_SECONDS, self._abort)

    def _abort(self) -> None:
        if not self.disconnected:
            self.transport.abort()


class _Remainder:
    """What a parser calls whose request has begun with another one: of that, only the body and its end count."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._ended = False

    def on_message_begin(self) -> None:
        """The next request begins, or what stands for the head of this one."""
        if self._ended:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """As above."""
        if self._ended:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """As above."""
        if self._ended:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """As above."""
        if self._ended:
            self._protocol.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._protocol.on_message_complete()
        self._ended = True


def _head_of_body(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A head by which a parser knows where the body ends that comes after it."""
    lengths = [b"%b: %b\r\n" % one for one in headers if one[0] in (b"content-length", b"transfer-encoding")]
    return b"POST / HTTP/1.1\r\n" + b"".join(lengths) + b"\r\n"


def http_protocol() -> type[asyncio.Protocol]:
    """Uvicorn's HTTP, which lets the app get at the transport (some faults break the connection), and with either
    parser has bounds for the head of a request, which uvicorn would wait for without an end: of bytes (httptools keeps
    a header that never ends, and copies it ever again), and of time.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    class HttpProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
        app_state: dict[str, Any]
        transport: asyncio.Transport
        flow: FlowControl
        loop: asyncio.AbstractEventLoop
        _head = 0
        _in_head = False
        _began = False  # whether any byte came since the last request
        _upgraded = False
        _received = b""
        parser: Any  # httptools' or h11's
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            self.app_state = {**self.app_state, TRANSPORT: transport}
            super().connection_made(transport)
            self._late = self.loop.call_later(HEAD_SECONDS, self.head_is_late)

        def connection_lost(self, exc: Exception | None) -> None:
            self._in_time()
            super().connection_lost(exc)

        def handle_websocket_upgrade(self, *given: Any) -> None:
            self._in_time()
            self._upgraded = True
            super().handle_websocket_upgrade(*given)

        # -- an upgrade that is none of ours: Java's client wishes for HTTP/2 wherever there is no TLS (Upgrade: h2c).
        # It may be passed over (RFC 9110 §7.8); httptools passes over the body as well, and uvicorn lets it.

        def _unsupported_upgrade_warning(self) -> None:
            error = sys.exception()
            if error is None or self.transport.is_closing():  # h11 raises nothing, for it passes over nothing
                super()._unsupported_upgrade_warning()
                return
            self.cycle.more_body = True  # httptools has said that this was all
            self.parser = type(self.parser)(_Remainder(self))
            self.parser.feed_data(_head_of_body(self.headers))
            self._received = self._received[error.args[0] :]
            super().data_received(self._received)

        # -- a head that comes late: after a request uvicorn itself waits for the next one, but for its first byte only

        def _watch_head(self) -> None:
            cycle = getattr(self, "cycle", None)
            if self._upgraded or (cycle is not None and not cycle.response_complete):
                self._in_time()
            elif self._late is None and not self.transport.is_closing():
                self._began, self._late = True, self.loop.call_later(HEAD_SECONDS, self.head_is_late)
            else:
                self._began = True

        def _in_time(self) -> None:
            self._began = False
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def head_is_late(self) -> None:
            """Close the connection; who has said something by now is told why (RFC 9110 §15.5.9)."""
            if not self.transport.is_closing():
                if self._began:
                    self.transport.write(_TOO_LATE)
                self.transport.close()
            self._in_time()

        # The next two are httptools' callbacks; h11 has none, and keeps to a bound by itself.

        def on_message_begin(self) -> None:
            self._in_head, self._head = True, -1
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            super().on_headers_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if getattr(self, "pipeline", None):
                self.flow.pause_reading()  # uvicorn reads on after each answer, however many requests wait

        def data_received(self, data: bytes) -> None:
            self._received = data
            super().data_received(data)
            self._received = b""
            self._watch_head()
            if not self._in_head or self.transport.is_closing():
                return
            # What it began in is not counted: most of that may have been the body of the request before.
            self._head = 0 if self._head < 0 else self._head + len(data)
            if self._head > MOST_HEAD:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    return HttpProtocol
