"""The simulation: commands in, entries out, time told from outside.

Theory of operation. The simulation never sleeps and never asks the time. `advance(to)` tells it that the
instant `to` has come; `next_deadline()` says when it wants to be told again. Every unfinished task has at
most one cursor: its plan and the place in it. A cursor is in one of four states.

* *scheduled*: its next step is due at an instant, and stands in the heap;
* *waiting*: its next step is `Accepted`, it is due, and all workers are busy; it stands in the line,
  and leaves it in the order of arrival, at the very instant at which a worker becomes free;
* *held*: its next item is a `Hold`; the steps after it are timed from the release;
* *stalled*: nothing more happens by itself.

Everything that happens goes through `_append`, the only writer: it evolves the task, extends the log, keeps
the count of busy workers, and settles what an end brings with it (the worker, the bill, the webhook, the
forgetting of old tasks). Commands first settle to the present instant, so a step that is due now happens
before a cancel that comes now. An entry is stamped with the instant at which it was due, not with the one
at which somebody came to look; therefore advancing in pieces and advancing at once give the same log.

A stall with a heap: entries of cancelled tasks stay in the heap until they come up, or until they are the
larger part of it, when it is rebuilt. Memory stays in proportion to the unfinished tasks.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from wiro_mock.kernel import events as e
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account, check_admission, concurrency_refusal
from wiro_mock.kernel.events import Entry, Event, Instant, Job
from wiro_mock.kernel.files import Blob, File, FileIndex, FileKind, Folder, make_file
from wiro_mock.kernel.orders import Order, make_job
from wiro_mock.kernel.plan import Hold, Plan, Stall, Step
from wiro_mock.kernel.refusals import No
from wiro_mock.kernel.task import KILLABLE, TERMINAL, IllegalEvent, Status, Task, evolve

Planner: TypeAlias = Callable[[Job], Plan]
"""Finds the plan of a job; may raise a `Refusal`, and then there is no task."""
Sink: TypeAlias = Callable[[Task, Entry], None]
"""Is told of every entry, after it has happened."""


def is_web_url(text: str) -> bool:
    """Whether a `callbackUrl` is one that could be called at all."""
    return text.lower().startswith(("http://", "https://"))


WORKING = frozenset(Status) - TERMINAL - {Status.QUEUE}
"""The statuses in which a task has a worker: everything past the queue and before the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the sources leave open about stopping tasks, as switches (rest.md §4.3, design.md §11)."""

    kill_before_assign: bool = False
    kill_finished: bool = True
    kill_cancelled: bool = False
    callback_on_cancel: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is kept. `workers` at work at once (None: any number), `finished` tasks remembered,
    `unfinished` tasks at once, `bytes` of files and of the runs' own text.
    """

    workers: int | None = None
    finished: int = 10_000
    unfinished: int = 100_000
    bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook that is to be sent for a task; the kernel only says so."""

    task_id: str
    url: str
    at: Instant


@dataclass(slots=True)
class _Cursor:
    plan: Plan
    index: int
    since: Instant
    state: str = "scheduled"
    held: str = ""


class Simulation:
    """One world of tasks. `seed` makes its ids; `planner` gives each job its plan; `sink` hears every entry."""

    def __init__(
        self,
        *,
        seed: str,
        account: Account,
        planner: Planner,
        now: Instant = 0,
        limits: Limits | None = None,
        rules: Rules | None = None,
        sink: Sink | None = None,
    ) -> None:
        self.seed = seed
        self.account = account
        self.now = now
        self.limits = limits or Limits()
        self.rules = rules or Rules()
        self.balance = account.balance
        self.files = FileIndex()
        self.outbox: deque[Delivery] = deque()
        self.forgotten = 0
        self.dropped = 0
        self._planner = planner
        self._sink = sink
        self._tasks: dict[str, Task] = {}
        self._logs: dict[str, list[Entry]] = {}
        self._ids_by_token: dict[str, str] = {}
        self._cursors: dict[str, _Cursor] = {}
        self._heap: list[tuple[Instant, int, int]] = []
        self._line: deque[str] = deque()
        self._finished: deque[str] = deque()
        self._busy = 0
        self._weight = 0
        self._made = 0
        self._uploads = 0
        self._folders = 0
        self._first_id = ids.decimal(seed, "first task", low=100_000, high=900_000)

    # -- queries: reading changes nothing ------------------------------------------------------------

    def task(self, task_id: str) -> Task | None:
        """The task with this id, or None: unknown, or forgotten."""
        return self._tasks.get(task_id)

    def task_by_token(self, token: str) -> Task | None:
        """The task with this socket access token, or None."""
        return self._tasks.get(self._ids_by_token.get(token, ""))

    def log(self, task_id: str) -> list[Entry]:
        """The log itself, which grows while the task lives. Not to be written to."""
        return self._logs[task_id]

    def tasks(self) -> Iterator[Task]:
        """All remembered tasks, oldest first."""
        return iter(self._tasks.values())

    def holds(self) -> dict[str, str]:
        """The held tasks: task id → name of the hold."""
        return {task_id: cursor.held for task_id, cursor in self._cursors.items() if cursor.state == "held"}

    def next_deadline(self) -> Instant | None:
        """The next instant at which something happens by itself; None when nothing will."""
        while self._heap and self._is_stale(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def can_progress(self, task_id: str) -> bool:
        """Whether time alone can bring this task further: it is scheduled, or waits for a worker."""
        cursor = self._cursors.get(task_id)
        return cursor is not None and cursor.state in ("scheduled", "waiting")

    def waiting_for(self, task_id: str) -> str:
        """What a task waits for, in words for the tester; empty when it is only a matter of time."""
        cursor = self._cursors.get(task_id)
        match cursor.state if cursor else "none":
            case "held":
                return f"the hold {cursor.held!r}" if cursor else ""
            case "stalled":
                return "nothing: it is stalled by its scenario"
            case "waiting":
                return "a free worker"
            case _:
                return ""

    @property
    def unfinished(self) -> int:
        """How many tasks are not finished; all of them count against the account's limit."""
        return len(self._tasks) - len(self._finished)

    @property
    def busy(self) -> int:
        """How many workers are at work."""
        return self._busy

    @property
    def bytes_kept(self) -> int:
        """Bytes of files and of the runs' text that are being kept."""
        return self.files.bytes_kept + self._weight

    # -- time ----------------------------------------------------------------------------------------

    def advance(self, to: Instant) -> None:
        """Let everything happen that is due up to and including `to`. Time never runs backwards."""
        while self._heap and self._heap[0][0] <= to:
            item = heapq.heappop(self._heap)
            if not self._is_stale(item):
                self.now = max(self.now, item[0])
                self._take_step(self._task_id(item[1]))
        self.now = max(self.now, to)

    def settle(self) -> None:
        """Let everything happen that is due now."""
        self.advance(self.now)

    # -- commands ------------------------------------------------------------------------------------

    def submit(self, order: Order) -> Task:
        """Take on a run and return its task, or raise the `Refusal` (97, 96, or what its scenario says)."""
        self.settle()
        check_admission(self.balance, self.unfinished)
        self._check_room(order)
        token = ids.token(self.seed, "task", self._made)
        job = make_job(
            order, task_id=self._task_id(self._made), token=token, account_uuid=self.account.uuid, at=self.now
        )
        plan = self._planner(job)
        job = replace(job, scenario=plan.scenario)
        self._made += 1
        self._weight += job.weight
        for file in job.inputs:
            self.files.add(file)
        self._ids_by_token[job.token] = job.id
        self._logs[job.id] = []
        self._append(job.id, e.Queued(job=job))
        self._cursors[job.id] = _Cursor(plan=plan, index=0, since=self.now)
        for blob in plan.blobs():
            self.files.reserve(blob)
        self._schedule(job.id)
        self._make_room()
        return self._tasks[job.id]

    def cancel(self, task_id: str) -> Task:
        """Cancel a queued task; any other state is refused with code 1 (rest.md §4.3)."""
        self.settle()
        task = self._tasks[task_id]
        if task.status is not Status.QUEUE:
            raise No.CANCEL.refusal(reason=f"task {task_id} is in {task.status}; Cancel works in task_queue only")
        return self._append(task_id, e.Cancelled(killed=False))

    def kill(self, task_id: str) -> Task:
        """Stop a running task. What happens elsewhere than between `task_assign` and the end is up to `rules`."""
        self.settle()
        task = self._tasks[task_id]
        if task.status is Status.POSTPROCESS_END and self.rules.kill_finished:
            return task
        if task.status is Status.CANCEL and self.rules.kill_cancelled:
            return task
        early = not task.finished and self.rules.kill_before_assign
        if task.status not in KILLABLE and not early:
            # Our words; no source knows one (rest.md §4.3).
            raise No.KILL.refusal(why="task is not running", reason=f"task {task_id} is in {task.status}")
        return self._append(task_id, e.Cancelled(killed=True))

    def emit(self, task_id: str, event: Event) -> bool:
        """Let something happen to a task now, as a live backend reports it.

        Dropped and counted, with False, when the task is finished or forgotten. Raises `IllegalEvent` for what
        cannot follow, and for an `Accepted` that would need one more worker than there are.
        """
        self.settle()
        task = self._tasks.get(task_id)
        if task is None or task.finished:
            self.dropped += 1
            return False
        if isinstance(event, e.Accepted) and not self._has_free_worker():
            raise IllegalEvent("Accepted must wait for a free worker; as a step of a plan it does so by itself")
        self._append(task_id, event)
        return True

    def release(self, task_id: str) -> bool:
        """Let a held task go on from now; False when it was not held."""
        self.settle()
        cursor = self._cursors.get(task_id)
        if cursor is None or cursor.state != "held":
            return False
        cursor.index += 1
        cursor.since = self.now
        self._schedule(task_id)
        return True

    def delete_files(self, task_id: str) -> Task:
        """Delete the input and output files of a finished task; again is no error (rest.md §7.4)."""
        self.settle()
        task = self._tasks[task_id]
        if not task.finished:
            raise No.DELETE_UNFINISHED.refusal(reason=f"task {task_id} is in {task.status}")
        return task if task.files_deleted else self._append(task_id, e.FilesDeleted())

    def create_folder(self, name: str, parent_id: str = "") -> Folder:
        """Make a folder for uploads. The caller has checked the name and the parent."""
        self.settle()
        folder_id = ids.hex32(self.seed, "folder", self._folders)
        self._folders += 1
        folder = Folder(id=folder_id, name=name, parent_id=parent_id, added_at=self.now)
        self.files.folders[folder_id] = folder
        return folder

    def upload(self, name: str, blob: Blob, folder_id: str = "") -> File:
        """Keep an uploaded file. The oldest finished tasks, then the oldest uploads, make room for it."""
        self.settle()
        self._uploads += 1
        path = ("upload", self._uploads)
        file = make_file(self.seed, *path, name=name, kind=FileKind.UPLOAD, blob=blob, at=self.now, folder_id=folder_id)
        self.files.add(file)
        self._make_room()
        return file

    # -- the one writer ------------------------------------------------------------------------------

    def _append(self, task_id: str, event: Event) -> Task:
        entry = Entry(at=self.now, event=event)
        before = self._tasks.get(task_id)
        task = evolve(before, entry)
        self._tasks[task_id] = task
        self._logs[task_id].append(entry)
        if isinstance(event, e.Produced):
            self.files.add(task.outputs[-1])
        elif isinstance(event, e.FilesDeleted):
            self._drop_files(task)
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
        if cursor := self._cursors.pop(task.job.id, None):
            for blob in cursor.plan.blobs():
                self.files.release(blob)
            self._sweep_heap()
        self._finished.append(task.job.id)
        self.balance -= task.cost or 0
        cancelled = task.status is Status.CANCEL
        url = task.job.callback_url
        # The seed's own sample sends an English sentence as callbackUrl: junk is ignored (rest.md §5.2).
        if is_web_url(url) and (self.rules.callback_on_cancel or not cancelled):
            self.outbox.append(Delivery(task_id=task.job.id, url=url, at=self.now))
        self._make_room()

    # -- plans ---------------------------------------------------------------------------------------

    def _schedule(self, task_id: str) -> None:
        cursor = self._cursors[task_id]
        item = cursor.plan.items[cursor.index] if cursor.index < len(cursor.plan.items) else Stall()
        match item:
            case Step(after=after):
                cursor.state = "scheduled"
                heapq.heappush(self._heap, (cursor.since + after, self._number(task_id), cursor.index))
            case Hold(name=name):
                cursor.state, cursor.held = "held", name
            case Stall():
                cursor.state = "stalled"
            case _:
                assert_never(item)

    def _take_step(self, task_id: str) -> None:
        cursor = self._cursors[task_id]
        step = cursor.plan.items[cursor.index]
        assert isinstance(step, Step)
        if isinstance(step.event, e.Accepted) and not self._has_free_worker():
            cursor.state = "waiting"
            self._line.append(task_id)
            return
        self._go_on(task_id, cursor, step.event)

    def _go_on(self, task_id: str, cursor: _Cursor, event: Event) -> None:
        cursor.index += 1
        cursor.since = self.now
        cursor.state = "stalled"  # and it stays so if the event turns out to be illegal
        self._append(task_id, event)
        if task_id in self._cursors:
            self._schedule(task_id)

    def _admit(self) -> None:
        while self._line and self._has_free_worker():
            task_id = self._line.popleft()
            cursor = self._cursors.get(task_id)
            if cursor is not None and cursor.state == "waiting":
                self._go_on(task_id, cursor, e.Accepted())

    def _has_free_worker(self) -> bool:
        return self.limits.workers is None or self._busy < self.limits.workers

    def _is_stale(self, item: tuple[Instant, int, int]) -> bool:
        cursor = self._cursors.get(self._task_id(item[1]))
        return cursor is None or cursor.state != "scheduled" or cursor.index != item[2]

    def _sweep_heap(self) -> None:
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._cursors):
            self._heap = [item for item in self._heap if not self._is_stale(item)]
            heapq.heapify(self._heap)
        if len(self._line) > 64 and len(self._line) > 2 * len(self._cursors):
            self._line = deque(task_id for task_id in self._line if task_id in self._cursors)

    # -- jobs, and room for them ---------------------------------------------------------------------

    def _task_id(self, number: int) -> str:
        return str(self._first_id + number)

    def _number(self, task_id: str) -> int:
        return int(task_id) - self._first_id

    def _check_room(self, order: Order) -> None:
        """Refuse what cannot be kept even if everything finished were forgotten. The limits are ours."""
        if self.unfinished >= self.limits.unfinished:
            reason = f"{self.unfinished} unfinished tasks are being kept, which is this mock's own limit"
            raise concurrency_refusal(self.balance, self.limits.unfinished, reason=reason)
        weight = self._weight + order.weight
        if weight > self.limits.bytes:
            weight -= sum(self._tasks[task_id].job.weight for task_id in self._finished)
        if weight > self.limits.bytes:
            reason = f"the text of the unfinished runs takes {weight} bytes, beyond this mock's limit"
            raise concurrency_refusal(self.balance, self.unfinished, reason=reason)

    def _make_room(self) -> None:
        """Forget the oldest finished tasks while there are too many, or too many bytes."""
        while self._finished and (len(self._finished) > self.limits.finished or self.bytes_kept > self.limits.bytes):
            self._forget(self._finished.popleft())
        if self.bytes_kept > self.limits.bytes:
            for file in [file for file in self.files if file.kind is FileKind.UPLOAD][:-1]:
                self.files.remove(file)
                self.forgotten += 1
                if self.bytes_kept <= self.limits.bytes:
                    return

    def _forget(self, task_id: str) -> None:
        task = self._tasks.pop(task_id)
        del self._logs[task_id]
        del self._ids_by_token[task.job.token]
        self._drop_files(task)
        self._weight -= task.job.weight
        self.forgotten += 1

    def _drop_files(self, task: Task) -> None:
        for file in (*task.job.inputs, *task.outputs):
            self.files.remove(file)
