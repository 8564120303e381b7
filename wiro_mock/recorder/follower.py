"""What becomes of a run: listen to its task at the upstream's socket, beside the client, and write what was seen.

So a task is recorded whether its client listens, polls, or has crashed. It is written at every new status, marked as a
part, and as a whole at its end.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wiro_mock.api.jsontext import loads
from wiro_mock.kernel.events import Instant
from wiro_mock.recorder.again import Again
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import CannotRecord, Shelf
from wiro_mock.recorder.sighting import TERMINAL, Hook, Seen, Sighting, listed
from wiro_mock.recorder.talked import Talk
from wiro_mock.recorder.told import frames_of
from wiro_mock.recorder.writing import Writer, without
from wiro_mock.recording import NotRecordable

if TYPE_CHECKING:
    import ssl

MOST: Final = 64 << 20
"""Characters of a task's frames that are kept in memory."""
CLOSING: Final = 1.0
"""Seconds that the upstream gets to close a socket."""
SOON: Final = 0.05
"""Seconds in which what comes together is written together."""
PAUSES: Final = (0.1, 0.5, 2.0)
"""Seconds before a socket that broke is opened again."""
MOST_FILES: Final = 256 << 20
"""Bytes of a task's outputs that are kept in memory."""
A_PIECE: Final = 600
"""Bytes of memory that a piece of sound takes besides itself."""
LAST: Final = TERMINAL | {"task_postprocess_start"}
"""What comes behind `task_end`."""
LEFT: Final = "its client left"
BROKE: Final = "the upstream's socket broke"
UNHEARD: Final = (
    "a run to which nobody listened; Task/Detail told its phases in whole seconds, and its output as one piece"
)

Fetch = Callable[[str], Awaitable[bytes | None]]
"""The bytes of an output at a URL; None where they cannot be had."""


@dataclass(slots=True, kw_only=True)
class Follower:
    """Follows one task. `fetch` is None where bytes are not wanted; `now` is the time in microseconds; `tls` is for a
    socket behind TLS; `heard` is told of every frame as it came.
    """

    sighting: Sighting
    task_id: str
    token: str
    shelf: Shelf
    redactor: Redactor
    tell: Callable[[str], None]
    now: Callable[[], int]
    fetch: Fetch | None
    heard: Callable[[dict[str, Any], int], None] | None = None
    tls: ssl.SSLContext | None = None
    weight: int = 0
    """Of what is kept of it in memory, about."""
    alone: bool = False
    """Whether nobody tells of it for now."""
    ending: bool = False
    """It has told `task_end`."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing more comes."""
    _over: bool = False
    _urls: list[str] = field(default_factory=list)
    _listener: Any = None
    _hanging_up: asyncio.Future[None] | None = None
    _writer: Writer = field(init=False)
    _due: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        """Nothing has been written."""
        self._writer = Writer(shelf=self.shelf, redactor=self.redactor, now=self.now)

    async def follow(self, socket_url: str) -> None:
        """Listen to the end, and write it."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        tls, why = self.tls if socket_url.startswith("wss:") else None, ""
        for pause in (*PAUSES, None):
            try:
                async with connect(socket_url, max_size=MOST, close_timeout=CLOSING, ssl=tls) as self._listener:
                    await self._listener.send(json.dumps({"type": "task_info", "tasktoken": self.token}))
                    await self._listen(self._listener, list(self.sighting.frames))
                why = "it was closed before the task's end"
            except (OSError, WebSocketException) as error:
                why = str(error)
            if pause is None or self.over.is_set() or self.sighting.partial or self.sighting.detail:
                break
            await asyncio.sleep(pause)
        self._broken(why)
        await self._finish()

    async def attend(self) -> None:
        """Somebody else listens, and tells of it: until it is over, and then write it."""
        await self.over.wait()
        await self._finish()

    async def _finish(self) -> None:
        self._over = True
        self.over.set()
        self._end_by_detail()
        await self._download(self._urls)
        self.write()

    def left(self, *, broken: bool) -> None:
        """The client of a realtime session has gone, and nobody is to take its place; or the upstream has closed it."""
        if self.sighting.last is None:
            if broken:
                self._broken("it was closed before the session's end")
            self.sighting.partial = self.sighting.partial or LEFT
            self.write()
            if self._listener is not None:
                self._hanging_up = asyncio.ensure_future(self._listener.close())

    def _broken(self, why: str) -> None:
        if self.sighting.last is None and not self.sighting.partial:
            self.sighting.partial = BROKE
            said = self.redactor.text(why)
            self.tell(f"the upstream's socket for {self.sighting.name} broke ({said}); what was seen of it is kept")

    async def _listen(self, listener: Any, before: Sequence[Seen]) -> None:
        """Listen on one connection; what came `before` on another one is told again there, from the beginning or as
        where the task stands (socket.md §2.4).
        """
        again = Again([seen.frame for seen in before])
        async for said in listener:
            if isinstance(said, bytes):
                token, _, pcm = said.partition(b"|")
                if token == self.token.encode() and not before:
                    self.voice(pcm)
            elif not isinstance(frame := _json(said), dict):
                continue  # no frame of Wiro's
            elif self.is_about(frame):
                if not before or not again.has(self._clean(frame)):
                    self.take(frame, len(said))
            elif self.heard and not before:
                self.heard(frame, self.now())
            if self.over.is_set():
                return

    def is_about(self, frame: Mapping[str, Any]) -> bool:
        """Whether a frame tells of this task."""
        whose = str(frame.get("id", self.task_id)) == self.task_id and frame.get("tasktoken", self.token) == self.token
        return whose and frame.get("type") != "connected"

    def take(self, frame: dict[str, Any], size: int) -> None:
        """This was told of it, in so many characters."""
        kind = str(frame.get("type"))
        if self.heard:
            self.heard(frame, self.now())
        if not self._fits(size):
            return
        if self.sighting.talk is not None and self.ending and kind not in LAST:
            return  # of a session that is over all may be told again
        self.ending = self.ending or kind == "task_end"
        if kind == "task_stream_ready" and self.sighting.talk is None:
            self.sighting.talk = Talk()
        if self.sighting.partial in (LEFT, BROKE):
            self.sighting.partial = ""  # it has come back
        self.sighting.frames.append(Seen(at=self.now(), frame=self._clean(frame)))
        if kind in TERMINAL:
            self._urls = [str(one.get("url", "")) for one in listed(frame)]
            self.over.set()
        elif kind not in ("task_output", "task_error"):
            self._write_soon()

    def voice(self, pcm: bytes) -> None:
        """This was said in a realtime session."""
        if (talk := self.sighting.talk) is None or self.ending:
            return
        before = len(talk.sound)
        # A quarter of it is for the frames; of what is said too long, the length is kept.
        room = MOST * 3 // 4 - before if self.fetch else 0
        seen = talk.voice(pcm, self.now(), room)
        if self._fits(len(talk.sound) - before + A_PIECE):
            self.sighting.frames.append(seen)

    def _fits(self, size: int) -> bool:
        """Whether there is room for more."""
        self.weight += size
        if self.weight > MOST and not self.over.is_set():
            self.sighting.partial = f"it told more than {MOST >> 20} MiB"
            self.tell(f"{self.sighting.name} {self.sighting.partial}; what was seen of it is kept")
            self.over.set()
        return self.weight <= MOST

    async def detail(self, task: Mapping[str, Any]) -> None:
        """Task/Detail has said this of the task: the end of a task whose socket broke, and what no frame tells."""
        if str(task.get("status")) not in TERMINAL or self.sighting.detail:
            return
        self.sighting.detail = self._clean(
            {key: task.get(key) for key in ("status", "pexit", "debugoutput", "outputs")}
        )
        if self.sighting.last is None:
            self._urls = [str(one.get("url", "")) for one in task.get("outputs") or [] if isinstance(one, dict)]
        if self._over:
            await self._finish()
        elif self.alone and not self.sighting.frames:  # nobody listens to it here
            self.sighting.note = UNHEARD
            self.sighting.frames = [self.clean(one) for one in frames_of(task, self.sighting.at, self.now())]
            self.over.set()

    async def conclude(self, task: Mapping[str, Any], frames: Sequence[Seen]) -> None:
        """Nobody could listen: the task has ended like this, after frames like these."""
        self.sighting.frames = [self.clean(one) for one in frames]
        self._over = True
        await self.detail(task)
        if self.sighting.last is None:
            self.sighting.partial = "the answer did not tell of its end"
            self.write()

    def _end_by_detail(self) -> None:
        """The end that nobody told over the socket, where Detail has told it."""
        seen = self.sighting
        if seen.last is None and seen.detail:
            end = {"type": seen.detail["status"], "message": seen.detail.get("outputs") or []}
            seen.frames.append(Seen(at=self.now(), frame=end))

    def stopped(self) -> None:
        """It ends by its client's own request."""
        self.sighting.stopped = True
        if self._over:
            self.write()

    def hook(self, body: object, at: Instant) -> None:
        """A webhook has come with this body: a Detail answer (rest.md §5.2)."""
        listed = body.get("tasklist") if isinstance(body, dict) else None
        task = listed[0] if isinstance(listed, list) and listed else body
        code = task.get("pexit") if isinstance(task, dict) else None
        told = int(code) if isinstance(code, int | str) and re.fullmatch(r"-?[0-9]{1,3}", str(code)) else None
        self.sighting.hooks.append(Hook(at=at, code=told))
        if self._over:
            self.write()

    def clean(self, seen: Seen) -> Seen:
        """The same without anything secret."""
        return Seen(at=seen.at, frame=self._clean(seen.frame))

    def _clean(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        """The frame without secrets, and without the task's id in its texts."""
        cleaned = self.redactor.value({key: one for key, one in frame.items() if key not in ("id", "tasktoken")})
        assert isinstance(cleaned, dict)
        return dict(without(cleaned, self.task_id))

    async def _download(self, urls: list[str]) -> None:
        for place, url in enumerate([url for url in urls if url] if self.fetch else ()):
            assert self.fetch is not None
            if sum(map(len, self.sighting.files.values())) > MOST_FILES:
                self.tell(
                    f"{self.sighting.name} made more than {MOST_FILES >> 20} MiB; the other bytes are not recorded"
                )
                return
            if place in self.sighting.files:
                continue
            data = await self.fetch(url)
            if data is not None:
                self.weight += len(data)
                self.sighting.files[place] = await asyncio.to_thread(self.redactor.data, data)

    def _write_soon(self) -> None:
        """Write this status, with those that come in the same breath."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(SOON, self._write_part)

    def _write_part(self) -> None:
        self._due = None
        if self._writer.may:
            self.write()

    def write(self) -> None:
        """Write what has been seen by now; say why where it cannot be."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        try:
            self._writer.write(self.sighting)
        except (NotRecordable, CannotRecord) as error:
            if self.sighting.last is not None or self.sighting.partial:
                self.tell(f"{self.sighting.name} is not recorded whole: {error}")


def _json(text: str) -> object:
    with suppress(ValueError):
        return loads(text)
    return None
