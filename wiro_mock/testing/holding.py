"""Holds that a test sets: at which point of a task's life, and which tasks wait there.

A point is a status as the socket names it (`task_start`), or a step as scenarios name it (`stream`): the task is held
before it. `nth` counts the times that a task comes to the point, so the fortieth word of a stream is a point, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import islice
from types import TracebackType
from typing import Final, Self

from wiro_mock.clock import monotonic
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing.options import seconds
from wiro_mock.testing.sequences import check_no_loop

LOOK_AGAIN = 0.02
"""Real seconds after which somebody who waits looks again: where time passes by itself, nobody else may be looking."""


__tracebackhide__ = True  # a failure is in the tester's line


def _of(*kinds: type[Event]) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, kinds)


def _says(kind: type[str | e.Progress | e.Snapshot | e.Reply]) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, e.Output) and isinstance(event.message, kind)


POINTS: Final[Mapping[str, Callable[[Event], bool]]] = {
    "task_queue": _of(e.Requeued),
    "task_accept": _of(e.Accepted),
    "task_preprocess_start": _of(e.PreprocessStarted),
    "task_preprocess_end": _of(e.PreprocessEnded),
    "task_assign": _of(e.Assigned),
    "task_start": _of(e.Started),
    "task_output": _of(e.Output),
    "task_error": _of(e.ErrorOutput, e.SetupFailed),
    "task_output_full": _of(e.OutputEnded),
    "task_error_full": _of(e.ErrorEnded),
    "task_end": _of(e.Exited),
    "task_postprocess_start": _of(e.PostprocessStarted),
    "task_postprocess_end": _of(e.PostprocessEnded, e.GaveUp),
    "task_cancel": _of(e.Cancelled),
    "task_stream_ready": _of(e.StreamReady),
    "task_stream_end": _of(e.StreamEnded),
    "task_cost": _of(e.TurnCharged),
    "audio": _of(e.Voiced),
    "accept": _of(e.Accepted),
    "preprocess": _of(e.PreprocessStarted),
    "assign": _of(e.Assigned),
    "start": _of(e.Started),
    "print": _says(str),
    "stderr": _of(e.ErrorOutput),
    "progress": _says(e.Progress),
    "tick": _says(e.Progress),
    "stream": _says(e.Snapshot),
    "answer": _says(e.Reply),
    "session": _of(e.StreamReady),
    "produce": _of(e.Produced),
    "exit": _of(e.OutputEnded),
    "postprocess": _of(e.PostprocessStarted),
    "cancel": _of(e.Cancelled),
    "setup_error": _of(e.SetupFailed),
}
"""Where a task can be held: frames of the socket, then steps of the language; `task_queue` is a return to the queue."""


def point(name: str, *, asking: str) -> Callable[[Event], bool]:
    """The events of a point. Raises `Misuse` for no such name; `asking` is what wanted it, such as `hold`."""
    if not isinstance(name, str):
        raise Misuse(f"{asking}: a point is a text such as 'task_start', not {name!r}")
    if name not in POINTS:
        raise Misuse(f"{asking}: {name!r} is no point in a task's life; {did_you_mean(name, POINTS)}")
    return POINTS[name]


class Hold:
    """Tasks wait before a point until `release`, or until the with block ends. Made by `WiroMock.hold`.

    Of several holds at one point a task is kept until all of them have let it go. `where` is the place in the tester's
    code that set it.
    """

    def __init__(self, world: World, name: str, *, nth: int = 1, model: str = "*", where: str = "") -> None:
        if type(nth) is not int or nth < 1:
            raise Misuse(f"hold: nth counts from 1, and is not {nth!r}")
        self.name = name
        self.where = where
        self.model = model
        self.nth = nth
        self._is_it = point(name, asking="hold")
        self._world = world
        self._come: dict[str, tuple[int, int]] = {}
        self._kept: dict[str, None] = {}
        self._caught: list[str] = []
        self._news = threading.Event()
        self._met = False
        with world.lock:
            world.settle()
            self._gone_before = {task.job.id for task in world.sim.tasks() if task.finished}
            world.gates.append(self)

    def __repr__(self) -> str:
        nth = f", nth={self.nth}" if self.nth != 1 else ""
        model = f", model={self.model!r}" if self.model != "*" else ""
        held = f"holds {', '.join(self.held)}" if self.held else "holds nothing"
        return f"<hold({self.name!r}{nth}{model}) set at {self.where}: {held}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = ", ".join(self.held)
        if kind is not None and held:
            self._world.tell(f"task {held} was held by hold({self.name!r}) set at {self.where} until the test failed")
        self.release()

    @property
    def held(self) -> list[str]:
        """The ids of the tasks that wait here now."""
        with self._world.lock:
            self._world.settle()
            return [task_id for task_id in self._kept if self.keeps(task_id)]

    @property
    def is_set(self) -> bool:
        """Whether it still holds whoever comes."""
        return self in self._world.gates

    @property
    def was_of_use(self) -> bool:
        """Whether a task waited here, or one was on its way when the hold ended, or stopped on its way."""
        return bool(self._caught) or self._met or self._is_somebody_on_the_way()

    def _is_somebody_on_the_way(self) -> bool:
        with self._world.lock:
            tasks = [task for task in self._world.sim.tasks() if task.job.id not in self._gone_before]
            tasks = [task for task in tasks if task.job.model.fits(self.model)]
            return any(not task.finished or task.status is Status.CANCEL for task in tasks)

    def release(self, task: object = None) -> None:
        """Let everybody go on, now, and hold nobody any more; or only this task (or its id). Again is no error."""
        with self._world.lock:
            held = self.held
            if task is None and self.is_set:
                self._met = self._is_somebody_on_the_way()
                self._world.gates.remove(self)
            for task_id in held:
                if task is None or task_id == str(getattr(task, "id", task)):
                    del self._kept[task_id]
                    self._world.let_go(task_id)

    def wait(self, timeout: float | str | timedelta = 5.0) -> str:
        """Wait until a task has come here, for so long on the system's clock; returns its id.

        Where time has to be moved by hand, or nobody follows the task, it does not come by itself: `Misuse` says so.
        """
        check_no_loop("hold.wait", "hold.wait_async")
        return self._wait(seconds(timeout, asking="wait"))

    async def wait_async(self, timeout: float | str | timedelta = 5.0) -> str:
        """`wait` in a thread, for asyncio and trio: the loop goes on meanwhile."""
        from anyio import to_thread

        length = seconds(timeout, asking="wait_async")
        return await to_thread.run_sync(lambda: self._wait(length), abandon_on_cancel=True)

    def _wait(self, length: float) -> str:
        end = monotonic() + length
        while not self.held and not self._news.wait(min(LOOK_AGAIN, max(0.0, end - monotonic()))):
            if monotonic() >= end:
                raise Misuse(f"no task came to hold({self.name!r}) within {length:g} s; {self._where_all_are()}")
        return (self.held or self._caught)[-1]

    def _where_all_are(self) -> str:
        world = self._world
        with world.lock:
            unfinished = [task for task in world.sim.tasks() if not task.finished]
            told = [f"task {task.job.id} is in {task.status}" for task in unfinished[:3]]
        way = ", and stands still: wiro.jump moves it" if world.clock.mode == "manual" else ""
        return f"{'; '.join(told) or 'no task is on its way'} (time is {world.clock.mode}{way})"

    # -- as a gate of the world, which asks before each step of a plan, some steps more than once ---------------

    def __call__(self, task: Task, event: Event) -> str:
        """Its name where this very step is the one to be held back."""
        self._kept.pop(task.job.id, None)  # whoever comes to a step is held at no earlier one
        if not self._is_it(event) or not task.job.model.fits(self.model) or self._come_before(task) + 1 != self.nth:
            return ""
        self._kept[task.job.id] = None
        self._caught.append(task.job.id)
        self._news.set()
        return self.name

    def keeps(self, task_id: str) -> bool:
        """Whether this task waits here."""
        return task_id in self._kept and task_id in self._world.sim.holds()

    def _come_before(self, task: Task) -> int:
        """How often the task has been past the point; of its log, only what is new is looked at."""
        log = self._world.sim.log(task.job.id)
        looked_at, come = self._come.get(task.job.id, (0, 0))
        come += sum(self._is_it(entry.event) for entry in islice(log, looked_at, None))
        self._come[task.job.id] = (len(log), come)
        return come
