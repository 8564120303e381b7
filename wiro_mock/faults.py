"""The faults that are armed in a world, and which of them a request meets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from http import HTTPStatus

from wiro_mock.api import Outcome, Response

ARMED = 10_000
"""So many faults are armed at a time; of more, the oldest are forgotten."""


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """An HTTP status for the next `times` requests of an operation; only for those that name the task, if one is given.

    `where` is where it was set; `struck` counts the requests that met it.
    """

    operation: str
    status: int
    times: int = 1
    task_id: str = ""
    where: str = ""
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
    """The armed faults, oldest first."""

    def __init__(self) -> None:
        self.armed: deque[Fault] = deque(maxlen=ARMED)

    def arm(self, fault: Fault) -> Fault:
        """From now on it may be met."""
        self.armed.append(fault)
        return fault

    def strike(self, operation: str, task_id: str) -> Fault | None:
        """The oldest fault that a request of this operation, about this task, meets; it has been met once more."""
        for fault in self.armed:
            if fault.operation == operation and fault.task_id in ("", task_id):
                fault.struck += 1
                if fault.struck >= fault.times:
                    self.armed.remove(fault)
                return fault
        return None
