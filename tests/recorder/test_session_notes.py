"""What a scenario cannot tell of a session is named in it, and what another server tells is still written."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.recorder.kit import sighting
from tests.test_sessions import tone
from wiro_mock.loader import load_scenarios
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.sighting import Seen
from wiro_mock.recorder.talked import Talk

SECOND = 1_000_000
READY: list[dict[str, Any]] = [{"type": "task_start"}, {"type": "task_stream_ready"}]
OVER: list[dict[str, Any]] = [{"type": "task_stream_end"}, {"type": "task_cost", "turnCost": 0.001, "usage": {"a": 1}}]
END: list[dict[str, Any]] = [{"type": "task_end"}, {"type": "task_postprocess_end", "message": [], "exitCode": 0}]


def says(message: object) -> dict[str, Any]:
    return {"type": "task_output", "message": message}


def written(*frames: dict[str, Any] | bytes, room: int = 1 << 20) -> str:
    """The scenario of a session with these frames, a second apart; bytes are sound."""
    talk = Talk()
    talk.said.append((SECOND * len(frames), "task_session_end"))
    seen = [
        talk.voice(one, place * SECOND, room) if isinstance(one, bytes) else Seen(at=place * SECOND, frame=one)
        for place, one in enumerate((*READY, *frames, *END))
    ]
    made = scenario_of(sighting(seen, {}, talk=talk))
    with TemporaryDirectory() as folder:
        for name, data in {"seen-1.yaml": made.text.encode(), **made.files}.items():
            (Path(folder) / name).write_bytes(data)
        assert load_scenarios(Path(folder) / "seen-1.yaml")  # it can be played
    return made.text


@pytest.mark.parametrize(
    ("frames", "missing"),
    [
        ([says("TRANSCRIPT_AI:Hello"), says("TRANSCRIPT_AI:there."), *OVER], "that TRANSCRIPT_AI: came in parts"),
        ([says("TRANSCRIPT_USER:so it"), says("TRANSCRIPT_USER:goes"), *OVER], "that it was told in phrases"),
        ([says("loading"), says("TRANSCRIPT_AI:Hello"), *OVER], "what it printed besides"),
        ([tone(0.2), OVER[0], {**OVER[1], "usage": {"a": 1, "b": {}}}], "what usage had besides whole numbers"),
        ([says("TRANSCRIPT_AI:Hello"), *OVER] * 201, "2 more turns, for a session has at most 200"),
    ],
)  # fmt: skip
def test_what_no_scenario_tells_is_named(frames: list[Any], missing: str) -> None:
    """In what the scenario says about itself."""
    text = written(*frames)
    assert f"Not told of its session: {missing}" in text


def test_transcripts_before_the_sound_and_pieces_of_any_length_are_one_turn() -> None:
    """Which comes first is nowhere documented (socket.md §1.5); an odd byte is no sample."""
    text = written(says("TRANSCRIPT_AI:Hello"), tone(0.3) + b"x", tone(0.05), *OVER)
    assert 'say: "Hello", audio: {file: "seen-1-0.wav"}, cost: "0.001", usage: {"a": 1}}' in text
    assert text.count("when:") == 2  # the other one keeps the session open


def test_sound_for_which_there_is_no_room_is_a_tone() -> None:
    """As long as it was; what fits before it is kept."""
    text = written(tone(0.2), *OVER, tone(0.4), *OVER, room=9_600)
    assert 'audio: {file: "seen-1-0.wav"}' in text
    assert "audio: {tone: 440, for: 400ms}" in text
    assert "0.4 s of its sound, which were not kept: here they are a tone" in text


@pytest.mark.parametrize("cost", [None, -1, "a lot", float("inf"), 1e-9])
def test_costs_that_are_none_are_nothing(cost: object) -> None:
    """A scenario has an amount in USD."""
    text = written(tone(0.2), {"type": "task_stream_end"}, {"type": "task_cost", "turnCost": cost})
    (turn,) = [line for line in text.splitlines() if "audio" in line]
    assert ('cost: "0.000000001"' if cost == 1e-9 else 'cost: "0"') in turn


def test_a_session_without_costs_or_ends_is_written() -> None:
    """Frames that never came are not made up, but that a turn has to end."""
    assert "when: start" in written(tone(0.2))
    assert "when: silence, for: 10h" in written()
