"""Where webhooks go that stay in this process: an ASGI app, a respx router, or a client such as a TestClient.

A receiver takes a `Post`: the bytes of one attempt, and what was answered. Nothing here opens a socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from wiro_mock.api.messages import Damage
from wiro_mock.deliveries import BYTES_KEPT, Attempt, Webhook

DRIPS_PER_SECOND: Final = 10
WHOLE: Final = Damage()
ANSWER_LIMIT: Final = 64 << 10
"""Bytes of an answer of an app that are waited for."""


@dataclass(slots=True, kw_only=True)
class Post:
    """One attempt on its way: the body in `pieces`, and what is done to it there.

    In real seconds, a byte takes `pace`, and a `hang` lasts for `hang`; both are 0 where time is virtual.
    """

    webhook: Webhook
    pieces: list[bytes]
    content_type: str = "application/json"
    damage: Damage = WHOLE
    pace: float = 0.0
    hang: float = 0.0
    attempt: Attempt = field(default_factory=lambda: Attempt(at=0))

    def __post_init__(self) -> None:
        self.attempt.size = self.size
        self.attempt.sent = b"".join(self.pieces[:2])[:BYTES_KEPT]

    @property
    def url(self) -> str:
        """Where it goes."""
        return self.webhook.delivery.url

    @property
    def size(self) -> int:
        """The bytes of the whole body."""
        return sum(map(len, self.pieces))

    @property
    def breaks(self) -> str:
        """How it ends before its end, for the tester; empty where it is whole."""
        end, at = self.damage.end, self.damage.stop_at
        if not end:
            return ""
        how = {"reset": "reset", "close": "cut off", "hang": "stopped"}[end]
        where = "before its first byte" if at is None else f"after {at} of {self.size} bytes"
        return f"{how} {where}: {self.webhook.fault}"

    def sent_pieces(self) -> Iterator[bytes]:
        """The body as far as it comes, in as many pieces as it comes in."""
        left = (self.damage.stop_at or 0) if self.damage.end else self.size
        most = max(1, self.damage.drip // DRIPS_PER_SECOND) if self.damage.drip else self.size
        for piece in self.pieces:
            for start in range(0, min(len(piece), left), most):
                yield piece[start : min(start + most, left)]
            left -= min(len(piece), left)

    def answered(self, status: int, headers: list[tuple[str, str]]) -> None:
        """The head of the answer has come."""
        self.webhook.status = self.attempt.status = status
        self.attempt.headers = tuple(headers[:50])

    def answered_with(self, data: bytes) -> None:
        """A piece of the answer's body has come."""
        self.attempt.answer += data[: max(0, BYTES_KEPT - len(self.attempt.answer))]


class Receiver(Protocol):
    """Who takes webhooks in this process."""

    async def post(self, post: Post) -> str:
        """Take one; what went wrong, or nothing."""
        ...


@dataclass(slots=True)
class Receivers:
    """The receivers and the hosts (globs) that are theirs; the latest goes first."""

    _all: list[tuple[str, Receiver]] = field(default_factory=list)

    def add(self, host: str, receiver: Receiver) -> None:
        """From now on it takes the webhooks for these hosts."""
        self._all.insert(0, (host.lower(), receiver))

    def remove(self, receiver: Receiver) -> None:
        """It takes none any more. Again is no error."""
        self._all = [one for one in self._all if one[1] is not receiver]

    def get(self, url: str) -> Receiver | None:
        """Who takes webhooks for this URL; None where they leave the process."""
        if not self._all:
            return None
        try:
            host = (urlsplit(url).hostname or "").lower()
        except ValueError:
            return None
        return next((receiver for glob, receiver in self._all if fnmatchcase(host, glob)), None)


Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class AsgiReceiver:
    """An ASGI app. With a `loop` it is called there, which is the loop of the test; else where the webhook is posted.

    Its lifespan is not run: whoever needs it runs it, as with `httpx.ASGITransport`.
    """

    app: App
    loop: asyncio.AbstractEventLoop | None = None

    async def post(self, post: Post) -> str:
        """Take one; an exception of the app is what a server makes of it: 500."""
        calling = _call(self.app, post)
        if self.loop is None or self.loop is asyncio.get_running_loop():
            return await calling
        if self.loop.is_closed():
            calling.close()
            return "the event loop in which wiro.webhooks.to(app) was called is closed"
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(calling, self.loop))


async def _call(app: App, post: Post) -> str:
    if post.damage.is_total:
        return post.breaks  # the app's server has no request of which it could tell
    pieces = iter([*post.sent_pieces()])
    over = asyncio.Event()
    left = ANSWER_LIMIT

    async def receive() -> Message:
        piece = next(pieces, None)
        if piece is not None:
            await asyncio.sleep(len(piece) * post.pace)
            return {"type": "http.request", "body": piece, "more_body": True}
        if not post.damage.end and not over.is_set():
            over.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(post.hang if post.damage.end == "hang" else 0)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message.get("headers", ())]
            if not post.damage.end:  # nobody hears the answer to what was cut off
                post.answered(message["status"], headers)
        elif message["type"] == "http.response.body":
            left -= len(message.get("body", b""))
            post.answered_with(bytes(message.get("body", b"")))
            if left < 0:
                raise OSError("the receiver of the webhook reads no more than 64 KiB")

    told = post.breaks
    try:
        await app(_scope(post), receive, send)
    except Exception as error:
        if told or left < 0:
            return told
        if post.webhook.status is None:
            post.answered(500, [])
        return f"the app raised {type(error).__name__}: {error}"
    return told or ("" if post.webhook.status else "the app has not answered")


def _scope(post: Post) -> Message:
    parts = urlsplit(post.url)
    headers = [
        (b"host", parts.netloc.rpartition("@")[2].encode("latin-1", "replace")),
        (b"content-type", post.content_type.encode("latin-1", "replace")),
        (b"content-length", b"%d" % post.size),
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": (parts.path or "/").encode("ascii", "replace"),
        "query_string": parts.query.encode("ascii", "replace"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)),
    }


@dataclass(slots=True, eq=False)
class CallReceiver:
    """A function in a thread: `call(url, headers, body)` gives the status, the headers and the body of the answer."""

    call: Callable[[str, dict[str, str], bytes], tuple[int, list[tuple[str, str]], bytes]]

    async def post(self, post: Post) -> str:
        """Take one; what the function raises is the reason."""
        if post.damage != WHOLE:
            why = "nothing can be cut off there" if post.damage.end else "nothing drips there"
            return f"{post.webhook.fault}, could not be done: {why}; give wiro.webhooks.to an app"
        headers = {"content-type": post.content_type, "content-length": str(post.size)}
        try:
            status, answered, body = await asyncio.to_thread(self.call, post.url, headers, b"".join(post.pieces))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        post.answered(status, answered)
        post.answered_with(body[:BYTES_KEPT])
        return ""
