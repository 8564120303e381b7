"""What happened in a world, told to somebody whose test has just failed. Bounded, and without credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wiro_mock.kernel.numbers import plain
from wiro_mock.mock import World
from wiro_mock.testing import sequences
from wiro_mock.testing.views import Task
from wiro_mock.text import printable

TASKS_SHOWN = 10
ROWS_SHOWN = 30
"""Rows of one task's timeline; of more, the middle is left out."""
LINES_SHOWN = 20
GROUND_SHOWN = 120
"""Characters of what made a cost."""


def text(world: World, *, seed: int, notes: Iterable[str], problems: Sequence[str]) -> str:
    """The report: the seed with the flag that repeats it, every task's timeline, every refusal, what else is amiss."""
    return "\n".join(_lines(world, seed, list(notes), problems))


def _lines(world: World, seed: int, notes: list[str], problems: Sequence[str]) -> Iterator[str]:
    world.settle()
    tasks = list(sequences.tasks(world))
    yield f"seed: {seed} (repeat with --wiro-seed={seed}); time: {world.clock.mode}; profile: {world.profile.name}"
    requests = len(world.journal) + world.journal.dropped
    yield f"{_count(requests, 'request')}, {_count(len(tasks) + world.sim.forgotten, 'task')}"
    yield f"account: balance {plain(world.sim.balance)} USD, spent {plain(world.sim.spent)} USD"
    if len(tasks) > TASKS_SHOWN:
        yield f"the last {TASKS_SHOWN} tasks:"
    for task in tasks[-TASKS_SHOWN:]:
        yield from _task(task)
    refused = world.journal.entries(limit=LINES_SHOWN, refused=True)
    if refused:
        yield "refused, and why:"
        yield from (f"  {exchange.line()}" for exchange in refused)
    amiss = [one for one in world.journal.entries(limit=10**9) if one.outcome.code is None and one.outcome.reason]
    others = [*(one.line() for one in amiss), *(note for note in notes if "(req-" not in note)][-LINES_SHOWN:]
    if others:
        yield "noticed:"
        yield from (f"  {printable(note)}" for note in others)
    if problems:
        yield "left behind:"
        yield from (f"  {printable(problem)}" for problem in problems[:LINES_SHOWN])


def _task(task: Task) -> Iterator[str]:
    waits = f", waits for {task.waits_for}" if task.waits_for else ""
    ended = f", exit code {task.exit_code}" if task.exit_code is not None else ""
    cost = "" if task.cost is None else printable(f", cost {plain(task.cost)} USD ({task.cost_ground[:GROUND_SHOWN]})")
    yield f"task {task.id}: {task.model}, scenario {task.scenario!r}, {task.status}{ended}{cost}{waits}"
    rows = str(task.timeline).splitlines()
    if len(rows) > ROWS_SHOWN:
        half = ROWS_SHOWN // 2
        rows = [*rows[:half], f"… {len(rows) - 2 * half} rows …", *rows[-half:]]
    yield from (f"  {row}" for row in rows)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
