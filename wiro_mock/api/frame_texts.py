"""The texts of the latest frames: what a thousand sockets are told of one entry is made once.

Entries and tasks are values, so for the very same ones (not equal ones: 1 equals true) the text is the same.
"""

from __future__ import annotations

from typing import NamedTuple

from wiro_mock.api import jsontext
from wiro_mock.api.frames import frame
from wiro_mock.api.origin import origins
from wiro_mock.api.profile import Profile
from wiro_mock.kernel.events import Entry
from wiro_mock.kernel.task import Task

MOST = 256
LONGEST = 1 << 16
"""Characters of a text that is kept: together they are never more than 16 MiB."""


class _Kept(NamedTuple):
    entry: Entry
    task: Task
    profile: Profile
    text: str | None


class FrameTexts:
    """The latest texts, by entry and by the origin of the connection."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], _Kept] = {}

    def of(self, entry: Entry, task: Task, origin: str, profile: Profile) -> str | None:
        """The text of an entry's frame, for a connection of this origin; None where it has none."""
        key = (id(entry), origin)
        kept = self._kept.get(key)
        if kept is not None and kept.entry is entry and kept.task is task and kept.profile is profile:
            return kept.text
        shape = frame(entry, task, origins(origin), profile)
        text = None if shape is None else jsontext.dumps(shape)
        self._kept.pop(key, None)
        if text is None or len(text) <= LONGEST:
            self._kept[key] = _Kept(entry, task, profile, text)
            if len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        return text
