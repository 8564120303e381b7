"""Matches in turn: of the runs that fit the same, the first is played by one scenario and the later ones by others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import make_world, post
from tests.snapshot.kit import loaded, saved
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import load_text
from wiro_mock.mock import World

TURNS = """
scenario: once
match: {model: moondream3-preview/caption, with: {length: short}}
steps: [exit: 0]
---
scenario: from-the-second
match: {model: Moondream3-Preview/caption, with: {length: short}, nth: 2}
steps: [exit: 0]
---
scenario: from-the-fourth
match: {model: moondream3-preview/caption, with: {length: [short]}, nth: 4}
steps: [refuse: 96]
"""
IN_TURN = ["once", "from-the-second", "from-the-second", "from-the-fourth", "from-the-fourth"]


def played(world: World, **fields: object) -> str:
    """The scenario that plays one more run."""
    answer = post(world, "/v1/Run/moondream3-preview/caption", fields).json
    if not answer["result"]:
        return "from-the-fourth"
    task = world.sim.task(str(answer["taskid"]))
    assert task is not None
    return task.job.scenario


@given(st.lists(st.sampled_from(["short", "long", "asked"]), max_size=12))
def test_each_plays_from_its_turn_on(lengths: list[str]) -> None:
    """Only runs that fit count, and of those none that was asked for by name; a new beginning counts anew."""
    world = make_world(scenarios=TURNS)
    for _ in range(2):
        turns = iter([*IN_TURN, *["from-the-fourth"] * 12])
        for length in lengths:
            if length == "asked":
                world.use("failure")
                assert played(world, length="short") == "failure"
                world.casting.uses.clear()
            else:
                assert played(world, length=length) == (next(turns) if length == "short" else "caption")
        world.reset()


def test_before_the_first_turn_the_default_plays() -> None:
    """Where there is no other; and a match with more parameters goes first whatever its turn."""
    late = "scenario: late\nmatch: {model: '*', nth: 2}\nsteps: [exit: 0]\n"
    exact = "---\nscenario: exact\nmatch: {model: '*', with: {length: short}}\nsteps: [exit: 0]\n"
    world = make_world(scenarios=late + exact)
    lengths = ["long", "short", "long", "short"]
    assert [played(world, length=length) for length in lengths] == ["caption", "exact", "late", "exact"]


@pytest.mark.parametrize("nth", ["0", "-1", "two", "1.5", "true", "[1]"])
def test_a_turn_is_a_whole_number_from_one(nth: str) -> None:
    """Anything else is told with its place."""
    with pytest.raises(ScenarioError, match=r"<text>:2:\d+|:2:\d+") as caught:
        load_text(f"scenario: odd\nmatch: {{model: '*', nth: {nth}}}\nsteps: [exit: 0]\n")
    assert "nth" in str(caught.value)


def test_a_saved_world_goes_on_counting() -> None:
    """The turn of a run is part of what a snapshot keeps."""
    world = make_world(scenarios=TURNS)
    assert [played(world, length="short") for _ in range(3)] == IN_TURN[:3]
    again = loaded(saved(world), make_world(scenarios=TURNS))
    assert [played(one, length="short") for one in (again, world)] == [IN_TURN[3]] * 2
