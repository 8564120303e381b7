"""What a test sees of realtime sessions: what was heard of the client and what was said to it, turn by turn.

As live as all views: a session is looked up whenever it is asked for something. What was heard can be saved as WAV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar, overload

from wiro_mock.kernel import events as e
from wiro_mock.kernel import session_log as story
from wiro_mock.kernel.audio import wav
from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.session_log import Turn, Utterance
from wiro_mock.mock import World
from wiro_mock.sessions import Recording
from wiro_mock.testing.era import Era, present
from wiro_mock.testing.messages import line
from wiro_mock.testing.sequences import Looked, Unknown
from wiro_mock.testing.views import Task, task_view

__all__ = ["Heard", "Session", "Sessions", "Turn", "Utterance", "sessions"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Heard:
    """What a client said. `seconds` counts all of it; of the bytes, the last 60 seconds are kept."""

    _era: Era
    _id: str
    _log: Sequence[e.Entry] = field(compare=False)

    @property
    def seconds(self) -> float:
        """How long it is, silence and all."""
        return self._of(lambda one: one.seconds)

    @property
    def rms(self) -> int:
        """How loud it is on average, from 0 to 32768, silence and all."""
        return self._of(lambda one: one.rms)

    @property
    def frames(self) -> int:
        """In how many binary frames it came."""
        return self._of(lambda one: one.frames)

    @property
    def kept_seconds(self) -> float:
        """How much of it `wav` holds: its end."""
        return self._of(lambda one: one.kept_seconds)

    @property
    def utterances(self) -> list[Utterance]:
        """What has been said and ended, each with what was understood."""
        with self._era.settled():
            return list(story.utterances(self._log))

    @property
    def transcript(self) -> str:
        """All that was understood, joined by spaces."""
        with self._era.settled():
            return " ".join(story.understood(self._log))

    def pcm(self) -> bytes:
        """The samples that are kept: 24 kHz, 16 bits, one channel, little-endian."""
        return self._of(lambda one: one.kept())

    def wav(self) -> bytes:
        """The same as a WAV file."""
        return wav(self.pcm())

    def _of(self, what: Callable[[Recording], T]) -> T:
        with self._era.settled():
            return what(self._era.sessions.recording(self._id))

    def __repr__(self) -> str:
        return line(self._era, f"<Heard {self.seconds:.2f} s, rms {self.rms}, {len(self.utterances)} utterances>")


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """A realtime session, as it is when it is asked."""

    _era: Era
    task: Task
    _log: Sequence[e.Entry] = field(compare=False)

    @property
    def heard(self) -> Heard:
        """What the client said."""
        return Heard(self._era, self.task.id, self._log)

    @property
    def said(self) -> list[str]:
        """What was said in each turn that is over; an interrupted one is empty."""
        return [turn.said for turn in self.turns]

    @property
    def said_seconds(self) -> float:
        """How much sound has been sent."""
        return story.said_seconds(self._entries())

    @property
    def transcripts(self) -> list[str]:
        """What was told as TRANSCRIPT_AI, without the prefix."""
        return story.spoken(self._entries())

    @property
    def turns(self) -> list[Turn]:
        """The turns that are over."""
        return list(story.turns(self._entries()))

    @property
    def interrupts(self) -> int:
        """How many turns were cut off."""
        return sum(turn.interrupted for turn in self.turns)

    @property
    def cost(self) -> Decimal:
        """What has been charged, in USD."""
        return story.cost(self._entries())

    @property
    def ready(self) -> bool:
        """Whether it has begun (task_stream_ready)."""
        return story.has_begun(self._entries())

    @property
    def ended_by(self) -> str:
        """`client`, `disconnect`, `balance`, `scenario`, or `limit`; empty before its end."""
        return story.ended_by(self._entries())

    def wav(self) -> bytes:
        """The sound that was sent, as a WAV file; an echo of what has been forgotten is silent."""
        with self._era.settled():
            pieces = [entry.event for entry in self._log if isinstance(entry.event, e.Voiced)]
            return wav(b"".join(self._era.world.sound(self.task.id, piece) for piece in pieces))

    def _entries(self) -> Sequence[e.Entry]:
        """The log, settled."""
        with self._era.settled():
            return tuple(self._log)

    def __repr__(self) -> str:
        state = f"ended by {self.ended_by}" if self.ended_by else "on" if self.ready else "not begun"
        heard, said = self.heard.seconds, self.said_seconds
        told = f"{state}, heard {heard:.2f} s, said {said:.2f} s in {len(self.turns)} turns, {plain(self.cost)} USD"
        return line(self._era, f"<Session of task {self.task.id} {self.task.model}: {told}>")


class Sessions(Looked[Session]):
    """The realtime sessions of a world. One is found by its place, or by the id or the token of its task."""

    noun = "session"

    @overload
    def __getitem__(self, index: int | str) -> Session: ...
    @overload
    def __getitem__(self, index: slice) -> Sessions: ...
    def __getitem__(self, index: int | str | slice) -> Session | Sessions:
        if not isinstance(index, str):
            return super().__getitem__(index)
        found = next((one for one in self if index in (one.task.id, one.task.token)), None)
        if found is None:
            raise Unknown(f"no session is of a task with the id or token {index[:60]!r}; there are {self!r}")
        return found


def sessions(world: World) -> Sessions:
    """The realtime sessions of the tasks that are remembered, oldest first."""
    era = present(world)
    with era.settled():
        talking = [task for task in era.sim.tasks() if task.turns is not None or era.sim.session(task.job.id)]
        return Sessions(era, [Session(era, task_view(era, task), era.sim.log(task.job.id)) for task in talking])
