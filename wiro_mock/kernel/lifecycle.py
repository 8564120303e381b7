"""What belongs to a task's life and need not be said: the shortest way to an event, and the way to the end.

Whoever makes a log from something shorter asks here: the scenario language for its steps, a live run for what its
backend yields. There is no second opinion on what is legal: all of this is read off `TRANSITIONS`.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event
from wiro_mock.kernel.prices import NOTHING_SAID, Used
from wiro_mock.kernel.status import TRANSITIONS, Status
from wiro_mock.kernel.task import Task

Filler: TypeAlias = type[e.Accepted | e.Assigned | e.Started]
_FILLERS: Final[tuple[Filler, ...]] = (e.Accepted, e.Assigned, e.Started)
_RUNS: Final = frozenset({Status.START, Status.OUTPUT})
_ENDED: Final = frozenset({Status.END, Status.POSTPROCESS_START})


def way_to(status: Status, wanted: type[Event]) -> tuple[Filler, ...]:
    """The shortest way by lifecycle events to a status in which the wanted event may happen.

    Empty too when there is none: then the event itself is illegal, and says so.
    """
    roads = deque[tuple[Status, tuple[Filler, ...]]]([(status, ())])
    while roads:
        here, road = roads.popleft()
        if wanted in TRANSITIONS[here]:
            return road
        roads.extend((TRANSITIONS[here][kind], (*road, kind)) for kind in _FILLERS if kind in TRANSITIONS[here])
    return ()


def exiting(task: Task, code: int, used: Used = NOTHING_SAID) -> list[Event]:
    """How the process of a task ends from where it stands, with this code: up to `Exited`."""
    events: list[Event] = [kind() for kind in way_to(task.status, e.OutputEnded)]
    events.append(e.OutputEnded())
    if task.complaints:
        events.append(e.ErrorEnded())
    return [*events, e.Exited(code=code, used=used)]


def closing(task: Task) -> list[Event]:
    """What comes after the end of the process, as far as it has not happened."""
    if task.status is Status.END:
        return [e.PostprocessStarted(), e.PostprocessEnded()]
    return [e.PostprocessEnded()] if task.status is Status.POSTPROCESS_START else []


def failing(task: Task, reason: str) -> list[Event]:
    """How a task fails from where it stands, with exit code 1: before its start as a set-up that failed (socket.md S6),
    after it as a process that wrote the reason to stderr. Where the process has ended, it only comes to its end.
    """
    if task.status in _ENDED:
        return closing(task)
    if task.status in _RUNS:
        told: list[Event] = [e.ErrorOutput(text=reason), e.OutputEnded(), e.ErrorEnded(), e.Exited(code=1)]
        return [*told, e.PostprocessStarted(), e.PostprocessEnded()]
    preparing = [e.PreprocessEnded()] if task.status is Status.PREPROCESS_START else []
    return [*preparing, e.SetupFailed(message=reason), e.GaveUp(code=1)]
