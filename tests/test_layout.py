"""A scenario that fills in no name is laid out once for all runs; nobody can tell but by the clock."""

from __future__ import annotations

from unittest.mock import patch

from tests.api_kit import CAPTION, detail, make_world, post, run
from wiro_mock.language import timeline
from wiro_mock.loader import load_text

PLAIN = """
scenario: plain
steps: [{start: {}}, {produce: {text: a cat}}, {exit: 0}]
"""
NAMED = """
scenario: named
steps: [{start: {}}, {produce: {text: "${task.id}"}}, {exit: 0}]
"""


def laid_out(text: str, name: str) -> int:
    """How often the steps are laid out for three runs; each of them has its own file at its end."""
    world = make_world(scenarios=text, time="auto")
    world.use(name)
    with patch.object(timeline, "lay_out", wraps=timeline.lay_out) as laying:
        for _ in range(3):
            task, _ = run(world)
            assert len(detail(world, task)["outputs"]) == 1
            post(world, "/v1/Task/InputOutputDelete", {"tasktoken": world.sim.task(task).job.token})  # type: ignore[union-attr]
            assert len(world.blobs) == 0
    return laying.call_count


def test_steps_without_names_are_laid_out_once() -> None:
    """And the bytes of their files are kept for each run anew."""
    assert laid_out(PLAIN, "plain") == 1


def test_steps_with_names_are_laid_out_for_each_run() -> None:
    """Each has a text of its own."""
    assert laid_out(NAMED, "named") == 3


def test_being_laid_out_makes_no_other_scenario_of_it() -> None:
    """It equals one that nobody has played; a copy with other steps plays those."""
    played, fresh = load_text(PLAIN)[0], load_text(PLAIN)[0]
    world = make_world(scenarios=PLAIN)
    run(world, path=CAPTION)
    world = make_world()
    world.casting.library.scenarios = [*world.casting.library.scenarios, played]
    world.use("plain")
    task, _ = run(world)
    assert played == fresh
    other = played.model_copy(update={"steps": load_text(NAMED)[0].steps})
    job = world.sim.task(task).job  # type: ignore[union-attr]
    assert other.compile(job, world.runs.keep).blobs() != played.compile(job, world.runs.keep).blobs()
