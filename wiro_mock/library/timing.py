"""Moving, stopping and waiting for time; and going on at another time, from a snapshot."""

from __future__ import annotations

from os import PathLike

from wiro_mock.kernel.events import SECOND
from wiro_mock.library.core import Core, Length
from wiro_mock.misuse import Misuse
from wiro_mock.testing import awaiting, choosing, options, snapshots, views
from wiro_mock.testing.call_site import here
from wiro_mock.testing.holding import Hold
from wiro_mock.testing.sleeping import SleepPatch

__tracebackhide__ = True  # a failure is in the tester's line


class Timing(Core):
    """What a test does to the clock, and to tasks that wait for it."""

    def jump(self, length: Length) -> None:
        """Let so much time pass, at once. Raises `Misuse` where time is real."""
        self._check_clock("jump")
        passed = options.seconds(length, asking="jump")
        self._advance(passed)

    def jump_to(self, task: views.Task | str, to: str) -> None:
        """Let time pass until this task (or its id or token) has come to a point such as `task_start` or `stream`.

        Time stops at the instant of the point; what is due at the same instant happens too. Nothing happens where it
        has been there already. Raises `Misuse` where time is real, or when the task cannot come there by itself.
        """
        self._check_clock("jump_to")
        choosing.jump_to(self.world, self._find(task).id, to)

    async def wait_for(
        self, task: views.Task | str, to: str = "", *, nth: int = 1, timeout: Length = 5.0
    ) -> views.Task:
        """Wait until this task (or its id or token) has come to a point such as `task_end` or `stream`, for the `nth`
        time; without a point, until its end. Returns the task.

        Where time is `auto` it jumps there; elsewhere the clock is waited for, `timeout` in real seconds. Raises
        `AssertionError`, which says where the task is, and `Misuse` for no such point. For asyncio and trio.
        """
        waiting = awaiting.Waiting(self._find(task), to, nth=nth)
        await waiting.wait(options.seconds(timeout, asking="wait_for"))
        return waiting.task

    def hold(self, to: str, *, nth: int = 1, model: str = "*", optional: bool = False) -> Hold:
        """Hold tasks before a point: a status (`task_start`) or a step (`stream`), or before the nth time there.

        As a context manager it ends with the block. A hold that is never released fails the test, and so does one to
        which no task comes, unless it is `optional`. Raises `Misuse` for no such point.
        """
        where = here()
        with self.world.lock:
            choosing.check_model(self.world, model, asking="hold")
            return self._left.hold(Hold(self.world, to, nth=nth, model=model, where=where), optional=optional)

    def release(self, what: views.Task | str = "") -> list[str]:
        """Let held tasks go on: one task (or its id), those of one name of hold, or all; returns their ids."""
        name = str(getattr(what, "id", what))
        is_task = self.world.sim.task(name) is not None
        released = self.world.release(task_id=name if is_task else "", name="" if is_task else name)
        if not released:
            raise Misuse(f"release: {choosing.nothing_held(self.world, name)}")
        return released

    def patch_sleep(self, *modules: str) -> SleepPatch:
        """Let `time.sleep` and `asyncio.sleep`, called in these modules, move the clock instead; until the end of the
        test, or of the with block. Raises `Misuse` where time is real, or for a module that does not exist.
        """
        self._check_clock("patch_sleep")
        return self._left.patch(SleepPatch(self._slept, modules))

    def _slept(self, passed: float) -> None:
        """A client has slept: time moves, unless a backend is at work, which is waited for."""
        if not self.world.live.wait(passed):
            self._advance(passed)

    def _advance(self, passed: float) -> None:
        with self.world.lock:
            self.world.settle()
            self.world.jump(self.world.sim.now + round(passed * SECOND))

    def snapshot(self, to: str | PathLike[str] | None = None, *, secret: bool = True) -> bytes:
        """All of its world as bytes, from which any Wiro goes on exactly as this one would; also written to a file,
        where one is named. Without `secret`, the credentials are left out. Raises `Misuse`.
        """
        return snapshots.snapshot(self.world, to, secret=secret)

    def restore(self, snapshot: bytes | str | PathLike[str], *, credentials: bool = False) -> None:
        """Go on from a snapshot, or from the file of one; what there was before is gone. Its own credentials stay as
        they are, so that clients go on, too, unless those of the snapshot are wanted. Holds end. Raises `Misuse`.
        """
        snapshots.restore(self.world, snapshot, credentials=credentials)

    def _check_clock(self, asking: str) -> None:
        if self.time not in ("auto", "manual"):
            raise Misuse(
                f"{asking}: time is {self.time} here and passes by itself; give the mark or WiroMock time='manual', "
                "where it stands still until it is moved, or time='auto', where it jumps when somebody waits"
            )
