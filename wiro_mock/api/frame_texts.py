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
"""Characters of a text that is kept: together they are never more than 16 MiB. Of longer ones, which nobody but the
followers of the moment asks for, the latest is.
"""


class _Kept(NamedTuple):
    entry: Entry
    task: Task
    profile: Profile
    text: str | None


class FrameTexts:
    """The latest texts, by entry and by the origin of the connection."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], _Kept] = {}
        self._long: tuple[tuple[int, str], _Kept] | None = None

    def of(self, entry: Entry, task: Task, origin: str, profile: Profile) -> str | None:
        """The text of an entry's frame, for a connection of this origin; None where it has none."""
        key = (id(entry), origin)
        kept = self._long[1] if self._long is not None and self._long[0] == key else self._kept.get(key)
        if kept is not None and kept.entry is entry and kept.task is task and kept.profile is profile:
            return kept.text
        shape = frame(entry, task, origins(origin), profile)
        text = None if shape is None else jsontext.dumps(shape)
        self._kept.pop(key, None)
        made = _Kept(entry, task, profile, text)
        if text is not None and len(text) > LONGEST:
            self._long = key, made
            return text
        self._long = None
        self._kept[key] = made
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return text
