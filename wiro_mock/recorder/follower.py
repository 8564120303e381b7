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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from wiro_mock.api.jsontext import loads
from wiro_mock.kernel.events import Instant
from wiro_mock.recorder.again import Again
from wiro_mock.recorder.halves import without_halves
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import CannotRecord, Shelf
from wiro_mock.recorder.sighting import TERMINAL, Hook, Seen, Sighting, listed
from wiro_mock.recording import NotRecordable

if TYPE_CHECKING:
    import ssl

MOST: Final = 64 << 20
"""Characters of a task's frames that are kept in memory."""
CLOSING: Final = 1.0
"""Seconds that the upstream gets to close a socket."""
PAUSES: Final = (0.1, 0.5, 2.0)
"""Seconds before a socket that broke is opened again."""
MOST_FILES: Final = 256 << 20
"""Bytes of a task's outputs that are kept in memory."""
ID_HERE: Final = "\ue000task.id\ue000"
"""Stands for the task's id until the text is YAML, where it becomes a name to be filled in."""
WRITTEN_ID: Final = "\\ue000task.id\\ue000"

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
    _over: bool = False
    _urls: list[str] = field(default_factory=list)

    async def follow(self, socket_url: str) -> None:
        """Listen to the end, and write it."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        tls, why = self.tls if socket_url.startswith("wss:") else None, ""
        for pause in (*PAUSES, None):
            try:
                async with connect(socket_url, max_size=MOST, close_timeout=CLOSING, ssl=tls) as listener:
                    await listener.send(json.dumps({"type": "task_info", "tasktoken": self.token}))
                    await self._listen(listener, list(self.sighting.frames))
                why = "it was closed before the task's end"
            except (OSError, WebSocketException) as error:
                why = str(error)
            if pause is None or self.sighting.last or self.sighting.partial or self.sighting.detail:
                break
            await asyncio.sleep(pause)
        self._broken(why)
        self._over = True
        await self._end_by_detail()
        self.write()

    def _broken(self, why: str) -> None:
        if self.sighting.last is None and not self.sighting.partial:
            self.sighting.partial = "the upstream's socket broke"
            said = self.redactor.text(why)
            self.tell(f"the upstream's socket for {self.sighting.name} broke ({said}); what was seen of it is kept")

    async def _listen(self, listener: Any, before: Sequence[Seen]) -> None:
        """Listen on one connection; what came `before` on another one is told again there, from the beginning or as
        where the task stands (socket.md §2.4).
        """
        again = Again([seen.frame for seen in before])
        async for text in listener:
            if isinstance(text, bytes) or not isinstance(frame := _json(text), dict):
                continue  # sound, or no frame of Wiro's
            is_ours = str(frame.get("id", self.task_id)) == self.task_id and frame.get("type") != "connected"
            if before and (not is_ours or again.has(self._clean(frame))):
                continue
            if self.heard:
                self.heard(frame, self.now())
            if not is_ours:
                continue
            self.weight += len(text)
            if self.weight > MOST:
                self.sighting.partial = f"it told more than {MOST >> 20} MiB"
                self.tell(f"{self.sighting.name} {self.sighting.partial}; what was seen of it is kept")
                return
            urls = [str(one.get("url", "")) for one in listed(frame)]
            self.sighting.frames.append(Seen(at=self.now(), frame=self._clean(frame)))
            if str(frame.get("type")) in TERMINAL:
                await self._download([url for url in urls if url])
                return
            if frame.get("type") not in ("task_output", "task_error"):
                self.write()

    async def detail(self, task: Mapping[str, Any]) -> None:
        """Task/Detail has said this of the task: the end of a task whose socket broke, and what no frame tells."""
        if str(task.get("status")) not in TERMINAL or self.sighting.detail:
            return
        self.sighting.detail = self._clean(
            {key: task.get(key) for key in ("status", "pexit", "debugoutput", "outputs")}
        )
        self._urls = [str(one.get("url", "")) for one in task.get("outputs") or [] if isinstance(one, dict)]
        if self._over:
            await self._end_by_detail()
            self.write()

    async def conclude(self, task: Mapping[str, Any], frames: Sequence[Seen]) -> None:
        """Nobody could listen: the task has ended like this, after frames like these."""
        self.sighting.frames = [self.clean(one) for one in frames]
        self._over = True
        await self.detail(task)
        if self.sighting.last is None:
            self.sighting.partial = "the answer did not tell of its end"
            self.write()

    async def _end_by_detail(self) -> None:
        """The end that nobody told over the socket, where Detail has told it."""
        seen = self.sighting
        if seen.last is None and seen.detail:
            end = {"type": seen.detail["status"], "message": seen.detail.get("outputs") or []}
            seen.frames.append(Seen(at=self.now(), frame=end))
            await self._download([url for url in self._urls if url])

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
        return dict(_without(cleaned, self.task_id))

    async def _download(self, urls: list[str]) -> None:
        for place, url in enumerate(urls if self.fetch else ()):
            assert self.fetch is not None
            if sum(map(len, self.sighting.files.values())) > MOST_FILES:
                self.tell(
                    f"{self.sighting.name} made more than {MOST_FILES >> 20} MiB; the other bytes are not recorded"
                )
                return
            data = await self.fetch(url)
            if data is not None:
                self.weight += len(data)
                self.sighting.files[place] = await asyncio.to_thread(self.redactor.data, data)

    def _cleaned(self) -> list[Seen]:
        frames = without_halves(
            [seen.frame for seen in self.sighting.frames], self.redactor, partial=self.sighting.last is None
        )
        return [Seen(at=seen.at, frame=frame) for seen, frame in zip(self.sighting.frames, frames, strict=True)]

    def write(self) -> None:
        """Write what has been seen by now; say why where it cannot be."""
        try:
            made = scenario_of(replace(self.sighting, frames=self._cleaned()))
            text = made.text.replace(WRITTEN_ID, "${task.id}")
            self.shelf.write(self.sighting.name, type(made)(text=text, files=made.files))
        except (NotRecordable, CannotRecord) as error:
            if self.sighting.last is not None or self.sighting.partial:
                self.tell(f"{self.sighting.name} is not recorded whole: {error}")


def _json(text: str) -> object:
    with suppress(ValueError):
        return loads(text)
    return None


def _without(value: Any, task_id: str) -> Any:
    """The value with a place-holder for a task's id, where that is long enough to be meant."""
    if isinstance(value, str):
        return value.replace(task_id, ID_HERE) if len(task_id) >= 5 else value
    if isinstance(value, list):
        return [_without(one, task_id) for one in value]
    if isinstance(value, dict):
        return {key: _without(one, task_id) for key, one in value.items()}
    return value
