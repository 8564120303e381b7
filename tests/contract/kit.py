"""Servers that differ from the mock in a known way, and the suite played against them.

A drifted server is the mock's own app with something between it and the wire: an edit of JSON answers, one of frames.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.api_kit import KEY, SECRET, make_world
from wiro_mock.asgi import create_app
from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.client import Credentials
from wiro_mock.contract.promise import Promise
from wiro_mock.contract.runner import Result, Target, run
from wiro_mock.contract.verdicts import Verdict
from wiro_mock.mock import World
from wiro_mock.server import ServerThread

Answered = tuple[int, Any]
EditAnswer = Callable[[str, int, Any], Answered]
EditFrame = Callable[[dict[str, Any]], list[dict[str, Any]]]


@dataclass
class Drifted:
    """An ASGI app around another: `answer` edits path, status and JSON; `frame` makes frames of a frame."""

    app: ASGIApp
    answer: EditAnswer | None = None
    frame: Callable[[], EditFrame] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.answer:
            await self.app(scope, receive, _Answer(send, scope["path"].removeprefix("/v1/"), self.answer))
        elif scope["type"] == "websocket" and self.frame:
            # Without the extension by which the mock's own server is handed several frames at once.
            await self.app({**scope, "extensions": {}}, receive, _Frames(send, self.frame()))
        else:
            await self.app(scope, receive, send)


@dataclass
class _Answer:
    send: Send
    path: str
    edit: EditAnswer
    start: Message = field(default_factory=dict)
    body: bytes = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = dict(message)
            return
        if message["type"] != "http.response.body":
            await self.send(message)
            return
        self.body += message.get("body", b"")
        if message.get("more_body"):
            return
        headers = [(name, value) for name, value in self.start["headers"] if name != b"content-length"]
        body = self.body
        if dict(headers).get(b"content-type", b"").startswith(b"application/json"):
            self.start["status"], value = self.edit(self.path, self.start["status"], json.loads(body))
            body = json.dumps(value).encode()
        self.start["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
        await self.send(self.start)
        await self.send({"type": "http.response.body", "body": body})


@dataclass
class _Frames:
    send: Send
    edit: EditFrame

    async def __call__(self, message: Message) -> None:
        text = message.get("text") if message["type"] == "websocket.send" else None
        if text is None:
            await self.send(message)
            return
        for frame in self.edit(json.loads(text)):
            await self.send({"type": "websocket.send", "text": json.dumps(frame)})


def our_target(thread: ServerThread, *, key: str = KEY, secret: str = SECRET) -> Target:
    """A running server as the suite is told of it."""
    return Target(
        url=f"{thread.url}/v1",
        socket_url=f"ws://{thread.netloc}/v1",
        credentials=Credentials(key=key, secret=secret),
    )


def contract_world(**settings: Any) -> World:
    """A world as `--target mock` has it."""
    return make_world(**{"time": "auto", "poll": "next", **settings})


@contextmanager
def drifted(
    *, answer: EditAnswer | None = None, frame: Callable[[], EditFrame] | None = None, world: World | None = None
) -> Iterator[Target]:
    """A server that differs in these two ways, or in none."""
    made = world or contract_world()
    with ServerThread(Drifted(create_app(made), answer, frame)) as thread:
        yield our_target(thread)
    made.close()


@contextmanager
def serving(app: ASGIApp) -> Iterator[Target]:
    """Any server."""
    with ServerThread(app) as thread:
        yield our_target(thread)


@dataclass(frozen=True, kw_only=True)
class Played:
    """What the suite made of a server, and what it said."""

    result: Result
    lines: list[str]

    def named(self, name: str) -> Verdict:
        (found,) = (one for one in self.result.verdicts if one.promise.name == name)
        return found

    @property
    def broken(self) -> dict[str, Any]:
        """What was expected and what came, by the promise."""
        return {one.promise.name: (one.expected, one.got) for one in self.result.verdicts if one.outcome == "broken"}

    @property
    def notes(self) -> list[tuple[str, str]]:
        return [(note.level, note.text) for one in self.result.verdicts for note in one.notes]

    @property
    def skipped(self) -> dict[str, str]:
        return {one.promise.name: one.because for one in self.asked if one.outcome == "skipped"}

    @property
    def asked(self) -> list[Verdict]:
        """The verdicts but for those of areas that are checked by wish only, and were not wished for."""
        by_wish = [one for one in self.result.verdicts if one.because.startswith("checked only by --only")]
        return [one for one in self.result.verdicts if one not in by_wish]


def named(*names: str) -> list[Promise]:
    """These promises."""
    return [one for one in PROMISES if one.name in names]


def played(target: Target, *areas: str, promises: Sequence[Promise] = PROMISES, **more: Any) -> Played:
    """Play the suite."""
    lines: list[str] = []
    result = run(
        target,
        **{"areas": areas, "agreed": lambda text: False, "write": lines.append, "promises": promises, **more},
    )
    return Played(result=result, lines=lines)
