"""The faults that are armed in a world: each counts the calls that are like it, and says which of them it strikes.

A call is a request that was let in, or whatever else has a place in the language. Every armed fault that is like a call
counts it, in order of arrival; the first that is due strikes: those of the task before those of every task, the older
before the younger. A fault is spent by being applied, not by being due: what could not be done may be done to the
next call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from wiro_mock.api.messages import Request
from wiro_mock.kernel.ids import derive

if TYPE_CHECKING:
    from wiro_mock.api.messages import World
    from wiro_mock.faults.striking import Strike
    from wiro_mock.kernel.task import Task
    from wiro_mock.language.fault_actions import Do
    from wiro_mock.language.faults import FaultItem

ARMED = 10_000
"""For so many tasks faults are armed at a time; of more, those of the oldest are forgotten. Others never are."""
_DRAWS = 1 << 256


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """A fault of the language at work; only for calls about the task (or the scenario) `scope`, if there is one.

    `where` is where it was set; `calls` counts the calls that were like it, `struck` those that it was applied to;
    `unfit` says why it could not be applied the last time, `times_unfit` how often that was. An `optional` one need
    not be met. `number` is its place in the order of arming, which its draws depend on.
    """

    item: FaultItem
    scope: str = ""
    where: str = ""
    optional: bool = False
    operations: frozenset[str] = frozenset()
    number: int = 0
    calls: int = 0
    struck: int = 0
    unfit: str = ""
    times_unfit: int = 0
    task_id: str = ""

    def __post_init__(self) -> None:
        self.operations = self.operations or self.item.operations

    def __str__(self) -> str:
        return f"{self.item.do} on {', '.join(self.item.on)}"

    @property
    def total(self) -> int | None:
        """How many calls it strikes in all; None for any number."""
        most = self.item.most
        return None if most is None else most + sum(turn.times for turn in self.item.then)

    @property
    def is_spent(self) -> bool:
        """Whether it strikes no more."""
        return self.total is not None and self.struck >= self.total

    @property
    def turn(self) -> Do:
        """What it does to the next call that it strikes."""
        left = self.struck - (self.item.most or 0)
        if self.item.most is None or left < 0:
            return self.item.do
        for turn in self.item.then:
            if left < turn.times:
                return turn
            left -= turn.times
        return self.item.do

    def is_due(self, seed: str) -> bool:
        """Whether it strikes the call that it has just counted."""
        when = self.item.when
        first = when.nth or 1
        if self.calls < first:
            return False
        if when.every and (self.calls - first if when.nth else self.calls) % when.every:
            return False
        return when.share is None or self.draw(seed, "share") < when.share

    def draw(self, seed: str, what: str) -> float:
        """A number from 0 to 1 that depends on the seed, the fault and the call only."""
        return derive(seed, "fault", self.number, self.calls, what) / _DRAWS

    def shown(self) -> dict[str, object]:
        """What it is and what became of it, as JSON values."""
        return {
            **self.item.words(),
            "task": self.task_id or None,
            "where": self.where,
            "calls": self.calls,
            "struck": self.struck,
            "left": None if self.total is None else self.total - self.struck,
            "could_not": self.unfit or None,
        }


class Faults:
    """The armed faults. Not safe without the world's lock. `struck` counts what they have done, by operation."""

    def __init__(self, seed: str = "0") -> None:
        self.seed = seed
        self.loops: dict[str, str] = {}
        self.struck: Counter[str] = Counter()
        self._armed: dict[str, dict[str, list[Fault]]] = {}
        """By operation, then by scope: the socket asks at every frame whether there is anything for it."""
        self._tasks: dict[str, None] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._armed or self.loops)

    def __iter__(self) -> Iterator[Fault]:
        """Those that may still strike, in the order of arming."""
        found = {fault.number: fault for by_scope in self._armed.values() for fs in by_scope.values() for fault in fs}
        return iter([found[number] for number in sorted(found)])

    def arm(self, fault: Fault) -> Fault:
        """From now on it may strike."""
        self._count += 1
        fault.number = self._count
        return self._take_up(fault)

    @property
    def count(self) -> int:
        """How many have been armed in all."""
        return self._count

    def resume(self, armed: Iterable[Fault], count: int) -> None:
        """Go on with these, which keep their numbers; so many have been armed in all."""
        for fault in sorted(armed, key=lambda one: one.number):
            self._take_up(fault)
        self._count = count

    def _take_up(self, fault: Fault) -> Fault:
        for operation in sorted(fault.operations):
            self._armed.setdefault(operation, {}).setdefault(fault.scope, []).append(fault)
        if fault.scope and not _is_of_scenario(fault.scope):
            self._tasks[fault.scope] = None
            while len(self._tasks) > ARMED:
                self._forget(next(iter(self._tasks)))
        return fault

    def _forget(self, task_id: str) -> None:
        del self._tasks[task_id]
        for operation in [operation for operation, by_scope in self._armed.items() if task_id in by_scope]:
            self._drop(operation, task_id)

    def _drop(self, operation: str, scope: str) -> None:
        del self._armed[operation][scope]
        if not self._armed[operation]:
            del self._armed[operation]

    def disarm(self, fault: Fault) -> None:
        """It strikes no more. Again is no error."""
        for operation in fault.operations:
            if fault in (faults := self._armed.get(operation, {}).get(fault.scope, [])):
                faults.remove(fault)
                if not faults:
                    self._drop(operation, fault.scope)
        if all(fault.scope not in by_scope for by_scope in self._armed.values()):
            self._tasks.pop(fault.scope, None)

    def strikes(self, operation: str) -> bool:
        """Whether any of them may strike this operation."""
        return operation in self._armed

    def while_sent(self, operation: str) -> list[int]:
        """After how many bytes of its body a request for this operation may be struck, the fewest first."""
        whens = (fault.item.when for by_scope in self._armed.get(operation, {}).values() for fault in by_scope)
        return sorted({when.after_sent for when in whens if when.after_sent is not None})

    def miss(self, operation: str, fits: Callable[[Fault], bool], why: str) -> None:
        """Those that fit cannot strike something that may have been like them; it is no call."""
        for fault in self._armed.get(operation, {}).get("", ()):
            if fits(fault):
                fault.unfit, fault.times_unfit = why, fault.times_unfit + 1

    def clear(self) -> int:
        """Disarm all of them; how many they were."""
        count = len(list(self))
        self._armed.clear()
        self._tasks.clear()
        self.loops.clear()
        return count

    def strike(
        self,
        world: World,
        operation: str,
        *,
        scope: str = "",
        status: str = "",
        request: Request | None = None,
        fits: Callable[[Fault], bool] | None = None,
        after_sent: int | None = None,
    ) -> Strike | None:
        """Count a call, about this task (or scenario) in this status; the fault that strikes it, if one does.

        `after_sent` is of a request that is being sent: those faults are meant that say just this.
        `fits` says which faults are like the call, where the language has conditions that only the caller can judge.
        """
        due: Fault | None = None
        scopes = (scope, "") if scope and not _is_of_scenario(scope) else (scope,)
        by_scope = self._armed.get(operation, {})
        for key in scopes:
            for fault in tuple(by_scope.get(key, ())):
                if fault.item.when.after_sent != after_sent:
                    continue
                if fault.item.when.status is not None and fault.item.when.status != status:
                    continue
                if fits is not None and not fits(fault):
                    continue
                fault.calls += 1
                if due is None and fault.is_due(self.seed):
                    due = fault
        if due is None:
            return None
        from wiro_mock.faults.striking import Strike  # most servers strike nothing

        random = Random(derive(self.seed, "fault", due.number, due.calls, "noise"))  # noqa: S311 -- not for secrets
        return Strike(
            fault=due, do=due.turn, world=world, faults=self, operation=operation, request=request, random=random
        )


def unmeetable(item: FaultItem, task: Task | None, task_id: str) -> str:
    """Why a fault for one task only can never be met; empty where it can."""
    from wiro_mock.language.verbs import ABOUT_A_TASK, RUNS  # most servers strike nothing

    if not item.operations & ABOUT_A_TASK - RUNS:
        return f"task: a request of {' or '.join(item.on)} is about no task that is there yet; leave it out"
    if item.opens or item.when.frame == "connected":
        return "task: a connection that is opened is about no task yet; leave it out"
    return "" if task is not None else f"task: there is no task {task_id[:60]!r} (any more); start it first"


def _is_of_scenario(scope: str) -> bool:
    """Whether it stands for the runs of a scenario, and not for a task."""
    return scope.startswith("scenario ")
