"""How often each model has been run: counted as it happens, and never counted down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.api_kit import make_world, post, run
from wiro_mock.kernel import run_counts
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.run_counts import RunCount, RunCounts
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World

CAPTION = "moondream3-preview/caption"


def play_out(world: World) -> None:
    while (deadline := world.sim.next_deadline()) is not None:
        world.jump(deadline)


def test_a_run_counts_from_the_moment_it_is_taken_on() -> None:
    """By its model; `last_at` is that moment, whatever comes of the run."""
    world = make_world()
    assert world.sim.run_counts.of(CAPTION) == RunCount()
    world.use("caption")
    run(world)
    first = world.sim.now
    assert world.sim.run_counts.of(CAPTION) == RunCount(runs=1, last_at=first)
    assert world.sim.run_counts.of("moondream3-preview/query") == RunCount()
    play_out(world)
    assert world.sim.now > first
    assert world.sim.run_counts.of(CAPTION) == RunCount(runs=1, succeeded=1, last_at=first)
    run(world)
    assert world.sim.run_counts.of(CAPTION).last_at == world.sim.now


@pytest.mark.parametrize(
    ("scenario", "succeeded", "failed"),
    [
        ("caption", 1, 0),
        ("failure", 0, 1),
        ("setup-error-fail", 0, 1),
        ("cancelled-in-queue", 0, 0),
        ("killed-while-running", 0, 0),
    ],
)
def test_each_end_counts_once(scenario: str, succeeded: int, failed: int) -> None:
    """A cancelled run neither succeeded nor failed; deleting the files of a finished one changes nothing."""
    world = make_world()
    world.use(scenario)
    _, token = run(world)
    play_out(world)
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token})
    count = world.sim.run_counts.of(CAPTION)
    assert (count.runs, count.succeeded, count.failed) == (1, succeeded, failed)


def test_forgotten_runs_stay_counted_and_a_reset_begins_anew() -> None:
    """The count is of what has happened, not of what is kept."""
    world = make_world(limits=Limits(finished=1))
    world.use("caption")
    for _ in range(3):
        run(world)
    play_out(world)
    assert world.sim.remembered == 1
    assert world.sim.run_counts.of(CAPTION).succeeded == 3
    world.reset()
    assert world.sim.run_counts.of(CAPTION) == RunCount()


def test_the_model_that_has_not_run_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many models there are; an end of a model that is counted no more counts nothing."""
    monkeypatch.setattr(run_counts, "MOST", 2)
    world = make_world()
    run(world)
    (task,) = world.sim.tasks()
    counts = RunCounts()
    for slug in ("a", "b", "a", "c"):
        counts.hear(None, named(task, slug))
    seen = {slug: counts.of(f"moondream3-preview/{slug}").runs for slug in "abc"}
    assert seen == {"a": 2, "b": 0, "c": 1}
    play_out(world)
    (ended,) = world.sim.tasks()
    counts.hear(named(task, "b"), named(ended, "b"))
    assert counts.of("moondream3-preview/b") == RunCount()


def named(task: Task, slug: str) -> Task:
    return replace(task, job=replace(task.job, model=replace(task.job.model, slug=slug)))
