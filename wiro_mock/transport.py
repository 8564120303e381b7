"""From ASGI to the API and back: what the HTTP and the socket endpoint do with bytes. No rule of Wiro's is here."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from urllib.parse import quote

from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from wiro_mock.api import NO_BODY, Body, Conversation, Outcome, Request, Response
from wiro_mock.api.body import BodyReader
from wiro_mock.api.origin import origin_of
from wiro_mock.kernel.files import Blob
from wiro_mock.mock import World
from wiro_mock.pump import Follower, Pump


class ClientGone(Exception):
    """The client went away before its request was whole."""


class ApiEndpoint:
    """An ASGI app that plays Wiro's HTTP API and CDN over a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = header_map(scope)
        try:
            body, blobs = await self._read(headers, receive)
        except ClientGone:
            return
        request = Request(
            method=scope["method"],
            path=raw_path(scope),
            headers=headers,
            origin=origin(scope, headers, self.world),
            body=body,
        )
        try:
            response = self.world.handle(request)
        finally:
            for blob in blobs:
                self.world.blobs.unpin(blob, needed=self.world.sim.files.needs)
        await self._send(response, send)

    async def _read(self, headers: MutableMapping[str, str], receive: Receive) -> tuple[Body, list[Blob]]:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body") and not message.get("body"):
            return NO_BODY, []
        reader = BodyReader(headers.get("content-type", ""), self.world.blobs)
        try:
            while message["type"] == "http.request":
                reader.feed(message.get("body", b""))
                if not message.get("more_body"):
                    return reader.finish(), reader.blobs
                message = await receive()
            raise ClientGone
        except BaseException:
            reader.abandon()
            for blob in reader.blobs:
                self.world.blobs.unpin(blob, needed=self.world.sim.files.needs)
            raise

    async def _send(self, response: Response, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        if response.blob is None:
            if not any(name == b"content-length" for name, _ in headers):
                headers.append((b"content-length", str(len(response.content)).encode()))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.content})
            return
        chunks = self.world.blobs.chunks(response.blob, response.start, response.stop)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def header_map(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name; several of one name joined by a comma, as Node joins them."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def raw_path(scope: Scope) -> str:
    """The path as it came, percent-encoded and without the query."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.decode("latin-1")


def origin(scope: Scope, headers: MutableMapping[str, str], world: World) -> str:
    """The origin of a request or an upgrade, as URLs in its answer are to have it."""
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    host, port = scope.get("server") or ("127.0.0.1", 80)
    own = f"[{host}]" if ":" in host else host
    return origin_of(
        scheme, headers.get("host", ""), fallback=f"{scheme}://{own}:{port}", public_url=world.settings.public_url
    )


class SocketEndpoint:
    """An ASGI app that plays Wiro's WebSocket over a world."""

    def __init__(self, world: World, pumps: dict[str, Pump]) -> None:
        self.world = world
        self._pumps = pumps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow one connection to its end, whichever side ends it."""
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        conversation = Conversation(self.world, origin(scope, header_map(scope), self.world))
        pump = self._pumps["pump"]
        follower = pump.join()
        talk = _Talk(self.world, websocket, conversation, follower)
        sender = asyncio.ensure_future(talk.send_news())
        listener = asyncio.ensure_future(talk.listen())
        try:
            await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            follower.leave()
            for task in (sender, listener):
                task.cancel()
            await asyncio.gather(sender, listener, return_exceptions=True)


class _Talk:
    """The two halves of one connection: one listens, one sends; only the second half writes frames."""

    def __init__(self, world: World, websocket: WebSocket, conversation: Conversation, follower: Follower) -> None:
        self._world = world
        self._socket = websocket
        self._conversation = conversation
        self._follower = follower
        self._replies: list[str] = conversation.welcome()
        follower.wake()

    async def listen(self) -> None:
        """Take what the client says, until it goes."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            with self._world.lock:
                self._world.settle()
                if text is not None:
                    self._replies += self._conversation.receive(text)
                else:
                    self._conversation.notes.append("dropped a binary message; nothing here takes audio")
                self._write_down(message)
                ids = self._conversation.task_ids
                self._follower.follow([*ids, "*"] if self._conversation.awaits_unknown else ids)
            self._follower.wake()
            # A client that only talks must not keep the sender from its turn.
            await asyncio.sleep(0)

    async def send_news(self) -> None:
        """Send what happens, as it happens, in order."""
        with suppress(WebSocketDisconnect, RuntimeError):
            while not self._follower.dropped:
                await self._follower.news()
                while frames := self._take():
                    for frame in frames:
                        await self._socket.send_text(frame)
                self._follower.caught_up.set()
            if self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.close(1008, "too slow")

    def _take(self) -> list[str]:
        with self._world.lock:
            if self._replies:
                frames, self._replies = self._replies, []
                return frames
            return self._conversation.pending()

    def _write_down(self, message: Message) -> None:
        for note in self._conversation.notes:
            exchange = self._world.journal.record(
                at=self._world.sim.now,
                method="SOCKET",
                path="/v1",
                status=101,
                outcome=Outcome(operation="socket", reason=note),
                fields={"text": message.get("text") or ""},
                size=len(message.get("text") or message.get("bytes") or ""),
            )
            self._world.tell(f"socket ({exchange.id}): {note}")
        self._conversation.notes.clear()


async def no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse an upgrade at any other path with 404 (socket.md §3: unknown; our choice)."""
    if "websocket.http.response" in scope.get("extensions", {}):
        headers: list[tuple[bytes, bytes]] = [(b"content-length", b"0")]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
        return
    await send({"type": "websocket.close", "code": 1000})
