"""What becomes of a run: listen to its task at the upstream's socket, beside the client, and write what was seen.

So a task is recorded whether its client listens, polls, or has crashed. It is written at every new status, marked as a
part, and as a whole at its end.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from wiro_mock.recorder.observed import TERMINAL, Seen, Sighting, scenario_of
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import CannotRecord, Shelf
from wiro_mock.recording import NotRecordable

MOST: Final = 64 << 20
"""Characters of a task's frames that are kept in memory."""
CLOSING: Final = 1.0
"""Seconds that the upstream gets to close a socket."""
ID_HERE: Final = "\ue000task.id\ue000"
"""Stands for the task's id until the text is YAML, where it becomes a name to be filled in."""
WRITTEN_ID: Final = "\\ue000task.id\\ue000"

Fetch = Callable[[str], Awaitable[bytes | None]]
"""The bytes of an output at a URL; None where they cannot be had."""


@dataclass(slots=True, kw_only=True)
class Follower:
    """Follows one task. `fetch` is None where bytes are not wanted; `now` is the time in microseconds. `heard` is told
    of every frame as it came.
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

    async def follow(self, socket_url: str) -> None:
        """Listen to the end, and write it."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        try:
            async with connect(socket_url, max_size=MOST, close_timeout=CLOSING) as listener:
                await listener.send(json.dumps({"type": "task_info", "tasktoken": self.token}))
                await self._listen(listener)
        except (OSError, WebSocketException) as error:
            self.sighting.partial = "the upstream's socket broke"
            said = self.redactor.text(str(error))
            self.tell(f"the upstream's socket for {self.sighting.name} broke ({said}); what was seen of it is kept")
        self.write()

    async def _listen(self, listener: Any) -> None:
        size = 0
        async for text in listener:
            if isinstance(text, bytes) or not isinstance(frame := _json(text), dict):
                continue  # sound, or no frame of Wiro's
            if self.heard:
                self.heard(frame, self.now())
            if str(frame.get("id", self.task_id)) != self.task_id or frame.get("type") == "connected":
                continue
            if (size := size + len(text)) > MOST:
                self.sighting.partial = f"it told more than {MOST >> 20} MiB"
                return
            urls = [str(one.get("url", "")) for one in _outputs(frame)]
            self.sighting.frames.append(Seen(at=self.now(), frame=self._clean(frame)))
            if frame.get("type") in TERMINAL:
                await self._download([url for url in urls if url])
                return
            if frame.get("type") not in ("task_output", "task_error"):
                self.write()

    def _clean(self, frame: dict[str, Any]) -> dict[str, Any]:
        """The frame without secrets, and without the task's id in its texts."""
        cleaned = self.redactor.value({key: one for key, one in frame.items() if key not in ("id", "tasktoken")})
        assert isinstance(cleaned, dict)
        return dict(_without(cleaned, self.task_id))

    async def _download(self, urls: list[str]) -> None:
        for place, url in enumerate(urls if self.fetch else ()):
            assert self.fetch is not None
            data = await self.fetch(url)
            if data is not None:
                self.sighting.files[place] = self.redactor.data(data)

    def write(self) -> None:
        """Write what has been seen by now; say why where it cannot be."""
        try:
            made = scenario_of(self.sighting)
            text = made.text.replace(WRITTEN_ID, "${task.id}")
            self.shelf.write(self.sighting.name, type(made)(text=text, files=made.files))
        except (NotRecordable, CannotRecord) as error:
            if self.sighting.last is not None:
                self.tell(f"{self.sighting.name} is not recorded whole: {error}")


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _outputs(frame: dict[str, Any]) -> list[dict[str, Any]]:
    message = frame.get("message")
    return [one for one in message if isinstance(one, dict)] if isinstance(message, list) else []


def _without(value: Any, task_id: str) -> Any:
    """The value with a place-holder for a task's id, where that is long enough to be meant."""
    if isinstance(value, str):
        return value.replace(task_id, ID_HERE) if len(task_id) >= 5 else value
    if isinstance(value, list):
        return [_without(one, task_id) for one in value]
    if isinstance(value, dict):
        return {key: _without(one, task_id) for key, one in value.items()}
    return value
