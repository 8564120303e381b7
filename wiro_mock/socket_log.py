"""What was said on the sockets of a world: a bounded record of frames, without any credential.

Frames are recorded as the bytes are made, and read only when somebody looks: what costs time (the type, the task)
is found out then. A text that is sent is recorded before it leaves, so whoever has received a frame finds it here.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, TypeAlias

from wiro_mock.api import jsontext
from wiro_mock.clock import monotonic
from wiro_mock.kernel.events import Instant
from wiro_mock.masking import Mask

FRAMES_KEPT = 1_000
BYTES_KEPT = 16 << 20
TEXT_KEPT = 64 << 10
"""Characters of one frame that are kept."""
HEAD = 64
"""Bytes of a binary frame that are kept, in hex."""
BINARY = "binary"
"""The type of a binary frame, as a fault's `when: {frame: binary}` has it. Ours: on the wire it has none."""
OVERHEAD = 250
"""Bytes that a frame takes beside its text, roughly."""

_BEGINNING: Final = re.compile(r'\{"type":"(\w+)","id":"(\w+)",')

Direction: TypeAlias = Literal["in", "out"]
"""Seen from the server: `in` is what a client said."""


def _nobody(token: str) -> str:  # noqa: ARG001 -- where no task is known
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketFrame:
    """One frame. `at` is in microseconds since the epoch, by the world's clock; `socket` counts the world's
    connections from 1; `type` is the frame's own, `binary` for sound, and empty where it has none or cannot be read;
    `size` is in bytes.

    `text` is the frame without credentials, cut at 64 KiB; of a binary frame, its first 64 bytes in hex.
    """

    id: int
    at: Instant
    socket: int
    direction: Direction
    task_id: str
    type: str
    text: str = field(repr=False)
    size: int


@dataclass(slots=True)
class _Raw:
    """A frame as it is recorded. Where `task_id` or `type` is None, the text is read for it when it is asked for."""

    at: Instant
    socket: int
    direction: Direction
    text: str
    size: int
    task_id: str | None = None
    type: str | None = None


class FrameLog:
    """The latest frames, oldest first: at most 1 000, and at most 16 MiB. Safe to use from several threads.

    `mask` blots out credentials in what a client said; `task_of` finds the task's id for the token of a binary frame.
    """

    def __init__(
        self,
        mask: Mask | None = None,
        *,
        task_of: Callable[[str], str] = _nobody,
        frames: int = FRAMES_KEPT,
        size: int = BYTES_KEPT,
    ) -> None:
        self._mask = mask or Mask()
        self._task_of = task_of
        self._most, self._size = frames, size
        self._kept: deque[_Raw] = deque()
        self._weight = 0
        self._count = 0
        self._waiting = 0
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[SocketFrame]:
        return iter(self.frames)

    @property
    def frames(self) -> Sequence[SocketFrame]:
        """What is kept, oldest first."""
        return self._since(0)[0]

    @property
    def dropped(self) -> int:
        """How many frames were forgotten to make room."""
        with self._news:
            return self._count - len(self._kept)

    def sent(self, socket: int, at: Instant, frames: Iterable[str | bytes]) -> None:
        """Record frames that are about to be sent on a socket."""
        self._record(
            [_sent(socket, at, one) if isinstance(one, str) else self._audio(socket, at, one) for one in frames]
        )

    def heard(self, socket: int, at: Instant, said: str | bytes, *, task_id: str = "") -> None:
        """Record what a client said; `task_id` is the task that it names, where there is one."""
        size = len(said.encode("utf-8", "surrogatepass")) if isinstance(said, str) else len(said)
        if isinstance(said, str):
            text = self._mask.cut(said, TEXT_KEPT)
            # What is so long is looked into by nobody: its type is not worth the time that others would wait.
            kind = None if len(said) <= TEXT_KEPT else ""
        else:
            text, kind = self._mask.cut(said[: HEAD + self._mask.margin].decode("latin-1"), HEAD), BINARY
            text = text.encode("latin-1").hex(" ")
        raw = _Raw(at, socket, "in", text, size, task_id, kind)
        self._record([raw])

    def wait_for(
        self, predicate: Callable[[SocketFrame], bool], timeout_seconds: float, *, count: int = 1
    ) -> list[SocketFrame]:
        """Wait, on the system's clock, until `count` frames fit the predicate; those that do, oldest first.

        Frames of before the call count too. Fewer than `count` are returned when the time is over, and no error is
        raised. The predicate is called once for every frame, without any lock.
        """
        end = monotonic() + timeout_seconds
        found: list[SocketFrame] = []
        seen = 0
        while True:
            frames, seen = self._since(seen)
            found += filter(predicate, frames)
            if len(found) >= count or not self._wait_beyond(seen, end - monotonic()):
                return found

    def _audio(self, socket: int, at: Instant, data: bytes) -> _Raw:
        from wiro_mock.api.session_shape import PIPE, TOKEN_LENGTH  # a start need not wait for it

        token, pipe, _ = data[: TOKEN_LENGTH + 1].partition(PIPE)
        task_id = self._task_of(token.decode("ascii", "replace")) if pipe else ""
        return _Raw(at, socket, "out", data[:HEAD].hex(" "), len(data), task_id, BINARY)

    def _wait_beyond(self, seen: int, seconds: float) -> bool:
        """Wait until there are more frames than these; whether there are."""
        with self._news:
            self._waiting += 1
            try:
                return self._news.wait_for(lambda: self._count > seen, max(0.0, seconds))
            finally:
                self._waiting -= 1

    def _record(self, raws: Sequence[_Raw]) -> None:
        with self._lock:
            self._kept.extend(raws)
            self._count += len(raws)
            for raw in raws:
                self._weight += len(raw.text) + OVERHEAD
            while len(self._kept) > self._most or self._weight > self._size:
                self._weight -= len(self._kept.popleft().text) + OVERHEAD
            if self._waiting:
                self._news.notify_all()

    def _since(self, seen: int) -> tuple[list[SocketFrame], int]:
        """The kept frames after the first `seen` of all, and how many there have been in all."""
        with self._news:
            forgotten = self._count - len(self._kept)
            start = max(0, seen - forgotten)
            raws, count = list(islice(self._kept, start, None)), self._count
        return [_frame(forgotten + start + place, raw) for place, raw in enumerate(raws, 1)], count


def _sent(socket: int, at: Instant, text: str) -> _Raw:
    if len(text) <= TEXT_KEPT:
        # Nearly every frame is in ASCII, and that is known without looking at it.
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        return _Raw(at, socket, "out", text, size)
    # Ours begin with both: to read all of a long one takes a millisecond, for each of its followers.
    found = _BEGINNING.match(text)
    kind, task_id = (found[1], found[2]) if found is not None else _read(text)
    return _Raw(at, socket, "out", text[:TEXT_KEPT], len(text.encode("utf-8", "surrogatepass")), task_id, kind)


def _frame(number: int, raw: _Raw) -> SocketFrame:
    if raw.type is None:
        kind, task_id = _read(raw.text)
        if raw.task_id is None:
            raw.task_id = task_id
        raw.type = kind  # the last of the two, since another thread may be reading the same frame
    return SocketFrame(
        id=number,
        at=raw.at,
        socket=raw.socket,
        direction=raw.direction,
        task_id=raw.task_id or "",
        type=raw.type,
        text=raw.text,
        size=raw.size,
    )


def _read(text: str) -> tuple[str, str]:
    """The type and the task's id of a frame; empty where it has none, or cannot be read."""
    try:
        frame = jsontext.loads(text)
    except ValueError:
        return "", ""
    if not isinstance(frame, dict):
        return "", ""
    kind, task_id = frame.get("type"), frame.get("id")
    return kind if isinstance(kind, str) else "", task_id if isinstance(task_id, str) else ""
