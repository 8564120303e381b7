"""Server-sent events on their way: each line goes on as soon as it is whole, and what it tells is looked at beside it.

So a client sees the first event while its task goes on. Lines are kept until they end, never more of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import httpx

from wiro_mock.kernel.events import Instant
from wiro_mock.recorder.follower import MOST, Follower
from wiro_mock.recorder.passing import parsed
from wiro_mock.recorder.runs import Run, Runs
from wiro_mock.recorder.sighting import Seen
from wiro_mock.recorder.told import STREAMED, heard_of

KIND: Final = "text/event-stream"


@dataclass(slots=True)
class Lines:
    """The lines of a stream, which may come in any pieces; each ends as it did."""

    _begun: bytearray = field(default_factory=bytearray)

    def take(self, piece: bytes) -> list[bytes]:
        """The lines that have ended by now. One that is too long is given in parts."""
        self._begun += piece
        if b"\n" not in piece and b"\r" not in piece and len(self._begun) <= MOST:
            return []
        lines = bytes(self._begun).splitlines(keepends=True)
        self._begun.clear()
        if not lines[-1].endswith((b"\n", b"\r")) and len(lines[-1]) <= MOST:
            self._begun += lines.pop()
        return lines

    def rest(self) -> bytes:
        """What has not ended when the stream does."""
        return bytes(self._begun)


@dataclass(slots=True)
class Events:
    """What the lines of a stream tell (WHATWG HTML §9.2.6): its events, by name and data."""

    _name: str = ""
    _data: list[str] = field(default_factory=list)
    _size: int = 0
    _split: bool = False

    def take(self, line: bytes) -> tuple[str, str] | None:
        """The event that this line is the end of, if any. One of too much data is none."""
        after, self._split = self._split, line.endswith(b"\r")
        text = line.decode(errors="replace").rstrip("\r\n")
        if not text:
            return None if after and line == b"\n" else self._whole()  # a line's end that came in two pieces
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._size += len(value)
            if self._size <= MOST:
                self._data.append(value)
        return None

    def _whole(self) -> tuple[str, str] | None:
        event = (self._name, "\n".join(self._data)) if self._data and self._size <= MOST else None
        self._name, self._data, self._size = "", [], 0
        return event


@dataclass(slots=True, kw_only=True)
class Watch:
    """A synchronous run that streams. Where `start` names the task's token it is followed like any other; else it is
    made of what the stream tells.
    """

    runs: Runs
    run: Run
    path: str
    now: Callable[[], Instant]
    _follower: Follower | None = None
    _follows: bool = False
    _said: list[Seen] = field(default_factory=list)
    _over: bool = False

    def event(self, name: str, data: str) -> None:
        """This was told. Whatever becomes of the recording, the client gets its stream."""
        try:
            self._take(name, data)
        except Exception as error:
            self._over = True
            self.runs.tell(f"a stream is not recorded: {type(error).__name__}, a mistake in wiro_mock itself")

    def _take(self, name: str, data: str) -> None:
        told = parsed(data)
        if not isinstance(told, dict) or self._over:
            return
        if name == "start" and self._follower is None:
            token = str(told.get("socketaccesstoken") or told.get("tasktoken") or "")
            self._begin(str(told.get("taskid") or told.get("id") or ""), token)
        elif name == "task_output" and self._follower is not None and not self._follows:
            self._hear(self._follower, told, len(data))
        elif name == "done":
            self._done(told)

    def end(self, why: str) -> None:
        """Nothing more comes of it."""
        if self._follower is not None and not self._follows and not self._over:
            self._follower.sighting.frames = self._clean()
            self._follower.sighting.partial = self._follower.sighting.partial or why
            self._follower.write()

    def _begin(self, task_id: str, token: str) -> Follower:
        self._follows = bool(token and task_id)
        if self._follows:
            self.runs.redactor.learn(token, pool="tokens")
            self._follower = self.runs.follow(self.run, self.path, task_id, token)
        else:
            self._follower = self.runs.follower(self.run, self.path, task_id, token)
            self._follower.write()
        return self._follower

    def _hear(self, follower: Follower, told: dict[str, object], size: int) -> None:
        follower.weight += size
        if follower.weight > MOST:
            follower.sighting.partial = f"it told more than {MOST >> 20} MiB"
        elif frame := heard_of(told, self._said[0].at if self._said else self.now(), self.now()):
            self._said.append(frame)

    def _done(self, told: dict[str, object]) -> None:
        task = self.runs.task_of(told)
        if task is None:
            return
        self._over = True
        follower = self._follower or self._begin("", "")
        if self._follows:
            self.runs.spawn(follower, follower.detail(task))
        else:
            self.runs.conclude(follower, task, self._said, STREAMED)

    def _clean(self) -> list[Seen]:
        assert self._follower is not None
        return [self._follower.clean(one) for one in self._said]


async def watched(pieces: AsyncGenerator[bytes], to_ours: Callable[[str], str], watch: Watch) -> AsyncGenerator[bytes]:
    """The stream with our addresses in place of the upstream's; of each event is told before its end goes on."""
    lines, events, why = Lines(), Events(), "its client left the stream"

    def ours(line: bytes) -> bytes:
        if b"://" not in line:
            return line
        return to_ours(line.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    try:
        async with aclosing(pieces):
            async for piece in pieces:
                found = lines.take(piece)
                for event in filter(None, map(events.take, found)):
                    watch.event(*event)
                if found:
                    yield b"".join(map(ours, found))
        why = "the stream ended before the task"
        if rest := lines.rest():
            yield ours(rest)
    except httpx.HTTPError:
        why = "the stream broke"
        raise
    finally:
        watch.end(why)
