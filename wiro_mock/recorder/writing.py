"""What has been seen of a run, on its way to the disk: without halves of secrets, and no file twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from zlib import crc32

from wiro_mock.recorder.halves import without_halves
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import Shelf
from wiro_mock.recorder.sighting import Seen, Sighting
from wiro_mock.recording import Recording

ID_HERE: Final = "\ue000task.id\ue000"
"""Stands for the task's id until the text is YAML, where it becomes a name to be filled in."""
WRITTEN_ID: Final = "\\ue000task.id\\ue000"
REST: Final = 50
"""After a long session has been written in part, it is not again for so many times as long as that took."""


@dataclass(slots=True, kw_only=True)
class Writer:
    """Writes one run, as often as there is more of it."""

    shelf: Shelf
    redactor: Redactor
    now: Callable[[], int]
    _there: dict[str, tuple[int, int]] = field(default_factory=dict)
    _not_before: int = 0

    @property
    def may(self) -> bool:
        """Whether it is time to write a part."""
        return self.now() >= self._not_before

    def write(self, sighting: Sighting) -> None:
        """Write what has been seen. Raises `NotRecordable` and `CannotRecord`."""
        begun = self.now()
        made = scenario_of(replace(sighting, frames=self._cleaned(sighting)))
        text = made.text.replace(WRITTEN_ID, "${task.id}")
        marks = {name: (len(data), crc32(data)) for name, data in made.files.items()}
        new = {name: data for name, data in made.files.items() if self._there.get(name) != marks[name]}
        self.shelf.write(sighting.name, Recording(text=text, files=new))
        for name in self._there.keys() - marks.keys():
            self.shelf.drop(name)
        self._there = marks
        if sighting.talk is not None:
            self._not_before = self.now() + REST * (self.now() - begun)

    def _cleaned(self, sighting: Sighting) -> list[Seen]:
        frames = without_halves([one.frame for one in sighting.frames], self.redactor, partial=sighting.last is None)
        return [Seen(at=seen.at, frame=frame) for seen, frame in zip(sighting.frames, frames, strict=True)]


def without(value: Any, task_id: str) -> Any:
    """The value with a place-holder for a task's id, where that is long enough to be meant."""
    if isinstance(value, str):
        return value.replace(task_id, ID_HERE) if len(task_id) >= 5 else value
    if isinstance(value, list):
        return [without(one, task_id) for one in value]
    if isinstance(value, dict):
        return {key: without(one, task_id) for key, one in value.items()}
    return value
