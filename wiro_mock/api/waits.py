"""Answers that have to wait for a task: what is waited for, and how it is told of once it has come.

`handle` waits for nothing. It answers with a `Pending` or a `Stream`, and whoever holds the connection waits outside
the world's lock, then renders. As on the socket there is no queue: a `Stream` keeps the task's log and the place that
it has reached in it, so that a client which does not read costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Duration, Entry, Instant
from wiro_mock.kernel.task import Task, fold

if TYPE_CHECKING:
    from wiro_mock.api.answers import Answer
    from wiro_mock.api.messages import Strike, World
    from wiro_mock.kernel.simulation import Simulation

ENDS: Final = (e.PostprocessEnded, e.GaveUp, e.Cancelled)
"""Only these end the wait (socket.md §1.6); a persisted `task_error` does not."""
KEEP_ALIVE: Final[Duration] = 15 * SECOND
"""The silence, on the world's clock, after which a comment comes. How often Wiro sends one is unknown; our choice."""
COMMENT: Final = ": keep-alive\n\n"
COMMENTS: Final = 240
"""So many in a row, an hour's; a test may let years pass in one go."""


@dataclass(slots=True, kw_only=True)
class Pending:
    """An answer that comes when a task has ended, or at `until`, whichever is first; None: however long it takes.

    `render` makes it, with the world's lock held. `exchange` is its id in the journal. `strikes` are the faults that
    strike it once it is there.
    """

    task_id: str
    sim: Simulation
    log: list[Entry]
    until: Instant | None
    render: Callable[[World, Pending], Answer]
    exchange: str = ""
    strikes: tuple[Strike, ...] = ()

    @property
    def streams(self) -> bool:
        """Whether there is something to be told of before the end."""
        return False

    def is_due(self, world: World) -> bool:
        """Whether the answer can be given. The lock is held."""
        late = self.until is not None and world.sim.now >= self.until
        return late or not self.is_there(world) or self.ended_at is not None

    def is_there(self, world: World) -> bool:
        """Whether its world has not begun anew since."""
        return world.sim is self.sim

    @property
    def ended_at(self) -> Instant | None:
        """When the task ended, if it has, and in time."""
        for entry in reversed(self.log):
            if isinstance(entry.event, ENDS):
                return entry.at if self.until is None or entry.at <= self.until else None
            if not isinstance(entry.event, e.FilesDeleted):
                return None
        return None

    def answered_at(self, world: World) -> Instant:
        """When it was due, however much later somebody came to make it."""
        if (ended := self.ended_at) is not None:
            return ended
        return world.sim.now if self.until is None else min(self.until, world.sim.now)

    def task(self, world: World) -> Task:
        """The task as it is now; one that has been forgotten is still told of by its log."""
        return world.sim.task(self.task_id) or fold(self.log)


@dataclass(slots=True, kw_only=True)
class Stream(Pending):
    """The same as a stream of server-sent events: `event` makes the text of an entry, empty where it has none; `start`
    is what comes first, and what `render` makes comes last. After each `KEEP_ALIVE` of silence since `silent_since`
    comes a comment. All of it depends on the log and on the time alone, and not on when somebody looks.
    """

    start: str
    event: Callable[[Stream, Entry], str]
    silent_since: Instant
    place: int = 0
    last: Answer | None = None

    @property
    def streams(self) -> bool:
        return True

    @property
    def over(self) -> bool:
        """Whether the last of it has been taken."""
        return self.last is not None

    @property
    def speaks_at(self) -> Instant:
        """When a comment is due, if nothing else comes before it."""
        return self.silent_since + KEEP_ALIVE

    def take(self, world: World, size: int = 64 << 10) -> bytes:
        """The next events, about so many characters of them; nothing where there is no news. The lock is held."""
        texts, self.start = [self.start], ""
        left = size - len(texts[0])
        while self.place < len(self.log) and left > 0 and self.is_there(world):
            entry = self.log[self.place]
            self.place += 1
            if text := self.event(self, entry):
                texts += (self._comments(entry.at), text)
                self.silent_since = entry.at
                left -= len(text)
        if not self.over and left > 0:
            texts.append(self._comments(self.answered_at(world)))
            if self.is_due(world):
                self.last = self.render(world, self)
                texts.append(sse("done", self.last.response.content.decode()))
        return "".join(texts).encode()

    def _comments(self, until: Instant) -> str:
        """Those of a silence up to this instant; of a very long one, the first."""
        count = max(0, until - self.silent_since) // KEEP_ALIVE
        self.silent_since += count * KEEP_ALIVE
        return COMMENT * min(count, COMMENTS)


def sse(name: str, data: str) -> str:
    """One server-sent event; JSON has no line feeds of its own (`jsontext`)."""
    return f"event: {name}\ndata: {data}\n\n"
