"""The simulation: commands in, entries out, time told from outside.

Theory of operation. The simulation never sleeps and never asks the time. `advance(to)` tells it that the
instant `to` has come; `next_deadline()` says when it wants to be told again. Every unfinished task has a cursor
in the `Schedule`: its plan, and the place it has reached. A task whose `Accepted` is due while all workers are busy
stands in a line, and leaves it at the very instant at which a worker becomes free. A task that has come to its
realtime session is moved by what its client says (see `session`).

Everything that happens goes through `_append`, the only writer: it evolves the task, extends the log, keeps
the count of busy workers, and settles what an end brings with it (the worker, the bill, the webhook, the
forgetting of old tasks). Commands first settle to the present instant, so a step that is due now happens
before a cancel that comes now. An entry is stamped with the instant at which it was due, not with the one
at which somebody came to look; therefore advancing in pieces and advancing at once give the same log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from wiro_mock.kernel import events as e
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import AS_IT_IS, Account, Terms, concurrency_refusal
from wiro_mock.kernel.admission import check_admission
from wiro_mock.kernel.by_model import ByModel
from wiro_mock.kernel.events import Ender, Entry, Event, Instant, Job
from wiro_mock.kernel.files import Blob, File, FileIndex, FileKind, Folder, Tally, make_file
from wiro_mock.kernel.orders import Order, make_job
from wiro_mock.kernel.plan import Live, Plan
from wiro_mock.kernel.prices import EXACT
from wiro_mock.kernel.refusals import No
from wiro_mock.kernel.rules import Delivery, Limits, Rules, is_web_url
from wiro_mock.kernel.run_counts import RunCounts
from wiro_mock.kernel.schedule import Schedule
from wiro_mock.kernel.sessions import Sessions
from wiro_mock.kernel.task import KILLABLE, TERMINAL, IllegalEvent, Status, Task, evolve

if TYPE_CHECKING:
    from wiro_mock.kernel.session import Session

Planner: TypeAlias = Callable[[Job], Plan]
"""Finds the plan of a job; may raise a `Refusal`, and then there is no task."""
Outlook: TypeAlias = Callable[[Job], Terms]
"""Is asked before anything is checked what a job meets in place of the account's own state; may raise a `Refusal`."""
Sink: TypeAlias = Callable[[Task, Entry], None]
"""Is told of every entry, after it has happened."""
Gate: TypeAlias = Callable[[Task, Event], str]
"""Is asked before each step of a plan whether to hold it back: the name of the hold, or an empty text."""


WORKING = frozenset(Status) - TERMINAL - {Status.QUEUE}
"""The statuses in which a task has a worker: everything past the queue and before the end."""


class Simulation:
    """One world of tasks. `seed` makes its ids; `planner` gives each job its plan; `sink` hears every entry.

    `outlook` knows the job's scenario before it is counted as played: what it sets of the account, or its refusal.
    `gate` may hold back any step of a plan; it is asked when the step is due, and again at the end of the line.
    `paced`: whether the sound of a realtime session takes the time that it lasts, where its scenario does not say.
    """

    def __init__(
        self,
        *,
        seed: str,
        account: Account,
        planner: Planner,
        outlook: Outlook | None = None,
        now: Instant = 0,
        limits: Limits | None = None,
        rules: Rules | None = None,
        sink: Sink | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.seed = seed
        self.account = account
        self.began_at = self.now = now
        self.limits = limits or Limits()
        self.rules = rules or Rules()
        self.spent = Decimal(0)
        self.files = FileIndex()
        self.outbox: deque[Delivery] = deque()
        self.run_counts = RunCounts()
        self.forgotten = 0
        self.dropped = 0
        self.paced = True
        self._planner = planner
        self._outlook = outlook
        self._sink = sink
        self._gate = gate
        self._tasks: dict[str, Task] = {}
        self._logs: dict[str, list[Entry]] = {}
        self._by_model = ByModel()
        self._ids_by_token: dict[str, str] = {}
        self._schedule = Schedule()
        self._sessions = Sessions(self, self._schedule, self._append)
        self._finished: deque[str] = deque()
        self._busy = 0
        self._weight = 0
        self._firm_weight = 0
        self._firm = Tally()  # the files of unfinished tasks: nothing can make room for them
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

    def tasks(self, *, newest_first: bool = False) -> Iterator[Task]:
        """All remembered tasks in the order in which they were made, or in the opposite order."""
        return reversed(self._tasks.values()) if newest_first else iter(self._tasks.values())

    def models_run(self) -> Iterable[str]:
        """The names of the models of the remembered tasks."""
        return self._by_model.names()

    def tasks_of(self, names: Collection[str], *, newest_first: bool = False) -> tuple[int, Iterator[Task]]:
        """How many remembered tasks these models have (names as in `models_run`), and the tasks, as `tasks` does."""
        ids = self._by_model.ids(names, newest_first=newest_first)
        return self._by_model.count(names), map(self._tasks.__getitem__, ids)

    @property
    def remembered(self) -> int:
        """How many tasks there are to be seen."""
        return len(self._tasks)

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
    def made(self) -> int:
        """How many tasks there have been, those that were forgotten among them."""
        return self._made

    def has_made(self, task_id: str) -> bool:
        """Whether there has been a task with this id, be it forgotten."""
        is_number = task_id.isdecimal() and len(task_id) <= len(str(self._first_id + self._made))
        return is_number and 0 <= int(task_id) - self._first_id < self._made

    @property
    def balance(self) -> Decimal:
        """What is left of the account's money, in USD. `spent` is what has been charged since the beginning."""
        return self.account.balance

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

    # -- commands ------------------------------------------------------------------------------------

    def submit(self, order: Order) -> Task:
        """Take on a run and return its task, or raise the first `Refusal`.

        The order of the checks is our choice, for nobody knows Wiro's (rest.md §5.5): the scenario's own refusal,
        the account (`check_admission`), the parameters, the room in the mock.
        """
        self.settle()
        token = ids.token(self.seed, "task", self._made)
        job = make_job(
            order, task_id=self._task_id(self._made), token=token, account_uuid=self.account.uuid, at=self.now
        )
        terms = self._outlook(job) if self._outlook is not None else AS_IT_IS
        check_admission(self.account, order.model, self.unfinished, terms)
        from wiro_mock.kernel.validation import check_parameters  # a start need not wait for it

        check_parameters(order.model, order.parameters, self.rules)
        self._check_room(order)
        plan = self._planner(job)
        job = replace(job, scenario=plan.scenario)
        self._made += 1
        self._weight += job.weight
        self._firm_weight += job.weight
        for file in job.inputs:
            self.files.add(file)
            self._firm.add(file.blob)
        self._ids_by_token[job.token] = job.id
        self._logs[job.id] = []
        self._by_model.add(job.model.name, job.id)
        self._append(job.id, e.Queued(job=job))
        for blob in plan.blobs():
            self.files.reserve(blob)
            self._firm.add(blob)
        self._sessions.plan(job.id, plan)
        self._schedule.start(job.id, self._made, plan, self.now)
        self._sessions.proceed(job.id)
        self._make_room()
        return self._tasks[job.id]

    def change_account(
        self, *, balance: Decimal | None = None, suspended: bool | None = None, member: bool | None = None
    ) -> Account:
        """Set parts of the account's state from now on; None leaves one as it is. Tasks that run go on."""
        self.settle()
        self.account = Terms(balance=balance, suspended=suspended, member=member).applied(self.account)
        return self.account

    def cancel(self, task_id: str) -> Task:
        """Cancel a queued task; any other state is refused with code 1 (rest.md §4.3)."""
        self.settle()
        task = self._tasks[task_id]
        if task.status is not Status.QUEUE:
            raise No.CANCEL.refusal(reason=f"task {task_id} is in {task.status}; Cancel works in task_queue only")
        return self._append(task_id, e.Cancelled(killed=False))

    def kill(self, task_id: str) -> Task:
        """Stop a running task. What happens elsewhere than between `task_assign` and the end is up to `rules`.

        A backend that has a worker is at work, whatever it has said so far: it can be stopped from then on.
        """
        self.settle()
        task = self._tasks[task_id]
        if task.status is Status.POSTPROCESS_END and self.rules.kill_finished:
            return task
        if task.status is Status.CANCEL and self.rules.kill_cancelled:
            return task
        early = not task.finished and (self.rules.kill_before_assign or self._is_at_work(task))
        if task.status not in KILLABLE and not early:
            # Our words; no source knows one (rest.md §4.3).
            raise No.KILL.refusal(why="task is not running", reason=f"task {task_id} is in {task.status}")
        return self._append(task_id, e.Cancelled(killed=True))

    def _is_at_work(self, task: Task) -> bool:
        return task.status is not Status.QUEUE and self.is_live(task.job.id)

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
        if self._schedule.state(task_id) != "held":
            return False
        self._schedule.release(task_id, self.now)
        self._sessions.proceed(task_id)
        return True

    def hear(self, task_id: str, levels: Iterable[int]) -> bool:
        """A realtime session hears its client: windows of 20 ms, each as loud as this (of 32 768).

        False, as for the next two, where there is no such session, it has not begun, or is over.
        """
        self.settle()
        heard = self._sessions.hear(task_id, levels)
        self.settle()
        return heard

    def interrupt(self, task_id: str) -> bool:
        """What is being said in a realtime session stops; False, too, where nothing is."""
        self.settle()
        stopped = self._sessions.interrupt(task_id)
        self.settle()
        return stopped

    def end_session(self, task_id: str, by: Ender = "client") -> bool:
        """A realtime session ends; one that has not begun does when it begins."""
        self.settle()
        ended = self._sessions.end(task_id, by)
        self.settle()
        return ended

    def come_back(self, task_id: str) -> None:
        """The client of a realtime session that has not begun is there again."""
        self._sessions.come_back(task_id)

    def delete_files(self, task_id: str) -> Task:
        """Delete the input and output files of a finished task; again is no error (rest.md §7.4)."""
        self.settle()
        task = self._tasks[task_id]
        if not task.finished:
            raise No.DELETE_UNFINISHED.refusal(reason=f"task {task_id} is in {task.status}")
        return task if task.files_deleted else self._append(task_id, e.FilesDeleted())

    def create_folder(self, name: str, parent_id: str = "") -> Folder:
        """Make a folder for uploads; beyond the limit the oldest goes. The caller has checked name and parent."""
        self.settle()
        folder_id = ids.hex32(self.seed, "folder", self._folders)
        self._folders += 1
        folder = Folder(id=folder_id, name=name, parent_id=parent_id, added_at=self.now)
        self.files.folders[folder_id] = folder
        if len(self.files.folders) > self.limits.uploads:
            del self.files.folders[next(iter(self.files.folders))]
            self.forgotten += 1
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

    def delete_upload(self, file: File) -> None:
        """Forget an upload and its bytes."""
        self.settle()
        self.files.remove(file)

    def delete_folder(self, folder_id: str) -> None:
        """Forget a folder. The caller has checked that it is there and that nothing is in it."""
        self.settle()
        del self.files.folders[folder_id]

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

    # -- jobs, and room for them ---------------------------------------------------------------------

    def _task_id(self, number: int) -> str:
        return str(self._first_id + number)

    def _check_room(self, order: Order) -> None:
        """Refuse what cannot be kept even if everything finished and every upload were forgotten.

        The limits are ours. What the order's own plan is going to produce is known too late; it counts for the next.
        """
        if self.unfinished >= self.limits.unfinished:
            reason = f"{self.unfinished} unfinished tasks are being kept, which is this mock's own limit"
            raise concurrency_refusal(self.balance, self.limits.unfinished, reason=reason)
        sizes = {blob.digest: blob.size for blob in order.blobs() if blob.digest not in self._firm}
        weight = self._firm_weight + order.weight + self._firm.bytes + sum(sizes.values())
        if weight > self.limits.bytes:
            reason = f"text and files of the unfinished runs take {weight} bytes, beyond this mock's limit"
            raise concurrency_refusal(self.balance, self.unfinished, reason=reason)

    def _make_room(self) -> None:
        """Forget the oldest finished tasks while there are too many, or too many bytes."""
        while self._finished and (len(self._finished) > self.limits.finished or self.bytes_kept > self.limits.bytes):
            self._forget(self._finished.popleft())
        uploads = self.files.uploads
        while len(uploads) > 1 and (len(uploads) > self.limits.uploads or self.bytes_kept > self.limits.bytes):
            self.files.remove(next(iter(uploads.values())))
            self.forgotten += 1

    def _forget(self, task_id: str) -> None:
        task = self._tasks.pop(task_id)
        del self._logs[task_id]
        self._by_model.remove(task.job.model.name, task_id)
        del self._ids_by_token[task.job.token]
        self._drop_files(task)
        self._weight -= task.job.weight
        self.forgotten += 1

    def _drop_files(self, task: Task) -> None:
        for file in (*task.job.inputs, *task.outputs):
            self.files.remove(file)
