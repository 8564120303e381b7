"""Realtime sessions over one world, without a socket: frames, turns, costs, ends, and what may not be said."""

from __future__ import annotations

import json
import wave
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import api_kit
from tests.api_kit import ORIGIN, make_world
from wiro_mock.api import Conversation, Profile, find_profile
from wiro_mock.kernel.audio import CHUNK, RATE, Tone, levels, pcm
from wiro_mock.kernel.events import SECOND, Instant, SessionEnded
from wiro_mock.loader import ScenarioError, load_text
from wiro_mock.mock import World
from wiro_mock.sessions import KEPT, KEPT_OF_ALL, Recording, Sessions
from wiro_mock.testing.sessions import sessions

VOICE, TTS, STT = "/v1/Run/openai/gpt-realtime", "/v1/Run/wiro/moss-tts", "/v1/Run/wiro/voxtral-mini-realtime"
HOUR = 3600 * SECOND
LIFE = ["task_queue", "task_accept", "task_assign", "task_start", "task_stream_ready"]
END = ["task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end"]


def nothing(start: int, stop: int) -> bytes:
    raise AssertionError("nothing was heard")


def tone(seconds: float, hz: int = 300) -> bytes:
    """A client's voice."""
    return pcm_of(hz, round(seconds * RATE))


def pcm_of(hz: int, samples: int) -> bytes:
    return b"".join(pcm(Tone(hz=hz), at, min(at + CHUNK, samples), nothing) for at in range(0, samples, CHUNK))


class Client:
    """One run, and a conversation that follows it."""

    def __init__(self, world: World, path: str = VOICE, fields: dict[str, Any] | None = None) -> None:
        self.world = world
        self.id, self.token = api_kit.run(world, fields or {}, path=path)
        self.talk = Conversation(world, ORIGIN)
        self.talk.receive(json.dumps({"type": "task_info", "tasktoken": self.token}))

    def say(self, kind: str) -> None:
        assert self.talk.receive(json.dumps({"type": kind, "tasktoken": self.token})) == []

    def speak(self, samples: bytes, chunk: int = 2 * CHUNK) -> None:
        for at in range(0, len(samples), chunk):
            self.talk.receive_bytes(self.token.encode() + b"|" + samples[at : at + chunk])

    def utter(self, seconds: float = 1.0) -> None:
        """Speak, and be silent."""
        self.speak(tone(seconds) + bytes(RATE))

    def frames(self, passing: Instant = HOUR) -> list[Any]:
        """What has come by now: text frames parsed, binary ones as their samples."""
        self.world.jump(self.world.sim.now + passing)
        got: list[Any] = []
        while frames := self.talk.pending():
            for frame in frames:
                if isinstance(frame, bytes):
                    token, _, samples = frame.partition(b"|")
                    assert token.decode() == self.token
                    got.append(samples)
                else:
                    got.append(json.loads(frame))
        return got

    def heard(self, passing: Instant = HOUR) -> list[str]:
        """The same, told: the type, a transcript, or how many bytes of sound came in a row."""
        told: list[str] = []
        for frame in self.frames(passing):
            if isinstance(frame, bytes):
                before = int(told.pop().split()[1]) if told and told[-1].startswith("audio") else 0
                told.append(f"audio {before + len(frame)}")
            else:
                said = frame.get("message")
                told.append(said if frame["type"] == "task_output" else frame["type"])
        return told


def world_of(session: str, **settings: Any) -> World:
    """A world whose runs play this `session` step."""
    steps = "".join(f"      {line}\n" for line in session.strip().splitlines())
    yaml = f"scenario: mine\nmatch: {{model: '*'}}\nsteps:\n  - session:\n{steps}  - exit: 0\n"
    return make_world(scenarios=yaml, **settings)


# -- the three ways


def test_a_conversation_goes_as_documented() -> None:
    """S8: ready, what was understood, sound in 9 600 bytes, what was said, one end and one cost a turn, and the end."""
    client = Client(make_world(profile=find_profile("current")))
    assert client.heard() == LIFE
    client.utter()
    frames = client.frames()
    kinds = ["audio" if isinstance(frame, bytes) else frame["type"] for frame in frames]
    assert kinds == ["task_output", *["audio"] * 15, "task_output", "task_stream_end", "task_cost"]
    assert frames[0]["message"].startswith("TRANSCRIPT_USER:Hello")
    assert {len(frame) for frame in frames if isinstance(frame, bytes)} == {9_600}
    assert b"".join(frames[1:16]) == tone(3, 440)
    assert frames[16]["message"] == "TRANSCRIPT_AI:Hello! Yes, I can hear you. I am a mock."
    assert client.world.sim.balance == Decimal("999.998")
    client.utter()
    assert client.heard()[0] == "TRANSCRIPT_USER:What can you do?"
    client.utter(0.5)
    echo = client.frames()
    assert b"".join(frame for frame in echo if isinstance(frame, bytes)) == tone(0.5)
    client.say("task_session_end")
    assert client.heard() == ["task_cost", *END]
    task = client.world.sim.task(client.id)
    assert task is not None
    assert (task.cost, task.turns, task.succeeded) == (Decimal("0.006"), 3, True)
    assert client.world.sim.balance == Decimal("999.994")
    assert client.world.sim.spent == Decimal("0.006")
    detail = api_kit.detail(client.world, client.id)
    assert (detail["totalcost"], detail["outputs"]) == ("0.006000000000", [])
    assert detail["debugoutput"].splitlines()[1] == "TRANSCRIPT_AI:Hello! Yes, I can hear you. I am a mock."


def test_a_text_is_spoken_and_the_session_ends_by_itself() -> None:
    """S9: no task_output at all, and nothing to be said by the client."""
    client = Client(make_world(), TTS, {"text": "One two three four"})
    assert client.heard() == [*LIFE, f"audio {2 * RATE * 12 // 10}", "task_stream_end", "task_cost", *END]
    [session] = sessions(client.world)
    assert (session.said, session.transcripts, session.ended_by) == (["One two three four"], [], "scenario")
    assert session.said_seconds == pytest.approx(1.2)


def test_speech_becomes_words_while_it_comes() -> None:
    """S10: a word for each 400 ms of speech, none for silence; one end and one cost, at the end."""
    client = Client(make_world(), STT)
    client.heard()
    client.speak(tone(1.0))
    assert client.heard() == ["TRANSCRIPT_USER:This", "TRANSCRIPT_USER:is"]
    client.speak(bytes(10 * RATE))
    assert client.heard() == []
    client.speak(tone(0.5))
    assert client.heard() == ["TRANSCRIPT_USER:what"]
    client.say("task_session_end")
    assert client.heard() == ["TRANSCRIPT_USER:a", "task_stream_end", "task_cost", *END]
    [session] = sessions(client.world)
    assert (session.heard.transcript, session.cost) == ("This is what a", Decimal("0.002"))


@pytest.mark.parametrize("name", ["current", "2026-09", "2026-04", "2025-12"])
def test_frames_are_those_of_each_profile(name: str) -> None:
    """`message` is absent, costs are numbers; the token and the three newer keys as the generation has them."""
    profile: Profile = find_profile(name)
    client = Client(make_world(profile=profile), TTS, {"text": "Hi"})
    found = {frame["type"]: frame for frame in client.frames() if isinstance(frame, dict)}
    base = ["type", "id", *(["tasktoken"] if profile.frame_token else []), "result"]
    newer = ["success", "terminal", "exitCode"] if profile.envelope == "2026-09" else []
    for kind in ("task_stream_ready", "task_stream_end"):
        assert list(found[kind]) == base + newer
        assert found[kind]["result"] is True
    cost = found["task_cost"]
    assert list(cost) == [*base, *newer, "turnCost", "cumulativeCost", "usage"]
    assert (cost["turnCost"], cost["cumulativeCost"]) == (0.002, 0.002)
    assert cost["usage"] == {"input_tokens": 0, "output_tokens": 1}


# -- turns that react

REACTIVE = """
silence: 200ms
turns:
  - {when: start, say: "Welcome.", cost: "0.01"}
  - {when: heard, for: 1.2s, transcript: a long story, say: "So long!", audio: {tone: 880, for: 250ms}, cost: "0.1"}
  - {when: heard, transcript: hello, say: "Hi there", audio: none, cost: "0.001", usage: {seconds: 1}, repeat: true}
  - {when: silence, for: 2s, say: "Still there?", audio: none, cost: "0"}
"""


def test_turns_react_to_what_is_heard() -> None:
    """By length; the first that fits plays, once, or again and again; silence is something, too."""
    client = Client(world_of(REACTIVE))
    assert client.heard()[-5:] == ["task_stream_ready", "audio 14400", "TRANSCRIPT_AI:Welcome.", "task_stream_end",
                                   "task_cost"]  # fmt: skip
    client.speak(tone(0.4) + bytes(RATE // 2))
    short = ["TRANSCRIPT_USER:hello", "TRANSCRIPT_AI:Hi there", "task_stream_end", "task_cost"]
    assert client.heard() == short
    client.speak(tone(1.3) + bytes(RATE // 2))
    assert client.heard() == ["TRANSCRIPT_USER:a long story", "audio 12000", "TRANSCRIPT_AI:So long!",
                              "task_stream_end", "task_cost"]  # fmt: skip
    client.speak(tone(1.3) + bytes(RATE // 2))
    assert client.heard() == short
    client.speak(bytes(5 * RATE * 2))
    assert client.heard() == ["TRANSCRIPT_AI:Still there?", "task_stream_end", "task_cost"]
    [session] = sessions(client.world)
    assert [one.seconds for one in session.heard.utterances] == pytest.approx([0.4, 1.3, 1.3], abs=0.021)
    assert [one.transcript for one in session.heard.utterances] == ["hello", "a long story", "hello"]
    assert all(8_000 < one.rms < 9_000 for one in session.heard.utterances)
    assert session.said == ["Welcome.", "Hi there", "So long!", "Hi there", "Still there?"]
    assert session.cost == Decimal("0.112")
    assert [turn.cost for turn in session.turns[:3]] == [Decimal("0.01"), Decimal("0.001"), Decimal("0.1")]


@pytest.mark.parametrize("gap", [0.1, 0.18])
def test_a_short_pause_ends_nothing(gap: float) -> None:
    """Silence of less than `silence` belongs to what is said; a moment later it is over."""
    client = Client(world_of(REACTIVE))
    client.heard()
    client.speak(tone(0.6) + bytes(2 * round(gap * RATE)) + tone(0.7))
    assert client.heard() == []
    client.speak(bytes(2 * round(0.2 * RATE)))
    assert client.heard()[0] == "TRANSCRIPT_USER:a long story"


@pytest.mark.parametrize(("height", "is_speech"), [(499, False), (500, True)])
def test_the_threshold_divides_speech_from_silence(height: int, is_speech: bool) -> None:
    """A constant has the loudness of its height."""
    client = Client(world_of(REACTIVE))
    client.heard()
    client.speak(height.to_bytes(2, "little", signed=True) * RATE + bytes(RATE))
    assert bool(client.heard()) == is_speech


def test_an_answer_waits_for_the_one_before_it() -> None:
    """Two utterances, heard while the first answer is being given: their turns come one after the other."""
    client = Client(world_of(REACTIVE.replace("silence: 200ms", "silence: 200ms\npace: real"), time="manual"))
    client.heard(0)
    client.speak(tone(0.4) + bytes(RATE) + tone(1.3) + bytes(RATE))
    assert client.heard(0) == ["TRANSCRIPT_USER:hello", "TRANSCRIPT_USER:a long story"]
    assert client.heard(300_000) == ["audio 4800", "TRANSCRIPT_AI:Welcome.", "task_stream_end", "task_cost",
        "TRANSCRIPT_AI:Hi there", "task_stream_end", "task_cost", "audio 9600"]  # fmt: skip


# -- pace, interrupts


SLOW = """
pace: real
turns:
  - {when: heard, transcript: hello, say: "A long answer.", audio: {tone: 440, for: 2s}, cost: "0.002", repeat: true}
"""


def test_sound_takes_its_time_where_it_is_paced() -> None:
    """A piece of 200 ms every 200 ms, to the microsecond; where time is virtual it all comes at once by default."""
    client = Client(world_of(SLOW, time="manual"))
    client.frames(0)
    client.utter()
    assert client.heard(0) == ["TRANSCRIPT_USER:hello", "audio 9600"]
    assert client.heard(199_999) == []
    assert client.heard(1) == ["audio 9600"]
    assert client.heard(1_800_000) == ["audio 76800", "TRANSCRIPT_AI:A long answer.", "task_stream_end", "task_cost"]
    quick = Client(world_of(SLOW.replace("pace: real", "silence: 300ms"), time="manual"))
    quick.frames(0)
    quick.utter()
    assert quick.heard(0)[1] == "audio 96000"


def test_an_interrupt_stops_the_sound_at_once() -> None:
    """One task_stream_end, its cost, and the session goes on (socket.md §5); another interrupt does nothing."""
    client = Client(world_of(SLOW, time="manual"))
    client.frames(0)
    client.utter()
    assert client.heard(700_000) == ["TRANSCRIPT_USER:hello", "audio 38400"]
    client.say("task_session_interrupt")
    assert client.heard() == ["task_stream_end", "task_cost"]
    client.say("task_session_interrupt")
    assert client.heard() == []
    assert client.talk.notes == [f"dropped task_session_interrupt for task {client.id}, which was saying nothing"]
    client.utter()
    assert client.heard() == ["TRANSCRIPT_USER:hello", "audio 96000", "TRANSCRIPT_AI:A long answer.",
                              "task_stream_end", "task_cost"]  # fmt: skip
    [session] = sessions(client.world)
    assert (session.interrupts, session.said, session.cost) == (1, ["", "A long answer."], Decimal("0.004"))
    assert session.turns[0].seconds == pytest.approx(0.8)


def test_a_turn_can_wait_for_the_interrupt() -> None:
    """So an interrupt is tested where time is virtual and jumps: no clock comes past it."""
    client = Client(
        world_of("turns: [{when: start, say: On and on, audio: {tone: 440, for: 60s}, interrupt_after: 1s}]")
    )
    assert client.heard()[-1] == f"audio {2 * RATE}"
    assert client.heard() == []
    client.say("task_session_interrupt")
    assert client.heard() == ["task_stream_end", "task_cost", *END]


def test_speech_itself_cuts_the_answer_off_where_that_is_so() -> None:
    """`barge_in`: after so much speech, not before."""
    client = Client(world_of("barge_in: 100ms\n" + SLOW.strip(), time="manual"))
    client.frames(0)
    client.utter()
    client.frames(300_000)
    client.speak(tone(0.08))
    assert client.heard(0) == []
    client.speak(tone(0.02))
    assert client.heard(0) == ["task_stream_end", "task_cost"]


# -- the ends


def test_what_is_left_is_dealt_with_at_the_end() -> None:
    """What was being said is understood and charged, without a sound; a turn that plays is cut off."""
    client = Client(world_of(SLOW, time="manual"))
    client.frames(0)
    client.utter()
    client.frames(300_000)
    client.speak(tone(0.6))
    client.say("task_session_end")
    assert client.heard() == [
        "task_stream_end", "task_cost", "TRANSCRIPT_USER:hello", "task_stream_end", "task_cost", *END,
    ]  # fmt: skip
    assert client.world.sim.spent == Decimal("0.004")


def test_an_empty_balance_ends_the_session() -> None:
    """After the turn that emptied it: a last task_cost, and the task's end (socket.md §5)."""
    client = Client(world_of(SLOW.replace("0.002", "0.3"), balance=Decimal("0.5")))
    client.frames()
    client.utter()
    assert client.heard()[-1] == "task_cost"
    client.utter()
    frames = client.frames()
    assert [frame["type"] for frame in frames[-6:]] == ["task_cost", "task_cost", *END]
    assert [frame["turnCost"] for frame in frames[-6:-4]] == [0.3, 0.0]
    assert [frame["cumulativeCost"] for frame in frames[-6:-4]] == [0.6, 0.6]
    [session] = sessions(client.world)
    assert (session.ended_by, session.cost, client.world.sim.balance) == ("balance", Decimal("0.6"), Decimal("-0.1"))


def test_what_was_charged_stays_charged_when_the_task_is_killed() -> None:
    """Turn by turn, deducted live (rest.md §8); and the sum is the cost."""
    client = Client(make_world())
    client.frames()
    client.utter()
    client.frames()
    api_kit.post(client.world, "/v1/Task/Kill", {"taskid": client.id})
    task = client.world.sim.task(client.id)
    assert task is not None
    assert (task.killed, task.cost, client.world.sim.balance) == (True, Decimal("0.002"), Decimal("999.998"))
    client.speak(tone(1))
    assert client.talk.notes[-1] == f"dropped audio for task {client.id}, whose session is over"


def test_a_session_that_is_ended_before_it_begins_ends_when_it_does() -> None:
    """Nobody is there to talk to."""
    client = Client(world_of(SLOW))
    client.say("task_session_end")
    assert client.heard()[-6:] == ["task_stream_ready", "task_cost", *END]
    [session] = sessions(client.world)
    assert (session.ended_by, session.heard.seconds, session.turns) == ("client", 0.0, [])


def test_a_session_is_not_longer_than_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many events, and it is ended."""
    monkeypatch.setattr("wiro_mock.kernel.sessions.MOST_EVENTS", 100)
    client = Client(world_of(SLOW.replace("2s", "8s")))
    client.frames()
    for _ in range(4):
        client.utter()
        client.frames()
    assert sessions(client.world)[0].ended_by == "limit"


# -- time does not come past a client


def test_no_clock_jumps_over_a_client_that_has_the_floor() -> None:
    """A day, a poll, a thousand polls: a session waits for what the client says, and says that it does."""
    client = Client(make_world(time="auto"))
    client.frames()
    before = len(client.world.sim.log(client.id))
    for _ in range(3):
        detail = api_kit.detail(client.world, client.id)
        client.world.jump(client.world.sim.now + 24 * HOUR)
    assert detail["status"] == "task_start"
    assert len(client.world.sim.log(client.id)) == before
    assert client.world.sim.next_deadline() is None
    assert client.world.sim.waiting_for(client.id).startswith("the client: its audio")


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=12), st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_it_does_not_matter_in_which_pieces_audio_comes(cuts: list[int], start: int) -> None:
    """Windows are counted over all of it: the same log, whatever the frames."""
    said = bytes(2 * start) + tone(0.5) + bytes(RATE) + tone(1.3) + bytes(RATE)
    whole, pieces = (Client(world_of(REACTIVE)) for _ in range(2))
    for client in (whole, pieces):
        client.frames()
    whole.speak(said, len(said))
    at = 0
    for cut in [*cuts, len(said)]:
        pieces.speak(said[2 * at : 2 * (at + cut)], len(said))
        at += cut
    views = [sessions(client.world)[0] for client in (whole, pieces)]
    assert views[0].heard.utterances == views[1].heard.utterances
    assert [one.transcript for one in views[0].heard.utterances] == ["hello", "a long story"]
    assert views[0].turns == views[1].turns
    assert views[0].heard.pcm() == views[1].heard.pcm() == said


# -- what was heard is kept


def test_what_was_heard_is_kept_as_wav() -> None:
    """Its length, its loudness, its bytes."""
    client = Client(world_of(SLOW))
    client.frames()
    said = tone(1.5) + bytes(RATE)
    client.speak(said)
    heard = sessions(client.world)[0].heard
    assert (heard.seconds, heard.kept_seconds, heard.frames) == (2.0, 2.0, 10)
    assert heard.rms == pytest.approx(12_000 / 2**0.5 * 0.75**0.5, rel=0.01)
    with wave.open(BytesIO(heard.wav())) as file:
        assert file.getparams()[:4] == (1, 2, RATE, 2 * RATE)
        assert file.readframes(2 * RATE) == said
    assert heard.pcm() == said


def test_memory_is_bounded_and_the_rest_is_counted() -> None:
    """Of one session a minute, of all of them 64 MiB; loudness and length are of everything."""
    recording = Recording()
    for _ in range(70):
        recording.take(tone(1))
    assert recording.seconds == 70
    assert recording.weight == KEPT
    assert recording.rms == pytest.approx(12_000 / 2**0.5, rel=0.01)
    assert recording.pcm(0, 10) == bytes(20)
    assert recording.pcm(69 * RATE, 70 * RATE) == tone(1)
    assert recording.pcm(70 * RATE - 1, 70 * RATE + 1)[2:] == bytes(2)
    many = Sessions()
    for number in range(30):
        many.take(str(number), bytes(KEPT))
    assert sum(one.weight for one in many.recordings.values()) <= KEPT_OF_ALL
    assert [many.recording(name).seconds for name in ("0", "29")] == [60, 60]
    assert many.recording("0").weight == 0
    assert many.recording("29").weight == KEPT


def test_thousands_of_tiny_pieces_are_one_recording() -> None:
    """A sample each."""
    client = Client(world_of(SLOW))
    client.frames()
    client.speak(tone(0.25), 2)
    heard = sessions(client.world)[0].heard
    assert (heard.frames, heard.pcm()) == (6_000, tone(0.25))


# -- what may not be said


def test_audio_that_is_none_is_dropped_with_a_reason() -> None:
    """Nothing is sent, nothing crashes, nothing is heard (socket.md §3); the tester is told."""
    world = make_world()
    client = Client(world)
    token = client.token.encode()
    other = Client(world)
    other.frames()
    wrong = {
        token + b"|\0\0": "whose session has not begun; wait for task_stream_ready",
        b"": "a binary message of 0 bytes without a pipe",
        b"\0" * 9_600: "a binary message of 9600 bytes without a pipe",
        b"|\0\0": "begins with a pipe, without a token",
        b"\xff\xfe|\0\0": "begins with no token, but with other bytes",
        token + b"|": "audio without a single sample",
        token + b"|\0\0\0": "audio of 3 bytes, an odd number",
        b"nobody|\0\0": "audio for a token that no task has",
        other.token.encode() + b"|\0\0": "which this socket has not registered",
        token + b"|" + bytes(8 << 20): "beyond the 8 MiB",
    }
    fresh = Client(make_world())
    for data, reason in wrong.items():
        if "not begun" in reason:
            fresh.talk.receive_bytes(fresh.token.encode() + b"|\0\0")
            assert reason in fresh.talk.notes[-1]
            continue
        client.talk.receive_bytes(data)
        assert reason in client.talk.notes[-1], reason
    client.frames()
    assert sessions(world)[0].heard.seconds == 0
    client.utter()
    assert client.heard()[0].startswith("TRANSCRIPT_USER:")


@given(st.binary(max_size=300))
@settings(max_examples=40)
def test_no_bytes_break_it(data: bytes) -> None:
    """Any message, with and without the token before it."""
    client = Client(make_world())
    client.frames()
    client.talk.receive_bytes(data)
    client.talk.receive_bytes(client.token.encode() + b"|" + data)
    client.utter()
    client.say("task_session_end")
    assert client.heard()[-1] == "task_postprocess_end"


def test_audio_after_the_end_and_for_other_tasks_is_told_apart() -> None:
    """After the session, after the task, for a task without a session."""
    client = Client(world_of(SLOW + "\n", time="manual"))
    client.frames(0)
    client.say("task_session_end")
    client.frames()
    client.speak(bytes(2))
    assert client.talk.notes[-1].endswith("which is over")
    client.say("task_session_end")
    assert "whose session is over" in client.talk.notes[-1]
    plain = Client(make_world(), api_kit.CAPTION)
    plain.speak(bytes(2))
    assert "has no realtime session; play one with a `session` step" in plain.talk.notes[-1]
    plain.say("task_session_end")
    assert "has no realtime session" in plain.talk.notes[-1]
    assert plain.talk.receive('{"type": "task_session_end", "tasktoken": "nobody"}') == []
    assert plain.talk.receive('{"type": "task_session_interrupt"}') == []
    assert [note.split(" ")[1] for note in plain.talk.notes[-2:]] == ["task_session_end", "task_session_interrupt"]


def test_a_flood_of_bad_audio_is_noted_a_hundred_times() -> None:
    """And then no more, and the last note says so."""
    client = Client(make_world())
    for _ in range(300):
        client.talk.receive_bytes(b"x|\0")
    assert len(client.talk.notes) == 100
    assert client.talk.notes[-1].endswith("of this kind on this socket is not told of")


# -- the language


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        ("{}", "a session has turns or transcribes, here neither"),
        ("{turns: [{when: start}], transcribe: a b}", "here both"),
        ("{turns: [{when: heared}]}", "did you mean 'heard'?"),
        ("{turns: [{when: start, for: 1s}]}", "`when: start` waits for nothing"),
        ("{turns: [{when: start, transcript: x}]}", "`transcript` is what was understood"),
        ("{turns: [{when: silence, audio: echo}]}", "`audio: echo` says what was heard"),
        (
            "{turns: [{when: heard, audio: {tone: 440, word: echo}}]}",
            "a sound has exactly one source, here echo and tone",
        ),
        ("{turns: [{when: heard, audio: {for: 1s}}]}", "a sound has exactly one source, here none"),
        ("{turns: [{when: heard, audio: ekko}]}", "write one of: echo, none"),
        ("{turns: [{when: heard, cost: 1.5}]}", "text; put it in quotes"),
        ("{turns: [{when: heard, cost: '-1'}]}", "write USD in quotes"),
        ("{turns: [{when: heard, interrupt_after: 1s}]}", "and there is none"),
        ("{transcribe: {text: a b, every: 1ms}}", "`every` is too short"),
        ("{turns: [{when: start}], pace: slow}", "write one of: real, instant"),
    ],
)
def test_mistakes_in_a_session_have_a_way_out(session: str, complaint: str) -> None:
    """Each names the key and what to write."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nabout: y\nsteps:\n  - session: {session}\n  - exit: 0\n")
    assert complaint in str(caught.value)


def test_a_task_has_one_session() -> None:
    """A second one is refused by its rule."""
    with pytest.raises(ScenarioError, match="a task has one session only"):
        load_text("scenario: x\nabout: y\nsteps:\n" + "  - session: {turns: [{when: start}]}\n" * 2 + "  - exit: 0\n")


def _wav(rate: int, channels: int, samples: int, width: int = 2) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(b"\x10\x20\x30"[:width] * channels * samples)
    return file.getvalue()


@pytest.mark.parametrize(("rate", "channels"), [(24_000, 1), (24_000, 2), (16_000, 1), (48_000, 2), (44_100, 1)])
def test_a_wav_file_is_sent_at_our_rate(tmp_path: Any, rate: int, channels: int) -> None:
    """Mixed into one channel and brought to 24 000 samples a second: half a second stays half a second."""
    (tmp_path / "x.wav").write_bytes(_wav(rate, channels, rate // 2))
    (tmp_path / "x.yaml").write_text(
        "scenario: mine\nabout: x\nmatch: {model: '*'}\nsteps:\n"
        "  - session: {turns: [{when: start, audio: {file: x.wav}}]}\n  - exit: 0\n"
    )
    from wiro_mock.library import WiroMock

    with WiroMock(scenarios=tmp_path, auth="off") as wiro:
        client = Client(wiro.world)
        sound = b"".join(frame for frame in client.frames() if isinstance(frame, bytes))
        assert sound == b"\x10\x20" * (RATE // 2)
        assert wiro.sessions[-1].wav()[44:] == sound


def test_a_file_that_is_no_wav_is_refused_when_it_is_loaded(tmp_path: Any) -> None:
    """With the way out."""
    from wiro_mock.loader import load_scenarios

    for data, why in ((b"RIFF", "cannot be read as a WAV file"), (_wav(8_000, 1, 10, 3), "24 bits")):
        (tmp_path / "x.wav").write_bytes(data)
        (tmp_path / "x.yaml").write_text(
            "scenario: x\nabout: y\nsteps:\n  - session: {turns: [{when: start, audio: {file: x.wav}}]}\n  - exit: 0\n"
        )
        with pytest.raises(ScenarioError, match=f"'x.wav' .*{why}.*save it as WAV with 16 bits"):
            load_scenarios(tmp_path)


def test_loudness_is_that_of_whole_windows() -> None:
    """20 ms each; what is left over counts later."""
    assert levels(b"") == []
    assert levels(bytes(958)) == []
    assert levels(b"\0\x80" * 480 + b"\xff\x7f" * 480) == [32_768, 32_767]
    assert levels(tone(0.04))[0] == pytest.approx(12_000 / 2**0.5, rel=0.01)


def test_who_ended_it_is_in_the_log() -> None:
    """Once, and last of the session."""
    client = Client(make_world(), TTS, {"text": "x"})
    client.frames()
    ends = [entry.event for entry in client.world.sim.log(client.id) if isinstance(entry.event, SessionEnded)]
    assert ends == [SessionEnded(by="scenario")]
