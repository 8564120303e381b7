"""What a poll is worth: a client that asks how far a task is waits, too, so a clock may move for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiro_mock.kernel.task import Task, fold

if TYPE_CHECKING:
    from wiro_mock.mock.state import State

ENTRIES_PER_POLL = 10_000


class PollError(Exception):
    """A poll that would make a scenario play without end."""


def poll(world: State, task: Task) -> Task:
    """Let pass what a poll is worth. Raises `PollError` after 10 000 entries, naming the scenario."""
    worth = world.poll_worth
    if world.live:
        worth = 0  # nobody can jump over a backend that is at work
    if worth is None:
        worth = "finish" if world.clock.mode == "auto" else 0
    if worth == 0:
        return task
    log = world.sim.log(task.job.id)
    if isinstance(worth, int):
        world.jump(world.sim.now + worth)
    else:
        _play(world, task, to_end=worth == "finish")
    # A task that is forgotten the moment it ends is still told of by its log.
    return world.sim.task(task.job.id) or fold(log)


def _play(world: State, task: Task, *, to_end: bool) -> None:
    log = world.sim.log(task.job.id)
    before = len(log)
    while world.sim.can_progress(task.job.id) and (to_end or len(log) == before):
        deadline = world.sim.next_deadline()
        if deadline is None:
            return
        # As `jump` does, but for what is to be done afterwards, which `handle` does once for all of them.
        world.clock.jump(deadline)
        world.sim.advance(deadline)
        if len(log) - before > ENTRIES_PER_POLL:
            raise PollError(
                f"scenario {task.job.scenario!r} made more than {ENTRIES_PER_POLL} entries within one poll of "
                f"task {task.job.id}; give its steps fewer repetitions, or poll with --poll next or --poll SECONDS"
            )
