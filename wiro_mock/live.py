"""The live runs of a world: which backends are at work, and the clock meanwhile.

While a live run is unfinished the world's clock runs at rate 1, whatever its mode, because nobody can jump over a
model that is computing; afterwards it goes on as before, from the instant it has come to. A world without backends
pays for this file only: what plays them (`playing`) is imported for the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiro_mock.clock import BorrowedClock, Clock
from wiro_mock.kernel.plan import Live, Plan
from wiro_mock.kernel.task import Task

if TYPE_CHECKING:
    from wiro_mock.backends.running import Run
    from wiro_mock.playing import Shell


class LiveRuns:
    """The backends at work. All but what they yield is called with the world's lock held."""

    def __init__(self, world: Shell) -> None:
        self._world = world
        self._awaited: set[str] = set()
        self._runs: dict[str, Run] = {}
        self._over: list[Run] = []

    def __bool__(self) -> bool:
        """Whether any backend is at work."""
        return bool(self._runs)

    @property
    def stuck(self) -> list[str]:
        """The tasks whose backends are at work although they are over."""
        self._over = [run for run in self._over if not run.join(0)]
        return [run.job.id for run in self._over if run.is_stuck]

    @property
    def threads(self) -> list[tuple[Run, bool]]:
        """Every backend whose thread is alive, and whether its task is over: then it is, or will soon be, stuck."""
        self._over = [run for run in self._over if not run.join(0)]
        return [*((run, False) for run in self._runs.values()), *((run, True) for run in self._over)]

    def wait(self, seconds: float) -> bool:
        """Wait until the oldest of the backends has ended, for so long at most; False where none is at work. Called
        without the world's lock.
        """
        with self._world.lock:
            run = next(iter(self._runs.values()), None)
        if run is not None:
            run.join(seconds)
        return run is not None

    def planned(self, task_id: str, plan: Plan) -> None:
        """This task has this plan."""
        if any(isinstance(item, Live) for item in plan.items):
            self._awaited.add(task_id)

    def begin(self) -> None:
        """Start the backends of the tasks that have come to them, or do so now."""
        if not self._awaited:
            return
        from wiro_mock.playing import Playing

        sim = self._world.sim
        sim.settle()
        for task_id, live in sim.take_begun():
            self._awaited.discard(task_id)
            task = sim.task(task_id)
            assert task is not None
            self._borrow()
            run = self._runs[task_id] = Playing(self._world, sim, task, live).run
            run.start()

    def heard(self, task: Task) -> None:
        """Something has happened to a task."""
        if task.finished:
            self._awaited.discard(task.job.id)
            if (run := self._runs.pop(task.job.id, None)) is not None:
                self._over = [old for old in self._over if not old.join(0)]
                self._over.append(run)
                run.cancel()
                self._give_back()

    def stop(self) -> None:
        """Nobody wants to hear of any of them any more."""
        self._awaited.clear()
        for run in self._runs.values():
            run.cancel()
        self._over += self._runs.values()
        self._runs.clear()
        self._give_back()

    def changed(self, clock: Clock) -> Clock:
        """The clock to go on with when another one is wanted: that one, or one in its place for the time being."""
        return BorrowedClock(clock) if self._runs else clock

    def _borrow(self) -> None:
        if not isinstance(self._world.clock, BorrowedClock):
            self._world.clock = BorrowedClock(self._world.clock)

    def _give_back(self) -> None:
        clock = self._world.clock
        if not self._runs and isinstance(clock, BorrowedClock):
            self._world.clock = clock.given_back()
