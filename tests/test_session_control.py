"""Realtime sessions from outside: the control API with its WAV, the frames and the timeline, the journal, a watcher."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.live_kit import PATIENCE, Listener, Live, eventually, live
from tests.test_sessions import VOICE, tone
from wiro_mock.commands.watch_client import WATCH, Watcher
from wiro_mock.connection import WATCH as HEARD_BY
from wiro_mock.explain import explain
from wiro_mock.kernel.audio import RATE
from wiro_mock.testing.sequences import frames, tasks

SAID = tone(1.0) + bytes(RATE)
"""A second of speech, and half a second of silence."""
FAULTY = """
scenario: lossy
match: {model: openai/gpt-realtime}
steps:
  - session: {silence: 200ms, turns: [{when: heard, transcript: hello, say: One two three, cost: "0.01", repeat: true}]}
  - exit: 0
faults:
  - {on: socket, when: {frame: binary, nth: 2}, do: drop}
"""


@pytest.fixture
def server() -> Iterator[Live]:
    with live() as running:
        yield running


def speak(listener: Listener, token: str, said: bytes = SAID) -> list[str | bytes]:
    """Say it in a session that listens, and take what comes up to the cost of the answer."""
    for at in range(0, len(said), 9_600):
        listener.connection.send(token.encode() + b"|" + said[at : at + 9_600])
    got: list[str | bytes] = []
    while not (got and isinstance(last := got[-1], str) and '"task_cost"' in last):
        got.append(listener.connection.recv(PATIENCE))
    return got


def session_of(server: Live, token: str) -> Any:
    return server.admin(f"/sessions/{token}")


def test_a_session_is_shown_with_its_turns(server: Live) -> None:
    """By the id or the token of its task; the list is shorter, and the newest comes first."""
    server.run()
    first, _ = server.run(VOICE)
    task_id, token = server.run(VOICE)
    assert session_of(server, first)["ready"] is False
    with server.socket("/v1", token) as listener:
        listener.until("task_stream_ready")
        speak(listener, token)
        shown = session_of(server, token)
        assert shown == session_of(server, task_id)
    assert {key: shown[key] for key in ("task", "token", "ready", "ended_by", "cost", "said_seconds")} == {
        "task": task_id, "token": token, "ready": True, "ended_by": None, "cost": "0.002", "said_seconds": 3.0,
    }  # fmt: skip
    assert shown["heard"] == {"seconds": 1.5, "rms": shown["heard"]["rms"], "frames": 8, "kept_seconds": 1.5}
    assert shown["heard"]["rms"] == pytest.approx(12_000 / 3**0.5, rel=0.01)
    [utterance] = shown["utterances"]
    assert (utterance["at"], utterance["seconds"], utterance["transcript"]) == (0, 1, "Hello, can you hear me?")
    assert shown["turns"] == [
        {"said": "Hello! Yes, I can hear you. I am a mock.", "seconds": 3.0, "interrupted": False, "cost": "0.002"}
    ]
    assert shown["transcript"] == "Hello, can you hear me?"
    eventually(lambda: session_of(server, token)["ended_by"] == "disconnect")
    listed = server.admin("/sessions")["sessions"]
    assert [one["task"] for one in listed] == [task_id, first]
    assert listed[0] == {key: value for key, value in session_of(server, token).items() if key in listed[0]}
    assert "turns" not in listed[0]


def test_what_was_heard_is_fetched_as_wav(server: Live) -> None:
    """To the byte, at the address that the session tells; it stays when the session is over."""
    task_id, token = server.run(VOICE)
    with server.socket("/v1", token) as listener:
        listener.until("task_stream_ready")
        empty = server.http.get(f"/__wiro/sessions/{token}.wav")
        speak(listener, token)
    answer = server.http.get(session_of(server, task_id)["wav"])
    assert answer.headers["content-type"] == "audio/wav"
    for content, samples in ((empty.content, b""), (answer.content, SAID)):
        with wave.open(BytesIO(content)) as file:
            assert file.getparams()[:3] == (1, 2, RATE)
            assert file.readframes(RATE * 60) == samples


@pytest.mark.parametrize("path", ["/sessions/1", "/sessions/1.wav", "/sessions/{task}", "/sessions/{task}.wav"])
def test_what_has_no_session_is_told_so(server: Live, path: str) -> None:
    """404, with the way to those that there are."""
    name = server.run()[0] if "{task}" in path else "1"
    answer = server.http.get("/__wiro" + path.format(task=name))
    told = f"no realtime session is of a task '{name}'; GET /__wiro/sessions lists them"
    assert (answer.status_code, answer.json()) == (404, {"error": told})


def test_sound_in_the_frames_is_that_of_its_task(server: Live) -> None:
    """In both directions, under the name that faults have for it; and the timeline tells who has heard which piece."""
    task_id, token = server.run(VOICE)
    other_id, other = server.run(VOICE)
    with server.socket("/v1", token, other) as listener:
        listener.until("task_stream_ready")
        listener.until("task_stream_ready")
        speak(listener, token)
        speak(listener, other)
        for one in (task_id, other_id):
            sound = frames(server.world).of("binary", task=one)
            assert [frame.direction for frame in sound] == ["in"] * 8 + ["out"] * 15
            assert {frame.task for frame in sound} == {one}
            timeline = tasks(server.world)[one].timeline
            assert [moment.seen_by for moment in timeline if moment.kind == "audio"] == [("socket 1",)] * 15
    assert len(frames(server.world).wait_for("binary", count=46)) == 46


def test_what_was_dropped_is_told_of_its_task(server: Live) -> None:
    """So the journal of one task has it, and `explain` tells where the task stands."""
    task_id, token = server.run(VOICE)
    with server.socket() as listener:
        listener.connection.send(token.encode() + b"|" + bytes(4))  # before it was registered
        listener.connection.send(token.encode() + b"|" + bytes(3))
        listener.connection.send(b"nonsense")
        listener.say({"type": "task_session_interrupt", "tasktoken": token})
        listener.check_silence()
    told = [one for one in server.admin("/journal")["journal"] if one["method"] == "SOCKET"][:4]
    assert [one["task"] for one in told] == [task_id, task_id, None, task_id]
    assert [one["fields"] for one in told[:3]] == [
        {"binary": "35 bytes"}, {"binary": "34 bytes"}, {"binary": "8 bytes"},
    ]  # fmt: skip
    assert [one["reason"] for one in server.admin(f"/journal?task={task_id}")["journal"][1:]] == [
        told[0]["reason"], told[1]["reason"], told[3]["reason"],
    ]  # fmt: skip
    lines = explain(server.world, told[0]["id"])
    assert any(line.startswith(f"  task      {task_id}, openai/gpt-realtime, plays 'realtime-voice'") for line in lines)
    assert all("answer (" not in seen for moment in tasks(server.world)[task_id].timeline for seen in moment.seen_by)


def test_a_fault_that_struck_sound_is_explained() -> None:
    """It is a fault, and not a message; its task is told, and nothing is suggested that would change nothing."""
    with live(scenarios=FAULTY) as running:
        task_id, token = running.run(VOICE)
        with running.socket("/v1", token) as listener:
            listener.until("task_stream_ready")
            sound = [one for one in speak(listener, token) if isinstance(one, bytes)]
        assert len(sound) == 4  # of five
        (struck,) = (one for one in running.admin("/journal")["journal"] if one["method"] == "SOCKET")
        assert struck["task"] == task_id
        lines = explain(running.world, struck["id"])
        assert lines[0] == f"{struck['id']}: SOCKET /v1 -> 101 a fault on the socket"
        assert any(line.startswith(f"  task      {task_id}") for line in lines)
        assert not any(line.startswith("  try") for line in lines)


def test_who_only_watches_is_no_party_to_a_session(server: Live) -> None:
    """The session ends when its client goes, watched or not; and a watcher that goes ends nothing."""
    assert WATCH == HEARD_BY
    task_id, token = server.run(VOICE)
    with Watcher(server.thread.url.removesuffix("/v1"), token) as gone:
        assert any('"task_stream_ready"' in str(one) for one in _up_to(gone, '"task_stream_ready"'))
    eventually(server.is_clean)
    assert session_of(server, token)["ended_by"] is None
    with Watcher(server.thread.url.removesuffix("/v1"), token) as watcher:
        _up_to(watcher, '"task_stream_ready"')
        with server.socket("/v1", token) as listener:
            listener.until("task_stream_ready")
            speak(listener, token)
        seen = _up_to(watcher, '"task_postprocess_end"')
    assert sum(isinstance(one, bytes) for one in seen) == 15
    assert session_of(server, task_id)["ended_by"] == "disconnect"


def test_any_other_client_of_the_same_kind_is_one(server: Live) -> None:
    """Without the header, the session goes on while one of two listens."""
    _, token = server.run(VOICE)
    with connect(f"ws://{server.thread.netloc}/v1", proxy=None) as connection:
        other = Listener(connection)
        other.register(token)
        other.until("task_stream_ready")
        with server.socket("/v1", token) as listener:
            listener.until("task_stream_ready")
        eventually(lambda: len(server.pump.followers) == 1)
        assert session_of(server, token)["ended_by"] is None


def _up_to(watcher: Watcher, text: str) -> list[str | bytes]:
    got = []
    for one in watcher.frames():
        if one is not None:
            got.append(one)
            if isinstance(one, str) and text in one:
                break
    return got
