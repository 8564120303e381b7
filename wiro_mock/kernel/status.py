"""The statuses of a task, and the one table that says what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event


class Status(StrEnum):
    """The statuses of a task; their values are the strings on the wire (rest.md §4.1)."""

    QUEUE = "task_queue"
    ACCEPT = "task_accept"
    PREPROCESS_START = "task_preprocess_start"
    PREPROCESS_END = "task_preprocess_end"
    ASSIGN = "task_assign"
    START = "task_start"
    OUTPUT = "task_output"
    OUTPUT_FULL = "task_output_full"
    END = "task_end"
    POSTPROCESS_START = "task_postprocess_start"
    POSTPROCESS_END = "task_postprocess_end"
    CANCEL = "task_cancel"
    ERROR = "task_error"


TERMINAL: Final = frozenset({Status.POSTPROCESS_END, Status.CANCEL})
"""Exactly two statuses close a task (socket.md §1.4)."""

KILLABLE: Final = frozenset(
    {Status.ASSIGN, Status.START, Status.OUTPUT, Status.OUTPUT_FULL, Status.END, Status.POSTPROCESS_START}
)
"""Kill works "from task_assign on" (rest.md §4.3)."""
_SESSION: Final = (e.StreamReady, e.Heard, e.Voiced, e.StreamEnded, e.TurnCharged, e.SessionEnded)
"""What happens in a realtime session. It leaves the status alone: which one Detail shows meanwhile, nobody knows."""

TRANSITIONS: Final[Mapping[Status, Mapping[type[Event], Status]]] = {
    Status.QUEUE: {e.Accepted: Status.ACCEPT, e.Cancelled: Status.CANCEL},
    Status.ACCEPT: {
        e.PreprocessStarted: Status.PREPROCESS_START,
        e.Assigned: Status.ASSIGN,
        e.SetupFailed: Status.ERROR,
        e.Cancelled: Status.CANCEL,
    },
    Status.PREPROCESS_START: {
        e.PreprocessEnded: Status.PREPROCESS_END,
        e.SetupFailed: Status.ERROR,
        e.Cancelled: Status.CANCEL,
    },
    Status.PREPROCESS_END: {e.Assigned: Status.ASSIGN, e.SetupFailed: Status.ERROR, e.Cancelled: Status.CANCEL},
    Status.ASSIGN: {e.Started: Status.START, e.SetupFailed: Status.ERROR, e.Cancelled: Status.CANCEL},
    Status.START: {
        e.Output: Status.OUTPUT,
        e.ErrorOutput: Status.START,
        e.Produced: Status.START,
        **dict.fromkeys(_SESSION, Status.START),
        e.OutputEnded: Status.OUTPUT_FULL,
        e.Cancelled: Status.CANCEL,
    },
    Status.OUTPUT: {
        e.Output: Status.OUTPUT,
        e.ErrorOutput: Status.OUTPUT,
        e.Produced: Status.OUTPUT,
        **dict.fromkeys(_SESSION, Status.OUTPUT),
        e.OutputEnded: Status.OUTPUT_FULL,
        e.Cancelled: Status.CANCEL,
    },
    Status.OUTPUT_FULL: {
        e.ErrorEnded: Status.OUTPUT_FULL,
        e.Exited: Status.END,
        e.Cancelled: Status.CANCEL,
    },
    Status.END: {e.PostprocessStarted: Status.POSTPROCESS_START, e.Cancelled: Status.CANCEL},
    Status.POSTPROCESS_START: {e.PostprocessEnded: Status.POSTPROCESS_END, e.Cancelled: Status.CANCEL},
    Status.POSTPROCESS_END: {e.FilesDeleted: Status.POSTPROCESS_END},
    Status.CANCEL: {e.FilesDeleted: Status.CANCEL},
    Status.ERROR: {
        e.Requeued: Status.QUEUE,
        e.GaveUp: Status.POSTPROCESS_END,
        e.Cancelled: Status.CANCEL,
    },
}
"""Status → {event type → status}: the only place where legality is written."""


class IllegalEvent(Exception):
    """An event that cannot follow; the message names the event, the status and what could."""


def next_status(status: Status, event: Event) -> Status:
    """The status after the event, or `IllegalEvent`."""
    allowed = TRANSITIONS[status]
    try:
        return allowed[type(event)]
    except KeyError:
        names = ", ".join(kind.__name__ for kind in allowed)
        raise IllegalEvent(f"{type(event).__name__} cannot follow {status}; what can: {names}") from None
