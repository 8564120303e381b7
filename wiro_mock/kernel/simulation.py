"""The simulation: commands in, entries out, time told from outside.

Theory of operation. Here are the commands; the `writer` lets things happen, and keeps them in its `memory`. The
simulation never sleeps and never asks the time. `advance(to)` tells it that the instant `to` has come;
`next_deadline()` says when it wants to be told again. Every unfinished task has a cursor in the `Schedule`: its plan,
and the place it has reached. A task whose `Accepted` is due while all workers are busy stands in a line, and leaves it
at the very instant at which a worker becomes free. A task that has come to its realtime session is moved by what its
client says (see `session`).

Commands first settle to the present instant, so a step that is due now happens before a cancel that comes now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from wiro_mock.kernel import events as e
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import AS_IT_IS, Account, Terms
from wiro_mock.kernel.admission import check_admission
from wiro_mock.kernel.events import Ender, Event, Instant, Job
from wiro_mock.kernel.files import Blob, File, FileKind, Folder, make_file
from wiro_mock.kernel.orders import Order, make_job
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.refusals import No
from wiro_mock.kernel.rules import Limits, Rules
from wiro_mock.kernel.status import KILLABLE, IllegalEvent, Status
from wiro_mock.kernel.task import Task
from wiro_mock.kernel.writer import Gate, Sink, Writer

Planner: TypeAlias = Callable[[Job], Plan]
"""Finds the plan of a job; may raise a `Refusal`, and then there is no task."""
Outlook: TypeAlias = Callable[[Job], Terms]
"""Is asked before anything is checked what a job meets in place of the account's own state; may raise a `Refusal`."""


class Simulation(Writer):
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
        super().__init__(
            seed=seed,
            account=account,
            now=now,
            limits=limits or Limits(),
            rules=rules or Rules(),
            sink=sink,
            gate=gate,
        )
        self.dropped = 0
        self._planner = planner
        self._outlook = outlook
        self._uploads = 0
        self._folders = 0

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
        self._remember(job)
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
