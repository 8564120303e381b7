"""What the log of a realtime session tells: what was heard of its client, and what was said to it, turn by turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import RATE
from wiro_mock.kernel.events import SECOND, Entry, Event
from wiro_mock.kernel.session import AI, USER

_NOTHING: Final = Decimal(0)


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


def utterances(log: Iterable[Entry]) -> Iterator[Utterance]:
    """What has been said and ended."""
    for entry in log:
        if isinstance(one := entry.event, e.Heard):
            yield Utterance(at=one.start / RATE, seconds=one.speech / SECOND, rms=one.rms, transcript=one.said)


def turns(log: Sequence[Entry]) -> Iterator[Turn]:
    """The turns that are over."""
    samples = 0
    for place, entry in enumerate(log):
        samples += _samples(entry.event)
        if isinstance(event := entry.event, e.StreamEnded):
            after = log[place + 1].event if place + 1 < len(log) else None
            cost = after.cost if isinstance(after, e.TurnCharged) else None
            yield Turn(said=event.said, seconds=samples / RATE, interrupted=event.interrupted, cost=cost)
            samples = 0


def said_seconds(log: Iterable[Entry]) -> float:
    """How much sound has been sent."""
    return sum(_samples(entry.event) for entry in log) / RATE


def understood(log: Iterable[Entry]) -> list[str]:
    """What was told as TRANSCRIPT_USER, without the prefix."""
    return _told(log, USER)


def spoken(log: Iterable[Entry]) -> list[str]:
    """What was told as TRANSCRIPT_AI, without the prefix."""
    return _told(log, AI)


def cost(log: Iterable[Entry]) -> Decimal:
    """What has been charged, in USD."""
    return sum((entry.event.cost for entry in log if isinstance(entry.event, e.TurnCharged)), _NOTHING)


def has_begun(log: Iterable[Entry]) -> bool:
    """Whether it listens, or has (task_stream_ready)."""
    return any(isinstance(entry.event, e.StreamReady) for entry in log)


def ended_by(log: Iterable[Entry]) -> str:
    """Who or what has ended it; empty before its end."""
    return next((entry.event.by for entry in log if isinstance(entry.event, e.SessionEnded)), "")


def _samples(event: Event) -> int:
    return event.stop - event.start if isinstance(event, e.Voiced) else 0


def _told(log: Iterable[Entry], prefix: str) -> list[str]:
    texts = [entry.event.message for entry in log if isinstance(entry.event, e.Output)]
    return [text.removeprefix(prefix) for text in texts if isinstance(text, str) and text.startswith(prefix)]
