"""From ASGI to the API and back: what the HTTP and the socket endpoint do with bytes. No rule of Wiro's is here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.types import Message, Receive, Scope, Send

from wiro_mock.api import NO_BODY, Body, Conversation, Outcome, Request, Response
from wiro_mock.api.body import BodyReader
from wiro_mock.api.origin import origin_of
from wiro_mock.kernel.files import Blob
from wiro_mock.mock import World
from wiro_mock.pump import Follower, Pump
from wiro_mock.text import printable

REPLIES_WAITING = 1_000
"""So many replies wait to be sent on a socket before no more is read from it."""


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
            self._unpin(blobs)
        await self._send(response, receive, send)

    async def _read(self, headers: Mapping[str, str], receive: Receive) -> tuple[Body, list[Blob]]:
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
            self._unpin(reader.blobs)
            raise

    def _unpin(self, blobs: list[Blob]) -> None:
        # Under the lock: a run in another thread may be about to need the very same bytes.
        with self.world.lock:
            for blob in blobs:
                self.world.blobs.unpin(blob, needed=self.world.sim.files.needs)

    async def _send(self, response: Response, receive: Receive, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        if response.chunks is None:
            # The length in a 304 would be that of the file, not of its missing content (RFC 9110 §8.6).
            if response.status != 304 and not any(name == b"content-length" for name, _ in headers):
                headers.append((b"content-length", str(len(response.content)).encode()))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.content})
            return
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        gone = asyncio.ensure_future(receive())
        try:
            for chunk in response.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # Lets the loop notice that the client has gone; asyncio logs every write to nobody.
                await asyncio.sleep(0)
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


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


def origin(scope: Scope, headers: Mapping[str, str], world: World) -> str:
    """The origin of a request or an upgrade, as URLs in its answer are to have it."""
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    host, port = scope.get("server") or ("127.0.0.1", 80)
    own = f"[{host}]" if ":" in host else host
    return origin_of(
        scheme, headers.get("host", ""), fallback=f"{scheme}://{own}:{port}", public_url=world.settings.public_url
    )


class SocketEndpoint:
    """An ASGI app that plays Wiro's WebSocket over a world."""

    def __init__(self, world: World, pumps: Mapping[str, Pump]) -> None:
        self.world = world
        self._pumps = pumps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow one connection to its end, whichever side ends it."""
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        conversation = Conversation(self.world, origin(scope, header_map(scope), self.world))
        follower = self._pumps["pump"].join()
        talk = _Talk(self.world, conversation, follower)
        halves: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(talk.send_news(send)),
            asyncio.ensure_future(talk.listen(receive)),
            asyncio.ensure_future(follower.let_go.wait()),
        ]
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            follower.leave()
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
        if follower.let_go.is_set():
            self.world.tell("socket: a client that read nothing for too long was let go")
        for half in done:
            # A client that has gone is no news; a mistake of ours is.
            if (error := half.exception()) is not None and not isinstance(error, OSError):
                self.world.tell(f"socket: closed by a mistake in wiro_mock itself: {type(error).__name__}: {error}")


class _Talk:
    """The two halves of one connection: one listens, one sends; only the second half writes frames."""

    def __init__(self, world: World, conversation: Conversation, follower: Follower) -> None:
        self._world = world
        self._conversation = conversation
        self._follower = follower
        self._replies: list[str] = conversation.welcome()
        self._taken = asyncio.Event()
        follower.wake()

    async def listen(self, receive: Receive) -> None:
        """Take what the client says, until it goes."""
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            with self._world.lock:
                self._world.settle()
                if text is None:
                    self._conversation.receive_bytes()
                else:
                    self._replies += self._conversation.receive(text)
                lines = self._write_down(message)
                self._listen_as_told()
            for line in lines:
                self._world.tell(line)
            self._follower.wake()
            # A client that only talks must not keep the sender from its turn.
            await asyncio.sleep(0)
            await self._let_replies_go()

    async def _let_replies_go(self) -> None:
        """Wait while too much is to be sent. If the client goes meanwhile, the sender ends or sends into the void."""
        while len(self._replies) > REPLIES_WAITING:
            self._taken.clear()
            await self._taken.wait()

    async def send_news(self, send: Send) -> None:
        """Send what happens, as it happens, in order."""
        while True:
            await self._follower.news()
            while frames := self._take():
                for frame in frames:
                    await send({"type": "websocket.send", "text": frame})
                    self._follower.moved()
            self._follower.caught_up()

    def _take(self) -> list[str]:
        with self._world.lock:
            if self._replies:
                frames, self._replies = self._replies, []
                self._taken.set()
                return frames
            frames = self._conversation.pending()
            self._listen_as_told()
            return frames

    def _listen_as_told(self) -> None:
        for task_id, wanted in self._conversation.changes:
            if wanted:
                self._follower.follow(task_id)
            else:
                self._follower.unfollow(task_id)
        self._conversation.changes.clear()

    def _write_down(self, message: Message) -> list[str]:
        """Keep what was dropped in the journal; the lines that tell of it."""
        lines = []
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
            lines.append(printable(f"socket ({exchange.id}): {exchange.outcome.reason}"))
        self._conversation.notes.clear()
        return lines


async def no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse an upgrade at any other path with 404 (socket.md §3: unknown; our choice)."""
    if "websocket.http.response" in scope.get("extensions", {}):
        headers: list[tuple[bytes, bytes]] = [(b"content-length", b"0")]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
        return
    await send({"type": "websocket.close", "code": 1000})
