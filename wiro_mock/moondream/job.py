"""One request on its way through an engine, and what engines have in common.

The request's own thread makes a job and hears of it through `post`, which any thread may call; the engine's thread
plays it. Whoever has lost interest sets `cancelled`, and the engine frees the slot at its next step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from wiro_mock.moondream.asking import Ask
from wiro_mock.moondream.refusals import Failure

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Reason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The end: `answer` is the JSON's fields, `tokens` how many steps it took."""

    answer: dict[str, Any]
    reason: Reason
    tokens: int


Event = Chunk | Done | Failure


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """`prepared` is what the engine's own `prepare` has made of picture and prompt."""

    ask: Ask
    prepared: Any
    post: Callable[[Event], None]
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How many requests are played, how many wait, how many can be played at a time, and the steps made so far."""

    active: int
    waiting: int
    slots: int
    steps: int


class Engine(Protocol):
    """A model that plays jobs in threads of its own."""

    name: str
    model: str
    device: str

    def prepare(self, ask: Ask, picture: Picture) -> Any:
        """Whatever can be done in the request's thread. Raises `BadAsk`."""

    def submit(self, job: Job) -> None:
        """Put the job at the end of the line."""

    def cancel(self, job: Job) -> None:
        """End the job as soon as it can be; a job that waits leaves the line at once."""

    def state(self) -> State:
        """How it stands."""

    def close(self) -> None:
        """Cancel everything and end the threads."""
