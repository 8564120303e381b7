"""What a test sees of realtime sessions: what was heard of the client and what was said to it, turn by turn.

As live as all views: a session is looked up whenever it is asked for something. What was heard can be saved as WAV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar, overload

from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import RATE, wav
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.session import AI, USER
from wiro_mock.mock import World
from wiro_mock.sessions import Recording
from wiro_mock.testing.era import Era, present
from wiro_mock.testing.messages import line
from wiro_mock.testing.sequences import Looked, Unknown
from wiro_mock.testing.views import Task, task_view

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Something that the client has said: seconds of speech in it, how loud they were (of 32768), what was understood.

    `at` is where it begins, in seconds of what was heard.
    """

    at: float
    seconds: float
    rms: int
    transcript: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn that is over: what was said in it, seconds of sound that were sent, what it cost in USD."""

    said: str
    seconds: float
    interrupted: bool
    cost: Decimal | None


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
        events = [entry.event for entry in self._log]
        return [
            Utterance(at=one.start / RATE, seconds=one.speech / SECOND, rms=one.rms, transcript=one.said)
            for one in events
            if isinstance(one, e.Heard)
        ]

    @property
    def transcript(self) -> str:
        """All that was understood, joined by spaces."""
        return " ".join(_told(self._log, USER))

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
        return sum(map(_seconds, self._events()))

    @property
    def transcripts(self) -> list[str]:
        """What was told as TRANSCRIPT_AI, without the prefix."""
        return _told(self._log, AI)

    @property
    def turns(self) -> list[Turn]:
        """The turns that are over."""
        return list(self._turns())

    @property
    def interrupts(self) -> int:
        """How many turns were cut off."""
        return sum(turn.interrupted for turn in self.turns)

    @property
    def cost(self) -> Decimal:
        """What has been charged, in USD."""
        return sum((event.cost for event in self._events() if isinstance(event, e.TurnCharged)), Decimal(0))

    @property
    def ready(self) -> bool:
        """Whether it has begun (task_stream_ready)."""
        return any(isinstance(event, e.StreamReady) for event in self._events())

    @property
    def ended_by(self) -> str:
        """`client`, `disconnect`, `balance`, `scenario`, or `limit`; empty before its end."""
        return next((event.by for event in self._events() if isinstance(event, e.SessionEnded)), "")

    def wav(self) -> bytes:
        """The sound that was sent, as a WAV file; an echo of what has been forgotten is silent."""
        with self._era.settled():
            pieces = [event for event in self._log_events() if isinstance(event, e.Voiced)]
            return wav(b"".join(self._era.world.sound(self.task.id, piece) for piece in pieces))

    def _turns(self) -> Iterator[Turn]:
        seconds = 0.0
        events = self._events()
        for place, event in enumerate(events):
            seconds += _seconds(event)
            if isinstance(event, e.StreamEnded):
                after = events[place + 1] if place + 1 < len(events) else None
                cost = after.cost if isinstance(after, e.TurnCharged) else None
                yield Turn(said=event.said, seconds=seconds, interrupted=event.interrupted, cost=cost)
                seconds = 0.0

    def _events(self) -> list[e.Event]:
        with self._era.settled():
            return self._log_events()

    def _log_events(self) -> list[e.Event]:
        return [entry.event for entry in self._log]

    def __repr__(self) -> str:
        state = f"ended by {self.ended_by}" if self.ended_by else "on" if self.ready else "not begun"
        heard, said = self.heard.seconds, self.said_seconds
        told = f"{state}, heard {heard:.2f} s, said {said:.2f} s in {len(self.turns)} turns, {self.cost:f} USD"
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


def _seconds(event: e.Event) -> float:
    return (event.stop - event.start) / RATE if isinstance(event, e.Voiced) else 0.0


def _told(log: Sequence[e.Entry], prefix: str) -> list[str]:
    texts = [entry.event.message for entry in log if isinstance(entry.event, e.Output)]
    return [text.removeprefix(prefix) for text in texts if isinstance(text, str) and text.startswith(prefix)]
