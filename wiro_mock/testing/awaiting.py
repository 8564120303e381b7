"""Waiting in a coroutine until a task has come to a point, on the world's clock, in whatever way its time passes.

Where time jumps, it is moved; where a test moves it, and where it passes by itself, it is waited for. Whoever waits
sees what is due as a client would, so nobody else need follow the task. The patience is in real seconds in every mode.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from wiro_mock.clock import monotonic
from wiro_mock.kernel.events import SECOND, Event
from wiro_mock.misuse import Misuse
from wiro_mock.testing.holding import LOOK_AGAIN, point
from wiro_mock.testing.views import Task

__tracebackhide__ = True  # a failure is in the tester's line


class Waiting:
    """Somebody who waits until a task has come to a point for the nth time; `to` is empty for its end, whichever it is.

    Raises `Misuse` for no such point.
    """

    def __init__(self, task: Task, to: str, *, nth: int = 1) -> None:
        if type(nth) is not int or nth < 1:
            raise Misuse(f"wait_for: nth counts from 1, and is not {nth!r}")
        self.task = task
        self._world = task._era.world
        self._to = to
        self._nth = nth
        self._is_it: Callable[[Event], bool] | None = None if to == "" else point(to, asking="wait_for")
        self._looked_at = self._come = 0
        self._news = threading.Event()
        self._given_up = False

    async def wait(self, length: float) -> None:
        """Wait for so many real seconds at most, in a thread. Raises `AssertionError` that says why it has not come."""
        from anyio import to_thread

        try:
            await to_thread.run_sync(self._wait, length, abandon_on_cancel=True)
        finally:
            # The thread of somebody who was cancelled must move no clock any more.
            self._given_up = True
            self._news.set()

    def _wait(self, length: float) -> None:
        end = monotonic() + length
        self._world.watch(self.task.id, self._wake)
        try:
            while not self._given_up:
                self._news.clear()
                with self._world.lock:
                    again = self._look()
                if again is None:
                    return
                if (left := end - monotonic()) <= 0:
                    raise AssertionError(self._in_vain(length))
                self._news.wait(min(again, left))
        finally:
            self._world.unwatch(self.task.id, self._wake)

    def _wake(self) -> None:
        self._news.set()

    def _look(self) -> float | None:
        """Real seconds after which to look again; None where the task has come. Moves time where it jumps."""
        world = self._world
        if world.sim is not self.task._era.sim:
            raise AssertionError(f"task {self.task.id} is gone, for the world was reset while it was waited for")
        world.settle()
        if self._has_come():
            return None
        if self.task.finished:
            raise AssertionError(f"task {self.task.id} ended in {self.task.status}, and did not come to {self._there}")
        deadline = world.sim.next_deadline()
        if deadline is None:
            return LOOK_AGAIN
        if world.clock.autojump and world.sim.can_progress(self.task.id):
            world.jump(deadline)
            return 0.0
        seconds = world.clock.seconds_until(deadline)
        return LOOK_AGAIN if seconds is None else min(seconds, LOOK_AGAIN)

    def _has_come(self) -> bool:
        if self._is_it is None:
            return self.task.finished
        new = self.task._log[self._looked_at :]
        self._looked_at += len(new)
        self._come += sum(self._is_it(entry.event) for entry in new)
        return self._come >= self._nth

    @property
    def _there(self) -> str:
        times = f" more than {self._come} times" if self._nth > 1 else ""
        return f"{self._to or 'its end'}{times}"

    def _in_vain(self, length: float) -> str:
        world = self._world
        with world.lock:
            status, waits, deadline = self.task.status, self.task.waits_for, world.sim.next_deadline()
        if waits:
            why = f" and waits for {waits}"
        elif world.clock.mode == "manual":
            why = ", and time stands still: wiro.jump moves it, in another coroutine or thread"
        else:
            later = (
                "" if deadline is None else f", where something happens in {(deadline - world.sim.now) / SECOND:g} s"
            )
            why = f" (time is {world.clock.mode}{later})"
        return f"task {self.task.id} did not come to {self._there} within {length:g} s; it is in {status}{why}"
