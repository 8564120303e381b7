"""Law 7 for what a recorder saw: frames written as a scenario make the same frames again, at the same distances."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recorder.kit import comparable, played, sighting
from wiro_mock.loader import load_text
from wiro_mock.recorder.observed import refusal_of, scenario_of
from wiro_mock.recorder.sighting import Seen
from wiro_mock.shipped import shipped

NAMES = sorted(
    path.stem
    for path in shipped().glob("*.yaml")
    if not path.stem.startswith(("realtime", "never"))
    and "refuse:" not in path.read_text()
    and "account:" not in path.read_text()
    and "hold:" not in path.read_text()
    and "stall" not in path.read_text()
)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_scenarios_are_replayed_frame_by_frame(name: str) -> None:
    """Every frame at its distance, with its very words, and the outputs byte for byte."""
    _, frames, files = played(scenario=name)
    made = scenario_of(sighting(frames, files))
    load_text("\n".join(line for line in made.text.splitlines() if "file:" not in line))
    if made.files:
        return  # bytes that lie beside the YAML are played in test_proxy
    again, replayed, same = played(yaml=made.text)
    assert [(one.at, comparable(one.frame)) for one in replayed] == [(one.at, comparable(one.frame)) for one in frames]
    assert same == files
    assert again.job.scenario == "seen-1"


WORDS = st.text(
    st.characters(categories=["L", "N", "P", "Zs"], max_codepoint=0xFFFF, exclude_characters="$"),
    min_size=1,
    max_size=40,
)
PIECE = st.one_of(WORDS.map(lambda text: {"thinking": text}), WORDS.map(lambda text: {"answer": text}))


@settings(max_examples=15)
@given(
    pieces=st.lists(PIECE, min_size=1, max_size=3),
    shown=st.sampled_from(["stream", "end"]),
    rate=st.integers(1, 400),
    waits=st.lists(st.integers(0, 3_000_000), min_size=2, max_size=2),
    code=st.integers(0, 3),
    lines=st.lists(WORDS, max_size=3),
    tagged=st.booleans(),
)
def test_any_answer_of_a_language_model_is_replayed(
    *, pieces: list[dict[str, str]], shown: str, rate: int, waits: list[int], code: int, lines: list[str], tagged: bool
) -> None:
    """Whatever it says and however fast, with warnings before it."""
    import json

    answer = {"pieces": pieces, "shown": shown, "rate": f"{rate}tps", "tagged": tagged}
    steps = [
        {"accept": f"{waits[0]}us"},
        *({"stderr": line} for line in lines),
        {"answer": answer},
        {"exit": {"code": code, "after": f"{waits[1]}us"}},
    ]
    _, frames, files = played(yaml=json.dumps({"scenario": "x", "match": {"model": "*"}, "steps": steps}))
    _, replayed, _ = played(yaml=scenario_of(sighting(frames, files)).text)
    wanted = [(one.at, comparable(one.frame)) for one in frames]
    if code:  # the text of a failed run is among no outputs: only its frames are known
        wanted, replayed = wanted[:-1], replayed[:-1]
    if not (code and shown == "end"):
        assert [(one.at, comparable(one.frame)) for one in replayed] == wanted


@settings(max_examples=25)
@given(st.integers(0, 60))
def test_a_part_of_a_run_is_a_scenario_that_stalls_there(count: int) -> None:
    """However few frames were seen: it says so, it loads, and it plays as many of them."""
    _, frames, _ = played(scenario="llm")
    part = frames[: min(count, len(frames) - 1)]
    made = scenario_of(sighting(part, {}, partial="the lights went out"))
    assert "Recorded in part" in made.text
    assert 'stall: "the lights went out"' in made.text
    _, replayed, _ = played(yaml=made.text)
    kinds = [one.frame["type"] for one in part if one.frame["type"] != "task_output_full"]
    again = [one.frame["type"] for one in replayed if one.frame["type"] != "task_output_full"]
    half = ("task_preprocess_start", "task_postprocess_start")
    assert again in (kinds or ["task_queue"], kinds[:-1] if kinds and kinds[-1] in half else kinds)


@settings(max_examples=25)
@given(st.data())
def test_frames_that_are_missing_or_come_twice_leave_a_scenario_all_the_same(data: st.DataObject) -> None:
    """A late registration sees one status only; what is needed in between is filled in."""
    _, frames, files = played(scenario="caption")
    kept = [one for one in frames[:-1] for _ in range(data.draw(st.integers(0, 2)))]
    made = scenario_of(sighting([*kept, frames[-1]], files))
    _, replayed, _ = played(yaml=made.text)
    assert comparable(replayed[-1].frame) == comparable(frames[-1].frame)


def test_a_clock_that_goes_back_does_no_harm() -> None:
    """A step never comes before the one before it."""
    _, frames, files = played(scenario="caption")
    wild = [Seen(at=-one.at, frame=one.frame) for one in frames]
    _, replayed, _ = played(yaml=scenario_of(sighting(wild, files)).text)
    assert [one.frame["type"] for one in replayed] == [one.frame["type"] for one in frames]


def test_a_refused_run_is_a_scenario_too() -> None:
    """With its code and its sentence."""
    (scenario,) = load_text(refusal_of(sighting([], {}), 97, 'Too "poor" for $5').text)
    assert scenario.name == "seen-1"
