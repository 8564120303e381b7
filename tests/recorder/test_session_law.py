"""Law 7 for realtime sessions: what was recorded of a conversation tells the same client the same again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api_kit import make_world
from tests.recorder.session_kit import Caller, recorded, talk
from tests.test_sessions import STT, TTS, VOICE
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.recording import Recording, record


def again(made: Recording, conversation: list[str], path: str) -> Caller:
    """The same conversation with a mock that plays what was recorded."""
    with TemporaryDirectory() as folder:
        for name, data in {"seen-1.yaml": made.text.encode(), **made.files}.items():
            (Path(folder) / name).write_bytes(data)
        caller = Caller(World(make_world().settings, library=Library(folder)), path)
        for what in conversation:
            caller.do(what)
    (task,) = caller.world.sim.tasks()
    assert task.job.scenario == "seen-1"
    return caller


def yaml(*turns: str, more: str = "") -> str:
    head = f"scenario: upstream\nmatch: {{model: '*'}}\nsteps:\n  - session:\n{more}      turns:\n"
    return head + "".join(f"        - {turn}\n" for turn in turns) + "  - exit: 0\n"


WELCOME = "{when: start, say: Welcome., audio: {tone: 660, for: 600ms}, after: 200ms}"
LONG = "{when: heard, for: 1.2s, transcript: a long story, say: Hi there, cost: '0.002', usage: {}}"
HELLO = "{when: heard, transcript: hello, say: It costs $$5, after: 300ms}"
ECHO = "{when: heard, transcript: again, audio: echo, repeat: true}"
HELD = "{when: heard, transcript: stop it, say: Once upon a time, audio: {tone: 310, for: 9s}, interrupt_after: 1s}"
SILENT = "{when: silence, for: 3s, say: Are you there?, repeat: true}"
WORDLESS = "{when: heard, audio: {tone: 500, for: 250ms}}"
LAST = "{when: heard, transcript: bye, say: Good bye., ends: true}"

CONVERSATIONS = {
    "turns for what is said": ([WELCOME, LONG, HELLO, ECHO], ["say 0.6", "say 1.5", "say 0.1", "say 0.5", "end"]),
    "a turn that is interrupted": ([HELLO, HELD, ECHO], ["say 1", "say 1", "interrupt", "say 1", "end"]),
    "a turn that the end cuts off": ([HELD], ["say 1", "end"]),
    "an end in the midst of what is said": ([HELLO], ["say 1", "wait", "end"]),
    "silence, and an end of its own": ([SILENT, LAST], ["still 4", "say 1"]),
    "only a greeting": ([WELCOME], ["wait"]),
    "a greeting, and nothing said": ([WELCOME, HELLO], ["wait", "end"]),
    "nothing at all": ([HELLO], ["end"]),
    "nothing but noise": ([LONG], ["say 0.5", "end"]),
    "sound without words": ([WORDLESS, HELLO], ["say 1", "say 1", "end"]),
}  # fmt: skip


@pytest.mark.parametrize("which", CONVERSATIONS)
def test_a_conversation_is_told_again(which: str) -> None:
    """Frame by frame, sound by sound, with its costs; and what is recorded of that is the same."""
    turns, conversation = CONVERSATIONS[which]
    first = talk(yaml(*turns), conversation)
    made = recorded(first)
    second = again(made, conversation, VOICE)
    assert second.seen == first.seen, made.text


@pytest.mark.parametrize("which", [one for one in CONVERSATIONS if not one.startswith("silence")])
def test_a_mocks_own_log_is_told_again(which: str) -> None:
    """`wiro.record` needs nobody who listened; but how long it had been still before a turn is in no log."""
    turns, conversation = CONVERSATIONS[which]
    first = talk(yaml(*turns), conversation)
    made = record(first.world.sim.log(first.id), first.world.blobs.read, name="seen-1")
    assert again(made, conversation, VOICE).seen == first.seen, made.text


@settings(max_examples=15, deadline=None)
@given(
    turns=st.lists(st.sampled_from([WELCOME, LONG, HELLO, ECHO, HELD, LAST]), min_size=1, max_size=5),
    said=st.lists(st.sampled_from(["say 0.1", "say 0.5", "say 1.3", "interrupt", "still 2", "wait"]), max_size=5),
)
def test_whatever_is_said_is_told_again(turns: list[str], said: list[str]) -> None:
    """Turns in any order, and a client that says anything. Each tells what it understood: what turns answer of which
    nothing else is told is a guess, where several wait for each other (wiro_mock/recorder/README.md).
    """
    conversation = [*said, "end"]
    first = talk(yaml(*turns), conversation)
    made = recorded(first)
    assert again(made, conversation, VOICE).seen == first.seen, made.text


LISTENING = {
    "a whisper": ("threshold: 30", [HELLO, LAST], ["sound 0.6*0.01 1*0"] * 2),
    "short silences": ("silence: 100ms", [HELLO, ECHO], ["sound 0.6*1 0.2*0"] * 2),
    "a pause for thought": ("silence: 1s", [HELLO, ECHO], ["sound 0.6*1 0.7*0 0.5*1 1.2*0", "sound 0.6*1 1.2*0"]),
    "a loud street": ("threshold: 3000", [HELLO, ECHO], ["sound 1*0.1 0.6*1 1*0.1", "sound 0.6*1 1*0.1"]),
    "talking over it": ("barge_in: 200ms", [LONG, HELLO], ["sound 1.4*1 1*0", "sound 0.6*1 1*0"]),
    "two at once": ("silence: 500ms", [HELLO, ECHO], ["sound 0.4*1 0.9*0 0.5*1 0.9*0"]),
    "silences of two lengths": (
        "silence: 500ms",
        ["{when: silence, for: 1s, say: a}", HELLO, "{when: silence, for: 2s, say: c}"],
        ["sound 0.4*1 0.9*0", "still 1.1", "still 2.2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", LISTENING)
def test_how_an_upstream_listens_is_found_out(which: str) -> None:
    """How loud speech is, and what silence ends it, no frame tells; what came of it does."""
    more, turns, conversation = LISTENING[which]
    conversation = [*conversation, "end"]
    first = talk(yaml(*turns, more=f"      {more}\n"), conversation)
    made = recorded(first)
    assert "task_stream_end" in [one["type"] for one in first.seen if isinstance(one, dict)]
    assert again(made, conversation, VOICE).seen == first.seen, made.text


@pytest.mark.parametrize(("path", "conversation"), [
    (TTS, ["wait"]), (STT, ["say 1", "say 2", "end"]), (STT, ["say 0.3", "end"]), (STT, ["end"]),
])  # fmt: skip
def test_speech_and_text_are_told_again(path: str, conversation: list[str]) -> None:
    """Text to speech, which ends by itself, and what is written down word by word."""
    first = talk("", conversation, path)
    made = recorded(first)
    assert again(made, conversation, path).seen == first.seen, made.text
