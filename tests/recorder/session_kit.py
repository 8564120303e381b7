"""What the tests of recorded sessions share: callers that say the same again, and what a recorder sees of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

from tests.api_kit import make_world
from tests.recorder.kit import comparable, seen_of, sighting
from tests.test_sessions import TTS, VOICE, Client, tone
from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import RATE, pcm
from wiro_mock.mock import World
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.sighting import Sighting
from wiro_mock.recorder.talked import Talk
from wiro_mock.recording import Recording

SECOND = 1_000_000


class Caller(Client):
    """A client, and what a recorder between it and the world is told of what it says."""

    def __init__(self, world: World, path: str = VOICE) -> None:
        self.heard_of = Talk()
        super().__init__(world, path, {"text": "Hello there"} if path == TTS else {})
        self.got: list[Any] = self.frames()

    def say(self, kind: Any) -> None:
        self.heard_of.said.append((self.world.sim.now, kind))
        super().say(kind)

    def speak(self, samples: bytes, chunk: int = 9_600) -> None:
        for at in range(0, len(samples), chunk):
            self.heard_of.hear(samples[at : at + chunk], self.world.sim.now)
            super().speak(samples[at : at + chunk], chunk)

    def do(self, what: str) -> None:
        """One thing of a conversation: `say 1.2` (and a second of silence), `still 3`, `interrupt`, `end`, `wait`, or
        seconds of sound as loud as is said, one after the other: `sound 0.6*1 1*0.1`; then all that comes.
        """
        verb, _, length = what.partition(" ")
        if verb == "say":
            self.speak(tone(float(length)) + bytes(RATE * 2))
        elif verb == "still":
            self.speak(bytes(2 * round(RATE * float(length))))
        elif verb == "sound":
            self.speak(b"".join(_sound(*map(float, one.split("*"))) for one in length.split()))
        elif verb != "wait":
            self.say(f"task_session_{verb}")
        self.got += self.frames()

    @property
    def seen(self) -> list[Any]:
        """All that has come, without what no two runs share."""
        return [frame if isinstance(frame, bytes) else comparable(frame) for frame in self.got]


def _sound(seconds: float, loudness: float) -> bytes:
    """A tone as loud as a part of the usual one."""
    return array("h", (int(sample * loudness) for sample in array("h", tone(seconds)))).tobytes()


def talk(yaml: str, conversation: Sequence[str], path: str = VOICE, **settings: Any) -> Caller:
    """A whole conversation with a mock that plays this."""
    caller = Caller(make_world(scenarios=yaml, **settings), path)
    for what in conversation:
        caller.do(what)
    return caller


def sight(caller: Caller, room: int = 1 << 26) -> Sighting:
    """What a recorder has seen of it."""
    world, begun = caller.world, caller.world.sim.log(caller.id)[0].at
    frames, files = seen_of(world, caller.id)
    heard: Callable[[int, int], bytes] = world.sessions.recording(caller.id).pcm
    for entry in world.sim.log(caller.id):
        if isinstance(one := entry.event, e.Voiced):
            sound = pcm(one.sound, one.start, one.stop, heard)
            frames.append(caller.heard_of.voice(sound, entry.at - begun, room - len(caller.heard_of.sound)))
    order = [entry.at - begun for entry in world.sim.log(caller.id)]
    assert order == sorted(order)
    heard_of = caller.heard_of
    heard_of.marks = [(at - begun, count) for at, count in heard_of.marks]
    heard_of.said = [(at - begun, kind) for at, kind in heard_of.said]
    owner, _, project = world.sim.log(caller.id)[0].event.job.model.name.partition("/")  # type: ignore[union-attr]
    return sighting(_in_order(caller, frames), files, owner=owner, project=project, talk=heard_of)


def _in_order(caller: Caller, frames: list[Any]) -> list[Any]:
    """The frames as they came: those of text in their order, and the sound where it is in the log."""
    sounds = iter([one for one in frames if one.kind == "(sound)"])
    texts = iter([one for one in frames if one.kind != "(sound)"])
    silent = (e.Produced, e.FilesDeleted, e.Heard, e.SessionEnded)
    entries = [entry for entry in caller.world.sim.log(caller.id) if not isinstance(entry.event, silent)]
    return [one for entry in entries if (one := next(sounds if isinstance(entry.event, e.Voiced) else texts, None))]


def recorded(caller: Caller) -> Recording:
    """What is written of it."""
    return scenario_of(sight(caller))
