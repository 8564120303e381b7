"""Realtime sessions through the recorder, over real sockets: what is written of them, and what their clients meet."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.api_kit import KEY, SECRET, make_world, signed
from tests.live_kit import PATIENCE, Live, eventually, live
from tests.recorder.kit import Recording, ended, recording, telling, timeless, upstream_that
from tests.recorder.test_sync_runs import answer_of
from tests.test_realtime_clients import STT, TALKS, TTS, VOICE, Voice
from wiro_mock.loader import Library, load_scenarios
from wiro_mock.mock import World
from wiro_mock.server import ServerThread

UNNAMED = TALKS.replace("openai/*", "'*'")


def token_of(thread: ServerThread, model: str, **fields: Any) -> str:
    answer = httpx.post(
        f"{thread.url}/v1/Run/{model}", json=fields, headers=signed(), timeout=PATIENCE, trust_env=False
    ).json()
    assert answer["result"] is True, answer
    return str(answer["socketaccesstoken"])


@contextmanager
def voice(thread: ServerThread, token: str) -> Iterator[Voice]:
    """A client on a socket of its own."""
    url = f"ws://{thread.netloc}/v1"
    with connect(url, proxy=None, compression=None, max_size=None, open_timeout=PATIENCE) as connection:
        client = Voice(connection, token)
        client.say("task_info")
        yield client


def conversation(thread: ServerThread) -> Voice:
    """Two turns, of which the second is interrupted."""
    with voice(thread, token_of(thread, VOICE)) as client:
        client.until("task_stream_ready")
        client.speak(1.2)
        client.until("task_cost")
        client.speak(0.4)
        client.until("", sound=len(client.sound) + 48_000)
        client.say("task_session_interrupt")
        client.until("task_cost")
        client.say("task_session_end")
        client.until("task_postprocess_end")
        return client


def listener(thread: ServerThread) -> Voice:
    """A client that only listens, and leaves at task_end, as the samples of the documentation do."""
    with voice(thread, token_of(thread, TTS, text="Hello there, friend")) as client:
        client.until("task_end")
        return client


def dictation(thread: ServerThread) -> Voice:
    """A client whose words are written down."""
    with voice(thread, token_of(thread, STT)) as client:
        client.until("task_stream_ready")
        client.speak(2.0)
        client.until("task_output")
        client.say("task_session_end")
        client.until("task_postprocess_end")
        return client


def told(client: Voice) -> Any:
    return client.types, client.user, client.ai, client.sound, client.costs, client.total


@contextmanager
def replay(folder: Path) -> Iterator[Live]:
    world = make_world(time="auto")
    with live(World(world.settings, library=Library(folder))) as running:
        yield running


@contextmanager
def recorded(folder: Path, yaml: str = TALKS, **settings: Any) -> Iterator[tuple[Live, Recording]]:
    with live(make_world(**{"time": "auto", "scenarios": yaml, **settings})) as running:
        with recording(running.thread.url, folder, har=True) as made:
            yield running, made
            assert not made.told
        tokens = [task.job.token for task in running.world.sim.tasks()]
    on_disk = b"".join(file.read_bytes() for file in folder.iterdir())
    assert not [secret for secret in (KEY, SECRET, *tokens) if secret.encode() in on_disk]


@pytest.mark.parametrize("client", [conversation, listener, dictation])
def test_a_session_through_the_recorder_is_told_again_to_the_same_client(client: Any, tmp_path: Path) -> None:
    """Frames, transcripts, sound and costs; nobody but the client was listening."""
    with recorded(tmp_path) as (_, made):
        first = client(made.thread)
        ended(made)
    with replay(tmp_path) as running:
        assert told(client(running.thread)) == told(first)
        (task,) = running.world.sim.tasks()
        assert task.job.scenario.endswith("-1")
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "Recorded: " in text
    assert "stall" not in text


def test_what_is_said_lies_beside_the_scenario_and_what_was_heard_nowhere(tmp_path: Path) -> None:
    """A WAV file for each turn; of the client's own voice there is nothing, nor where it comes back as an echo."""
    yaml = "scenario: x\nmatch: {model: '*'}\nsteps:\n  - session:\n      turns:\n" \
        "        - {when: heard, say: Hi there}\n        - {when: heard, audio: echo}\n  - exit: 0\n"  # fmt: skip
    with recorded(tmp_path, yaml) as (_, made):
        with voice(made.thread, token_of(made.thread, VOICE)) as client:
            client.until("task_stream_ready")
            for _turn in range(2):
                client.speak(0.5)
                client.until("task_cost")
            client.say("task_session_end")
            client.until("task_postprocess_end")
        ended(made)
    (sound,) = tmp_path.glob("*.wav")
    with wave.open(str(sound)) as file:
        assert file.getparams()[:4] == (1, 2, 24_000, 14_400)
    assert "audio: echo" in next(tmp_path.glob("*.yaml")).read_text()


def test_without_bytes_a_turn_is_a_tone_as_long_as_its_sound(tmp_path: Path) -> None:
    """And the scenario says so."""
    with live(make_world(time="auto")) as running, recording(running.thread.url, tmp_path, wants_bytes=False) as made:
        listener(made.thread)
        ended(made)
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "audio: {tone: 440, for: 900ms}" in text
    assert "Not told of its session: 0.9 s of its sound, which were not kept: here they are a tone." in text
    assert not list(tmp_path.glob("*.wav"))


@pytest.mark.parametrize("model", [VOICE, "moondream3-preview/caption"])
def test_a_client_that_goes_ends_its_session_and_leaves_a_part(model: str, tmp_path: Path) -> None:
    """The recorder keeps no session alive; also where only its frames tell that it is one."""
    with recorded(tmp_path, UNNAMED) as (running, made):
        with voice(made.thread, token_of(made.thread, model)) as client:
            client.until("task_stream_ready")
            client.speak(1.2)
            client.until("task_cost")
        eventually(lambda: next(running.world.sim.tasks()).finished)
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "Recorded in part: " in text
    assert "its client left" in text
    assert 'transcript: "Tell me all."' in text


def test_a_socket_that_the_upstream_breaks_is_told_of(tmp_path: Path) -> None:
    """What was seen is a part, and says whose doing it was."""
    frames = [
        json.dumps({"type": kind, "id": "777777"}) for kind in ("task_start", "task_stream_ready", "task_stream_end")
    ]
    cost = json.dumps({"type": "task_cost", "id": "777777", "turnCost": 0.5, "cumulativeCost": 0.5, "usage": {"a": 1}})
    sound = b"sometokensometoken|" + bytes(range(250)) * 4
    said = answer_of({"result": True, "errors": [], "taskid": "777777", "socketaccesstoken": "sometokensometoken"})
    with (
        upstream_that(lambda _: said) as url,
        telling(*frames[:2], sound, frames[2], cost, then="reset") as socket,
        recording(url, tmp_path, socket=socket) as made,
        voice(made.thread, token_of(made.thread, VOICE)) as client,
        pytest.raises(ConnectionClosed),
    ):
        client.until("never")
    (told_of,) = made.told
    assert told_of.startswith(
        "the upstream's socket for gpt-realtime-1 broke (it was closed before the session's end);"
    )
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "Recorded in part: a run of openai/gpt-realtime, as far as it was seen; the upstream's socket broke." in text
    assert 'cost: "0.5", usage: {"a": 1}' in text
    assert "sometoken" not in text


def test_a_client_that_ends_its_session_and_goes_is_recorded_to_the_end(tmp_path: Path) -> None:
    """It need not wait for what comes then."""
    with recorded(tmp_path) as (_, made):
        with voice(made.thread, token_of(made.thread, VOICE)) as client:
            client.until("task_stream_ready")
            client.say("task_session_end")
        ended(made)
    assert "exit: {code: 0" in next(tmp_path.glob("*.yaml")).read_text()


def test_a_client_that_comes_back_goes_on(tmp_path: Path) -> None:
    """On another socket, within the upstream's grace: one session, one scenario."""
    with recorded(tmp_path, realtime_grace=PATIENCE) as (_, made):
        token = token_of(made.thread, VOICE)
        with voice(made.thread, token) as client:
            client.until("task_stream_ready")
            client.speak(1.2)
            client.until("task_cost")
        with voice(made.thread, token) as client:
            client.until("task_stream_ready")
            client.speak(0.4)
            client.until("", sound=48_000)
            client.say("task_session_end")
            client.until("task_postprocess_end")
        ended(made)
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "Recorded in part" not in text
    assert text.count("when: heard") == 2
    (scenario,) = load_scenarios(tmp_path)
    assert scenario.name == "gpt-realtime-1"


def test_a_run_to_which_nobody_listens_is_told_of_by_detail(tmp_path: Path) -> None:
    """A name may promise a session that never comes."""
    yaml = "scenario: x\nmatch: {model: '*'}\nsteps: [{print: hello}, {exit: 3}]\n"
    with recorded(tmp_path, yaml) as (running, made):
        token = token_of(made.thread, VOICE)
        body = {"tasktoken": token}
        detail = httpx.post(
            f"{made.api}/Task/Detail", json=body, headers=signed(), timeout=PATIENCE, trust_env=False
        ).json()
        ended(made)
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "to which nobody listened" in text
    with replay(tmp_path) as running:
        body = {"tasktoken": token_of(running.thread, VOICE)}
        again = running.post("/v1/Task/Detail", body)
    assert timeless(again) == timeless(detail)


def test_a_session_whose_client_listens_elsewhere_says_so(tmp_path: Path) -> None:
    """Nobody waits for it when the recorder ends."""
    with recorded(tmp_path) as (_, made):
        token_of(made.thread, VOICE)
        made.thread.stop()
    text = next(tmp_path.glob("*.yaml")).read_text()
    assert "as far as it was seen; its client did not listen to it through the recorder." in text


def test_a_secret_that_is_said_word_by_word_is_on_no_disk(tmp_path: Path) -> None:
    """The client itself gets every word."""
    with live(make_world(time="auto")) as running, recording(running.thread.url, tmp_path, "what a", har=True) as made:
        client = dictation(made.thread)
        ended(made)
    assert client.user[:4] == ["This", "is", "what", "a"]
    assert "This is" in made.text()
    assert "what" not in made.text()
