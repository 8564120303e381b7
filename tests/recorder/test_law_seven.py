"""Law 7: what was recorded is played with the same frames and bytes, and recording that makes the same scenario."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.api_kit import make_world, run
from tests.recorder.kit import comparable, played, seen_of, sighting
from wiro_mock import strategies
from wiro_mock.api.origin import origins
from wiro_mock.api.wire import detail
from wiro_mock.loader import load_text
from wiro_mock.mock import World
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.sighting import TERMINAL, Seen
from wiro_mock.scenario import Scenario
from wiro_mock.testing import choosing


def sight(scenario: Scenario) -> tuple[list[Seen], dict[int, bytes]]:
    """A whole run of this scenario, as a recorder sees it."""
    world = make_world()
    choosing.use(world, [scenario], where="here")
    task_id, _ = run(world, {"prompt": "a cat"})
    world.jump(world.sim.now + 10**11)
    return seen_of(world, task_id)


def interrupted(frames: list[Seen]) -> bool:
    """Whether anything else came, on stdout or stderr, after the first frame of an answer and before the last."""
    told = [place for place, one in enumerate(frames) if isinstance(one.frame["message"], dict)]
    return bool(told) and len(told) != told[-1] - told[0] + 1


@settings(max_examples=30)
@given(strategies.scenarios(refusals=False, ends=False))
@example(
    Scenario.model_validate(  # so slow that its speed is told as 0.0
        {"scenario": "slow", "steps": [{"answer": {"say": "corpus", "tokens": 30, "first": "2m"}}, {"exit": 0}]}
    )
)
def test_what_is_recorded_is_played_and_recorded_alike(scenario: Scenario) -> None:
    """Whatever a mock plays: every frame at its distance with its very words, the bytes, and the text of the YAML."""
    frames, files = sight(scenario)
    made = scenario_of(sighting(frames, files))
    if made.files:
        return  # bytes that lie beside the YAML are played in test_proxy
    if frames[-1].kind not in TERMINAL and "- answer:" in made.text:
        return  # of an answer that stalls nobody knows the rest, and so it ends there
    if made.text.count("- answer:") and interrupted(frames):
        return  # an answer is written as one, before what was printed in the midst of it (wiro_mock/recorder/README.md)
    if sum(step.answer is not None for step in scenario.steps) > 1:
        return  # two answers in one run, where a model gives one, become one
    again, replayed, same = played(yaml=made.text)
    assert [(one.at, comparable(one.frame)) for one in replayed] == [(one.at, comparable(one.frame)) for one in frames]
    if frames[-1].kind in TERMINAL:  # files of a run that was not over are not kept
        assert same == files
    assert scenario_of(sighting(replayed, same)).text == made.text
    assert again.job.scenario == "seen-1"


def stepwise(world: World, task_id: str, length: int) -> None:
    """Time passes in steps of this length."""
    while (task := world.sim.task(task_id)) is not None and not task.finished:
        world.jump(world.sim.now + length)


@settings(max_examples=15)
@given(length=st.integers(1_000, 10**8), name=st.sampled_from(["caption", "failure", "llm"]))
def test_a_recording_is_the_same_at_any_speed(length: int, name: str) -> None:
    """However time passes while it is played: frames, Detail and bytes."""
    _, frames, files = played(scenario=name)
    text = scenario_of(sighting(frames, files)).text

    def outcome(pace: int) -> Any:
        world = make_world(scenarios=text)
        task_id, _ = run(world, {"prompt": "a cat"})
        stepwise(world, task_id, pace)
        task = world.sim.task(task_id)
        assert task is not None
        seen, data = seen_of(world, task_id)
        told = [(one.at, one.frame) for one in seen]
        return told, data, detail(task, origins("http://x"), world.profile)

    assert outcome(length) == outcome(10**11)


@pytest.mark.parametrize("piece", ["{text: a, speed: -1}", "{text: a, speed: .nan}", "{text: a, elapsed: soon}"])
def test_what_a_piece_of_a_stream_tells_is_checked(piece: str) -> None:
    """A recording that was edited by hand is refused in the words of the language."""
    from wiro_mock.language.complaints import ScenarioError

    with pytest.raises(ScenarioError, match="stream"):
        load_text(f"scenario: x\nsteps:\n  - stream: {{pieces: [{piece}]}}\n  - exit: 0\n")
