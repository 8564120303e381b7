"""Where every unfinished task stands in its plan, and which of them comes next.

A task's cursor is in one of six states.

* *scheduled*: its next step is due at an instant, and stands in the heap;
* *waiting*: its next step is due, and needs a worker that is not free; it stands in the line, in order of arrival;
* *held*: its next item is a `Hold`, and the steps after it are timed from the release; or its next step is due and
  somebody wants it held back, and then it happens at the release;
* *talking*: its next item is a realtime session (`Converse`), which has nothing to say until it is told something;
  what it says then are steps `ahead` of the item, and while there are any, they are what is scheduled or held;
* *live*: a backend says what happens (`Live`), whenever it does; `begun` names the tasks that have come there, for the
  shell to start their backends;
* *stalled*: nothing more happens by itself.

Items of stopped tasks stay in the heap until they come up, or until they are the larger part of it, when it is
rebuilt; the same goes for the line. So memory stays in proportion to the unfinished tasks.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, assert_never

from wiro_mock.kernel.events import Duration, Event, Instant
from wiro_mock.kernel.plan import Converse, Hold, Live, Plan, PlanItem, Stall, Step

State: TypeAlias = Literal["scheduled", "waiting", "held", "talking", "live", "stalled"]
_Item: TypeAlias = tuple[Instant, int, int, str]
"""When it is due, the task's number and how many items it has passed (which settle ties), and the task's id."""


@dataclass(slots=True)
class Cursor:
    """A task's place in its plan. `since` is the instant from which its next step is timed; `passed` counts the items
    behind it; the step after `free` of them has been held back and released, and is not held back again.
    """

    plan: Plan
    number: int
    since: Instant
    index: int = 0
    state: State = "stalled"
    held: str = ""
    free: int = -1
    passed: int = 0
    ahead: deque[Step] = field(default_factory=deque)

    @property
    def item(self) -> PlanItem:
        """What comes next."""
        if self.ahead:
            return self.ahead[0]
        return self.plan.items[self.index] if self.index < len(self.plan.items) else Stall()


class Schedule:
    """The cursors of all unfinished tasks. Of steps that are due at one instant, the older task's comes first."""

    def __init__(self) -> None:
        self.cursors: dict[str, Cursor] = {}
        self.heap: list[_Item] = []
        self.line: deque[str] = deque()
        self.begun: deque[tuple[str, Live]] = deque()

    def start(self, task_id: str, number: int, plan: Plan, now: Instant) -> None:
        """Begin a plan; `number` counts the tasks."""
        self.cursors[task_id] = Cursor(plan=plan, number=number, since=now)
        self.place(task_id)

    def stop(self, task_id: str) -> Plan | None:
        """Drop a task's cursor, and give back its plan."""
        cursor = self.cursors.pop(task_id, None)
        self._sweep()
        return cursor.plan if cursor else None

    def next_deadline(self) -> Instant | None:
        """The instant of the next step that is due by itself; None when there is none."""
        while self.heap and self._is_stale(self.heap[0]):
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def pop_due(self, to: Instant) -> tuple[Instant, str] | None:
        """Take the next step that is due at `to` or before: its instant and its task."""
        deadline = self.next_deadline()
        if deadline is None or deadline > to:
            return None
        item = heapq.heappop(self.heap)
        return item[0], item[3]

    def event(self, task_id: str) -> Event:
        """What happens at the task's next step."""
        step = self.cursors[task_id].item
        assert isinstance(step, Step)
        return step.event

    def is_free(self, task_id: str) -> bool:
        """Whether the task's step has been held back before, and released."""
        cursor = self.cursors[task_id]
        return cursor.free == cursor.passed

    def hold_back(self, task_id: str, name: str) -> None:
        """The task's step is due, and must wait until it is released."""
        cursor = self.cursors[task_id]
        cursor.state, cursor.held = "held", name

    def release(self, task_id: str, now: Instant) -> None:
        """Let a held task go on from now."""
        cursor = self.cursors[task_id]
        if isinstance(cursor.item, Hold):
            self.step_over(task_id, now)
            self.place(task_id)
        else:
            cursor.free, cursor.state = cursor.passed, "scheduled"
            heapq.heappush(self.heap, (now, cursor.number, cursor.passed, task_id))

    def talks(self, task_id: str) -> bool:
        """Whether the task has come to its realtime session, and that has nothing more to say by itself."""
        cursor = self.cursors.get(task_id)
        return cursor is not None and isinstance(cursor.item, Converse)

    def say(self, task_id: str, steps: Iterable[tuple[Duration, Event]], now: Instant) -> None:
        """Let a session say something from now on: its steps come before it is asked again."""
        cursor = self.cursors[task_id]
        cursor.since = now
        cursor.ahead.extend(Step(after=after, event=event) for after, event in steps)
        self.place(task_id)

    def cut(self, task_id: str, now: Instant, *, over: bool = False) -> None:
        """What a session was still to say is not said; where it is `over`, the plan goes on behind it from now."""
        cursor = self.cursors[task_id]
        cursor.ahead.clear()
        cursor.since = now
        cursor.passed += 1
        cursor.index += over

    def wait_in_line(self, task_id: str) -> None:
        """The task's step is due and must wait for a worker."""
        self.cursors[task_id].state = "waiting"
        self.line.append(task_id)

    def leave_line(self) -> str | None:
        """Take the task that has waited longest; None when none waits."""
        while self.line:
            task_id = self.line.popleft()
            cursor = self.cursors.get(task_id)
            if cursor is not None and cursor.state == "waiting":
                return task_id
        return None

    def step_over(self, task_id: str, now: Instant) -> None:
        """Go past the task's next item. It stays stalled until `place` says how it goes on."""
        cursor = self.cursors[task_id]
        if cursor.ahead:
            cursor.ahead.popleft()
        else:
            cursor.index += 1
        cursor.passed += 1
        cursor.since = now
        cursor.state = "stalled"

    def place(self, task_id: str) -> None:
        """Line up the task's next item; a task that has been stopped has none."""
        cursor = self.cursors.get(task_id)
        if cursor is None:
            return
        item = cursor.item
        match item:
            case Step(after=after):
                cursor.state = "scheduled"
                heapq.heappush(self.heap, (cursor.since + after, cursor.number, cursor.passed, task_id))
            case Converse():
                cursor.state = "talking"
            case Hold(name=name):
                cursor.state, cursor.held = "held", name
            case Live():
                cursor.state = "live"
                self.begun.append((task_id, item))
            case Stall():
                cursor.state = "stalled"
            case _:
                assert_never(item)

    def state(self, task_id: str) -> State | None:
        """The state of the task's cursor; None when it has none."""
        cursor = self.cursors.get(task_id)
        return cursor.state if cursor else None

    def holds(self) -> dict[str, str]:
        """The held tasks: task id → name of the hold."""
        return {task_id: cursor.held for task_id, cursor in self.cursors.items() if cursor.state == "held"}

    def waiting_for(self, task_id: str) -> str:
        """What the task waits for, in words for the tester; empty when it is only a matter of time."""
        match self.state(task_id):
            case "held":
                return f"the hold {self.cursors[task_id].held!r}"
            case "stalled":
                return "nothing: it is stalled by its scenario"
            case "waiting":
                return "a free worker"
            case "talking":
                return "the client: its audio, its task_session_end, or that it goes"
            case "live":
                return f"its backend {self._backend(task_id)}, which is at work"
            case _:
                return ""

    def _backend(self, task_id: str) -> str:
        item = self.cursors[task_id].item
        return item.backend if isinstance(item, Live) else ""

    def _is_stale(self, item: _Item) -> bool:
        cursor = self.cursors.get(item[3])
        return cursor is None or cursor.state != "scheduled" or cursor.passed != item[2]

    def _sweep(self) -> None:
        if len(self.heap) > 64 and len(self.heap) > 2 * len(self.cursors):
            self.heap = [item for item in self.heap if not self._is_stale(item)]
            heapq.heapify(self.heap)
        if len(self.line) > 64 and len(self.line) > 2 * len(self.cursors):
            self.line = deque(task_id for task_id in self.line if task_id in self.cursors)
