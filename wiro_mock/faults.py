"""The faults that are armed in a world, and which of them a request meets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from wiro_mock.api import Outcome, Response

ARMED = 10_000
"""For so many tasks faults are armed at a time; of more, the oldest are forgotten."""


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """An HTTP status for the next `times` requests of an operation; only for those that name the task, if one is given.

    `where` is where it was set; `struck` counts the requests that met it; an `optional` one need not be met.
    """

    operation: str
    status: int
    times: int = 1
    task_id: str = ""
    where: str = ""
    optional: bool = False
    struck: int = 0

    def __str__(self) -> str:
        return f"status {self.status} on {self.operation}"

    def answer(self) -> tuple[Response, Outcome]:
        """What the client gets instead, and what the journal is told.

        No source shows a gateway of Wiro's; the phrase of the status as plain text is our choice.
        """
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Error"
        response = Response(
            status=self.status, headers=(("content-type", "text/plain; charset=utf-8"),), content=phrase.encode()
        )
        told = f"the fault {self}, set at {self.where}, no. {self.struck} of {self.times}; the request had no effect"
        return response, Outcome(operation=self.operation, task_id=self.task_id, reason=told)


class Faults:
    """The armed faults. Not safe without the world's lock."""

    def __init__(self) -> None:
        self._armed: dict[tuple[str, str], deque[Fault]] = {}

    def __bool__(self) -> bool:
        return bool(self._armed)

    def __iter__(self) -> Iterator[Fault]:
        """Those that may still be met, by operation and task."""
        return iter([fault for faults in self._armed.values() for fault in faults])

    def arm(self, fault: Fault) -> Fault:
        """From now on it may be met."""
        self._armed.setdefault((fault.operation, fault.task_id), deque()).append(fault)
        if len(self._armed) > ARMED:
            del self._armed[next(iter(self._armed))]
        return fault

    def strike(self, operation: str, task_id: str) -> Fault | None:
        """The fault that a request of this operation, about this task, meets; it has been met once more.

        Those of the task go before those of every task, and the oldest before the others.
        """
        for key in ((operation, task_id), (operation, "")):
            if faults := self._armed.get(key):
                fault = faults[0]
                fault.struck += 1
                if fault.struck >= fault.times:
                    faults.popleft()
                    if not faults:
                        del self._armed[key]
                return fault
        return None
