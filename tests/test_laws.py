"""The laws of the kernel, each as a property: fold, split, observation, order, capacity, replay.

What stays true whatever is done to a world, in whatever order, is at the end, in one state machine.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tests.strategies import (
    BLOBS,
    EVENTS,
    START,
    Command,
    Script,
    commands,
    order,
    orders,
    plans,
    simulation,
)
from wiro_mock.kernel import events as e
from wiro_mock.kernel.account import concurrency_limit
from wiro_mock.kernel.events import SECOND, Duration, Event
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.plan import Plan, Step, replay
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.rules import Limits, Rules
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.status import TERMINAL, TRANSITIONS, IllegalEvent, Status
from wiro_mock.kernel.task import Task, fold
from wiro_mock.kernel.writer import WORKING

WORKERS = st.sampled_from([None, 1, 2])
TIGHT = st.builds(
    Limits, workers=WORKERS, finished=st.sampled_from([0, 1, 10_000]), bytes=st.sampled_from([400, 1 << 30])
)
THE_END = 100 * SECOND

Advance = Callable[[Simulation, int], None]


def at_once(sim: Simulation, to: int) -> None:
    """Time passes in one piece."""
    sim.advance(to)


def by_deadlines(sim: Simulation, to: int) -> None:
    """Time passes from deadline to deadline, as a pump lets it."""
    while (deadline := sim.next_deadline()) is not None and deadline <= to:
        sim.advance(deadline)
    sim.advance(to)


def play(script: Sequence[Command], limits: Limits | None = None, advance: Advance = at_once) -> Script:
    """The script, played to an instant long after its last command."""
    played = Script(simulation(limits=limits))
    for command in script:
        advance(played.simulation, played.simulation.now + command.after)
        played.obey(command)
    advance(played.simulation, played.simulation.now + THE_END)
    return played


# -- fold ------------------------------------------------------------------------------------------------


@given(commands(), TIGHT)
def test_the_stored_task_equals_the_fold_of_its_log(script: list[Command], limits: Limits) -> None:
    """Fold: nothing is known of a task but what its log tells."""
    sim = play(script, limits).simulation
    assert list(sim.tasks()) == [fold(sim.log(task.job.id)) for task in sim.tasks()]


# -- split -----------------------------------------------------------------------------------------------


@given(commands(), TIGHT, st.lists(st.lists(st.sampled_from([0, 0, 1, SECOND // 4, SECOND // 2, SECOND]), max_size=4)))
def test_advancing_in_pieces_equals_advancing_at_once(
    script: list[Command], limits: Limits, cuts: list[list[Duration]]
) -> None:
    """Split: however often somebody looks, the same happens at the same instants, in the same order."""
    remaining = iter(cuts)

    def in_pieces(sim: Simulation, to: int) -> None:
        for piece in next(remaining, []):
            sim.advance(min(sim.now + piece, to))
        sim.advance(to)

    assert play(script, limits, in_pieces).seen() == play(script, limits).seen()


@given(commands(), TIGHT)
def test_going_from_deadline_to_deadline_equals_advancing_at_once(script: list[Command], limits: Limits) -> None:
    """Split: nothing happens between two deadlines."""
    assert play(script, limits, by_deadlines).seen() == play(script, limits).seen()


@given(commands(), TIGHT)
def test_no_piece_at_all_before_a_command_changes_nothing(script: list[Command], limits: Limits) -> None:
    """Split: a command at the present instant settles by itself what is due."""

    def only_if_time_passes(sim: Simulation, to: int) -> None:
        if to > sim.now:
            sim.advance(to)

    assert play(script, limits, only_if_time_passes).seen() == play(script, limits).seen()


# -- observation -----------------------------------------------------------------------------------------


def count_and_tasks(sim: Simulation, *, newest_first: bool) -> tuple[int, list[Task]]:
    """What the list of the models' tasks tells: as many as there are, in their order."""
    count, tasks = sim.tasks_of(list(sim.models_run()), newest_first=newest_first)
    told = list(tasks)
    assert (count, told) == (sim.remembered, list(sim.tasks(newest_first=newest_first)))
    return count, told


QUERIES: dict[str, Callable[[Simulation, Task], object]] = {
    "session": lambda sim, task: sim.session(task.job.id),
    "task": lambda sim, task: sim.task(task.job.id),
    "task_by_token": lambda sim, task: sim.task_by_token(task.job.token),
    "log": lambda sim, task: list(sim.log(task.job.id)),
    "tasks": lambda sim, task: [list(sim.tasks()), list(sim.tasks(newest_first=True))],
    "remembered": lambda sim, task: sim.remembered,
    "models_run": lambda sim, task: list(sim.models_run()),
    "tasks_of": lambda sim, task: [count_and_tasks(sim, newest_first=way) for way in (True, False)],
    "holds": lambda sim, task: sim.holds(),
    "next_deadline": lambda sim, task: sim.next_deadline(),
    "is_live": lambda sim, task: sim.is_live(task.job.id),
    "can_progress": lambda sim, task: sim.can_progress(task.job.id),
    "waiting_for": lambda sim, task: sim.waiting_for(task.job.id),
    "made": lambda sim, task: sim.made,
    "has_made": lambda sim, task: sim.has_made(task.job.id),
    "unfinished": lambda sim, task: sim.unfinished,
    "busy": lambda sim, task: sim.busy,
    "bytes_kept": lambda sim, task: sim.bytes_kept,
    "balance": lambda sim, task: sim.balance,
}
COMMANDS = {"advance", "settle", "submit", "cancel", "kill", "emit", "release", "change_account"}
COMMANDS |= {"delete_upload", "delete_folder"}
COMMANDS |= {"delete_files", "create_folder", "upload", "hear", "interrupt", "end_session", "come_back", "take_begun"}


@given(commands(), TIGHT)
def test_reading_changes_nothing(script: list[Command], limits: Limits) -> None:
    """Observation: a world in which everything is asked all the time goes the way of one left alone."""

    def nosily(sim: Simulation, to: int) -> None:
        for _ in range(2):
            for task in list(sim.tasks()):
                assert all(ask(sim, task) == ask(sim, task) for ask in QUERIES.values())
            sim.advance(to)

    assert play(script, limits, nosily).seen() == play(script, limits).seen()


def test_every_public_name_of_the_simulation_is_a_query_or_a_command() -> None:
    """A query that is added to the simulation must be added to the law of observation."""
    names = {name for name in dir(Simulation) if not name.startswith("_")}
    assert names == QUERIES.keys() | COMMANDS


# -- order -----------------------------------------------------------------------------------------------


@given(commands(), TIGHT)
def test_instants_never_decrease_and_one_end_closes_a_log(script: list[Command], limits: Limits) -> None:
    """Order: in the log of every task, and in the world as a whole."""
    played = play(script, limits)
    instants = [entry.at for _, entry in played.entries]
    assert instants == sorted(instants)
    for log in played.logs().values():
        statuses = [fold(log[: n + 1]).status for n in range(len(log))]
        ends = [status for status, before in zip(statuses[1:], statuses, strict=False) if before not in TERMINAL]
        assert sum(status in TERMINAL for status in ends) == (statuses[-1] in TERMINAL)
        first_end = next((n for n, status in enumerate(statuses) if status in TERMINAL), len(log))
        assert set(statuses[first_end:]) <= {statuses[-1]}
        assert {type(entry.event) for entry in log[first_end + 1 :]} <= {e.FilesDeleted}


@given(plans(waits=False, homeward=True))
def test_every_plan_that_finds_home_is_played_to_its_end(plan: Plan) -> None:
    """Order: each step happens as long after the one before as the plan says, and none is left out."""
    sim = simulation()
    task = sim.submit(order(plan))
    sim.advance(START + THE_END)
    steps = [item for item in plan.items if isinstance(item, Step)]
    log = sim.log(task.job.id)
    assert [entry.event for entry in log[1:]] == [step.event for step in steps]
    assert [b.at - a.at for a, b in pairwise(log)] == [step.after for step in steps]


@given(commands(), TIGHT)
def test_a_session_costs_what_its_turns_tell(script: list[Command], limits: Limits) -> None:
    """Whatever a client does, however the task ends."""
    played = play(script, limits)
    for log in played.logs().values():
        events = [entry.event for entry in log]
        charged = sum((event.cost for event in events if isinstance(event, e.TurnCharged)), Decimal(0))
        if any(isinstance(event, e.StreamReady | e.TurnCharged) for event in events):
            assert fold(log).cost == charged


# -- capacity --------------------------------------------------------------------------------------------


def work(before: Duration, service: Duration) -> Plan:
    """A task that asks for a worker after `before` and keeps it for `service`."""
    steps = [Step(after=before, event=e.Accepted()), Step(after=service, event=e.Cancelled(killed=True))]
    return Plan(scenario="work", items=steps)


@given(st.integers(1, 3), st.lists(st.tuples(*[st.sampled_from([0, 1, 2, 5])] * 3), max_size=12))
def test_workers_take_tasks_first_in_first_out(workers: int, jobs: list[tuple[int, int, int]]) -> None:
    """Capacity: the instants are those of a textbook queue with so many servers."""
    played = Script(simulation(limits=Limits(workers=workers)))
    arrivals: list[tuple[int, int, int]] = []
    for gap, before, service in jobs:
        played.simulation.advance(played.simulation.now + gap)
        arrivals.append((played.simulation.now + before, len(arrivals), service))
        played.obey(Command(after=0, verb="submit", order=order(work(before, service))))
    played.simulation.advance(START + THE_END)
    free, expected = [START] * workers, {}
    for arrival, number, service in sorted(arrivals):
        taken = max(arrival, heapq.heappop(free))
        heapq.heappush(free, taken + service)
        expected[number] = taken
    logs = list(played.logs().values())
    assert [log[1].at for log in logs] == [expected[number] for number in range(len(logs))]


@given(commands(), st.integers(1, 2))
def test_no_more_work_than_workers_and_no_worker_idles(script: list[Command], workers: int) -> None:
    """Capacity: after every single entry, with cancels, kills and failed set-ups among them."""
    played = Script(simulation(limits=Limits(workers=workers)))
    sim, statuses = played.simulation, dict[str, Status]()
    owed: list[tuple[str, int]] = []
    hear = played._hear

    def watch(task: Task, entry: e.Entry) -> None:
        hear(task, entry)
        if owed:  # the entry before this one gave a worker back while somebody stood in line
            assert (task.job.id, entry.at) == owed.pop()
            assert isinstance(entry.event, e.Accepted)
        worked = statuses.get(task.job.id) in WORKING
        statuses[task.job.id] = task.status
        busy = sum(status in WORKING for status in statuses.values())
        assert busy <= workers
        line = in_line(played)
        if worked and task.status not in WORKING and line:
            owed.append((line[0], entry.at))

    sim._sink = watch
    for command in script:
        sim.advance(sim.now + command.after)
        played.obey(command)
        assert not owed
        assert not in_line(played) or sim.busy == workers
    sim.advance(sim.now + THE_END)
    assert not owed


def in_line(played: Script) -> list[str]:
    """The tasks that wait for a worker, in the order in which they came to the line."""
    sim = played.simulation
    waiting = [task_id for task_id in played.ids if sim.waiting_for(task_id) == "a free worker"]
    return sorted(waiting, key=lambda task_id: (arrival(sim, task_id), int(task_id)))


def arrival(sim: Simulation, task_id: str) -> int:
    """When a waiting task's acceptance was due: holds before it do not occur, requeues do."""
    cursor = sim._schedule.cursors[task_id]
    item = cursor.plan.items[cursor.index]
    assert isinstance(item, Step)
    return cursor.since + item.after


@given(st.integers(1, 250), st.lists(plans(), min_size=1, max_size=6), st.integers(0, 3))
def test_the_account_limit_counts_every_unfinished_task(balance: int, made: list[Plan], seconds: int) -> None:
    """Capacity: queued, working, held or stalled, each counts; the one too many is refused with 96."""
    sim = simulation(balance=min(balance, 60), limits=Limits(workers=1))
    for plan in made:
        sim.advance(sim.now + seconds * SECOND)
        limit, unfinished = concurrency_limit(sim.balance), sum(not task.finished for task in sim.tasks())
        assert limit is not None
        before = len(list(sim.tasks()))
        if unfinished < limit:
            sim.submit(order(plan))
        else:
            with pytest.raises(Refusal) as refused:
                sim.submit(order(plan))
            assert (refused.value.code, len(list(sim.tasks()))) == (96, before)


# -- replay ----------------------------------------------------------------------------------------------


@given(commands(), WORKERS)
def test_logs_replayed_as_plans_give_the_same_logs(script: list[Command], workers: int | None) -> None:
    """Replay: whatever made a log (steps, holds, a busy queue, a kill, a backend), its plan makes it again.

    But for what a client did after the end: deleting files is no part of a plan.
    """
    first = play(script, Limits(workers=workers)).logs()
    again = Script(simulation())
    for log in first.values():
        assert isinstance(log[0].event, e.Queued)
        again.simulation.advance(log[0].at)
        again.simulation.submit(ordered_again(log[0].event.job, replay(log, scenario=log[0].event.job.scenario)))
    again.simulation.advance(START + 10 * THE_END)
    told = {task_id: [(entry.at, entry.event) for entry in log[1:]] for task_id, log in again.logs().items()}
    assert told == {
        task_id: [(entry.at, entry.event) for entry in log[1:] if not isinstance(entry.event, e.FilesDeleted)]
        for task_id, log in first.items()
    }


def ordered_again(job: e.Job, plan: Plan) -> Order:
    """The order of a job, with another plan and without its files."""
    return order(plan, callback_url=job.callback_url, weight=job.weight)


@given(commands(), TIGHT)
def test_the_same_seed_gives_the_same_world(script: list[Command], limits: Limits) -> None:
    """Replay: ids, tokens, files and entries are all the same in a second run."""
    assert play(script, limits).seen() == play(script, limits).seen()


@given(st.text(max_size=8), st.text(max_size=8))
def test_different_seeds_give_different_tokens(one: str, other: str) -> None:
    """Replay: two worlds do not share their tokens, unless they share their seed."""
    tokens = [simulation(seed=seed).submit(order()).job.token for seed in (one, other)]
    assert (tokens[0] == tokens[1]) == (one == other)


# -- everything at once ----------------------------------------------------------------------------------


class World(RuleBasedStateMachine):
    """Anything is done to a small world, and after each command the counts are counted again."""

    tasks = Bundle("tasks")
    LIMITS = Limits(workers=2, finished=3, unfinished=8, bytes=1500)

    def __init__(self) -> None:
        super().__init__()
        self.sim = simulation(limits=self.LIMITS, rules=Rules(kill_before_assign=True), balance=120)
        self.ended: Counter[str] = Counter()
        self.sim._sink = self.hear

    def hear(self, task: Task, entry: e.Entry) -> None:
        if task.finished and not isinstance(entry.event, e.FilesDeleted):
            self.ended[task.job.id] += 1

    @rule(target=tasks, order=orders())
    def submit(self, order: Order) -> str:
        try:
            return self.sim.submit(order).job.id
        except Refusal as refusal:
            assert refusal.code == 96  # noqa: PT017 (a refusal is one of two right answers)
            return ""

    @rule(task_id=tasks)
    def cancel(self, task_id: str) -> None:
        self.sim.settle()
        if task := self.sim.task(task_id):
            self._stop(self.sim.cancel, task, allowed=task.status is Status.QUEUE)

    @rule(task_id=tasks)
    def kill(self, task_id: str) -> None:
        self.sim.settle()
        if task := self.sim.task(task_id):
            self._stop(self.sim.kill, task, allowed=task.status is not Status.CANCEL)

    def _stop(self, stop: Callable[[str], Task], task: Task, *, allowed: bool) -> None:
        if allowed:
            assert stop(task.job.id).finished
            assert self.sim.waiting_for(task.job.id) == ""
        else:
            with pytest.raises(Refusal):
                stop(task.job.id)
            assert self.sim.task(task.job.id) == task

    @rule(task_id=tasks, event=st.one_of(*EVENTS.values()))
    def emit(self, task_id: str, event: Event) -> None:
        """Anything may be said of a stalled task; of a running one, only what leaves its plan possible."""
        self.sim.settle()
        task, dropped = self.sim.task(task_id), self.sim.dropped
        if task is None or task.finished:
            assert not self.sim.emit(task_id, event)
            assert self.sim.dropped == dropped + 1
        elif self.sim.waiting_for(task_id).startswith("nothing") or isinstance(event, e.Cancelled | e.Output):
            legal = type(event) in TRANSITIONS[task.status]
            full = isinstance(event, e.Accepted) and self.sim.busy == self.LIMITS.workers
            if legal and not full:
                assert self.sim.emit(task_id, event)
            else:
                with pytest.raises(IllegalEvent):
                    self.sim.emit(task_id, event)
                assert self.sim.task(task_id) == task

    @rule(task_id=tasks)
    def release(self, task_id: str) -> None:
        self.sim.settle()
        held = task_id in self.sim.holds()
        assert self.sim.release(task_id) == held

    @rule(after=st.sampled_from([0, 1, SECOND // 2, SECOND, 5 * SECOND, 60 * SECOND]))
    def advance(self, after: Duration) -> None:
        self.sim.advance(self.sim.now + after)
        assert (self.sim.next_deadline() or self.sim.now + 1) > self.sim.now

    @rule(task_id=tasks)
    def delete_files(self, task_id: str) -> None:
        self.sim.settle()
        task = self.sim.task(task_id)
        if task and task.finished:
            assert self.sim.delete_files(task_id).files_deleted
        elif task:
            with pytest.raises(Refusal):
                self.sim.delete_files(task_id)

    @rule(blob=st.sampled_from(BLOBS))
    def upload(self, blob: Blob) -> None:
        assert self.sim.upload("cat.png", blob) in list(self.sim.files)

    @rule()
    def create_folder(self) -> None:
        folder = self.sim.create_folder("cats")
        assert self.sim.files.folders[folder.id] == folder

    @rule()
    def delete_the_oldest_upload(self) -> None:
        for file in list(self.sim.files.uploads.values())[:1]:
            self.sim.delete_upload(file)
            assert file not in list(self.sim.files)

    @rule()
    def delete_the_oldest_folder(self) -> None:
        for folder_id in list(self.sim.files.folders)[:1]:
            self.sim.delete_folder(folder_id)
            assert folder_id not in self.sim.files.folders

    @rule()
    def sweep(self) -> None:
        """The shell deletes what is abandoned."""
        self.sim.files.abandoned.clear()

    @invariant()
    def the_stored_task_is_the_fold_of_its_log(self) -> None:
        for task in self.sim.tasks():
            assert task == fold(self.sim.log(task.job.id))

    @invariant()
    def the_counts_are_right(self) -> None:
        statuses = [task.status for task in self.sim.tasks()]
        assert self.sim.busy == sum(status in WORKING for status in statuses) <= 2
        assert self.sim.unfinished == sum(status not in TERMINAL for status in statuses) <= 8
        assert len(statuses) - self.sim.unfinished <= 3
        assert set(self.ended.values()) <= {1}

    @invariant()
    def no_worker_idles_while_a_task_is_in_line(self) -> None:
        if any(self.sim.waiting_for(task.job.id) == "a free worker" for task in self.sim.tasks()):
            assert self.sim.busy == 2

    @invariant()
    def the_bytes_are_right(self) -> None:
        planned: list[Blob] = []
        for cursor in self.sim._schedule.cursors.values():  # what a plan is going to produce must stay, too
            steps = [item.event for item in cursor.plan.items if isinstance(item, Step)]
            planned += [event.blob for event in steps if isinstance(event, e.Produced)]
        blobs = [*(file.blob for file in self.sim.files), *planned]
        sizes = {blob.digest: blob.size for blob in blobs}
        assert self.sim.files.bytes_kept == sum(sizes.values())
        assert self.sim.bytes_kept == sum(sizes.values()) + sum(task.job.weight for task in self.sim.tasks())
        busy = [task for task in self.sim.tasks() if not task.finished]
        firm = {file.blob.digest: file.blob.size for task in busy for file in (*task.job.inputs, *task.outputs)}
        firm |= {blob.digest: blob.size for blob in planned}
        assert (self.sim._firm.bytes, self.sim._firm_weight) == (
            sum(firm.values()),
            sum(task.job.weight for task in busy),
        )
        assert not any(self.sim.files.needs(digest) for digest in self.sim.files.abandoned)
        assert all(self.sim.files.needs(digest) for digest in sizes)
        assert len(self.sim.files.abandoned) == len(set(self.sim.files.abandoned))

    @invariant()
    def files_belong_to_somebody(self) -> None:
        keeping = [task for task in self.sim.tasks() if not task.files_deleted]
        owned = {file for task in keeping for file in (*task.job.inputs, *task.outputs)}
        assert {file for file in self.sim.files if file.kind != "upload"} == owned

    @invariant()
    def the_next_deadline_is_not_past(self) -> None:
        assert (self.sim.next_deadline() or self.sim.now) >= self.sim.now

    @invariant()
    def forgotten_tasks_leave_nothing_behind(self) -> None:
        sim, known = self.sim, {task.job.id for task in self.sim.tasks()}
        assert sim._logs.keys() == known == set(sim._ids_by_token.values())
        assert sim._schedule.cursors.keys() == {task.job.id for task in sim.tasks() if not task.finished}
        assert set(sim._finished) == known - sim._schedule.cursors.keys()
        assert max(len(sim._schedule.heap), len(sim._schedule.line)) <= 64 + 2 * len(sim._schedule.cursors)


TestWorld = World.TestCase
TestWorld.settings = settings(stateful_step_count=30)
