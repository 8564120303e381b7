"""Where a whole simulation stands, as a value: what it takes to go on elsewhere exactly as it would have gone on here.

A log is the truth, so no task stands here: it is folded again from its log. What no log tells is written down as it is:
the place that each plan has reached, who waits in which order, the counts that ids are made from, the money.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from wiro_mock.kernel.account import Account
from wiro_mock.kernel.events import Entry, Event, Instant
from wiro_mock.kernel.files import File, Folder
from wiro_mock.kernel.plan import Live, Plan, PlanItem, Step
from wiro_mock.kernel.rules import Delivery
from wiro_mock.kernel.run_counts import RunCount
from wiro_mock.kernel.schedule import Cursor, Schedule, State
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task, fold
from wiro_mock.kernel.writer import WORKING

if TYPE_CHECKING:
    from wiro_mock.kernel.session import Session


class Unsound(Exception):
    """A standing that no simulation can have; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log of a task: at which instant each of its events has happened."""

    task_id: str
    at: tuple[Instant, ...]
    events: tuple[Event, ...]

    @classmethod
    def of(cls, task_id: str, entries: Sequence[Entry]) -> Log:
        """The log of these entries."""
        return cls(
            task_id=task_id,
            at=tuple([entry.at for entry in entries]),
            events=tuple([entry.event for entry in entries]),
        )

    def entries(self) -> list[Entry]:
        """The entries again."""
        return [Entry(at=at, event=event) for at, event in zip(self.at, self.events, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """An unfinished task's plan: which it is, and how far it has come (see `schedule.Cursor`). `due` is when its next
    step is, where that is a matter of time; `session` is its realtime session, and how many events that has made.
    """

    scenario: str
    items: tuple[PlanItem, ...]
    number: int
    since: Instant
    index: int
    state: State
    held: str
    free: int
    passed: int
    ahead: tuple[Step, ...] = ()
    due: Instant | None = None
    session: Session | None = None
    session_events: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A simulation at an instant. `logs` are in the order in which the tasks were made, `finished` in that in which
    they ended, `line` in that in which they wait; `files` are the access keys of all files, oldest first.
    """

    began_at: Instant
    now: Instant
    account: Account
    spent: Decimal
    made: int
    uploads_made: int
    folders_made: int
    forgotten: int
    dropped: int
    logs: tuple[Log, ...]
    finished: tuple[str, ...]
    courses: Mapping[str, Course]
    line: tuple[str, ...]
    uploads: tuple[File, ...]
    files: tuple[str, ...]
    folders: tuple[Folder, ...]
    abandoned: tuple[str, ...]
    outbox: tuple[Delivery, ...]
    runs: Mapping[str, RunCount]


Logs: TypeAlias = Sequence[tuple[str, tuple[Entry, ...]]]
"""The logs of tasks by their ids, as they were at an instant."""


def logs_of(sim: Simulation) -> Logs:
    """The logs of all tasks, copied: quickly, since others wait."""
    return [(task_id, tuple(log)) for task_id, log in sim._logs.items()]


def with_logs(bare: Standing, logs: Logs) -> Standing:
    """A standing with its logs: they take longer to be made than all the rest, and nobody need wait for them."""
    return replace(bare, logs=tuple(Log.of(task_id, log) for task_id, log in logs))


def standing(sim: Simulation) -> Standing:
    """Where a simulation stands."""
    return with_logs(bare_standing(sim), logs_of(sim))


def bare_standing(sim: Simulation) -> Standing:
    """Where a simulation stands, but for the logs. Values are shared, nothing but lists is copied."""
    index, schedule = sim.files, sim._schedule
    due = {item[3]: item[0] for item in schedule.heap if not schedule._is_stale(item)}
    return Standing(
        began_at=sim.began_at,
        now=sim.now,
        account=sim.account,
        spent=sim.spent,
        made=sim._made,
        uploads_made=sim._uploads,
        folders_made=sim._folders,
        forgotten=sim.forgotten,
        dropped=sim.dropped,
        logs=(),
        finished=tuple(sim._finished),
        courses={task_id: _course(sim, task_id, due.get(task_id)) for task_id in schedule.cursors},
        line=tuple(one for one in schedule.line if schedule.state(one) == "waiting"),
        uploads=tuple(index.uploads.values()),
        files=tuple(file.accesskey for file in index),
        folders=tuple(index.folders.values()),
        abandoned=tuple(index.abandoned),
        outbox=tuple(sim.outbox),
        runs=dict(sim.run_counts.counts),
    )


def resume(sim: Simulation, from_: Standing) -> None:
    """Let a simulation in which nothing has happened yet go on from there. Its own limits hold: what is beyond them is
    forgotten at once. Nobody is told of what has happened before.

    Raises `Unsound`, or `IllegalEvent` for a log that cannot have happened; the simulation is of no use then.
    """
    sim.began_at, sim.now = from_.began_at, from_.now
    sim.account, sim.spent = from_.account, from_.spent
    sim._made, sim._uploads, sim._folders = from_.made, from_.uploads_made, from_.folders_made
    sim.forgotten, sim.dropped = from_.forgotten, from_.dropped
    for log in from_.logs:
        _remember(sim, log)
    _keep_files(sim, from_)
    for task_id, course in from_.courses.items():
        _put_in_place(sim, task_id, course)
    heapq.heapify(sim._schedule.heap)
    _check(sim, from_)
    sim._schedule.line.extend(from_.line)
    sim._finished.extend(from_.finished)
    sim.outbox.extend(from_.outbox)
    sim.run_counts.counts.update(from_.runs)
    sim._make_room()


def interrupted(sim: Simulation) -> Iterator[tuple[Task, str]]:
    """The tasks whose backends were at work, and the names of those: nobody says any more what happens to them."""
    for task_id, cursor in sim._schedule.cursors.items():
        task = sim.task(task_id)
        if task is not None and cursor.state == "live" and isinstance(cursor.item, Live):
            yield task, cursor.item.backend


def plans(sim: Simulation) -> Iterator[tuple[str, Plan]]:
    """The plans of the unfinished tasks, by their ids."""
    for task_id, cursor in sim._schedule.cursors.items():
        yield task_id, cursor.plan


def _course(sim: Simulation, task_id: str, due: Instant | None) -> Course:
    cursor = sim._schedule.cursors[task_id]
    return Course(
        scenario=cursor.plan.scenario,
        items=tuple(cursor.plan.items),
        number=cursor.number,
        since=cursor.since,
        index=cursor.index,
        state=cursor.state,
        held=cursor.held,
        free=cursor.free,
        passed=cursor.passed,
        ahead=tuple(cursor.ahead),
        due=due,
        session=sim._sessions.get(task_id),
        session_events=sim._sessions.events(task_id),
    )


def _remember(sim: Simulation, log: Log) -> None:
    """A task with its log, and what is found by it."""
    entries = log.entries()
    task = fold(entries)
    job = task.job
    if job.id != log.task_id or job.id in sim._tasks or job.token in sim._ids_by_token or not sim.has_made(job.id):
        raise Unsound(f"task {log.task_id[:60]!r} is not the one that its log tells of")
    sim._tasks[job.id], sim._logs[job.id] = task, entries
    sim._ids_by_token[job.token] = job.id
    sim._by_model.add(job.model.name, job.id)
    sim._busy += task.status in WORKING
    sim._weight += job.weight
    if not task.finished:
        sim._firm_weight += job.weight


def _keep_files(sim: Simulation, from_: Standing) -> None:
    """The files of the tasks and the uploads, in their order."""
    known = {file.accesskey: file for file in from_.uploads}
    for task in sim.tasks():
        of_task = (*task.job.inputs, *task.outputs)
        if not task.finished:
            for file in of_task:
                sim._firm.add(file.blob)
        if not task.files_deleted:
            known.update((file.accesskey, file) for file in of_task)
    if sorted(known) != sorted(from_.files):
        raise Unsound("its files are not those of its tasks and uploads")
    for accesskey in from_.files:
        sim.files.add(known[accesskey])
    sim.files.folders.update((folder.id, folder) for folder in from_.folders)
    sim.files.abandoned.extend(digest for digest in from_.abandoned if not sim.files.needs(digest))


def _put_in_place(sim: Simulation, task_id: str, course: Course) -> None:
    """A task's cursor, where it has been."""
    schedule: Schedule = sim._schedule
    plan = Plan(scenario=course.scenario, items=course.items)
    cursor = schedule.cursors[task_id] = Cursor(
        plan=plan,
        number=course.number,
        since=course.since,
        index=course.index,
        state=course.state,
        held=course.held,
        free=course.free,
        passed=course.passed,
        ahead=deque(course.ahead),
    )
    for blob in plan.blobs():
        sim.files.reserve(blob)
        sim._firm.add(blob)
    if course.session is not None:
        sim._sessions.resume(task_id, course.session, course.session_events)
    if course.state == "scheduled":
        if course.due is None or not isinstance(cursor.item, Step):
            raise Unsound(f"task {task_id[:60]!r} waits for a step that there is not")
        schedule.heap.append((course.due, course.number, course.passed, task_id))


def _check(sim: Simulation, from_: Standing) -> None:
    """That every task is either finished or on its course, and that whoever waits in line waits for a step."""
    unfinished = {task.job.id for task in sim.tasks() if not task.finished}
    ended = set(from_.finished)
    if len(ended) != len(from_.finished) or ended | unfinished != sim._tasks.keys() or ended & unfinished:
        raise Unsound("which of its tasks are finished is not what their logs tell")
    if unfinished != from_.courses.keys():
        raise Unsound("its unfinished tasks are not those that have a plan")
    if sorted(from_.line) != sorted(one for one in unfinished if sim._schedule.state(one) == "waiting"):
        raise Unsound("the tasks that wait for a worker are not those that stand in the line")
    if any(not isinstance(sim._schedule.cursors[one].item, Step) for one in from_.line):
        raise Unsound("a task waits for a worker without a step to take")
