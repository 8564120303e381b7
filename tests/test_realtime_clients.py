"""Clients of realtime sessions, written from the documentation (socket.md S8-S10, §5), against a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import pi, sin
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live_kit import Live, eventually, live
from tests.process_kit import PATIENCE
from wiro_mock.library import Served, WiroMock
from wiro_mock.testing.sessions import Session, sessions

FLOWS = Path(__file__).parent / "flows"
CHUNK = 9_600
VOICE, TTS, STT = "openai/gpt-realtime", "wiro/moss-tts", "wiro/voxtral-mini-realtime"
TALKS = """
scenario: talks
match: {model: openai/*}
steps:
  - session:
      turns:
        - {when: heard, for: 900ms, transcript: "Tell me all.", say: "Well, once upon a time", cost: "0.002"}
        - when: heard
          transcript: "And then?"
          say: "Then it went on and on"
          audio: {tone: 500, for: 30s}
          interrupt_after: 1s
          cost: "0.003"
  - exit: 0
"""


def speech(seconds: float, loudness: int = 12_000) -> bytes:
    """A voice of a kind: 16 bits, 24 000 samples a second."""
    count = round(seconds * 24_000)
    return pack(f"<{count}h", *(round(loudness * sin(2 * pi * 220 * at / 24_000)) for at in range(count)))


@dataclass
class Voice:
    """A client that talks: it knows the frames of the documentation, and nothing of the mock."""

    connection: ClientConnection
    token: str
    types: list[str] = field(default_factory=list)
    user: list[str] = field(default_factory=list)
    ai: list[str] = field(default_factory=list)
    sound: bytes = b""
    costs: list[float] = field(default_factory=list)
    total: float = 0.0

    def say(self, kind: str) -> None:
        self.connection.send(json.dumps({"type": kind, "tasktoken": self.token}))

    def speak(self, seconds: float, silence: float = 1.0) -> None:
        pcm = speech(seconds) + bytes(2 * round(24_000 * silence))
        for at in range(0, len(pcm), CHUNK):
            self.connection.send(self.token.encode() + b"|" + pcm[at : at + CHUNK])

    def until(self, kind: str, *, sound: int = 0) -> dict[str, Any]:
        """Listen until a frame of this type, or until so many bytes of sound have come."""
        while True:
            received = self.connection.recv(PATIENCE)
            if isinstance(received, bytes):
                token, pipe, pcm = received.partition(b"|")
                assert (token.decode(), pipe, len(pcm) % 2) == (self.token, b"|", 0)
                assert len(pcm) <= CHUNK
                self.sound += pcm
                if sound and len(self.sound) >= sound:
                    return {}
                continue
            frame: dict[str, Any] = json.loads(received)
            self._take(frame)
            if frame["type"] == kind:
                return frame

    def _take(self, frame: dict[str, Any]) -> None:
        self.types.append(frame["type"])
        said = str(frame.get("message"))
        if said.startswith("TRANSCRIPT_USER:"):
            self.user.append(said[16:])
        if said.startswith("TRANSCRIPT_AI:"):
            self.ai.append(said[14:])
        if frame["type"] == "task_cost":
            self.costs.append(frame["turnCost"])
            self.total = frame["cumulativeCost"]


@contextmanager
def voice(running: Live, token: str) -> Iterator[Voice]:
    """A client on a socket of its own, which has registered the token."""
    with connect(
        f"ws://{running.thread.netloc}/v1", proxy=None, compression=None, max_size=None, open_timeout=PATIENCE
    ) as connection:
        client = Voice(connection, token)
        client.say("task_info")
        yield client


def too_much(client: Voice) -> None:
    """A message of one byte more than Wiro's clients take."""
    client.connection.send(bytes((8 << 20) + 1))
    client.until("nothing more")


def of(running: Live) -> Session:
    return sessions(running.world)[-1]


def run(running: Live, model: str = VOICE, **fields: Any) -> str:
    return running.run(f"/v1/Run/{model}", **fields)[1]


@pytest.fixture(scope="module")
def shipped() -> Iterator[Live]:
    with live() as running:
        yield running


@contextmanager
def talks(**settings: Any) -> Iterator[Live]:
    from tests.api_kit import make_world

    with live(make_world(**{"time": "auto", "scenarios": TALKS, **settings})) as running:
        yield running


# -- in Python


def test_a_conversation_with_an_interrupt_runs_to_its_end() -> None:
    """S8: two turns that react to what is said, the second is interrupted; then the client ends it."""
    with talks() as running, voice(running, run(running)) as client:
        client.until("task_stream_ready")
        client.speak(1.2)
        assert client.until("task_cost")["usage"]
        assert (client.user, client.ai) == (["Tell me all."], ["Well, once upon a time"])
        assert len(client.sound) == 5 * 300 * 48
        client.sound = b""
        client.speak(0.4)
        client.until("", sound=48_000)
        client.say("task_session_interrupt")
        client.until("task_stream_end")
        client.until("task_cost")
        assert len(client.sound) == 48_000
        client.say("task_session_end")
        last = client.until("task_postprocess_end")
        assert (last["message"], last["success"]) == ([], True)
        assert client.types.count("task_stream_end") == 2
        assert client.costs == [0.002, 0.003, 0.0]
        session = of(running)
        assert (float(session.cost), session.interrupts, session.ended_by) == (client.total, 1, "client")
        assert running.world.sim.spent == session.cost
        assert session.heard.seconds == pytest.approx(3.6)
        assert [round(one.seconds, 1) for one in session.heard.utterances] == [1.2, 0.4]


def test_a_text_is_spoken_to_a_client_that_only_listens(shipped: Live) -> None:
    """S9, by a client that leaves at task_end, as the samples of the documentation do."""
    with voice(shipped, run(shipped, TTS, text="Hello there, friend")) as client:
        client.until("task_end")
    assert len(client.sound) == 3 * 300 * 48
    assert client.types[-4:-1] == ["task_stream_end", "task_cost", "task_output_full"]
    assert not client.user + client.ai
    assert shipped.detail(of(shipped).task.id)["status"] == "task_postprocess_end"
    assert of(shipped).wav()[44:] == client.sound


def test_speech_is_written_down_while_it_comes(shipped: Live) -> None:
    """S10: words that are joined with spaces, and the last one at the end."""
    with voice(shipped, run(shipped, STT, transcriptionDelay="balanced")) as client:
        client.until("task_stream_ready")
        client.speak(1.0, silence=0)
        client.until("task_output")
        client.until("task_output")
        client.say("task_session_end")
        client.until("task_postprocess_end")
    assert " ".join(client.user) == "This is what"
    assert client.sound == b""
    assert (client.types.count("task_stream_end"), client.costs) == (1, [0.002])


# -- how it ends


def test_a_client_that_goes_ends_the_session() -> None:
    """At once by default (socket.md §3); what was charged stays so, and the task comes to its end."""
    with talks() as running:
        with voice(running, run(running)) as client:
            client.until("task_stream_ready")
            client.speak(1.2)
            client.until("task_cost")
        eventually(lambda: of(running).ended_by)
        assert (of(running).ended_by, str(of(running).cost)) == ("disconnect", "0.002")
        assert running.detail(of(running).task.id)["totalcost"] == "0.002000000000"


def test_who_is_back_in_time_goes_on() -> None:
    """With a time of grace the session waits, and a client that comes back hears nothing twice."""
    with talks(realtime_grace=60.0) as running:
        token = run(running)
        with voice(running, token) as client:
            client.until("task_stream_ready")
            client.speak(1.2)
            client.until("task_cost")
        eventually(running.is_clean)
        assert of(running).ended_by == ""
        with voice(running, token) as again:
            again.until("task_stream_ready")
            again.speak(0.3)
            again.until("", sound=48_000)
            again.say("task_session_end")
            again.until("task_postprocess_end")
            assert (again.user, len(again.sound)) == (["And then?"], 48_000)
        assert of(running).ended_by == "client"


def test_who_is_not_back_in_time_does_not() -> None:
    """The time of grace is over."""
    with talks(realtime_grace=0.05) as running:
        with voice(running, run(running)) as client:
            client.until("task_stream_ready")
        eventually(lambda: of(running).ended_by == "disconnect")


def test_a_session_goes_on_while_anybody_listens() -> None:
    """Two sockets on one task hear the same; the session ends when both are gone."""
    with talks() as running:
        token = run(running)
        with voice(running, token) as one:
            one.until("task_stream_ready")
            with voice(running, token) as two:
                two.until("task_stream_ready")
                one.speak(1.2)
                one.until("task_cost")
                two.until("task_cost")
                assert one.sound == two.sound
            two.connection.close()
            one.speak(0.4)
            one.until("", sound=len(two.sound) + 48_000)
            assert of(running).ended_by == ""
        eventually(lambda: of(running).ended_by == "disconnect")


# -- what is no audio


def test_a_message_that_is_too_large_closes_its_socket_only() -> None:
    """8 MiB and one byte: 1009, as our server's limit is that of Wiro's clients; another client is not disturbed."""
    with talks() as running, voice(running, run(running)) as other:
        other.until("task_stream_ready")
        with voice(running, run(running)) as client:
            client.until("task_stream_ready")
            with pytest.raises(ConnectionClosed) as closed:
                too_much(client)
            # A client that is still sending when the server closes may meet a reset before it reads the code.
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
        other.speak(1.2)
        other.until("task_cost")


def test_bad_audio_stands_in_the_journal_and_a_good_session_goes_on() -> None:
    """Before registration, without a pipe, odd, of nobody, and after the end: nothing is answered."""
    with talks() as running:
        token = run(running)
        with connect(f"ws://{running.thread.netloc}/v1", proxy=None, open_timeout=PATIENCE) as early:
            early.send(token.encode() + b"|\0\0")
            early.send(b"\0" * 100)
            early.send(b"nobody|\0\0")
        with voice(running, token) as client:
            client.until("task_stream_ready")
            client.connection.send(token.encode() + b"|\0\0\0")
            client.speak(1.2)
            client.until("task_cost")
            client.say("task_session_end")
            client.until("task_postprocess_end")
            client.speak(0.1, silence=0)
            client.say("task_session_end")
            client.say("task_session_interrupt")
            client.connection.send('{"type": "task_info"}')
            client.until("error")
        reasons = [item["reason"] for item in running.admin("/journal")["journal"] if item["method"] == "SOCKET"]
        for word in ("not registered", "without a pipe", "no task has", "an odd number", "which is over"):
            assert any(word in reason for reason in reasons), word
        assert sum("session is over" in reason for reason in reasons) == 2


# -- in Node


@pytest.mark.skipif(shutil.which("node") is None, reason="not installed: node")
@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (TTS, {"text": "One two"}, {"bytes": 28_800, "user": [], "ai": [], "turns": 1, "cost": 0.002}),
        (STT, {}, {"bytes": 0, "user": ["This", "is", "what"], "ai": [], "turns": 1, "cost": 0.002}),
        (
            VOICE,
            {},
            {
                "user": ["Tell me all.", "And then?"],
                "ai": ["Well, once upon a time"],
                "turns": 3,
                "cost": 0.005,
                "interrupted": True,
            },
        ),
    ],
)
def test_a_client_in_node_runs_to_its_end(
    tmp_path: Path, model: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The same three ways in JavaScript."""
    options = ["--experimental-websocket", "--no-warnings"]
    probe = "if (typeof WebSocket === 'undefined') process.exit(1)"
    if subprocess.run(["node", *options, "-e", probe], capture_output=True, check=False).returncode:
        pytest.skip("this node has no WebSocket of its own; from release 20.10 on it has")
    (tmp_path / "talks.yaml").write_text(TALKS)
    with WiroMock(scenarios=tmp_path) as wiro, wiro.serve() as server:
        assert isinstance(server, Served)
        given = [server.url, server.socket_url, wiro.api_key, wiro.api_secret, model, json.dumps(fields)]
        command = ["node", *options, str(FLOWS / "realtime.mjs"), *given]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        heard = json.loads(done.stdout)
        assert heard["success"] is True
        assert heard["largest"] in (0, CHUNK)
        assert {key: heard[key] for key in expected} == expected
        assert wiro.sessions[-1].task.succeeded
