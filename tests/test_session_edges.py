"""Realtime sessions at their edges: silence while the session speaks, times too short to be heard, what is counted."""

from __future__ import annotations

import re

import pytest

from tests.test_sessions import HOUR, STT, Client, tone, world_of
from wiro_mock.kernel.audio import RATE
from wiro_mock.loader import ScenarioError, load_text
from wiro_mock.sessions import Sessions
from wiro_mock.testing.sessions import sessions

TALKATIVE = """
pace: real
silence: 200ms
turns:
  - {when: heard, transcript: hello, say: A long answer, audio: {tone: 440, for: 6s}, cost: "0.001"}
  - {when: silence, for: 2s, say: Still there?, audio: none, repeat: true, cost: "0.001"}
"""
ASKED = ["TRANSCRIPT_AI:Still there?", "task_stream_end", "task_cost"]


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


def test_silence_begins_when_the_session_has_spoken() -> None:
    """While it speaks itself it waits for no answer; and a turn that repeats comes after each silence."""
    client = Client(world_of(TALKATIVE, time="manual"))
    client.frames()
    client.speak(tone(0.5) + silence(5))
    assert client.heard(6_000_000)[-2:] == ["task_stream_end", "task_cost"]
    client.speak(silence(1.98))
    assert client.heard(0) == []
    for _ in range(3):
        client.speak(silence(0.02))
        assert client.heard(0) == ASKED
        client.speak(silence(1.98))
        assert client.heard(0) == []


def test_a_transcription_tells_the_tokens_of_the_words_that_it_told() -> None:
    """Not of those that nobody has said; written usage is told as it is written."""
    client = Client(world_of("transcribe: {text: one two three four five six, every: 400ms}"), STT)
    client.frames()
    client.speak(tone(0.9))
    client.say("task_session_end")
    frames = [frame for frame in client.frames() if not isinstance(frame, bytes)]
    assert [frame["message"] for frame in frames if frame["type"] == "task_output"] == [
        "TRANSCRIPT_USER:one", "TRANSCRIPT_USER:two", "TRANSCRIPT_USER:three",
    ]  # fmt: skip
    (cost,) = (frame["usage"] for frame in frames if frame["type"] == "task_cost")
    assert cost == {"input_tokens": 3, "output_tokens": 3}
    written = Client(world_of("transcribe: {text: one two, usage: {seconds: 4}}"), STT)
    written.frames()
    written.say("task_session_end")
    assert [frame["usage"] for frame in written.frames() if frame["type"] == "task_cost"] == [{"seconds": 4}]


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        ("silence: 0s\nturns: [{when: heard}]", "session: `silence` is too short; write at least 20ms"),
        ("barge_in: 19ms\nturns: [{when: heard}]", "session: `barge_in` is too short; write at least 20ms"),
        ("turns: [{when: silence, for: 0s}]", "turns: `for` is too short; write at least 20ms"),
        (
            "turns: [{when: heard, say: x, audio: none, interrupt_after: 1s}]",
            "turns: `interrupt_after` is about sound, and there is none; give it another `audio`",
        ),
        (
            "turns: [{when: heard, audio: {tone: 440, for: 0s}}]",
            "audio: `for` says how long a tone is: more than nothing, and at most 10m",
        ),
        ("turns: [{when: heard, audio: {word: echo, for: 1s}}]", "audio: `for` says how long a tone is, and there is"),
    ],
)
def test_what_would_never_come_or_always_is_refused(session: str, complaint: str) -> None:
    """A length below one window of what is heard fits at every window, or at none."""
    steps = "".join(f"      {line}\n" for line in session.splitlines())
    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        load_text(f"scenario: mine\nsteps:\n  - session:\n{steps}  - exit: 0\n")


def test_the_shortest_times_that_can_be_heard_are_heard() -> None:
    """One window each."""
    client = Client(world_of("silence: 20ms\nturns: [{when: silence, for: 20ms, say: x, audio: none, repeat: true}]"))
    client.frames()
    client.speak(silence(0.02))
    assert client.heard(HOUR) == ["TRANSCRIPT_AI:x", "task_stream_end", "task_cost"]


def test_each_parting_has_a_time_of_grace_of_its_own() -> None:
    """Who comes back and goes again is waited for anew: the end of the first wait ends nothing."""
    world = world_of(TALKATIVE)
    client = Client(world)
    client.frames()
    world.joined(client.id, 1)
    first = world.sessions.parting(client.id)
    assert world.sessions.leave(client.id, 1)
    world.joined(client.id, 2)
    second = world.sessions.parting(client.id)
    assert world.sessions.leave(client.id, 2)
    world.hang_up(world.sim, client.id, first)
    assert sessions(world)[0].ended_by == ""
    world.hang_up(world.sim, client.id, second)
    assert sessions(world)[0].ended_by == "disconnect"


def test_what_is_over_leaves_nothing_behind() -> None:
    """Nobody is remembered who listened to a session that is over."""
    kept = Sessions()
    kept.join("1", 1)
    kept.drop("1")
    assert not kept.was_joined("1")
    assert (kept._listeners, kept._partings) == ({}, {})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{", "dropped a message that is not JSON"),
        ('{"type":"task_info"}', "task_info without a tasktoken"),
        ('{"type":"task_info","tasktoken":"%d"}', "registered a token that no task has"),
        (b"nonsense", "dropped a binary message of 8 bytes"),
    ],
)
def test_a_flood_of_one_kind_is_told_of_a_hundred_times(said: str | bytes, told: str) -> None:
    """The last of them says so; what is wrong in another way is told of all the same."""
    client = Client(world_of(TALKATIVE))
    for number in range(150):
        if isinstance(said, bytes):
            client.talk.receive_bytes(said)
        else:
            client.talk.receive(said.replace("%d", str(number)))
    notes = client.talk.notes
    assert len(notes) == 100
    assert all(note.startswith(told) for note in notes)
    assert [note.endswith("; what follows of this kind on this socket is not told of") for note in notes[-2:]] == [
        False, True,
    ]  # fmt: skip
    other = b"nonsense" if isinstance(said, str) else "{"
    client.talk.receive_bytes(other) if isinstance(other, bytes) else client.talk.receive(other)
    assert len(notes) == 101
