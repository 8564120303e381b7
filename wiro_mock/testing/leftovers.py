"""What a test has set up in its Wiro, and what is left of it at the end: to be told of, and to be undone."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from wiro_mock.mock import World
from wiro_mock.scenario import Scenario
from wiro_mock.testing import verdict
from wiro_mock.testing.choosing import OnRun
from wiro_mock.testing.guard import HostGuard
from wiro_mock.testing.holding import Hold
from wiro_mock.testing.sleeping import SleepPatch

if TYPE_CHECKING:
    from wiro_mock.testing.webhooks import Webhooks


class Leftovers:
    """Everything that a test has set up. What is `optional` need not have been of any use."""

    def __init__(self, world: World) -> None:
        self.guard: HostGuard | None = None
        self._world = world
        self._holds: list[tuple[Hold, bool]] = []
        self._scenarios: list[tuple[Scenario, str]] = []
        self._on_runs: list[OnRun] = []
        self._allowed: list[str] = []
        self._patches: list[SleepPatch] = []
        self._webhooks: Webhooks | None = None

    def hold(self, hold: Hold, *, optional: bool) -> Hold:
        """A hold was set."""
        self._holds.append((hold, optional))
        return hold

    def scenario(self, made: Scenario, where: str, *, optional: bool) -> Scenario:
        """A scenario was made."""
        if not optional:
            self._scenarios.append((made, where))
        return made

    def on_run(self, begun: OnRun) -> OnRun:
        """Runs were chosen, to which something is to happen."""
        self._on_runs.append(begun)
        return begun

    def allow(self, call: str) -> None:
        """A call may be made that nothing answers; a glob."""
        self._allowed.append(call)

    def patch(self, patch: SleepPatch) -> SleepPatch:
        """Sleeps were patched."""
        self._patches.append(patch)
        return patch

    def webhooks(self, made: Webhooks) -> Webhooks:
        """Webhooks may be posted by a thread of its own."""
        self._webhooks = made
        return made

    def problems(self) -> list[str]:
        """What the test would fail for, one line each."""
        with self._world.lock:
            self._world.settle()
            attempts = self.guard.attempts if self.guard is not None else []
            return [
                *verdict.unexpected_calls(self._world, self._allowed),
                *verdict.blocked_calls(attempts),
                *verdict.unused_uses(self._world.casting.asked),
                *verdict.unsent_inputs(self._world),
                *verdict.unfinished_on_runs(self._on_runs),
                *verdict.unused_scenarios(self._world, self._scenarios),
                *verdict.unused_holds(self._holds),
                *verdict.unfired_faults(self._world.faults),
                *verdict.unmet_sets(self._world),
                *verdict.forgotten_holds(self._world, [hold for hold, _ in self._holds]),
            ]

    def close(self) -> None:
        """Undo everything, whatever goes wrong with a part of it. Again is no error."""
        with ExitStack() as stack:
            stack.callback(self._world.close)
            if self.guard is not None:
                stack.callback(self.guard.undo)
            if self._webhooks is not None:
                stack.callback(self._webhooks.close)
            for hold, _ in self._holds:
                stack.callback(hold.release)
            for patch in self._patches:
                stack.callback(patch.undo)
