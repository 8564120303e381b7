"""What a simulation remembers: its tasks, their logs and files; and what it forgets when there is no more room.

Unfinished tasks are never forgotten: a run for which they leave no room is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account, concurrency_refusal
from wiro_mock.kernel.by_model import ByModel
from wiro_mock.kernel.events import Entry, Job
from wiro_mock.kernel.files import FileIndex, Tally
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.task import Task


class Memory:
    """The tasks that are there to be seen, and what they take. Reading changes nothing."""

    def __init__(self, *, seed: str, account: Account, limits: Limits) -> None:
        self.seed = seed
        self.account = account
        self.limits = limits
        self.files = FileIndex()
        self.forgotten = 0
        self._tasks: dict[str, Task] = {}
        self._logs: dict[str, list[Entry]] = {}
        self._by_model = ByModel()
        self._ids_by_token: dict[str, str] = {}
        self._finished: deque[str] = deque()
        self._weight = 0
        self._firm_weight = 0
        self._firm = Tally()  # the files of unfinished tasks: nothing can make room for them
        self._made = 0
        self._first_id = ids.decimal(seed, "first task", low=100_000, high=900_000)

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
        found = self._by_model.ids(names, newest_first=newest_first)
        return self._by_model.count(names), map(self._tasks.__getitem__, found)

    @property
    def remembered(self) -> int:
        """How many tasks there are to be seen."""
        return len(self._tasks)

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
    def bytes_kept(self) -> int:
        """Bytes of files and of the runs' text that are being kept."""
        return self.files.bytes_kept + self._weight

    # -- jobs, and room for them ---------------------------------------------------------------------

    def _task_id(self, number: int) -> str:
        return str(self._first_id + number)

    def _remember(self, job: Job) -> None:
        """A new job, whose log begins."""
        self._made += 1
        self._weight += job.weight
        self._firm_weight += job.weight
        for file in job.inputs:
            self.files.add(file)
            self._firm.add(file.blob)
        self._ids_by_token[job.token] = job.id
        self._logs[job.id] = []
        self._by_model.add(job.model.name, job.id)

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
