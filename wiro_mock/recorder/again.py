"""What a second connection tells of a task again: all from the beginning, or only where the task stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

NO_STATUS: Final = frozenset({"task_output", "task_error"})


class Again:
    """Compares the frames of a connection with those that came before it; the first other one ends that."""

    def __init__(self, before: Sequence[Mapping[str, Any]]) -> None:
        self._before = before
        self._place = 0
        stood = (one.get("type") for one in reversed(before) if one.get("type") not in NO_STATUS)
        self._stood = next(stood, None)
        self._over = False

    def has(self, frame: Mapping[str, Any]) -> bool:
        """Whether this frame has been told before."""
        if self._over or self._place >= len(self._before):
            return False
        if frame == self._before[self._place]:
            self._place += 1
            return True
        self._over = True
        return self._place == 0 and (frame.get("type") == self._stood or frame == self._before[-1])
