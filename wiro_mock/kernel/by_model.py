"""Which tasks are of which model, so that a list of one model's tasks needs no walk over all the others."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator


class ByModel:
    """The ids of tasks by the names of their models, in the order in which the tasks were made."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, None]] = {}

    def add(self, name: str, task_id: str) -> None:
        """A task was made; its id is a larger number than those before it."""
        self._ids.setdefault(name, {})[task_id] = None

    def remove(self, name: str, task_id: str) -> None:
        """A task was forgotten."""
        del self._ids[name][task_id]
        if not self._ids[name]:
            del self._ids[name]

    def names(self) -> Iterable[str]:
        """The models that have tasks."""
        return self._ids.keys()

    def count(self, names: Iterable[str]) -> int:
        """How many tasks these models have together."""
        return sum(len(self._ids[name]) for name in names)

    def ids(self, names: Iterable[str], *, newest_first: bool) -> Iterator[str]:
        """The ids of these models' tasks, in the order in which they were made, or in the opposite order."""
        each = (self._ids[name] for name in names)
        walks = (reversed(ids) if newest_first else iter(ids) for ids in each)
        return heapq.merge(*walks, key=int, reverse=newest_first)
