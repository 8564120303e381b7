"""The one writer: whatever happens, because it is due or because it was asked for, goes through `_append`.

It evolves the task, extends the log, keeps the count of busy workers, and settles what an end brings with it (the
worker, the bill, the webhook, the forgetting of old tasks). An entry is stamped with the instant at which it was due,
not with the one at which somebody came to look; therefore advancing in pieces and advancing at once give the same log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from wiro_mock.kernel import events as e
from wiro_mock.kernel.account import Account
from wiro_mock.kernel.events import Entry, Event, Instant
from wiro_mock.kernel.memory import Memory
from wiro_mock.kernel.plan import Live
from wiro_mock.kernel.prices import EXACT
from wiro_mock.kernel.rules import Delivery, Limits, Rules, is_web_url
from wiro_mock.kernel.run_counts import RunCounts
from wiro_mock.kernel.schedule import Schedule
from wiro_mock.kernel.sessions import Sessions
from wiro_mock.kernel.status import TERMINAL, Status
from wiro_mock.kernel.task import Task, evolve

if TYPE_CHECKING:
    from wiro_mock.kernel.session import Session

Sink: TypeAlias = Callable[[Task, Entry], None]
"""Is told of every entry, after it has happened."""
Gate: TypeAlias = Callable[[Task, Event], str]
"""Is asked before each step of a plan whether to hold it back: the name of the hold, or an empty text."""


WORKING = frozenset(Status) - TERMINAL - {Status.QUEUE}
"""The statuses in which a task has a worker: everything past the queue and before the end."""


class Writer(Memory):
    """Time, as it is told from outside, and what happens in it."""

    def __init__(
        self,
        *,
        seed: str,
        account: Account,
        now: Instant,
        limits: Limits,
        rules: Rules,
        sink: Sink | None,
        gate: Gate | None,
    ) -> None:
        super().__init__(seed=seed, account=account, limits=limits)
        self.began_at = self.now = now
        self.rules = rules
        self.spent = Decimal(0)
        self.outbox: deque[Delivery] = deque()
        self.run_counts = RunCounts()
        self.paced = True
        self._sink = sink
        self._gate = gate
        self._schedule = Schedule()
        self._sessions = Sessions(self, self._schedule, self._append)
        self._busy = 0

    # -- queries: reading changes nothing ------------------------------------------------------------

    def holds(self) -> dict[str, str]:
        """The held tasks: task id → name of the hold."""
        return self._schedule.holds()

    def next_deadline(self) -> Instant | None:
        """The next instant at which something happens by itself; None when nothing will."""
        return self._schedule.next_deadline()

    def can_progress(self, task_id: str) -> bool:
        """Whether time alone can bring this task further: it is scheduled, or waits for a worker."""
        return self._schedule.state(task_id) in ("scheduled", "waiting")

    def is_live(self, task_id: str) -> bool:
        """Whether a backend says what happens to this task, which is not finished."""
        return self._schedule.state(task_id) == "live"

    def session(self, task_id: str) -> Session | None:
        """The realtime session of an unfinished task, until it is over; None where there is none."""
        return self._sessions.get(task_id)

    def waiting_for(self, task_id: str) -> str:
        """What a task waits for, in words for the tester; empty when it is only a matter of time."""
        return self._schedule.waiting_for(task_id)

    @property
    def busy(self) -> int:
        """How many workers are at work."""
        return self._busy

    # -- time ----------------------------------------------------------------------------------------

    def advance(self, to: Instant) -> None:
        """Let everything happen that is due up to and including `to`. Time never runs backwards."""
        while due := self._schedule.pop_due(to):
            self.now = max(self.now, due[0])
            self._take_step(due[1])
        self.now = max(self.now, to)

    def settle(self) -> None:
        """Let everything happen that is due now."""
        self.advance(self.now)

    def take_begun(self) -> list[tuple[str, Live]]:
        """The tasks that have come to their backends since this was asked last: to be started by whoever asks."""
        begun = [one for one in self._schedule.begun if self.is_live(one[0])]
        self._schedule.begun.clear()
        return begun

    # -- the one writer ------------------------------------------------------------------------------

    def _append(self, task_id: str, event: Event) -> Task:
        entry = Entry(at=self.now, event=event)
        before = self._tasks.get(task_id)
        task = evolve(before, entry)
        self._tasks[task_id] = task
        self._logs[task_id].append(entry)
        self.run_counts.hear(before, task)
        if isinstance(event, e.Produced):
            self.files.add(task.outputs[-1])
            self._firm.add(task.outputs[-1].blob)
        elif isinstance(event, e.FilesDeleted):
            self._drop_files(task)
        elif isinstance(event, e.TurnCharged):
            self._charge(event.cost)
        worked = before is not None and before.status in WORKING
        works = task.status in WORKING
        self._busy += works - worked
        if task.finished and before is not None and not before.finished:
            self._finish(task)
        if self._sink is not None:
            self._sink(task, entry)
        if worked and not works:
            self._admit()
        return task

    def _finish(self, task: Task) -> None:
        if plan := self._schedule.stop(task.job.id):
            for blob in plan.blobs():
                self.files.release(blob)
                self._firm.remove(blob)
        for file in (*task.job.inputs, *task.outputs):
            self._firm.remove(file.blob)
        self._firm_weight -= task.job.weight
        self._finished.append(task.job.id)
        self._sessions.drop(task.job.id)
        if task.cost and task.turns is None:  # a session was charged turn by turn
            self._charge(task.cost)
        cancelled = task.status is Status.CANCEL
        url = task.job.callback_url
        # The seed's own sample sends an English sentence as callbackUrl: junk is ignored (rest.md §5.2).
        if is_web_url(url) and (self.rules.callback_on_cancel or not cancelled):
            self.outbox.append(Delivery(task_id=task.job.id, url=url, at=self.now))
        self._make_room()

    def _charge(self, cost: Decimal) -> None:
        self.spent = EXACT.add(self.spent, cost)
        self.account = replace(self.account, balance=EXACT.subtract(self.account.balance, cost))

    # -- plans ---------------------------------------------------------------------------------------

    def _take_step(self, task_id: str) -> None:
        event = self._schedule.event(task_id)
        if name := self._held_back(task_id, event):
            self._schedule.hold_back(task_id, name)
            return
        if isinstance(event, e.Accepted) and not self._has_free_worker():
            self._schedule.wait_in_line(task_id)
            return
        self._go_on(task_id, event)

    def _held_back(self, task_id: str, event: Event) -> str:
        if self._gate is None or self._schedule.is_free(task_id):
            return ""
        return self._gate(self._tasks[task_id], event)

    def _go_on(self, task_id: str, event: Event) -> None:
        self._schedule.step_over(task_id, self.now)
        self._append(task_id, event)  # if it turns out to be illegal, the task stays stalled
        self._schedule.place(task_id)
        self._sessions.proceed(task_id)

    def _admit(self) -> None:
        while self._has_free_worker() and (task_id := self._schedule.leave_line()):
            if name := self._held_back(task_id, e.Accepted()):  # since it came into the line
                self._schedule.hold_back(task_id, name)
            else:
                self._go_on(task_id, e.Accepted())

    def _has_free_worker(self) -> bool:
        return self.limits.workers is None or self._busy < self.limits.workers
