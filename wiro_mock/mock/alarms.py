"""When somebody who waits wants to be called although nothing has happened: at the end of a wait, or after a silence.

Each has one alarm at a time. A `cap` is an end, and time that jumps comes to it; a `reminder` is only heard of when
time has come there by itself, or for another reason: it never drives the clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Literal

from wiro_mock.kernel.events import Instant

Wake = Callable[[], None]
_SPARE = 64
"""So many forgotten entries are left where they are, before a heap is made anew."""


class Alarms:
    """The alarms of a world. Not safe without its lock."""

    def __init__(self) -> None:
        self._set: dict[Wake, tuple[Literal["cap", "reminder"], Instant, int]] = {}
        self._heaps: dict[Literal["cap", "reminder"], list[tuple[Instant, int, Wake]]] = {"cap": [], "reminder": []}
        self._count = 0

    def __len__(self) -> int:
        return len(self._set)

    def __contains__(self, wake: Wake) -> bool:
        return wake in self._set

    def set(self, wake: Wake, at: Instant, kind: Literal["cap", "reminder"]) -> None:
        """Call `wake` once, at this instant or soon after it, in place of what was set for it before."""
        self._count += 1
        self._set[wake] = (kind, at, self._count)
        heap = self._heaps[kind]
        heapq.heappush(heap, (at, self._count, wake))
        if len(heap) > 2 * len(self._set) + _SPARE:
            heap[:] = [entry for entry in heap if self._is_set(kind, entry)]
            heapq.heapify(heap)

    def drop(self, wake: Wake) -> None:
        """Call it no more. Again is no error."""
        self._set.pop(wake, None)

    def first(self, kind: Literal["cap", "reminder"]) -> Instant | None:
        """The earliest of this kind."""
        heap = self._heaps[kind]
        while heap and not self._is_set(kind, heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def ring(self, now: Instant) -> None:
        """Call whoever is to be called by now."""
        for kind, heap in self._heaps.items():
            while (first := self.first(kind)) is not None and first <= now:
                wake = heapq.heappop(heap)[2]
                del self._set[wake]
                wake()

    def _is_set(self, kind: Literal["cap", "reminder"], entry: tuple[Instant, int, Wake]) -> bool:
        at, number, wake = entry
        return self._set.get(wake) == (kind, at, number)
