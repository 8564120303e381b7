"""The first bytes of a connection, by which it is known what it wants; then uvicorn's protocol takes its place.

A port may be several things at once: plain HTTP, TLS, and a proxy that is asked by CONNECT, or for a whole URL
(absolute-form, RFC 9112 §3.2.2). A CONNECT for a host of Wiro's is answered, and TLS begins on the same connection:
what comes then is the app's, without another hop. Where TLS may come first, see `listener`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from wiro_mock.api.origin import is_wiro
from wiro_mock.protocols import HEAD_SECONDS
from wiro_mock.reach.authority import NoTls
from wiro_mock.reach.doors import Doors
from wiro_mock.reach.relay import Relay
from wiro_mock.text import printable

HEAD_BYTES = 16 << 10
CONNECT_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
TLS_RECORD = 0x16
"""What every TLS connection begins with: a handshake record (RFC 8446 §5.1)."""
PLAIN_TO_TLS = "this port speaks TLS: say https:// and wss:// in the client's address, not http:// and ws://"
_ABSOLUTE = re.compile(rb"[A-Z]{1,20} https?://", re.IGNORECASE)
_MAYBE = re.compile(rb"[A-Z]{1,20}(?: (?:h(?:t(?:t(?:ps?(?::/?)?)?)?)?)?)?", re.IGNORECASE)
_HOP = re.compile(rb"(?:proxy-connection|proxy-authorization|connection|keep-alive|host)\s*:", re.IGNORECASE)

Inner = Callable[[], Any]
"""Makes uvicorn's protocol."""


class Front(asyncio.Protocol):
    """The protocol of a connection of which nothing is known yet. `connections` are those that a stop must close."""

    def __init__(self, doors: Doors, inner: Inner, connections: set[Any]) -> None:
        self._doors = doors
        self._make_inner = inner
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self.transport: Any = None
        self._inner: Any = None
        self._data = bytearray()
        self._busy: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # -- what asyncio calls ----------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        self.transport = transport
        self._connections.add(self)
        self._timer = self._loop.call_later(HEAD_SECONDS, self.head_is_late)

    def data_received(self, data: bytes) -> None:
        """Bytes of a client of which nothing is known yet, or which is on its way to TLS."""
        self._data += data
        if self._busy is None:
            self._look()

    def eof_received(self) -> None:
        """It says no more."""

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 -- asyncio's own signature
        """It is gone. What is being done for it has an end of its own: a dead line, or the same news."""
        self._let_go()

    def shutdown(self) -> None:
        """Close it."""
        self._let_go()
        if self.transport is not None:
            self.transport.abort()

    def head_is_late(self) -> None:
        """Nothing came, or not enough of it: close it."""
        if self._data:
            self._answer(
                408, "Request Timeout", f"the head of this request did not come to its end in {HEAD_SECONDS:.0f} s"
            )
        else:
            self.shutdown()

    def pause_writing(self) -> None:
        """The client is slow; what is written here is short."""

    def resume_writing(self) -> None:
        """It has read on."""

    # -- the first words -------------------------------------------------------------------------------

    def _look(self) -> None:
        """See what the client wants, as soon as it can be told."""
        data = bytes(self._data)
        if self._doors.proxy and b"CONNECT ".startswith(data[:8]) and len(data) < 8:
            return
        is_connect, is_absolute = data.startswith(b"CONNECT "), _ABSOLUTE.match(data) is not None
        if not self._doors.proxy or not (is_connect or is_absolute or _MAYBE.fullmatch(data)):
            self._plain()
            return
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            if len(data) > HEAD_BYTES:
                self._answer(431, "Request Header Fields Too Large", "the head of this request is too long for a proxy")
            return
        del self._data[:]
        self._begin(self._connect(head, rest) if is_connect else self._absolute(head, rest))

    def _plain(self) -> None:
        """An ordinary request: the app's, unless only TLS is spoken here."""
        if self._doors.tls:
            self._doors.tell(f"{self._name()}: a plain request came to the port that speaks TLS; {PLAIN_TO_TLS}")
            self._answer(400, "Bad Request", PLAIN_TO_TLS)
            return
        if self._data and self._data[0] == TLS_RECORD:
            self._doors.tell(
                f"{self._name()}: a client speaks TLS, and this port does not; start the server with --tls, or say "
                "http:// in the client's address"
            )
        self._hand_over(self.transport)

    def _hand_over(self, transport: Any) -> None:
        """Let uvicorn go on, as if nobody had been here."""
        self._let_go()
        inner = self._inner = self._make_inner()
        data = bytes(self._data)
        self._data.clear()
        transport.set_protocol(inner)
        inner.connection_made(transport)
        transport.resume_reading()
        if data:
            inner.data_received(data)

    # -- as a proxy ------------------------------------------------------------------------------------

    async def _connect(self, head: bytes, rest: bytes) -> None:
        """CONNECT host:port."""
        target = head.split(b" ", 2)[1].decode("latin-1")
        split = _split(f"//{target}")
        if split is None or not split.hostname or split.port is None:
            self._answer(400, "Bad Request", f"CONNECT takes host:port, not {printable(target[:100])!r}")
            return
        host, port = split.hostname, split.port
        if not is_wiro(host.rstrip(".")):
            await self._relay(host, port, rest, answer=ESTABLISHED)
        elif port == 80:
            self._data[:0] = rest
            self.transport.write(ESTABLISHED)
            self._hand_over(self.transport)
        elif rest:
            self._answer(400, "Bad Request", "a client waits for the answer to its CONNECT before it speaks TLS")
        else:
            self.transport.write(ESTABLISHED)
            await self._speak_tls(host, agent=_agent(head))

    async def _absolute(self, head: bytes, rest: bytes) -> None:
        """A request for a whole URL: as clients ask a proxy for http://, and old axios for https:// too.

        One request is played, and the connection closed: the next one may be for another host.
        """
        line, *lines = head.split(b"\r\n")
        method, _, after = line.partition(b" ")
        url, _, version = after.rpartition(b" ")
        split = _split(url.decode("latin-1"))
        if split is None or not split.hostname:
            self._answer(400, "Bad Request", f"no such URL: {printable(url.decode('latin-1')[:100])!r}")
            return
        path = url.split(b"://", 1)[1].partition(b"/")[2]
        authority = split.netloc.rpartition("@")[2].encode("latin-1")
        upgrades = any(one.lower().startswith(b"upgrade:") for one in lines)
        kept = [one for one in lines if not _HOP.match(one)]
        closing = b"Connection: Upgrade" if upgrades else b"Connection: close"
        request = b"\r\n".join(
            (b"%b /%b %b" % (method, path, version), b"Host: " + authority, closing, *kept, b"", rest)
        )
        if is_wiro(split.hostname.rstrip(".")):
            self._data[:0] = request
            self._hand_over(self.transport)
        elif split.scheme != "http":
            self._answer(
                400, "Bad Request", "a proxy is asked for https:// by CONNECT; look at the client's proxy agent"
            )
        else:
            await self._relay(split.hostname, split.port or 80, request)

    async def _relay(self, host: str, port: int, first: bytes, *, answer: bytes = b"") -> None:
        """Lead the client on to another host, with what it has said for that one, and with our answer to it."""
        peer = (self.transport.get_extra_info("peername") or ("",))[0]
        if refusal := self._doors.refusal(host, peer):
            self._doors.tell(f"proxy: refused {printable(host)}:{port}: {refusal}")
            self._answer(403, "Forbidden", refusal)
            return
        relay = Relay(self.transport, self._doors, self._connections)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._loop.create_connection(lambda: relay.there, host, port)
        except (OSError, TimeoutError, UnicodeError) as error:
            relay.give_up()
            told = getattr(error, "strerror", None) or str(error) or "it took too long"
            self._answer(502, "Bad Gateway", f"{printable(host)}:{port} cannot be reached: {told}")
            return
        there = (relay.there.transport.get_extra_info("peername") or ("",))[0]
        if refusal := self._doors.inner_refusal(host, there, peer):  # by what its name led to, as a name may lie
            relay.there.transport.abort()
            relay.give_up()
            self._doors.tell(f"proxy: refused {printable(host)}:{port}: {refusal}")
            self._answer(403, "Forbidden", refusal)
            return
        self._let_go()
        relay.begin(first + bytes(self._data), answer)

    # -- TLS -------------------------------------------------------------------------------------------

    async def _speak_tls(self, host: str, *, agent: str = "") -> None:
        """Begin TLS on this connection, and then hand it over."""
        try:
            tls = await self._loop.start_tls(
                self.transport,
                self,
                self._doors.context(),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except NoTls as error:
            self._doors.tell(str(error))
            self.shutdown()
        except (OSError, ssl.SSLError) as error:
            self._doors.untrusted(printable(host), agent, error)
            self.shutdown()
        else:
            if tls is not None:
                self._hand_over(tls)

    # -- inside ----------------------------------------------------------------------------------------

    def _name(self) -> str:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        if self._timer is not None:
            self._timer.cancel()  # what follows has dead lines of its own
        self.transport.pause_reading()
        self._busy = self._loop.create_task(self._to_its_end(work))

    async def _to_its_end(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._doors.tell(f"{self._name()}: a mistake in wiro_mock itself: {type(error).__name__}: {error}")
            self.shutdown()

    def _answer(self, status: int, phrase: str, text: str) -> None:
        """Say no, and close."""
        body = f"wiro-mock: {text}\n".encode()
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self._let_go()
        self.transport.close()

    def _let_go(self) -> None:
        """Nothing of this connection is ours any more."""
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()


def _split(url: str) -> SplitResult | None:
    with suppress(ValueError):
        split = urlsplit(url)
        _ = split.port
        return split
    return None


def _agent(head: bytes) -> str:
    match = re.search(rb"\r\nuser-agent:[ \t]*([^\r]{1,200})", head, re.IGNORECASE)
    return match[1].decode("latin-1") if match else ""
