"""Whom a connection follows, and what of it has not been sent yet.

A follower has no queue of its own: for each task it follows, there is the task's log and the place it has reached in
it. What has not been sent is what lies behind that place, so a slow reader costs no memory.
(design.md §3.1 plans bounded queues; a place in the log is the simpler thing with the same effect.) A task whose
terminal frame has been handed out is let go of, so a socket may be reused for any number of tasks.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from wiro_mock.api import session_shape
from wiro_mock.api.frame_texts import FrameTexts
from wiro_mock.api.frames import SILENT
from wiro_mock.api.lost_tasks import about_token
from wiro_mock.api.profile import Profile
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Entry, Instant
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task, fold

TOKENS_PER_SOCKET = 10_000
"""Registrations of unfinished or unknown tasks on one socket; those beyond are dropped, silently. Ours."""
UNKNOWN = "*"
"""Stands among the tasks to listen for: any new one, since a token was registered that no task has yet."""
NOTED = 100
"""So many messages of a kind that could not be used are told of on one socket: a client that floods must not drive all
else out of the journal. Ours."""
_ASIDE = (e.ErrorOutput, e.ErrorEnded, e.StreamEnded, e.TurnCharged, *SILENT)
"""The events that say nothing of a task's status."""
_ENDS = (e.PostprocessEnded, e.GaveUp, e.Cancelled)


class World(Protocol):
    """What the dialogue needs of the world: settled to now, and locked while it is asked."""

    @property
    def sim(self) -> Simulation: ...
    @property
    def profile(self) -> Profile: ...
    @property
    def frame_texts(self) -> FrameTexts: ...
    @property
    def history_for_late(self) -> bool:
        """Whether nobody can be in time here, so that a late registration gets the history."""
        ...

    def hear(self, task_id: str, samples: bytes, /) -> bool: ...
    def interrupt(self, task_id: str, /) -> bool: ...
    def end_session(self, task_id: str, /) -> bool: ...
    def was_joined(self, task_id: str, /) -> bool:
        """Whether any socket has listened to a realtime session before."""
        ...

    def sound(self, task_id: str, piece: e.Voiced, /) -> bytes:
        """The samples of a piece of sound."""
        ...


@dataclass(slots=True)
class _Follow:
    """A followed task: its log, and how many entries of it have been dealt with."""

    task_id: str
    log: list[Entry]
    place: int
    last: Task | None = None
    """The finished task, once the world has forgotten it: the log that is held here still tells of it."""

    @property
    def has_news(self) -> bool:
        """Whether anything has not been dealt with."""
        return self.place < len(self.log)

    @property
    def due(self) -> Instant:
        """When the next entry happened."""
        return self.log[self.place].at


@dataclass(slots=True)
class Following:
    """The followed tasks of one connection. Whoever holds it empties `notes` and `changes`.

    `notes` tell the tester what was dropped and why; `changes` say, in order, to whose entries to listen
    (a task's id, True) and to whose no longer (its id, False).
    """

    world: World
    origin: str
    notes: list[str] = field(default_factory=list)
    changes: list[tuple[str, bool]] = field(default_factory=list)
    _sim: Simulation = field(init=False)
    _follows: dict[str, _Follow] = field(default_factory=dict)
    _unknown: dict[str, None] = field(default_factory=dict)
    _done: dict[str, None] = field(default_factory=dict)
    _noted: Counter[str] = field(default_factory=Counter)
    _looked_at: int = -1

    def __post_init__(self) -> None:
        self._sim = self.world.sim

    def expect(self, token: str) -> None:
        """Follow the task with this token from its first frame: it was registered, elsewhere, before the task came."""
        self._begin_anew_with_the_world()
        if token not in self._follows and token not in self._done:
            self._unknown[token] = None
            self._looked_at = -1

    def pending(self, limit: int = 64, size: int = 64 << 10) -> list[str | bytes]:
        """The next frames that have not been sent, about `limit` of them; they count as sent from now on.

        Of more than `size` characters there are fewer: so many wait at once for a client that reads nothing.

        Those of several tasks come in the order in which they happened.
        """
        self._begin_anew_with_the_world()
        self._meet_the_unknown()
        if len(self._follows) == 1:
            return self._pending_of_one(limit, size)
        follows = enumerate(self._follows.items())
        behind = [(follow.due, at, token) for at, (token, follow) in follows if follow.has_news]
        heapq.heapify(behind)
        frames: list[str | bytes] = []
        while behind and len(frames) < limit and size > 0:
            _, at, token = behind[0]
            follow = self._follows[token]
            for frame in self._next_frame(token, follow):
                frames.append(frame)
                size -= len(frame)
            if token in self._follows and follow.has_news:
                heapq.heapreplace(behind, (follow.due, at, token))
            else:
                heapq.heappop(behind)
        return frames

    def _pending_of_one(self, limit: int, size: int) -> list[str | bytes]:
        """`pending`, where one task is followed, as nearly every client does."""
        ((token, follow),) = self._follows.items()
        frames: list[str | bytes] = []
        while follow.place < len(follow.log) and len(frames) < limit and size > 0 and token in self._follows:
            for frame in self._next_frame(token, follow):
                frames.append(frame)
                size -= len(frame)
        return frames

    @property
    def has_news(self) -> bool:
        """Whether there is something that `pending` would tell of, or may come to."""
        if (self._unknown and self._looked_at != self._sim.made) or self._sim is not self.world.sim:
            return True
        for follow in self._follows.values():  # noqa: SIM110 -- asked twice for every frame of every follower
            if follow.place < len(follow.log):
                return True
        return False

    def _drop(self, what: str, kind: str = "text") -> list[str]:
        self._note(f"dropped {what}", kind)
        return []

    def _note(self, what: str, kind: str) -> None:
        self._noted[kind] += 1
        if self._noted[kind] == NOTED:
            what += "; what follows of this kind on this socket is not told of"
        if self._noted[kind] <= NOTED:
            self.notes.append(what)

    def _register(self, token: str) -> list[str]:
        if token in self._follows or token in self._unknown or token in self._done:
            return []  # registering twice changes nothing (socket.md §3)
        if len(self._follows) + len(self._unknown) >= TOKENS_PER_SOCKET:
            return self._drop(f"a registration beyond {TOKENS_PER_SOCKET} on one socket")
        task = self._sim.task_by_token(token)
        if task is None:
            # Remembered in silence, so that a token known before its Run was stored still works (socket.md §3).
            self._unknown[token] = None
            self.changes.append((UNKNOWN, True))
            hint = about_token(self._sim, token)
            self._note("registered a token that no task has" + (f"; {hint}" if hint else ""), "unknown")
            return []
        return self._join(task)

    def _join(self, task: Task) -> list[str]:
        """Follow a task, and catch up on it as the profile says (design.md §11, late registration)."""
        log = self._sim.log(task.job.id)
        replay = self.world.profile.replay
        session = self._sim.session(task.job.id)
        talks = session is not None and session.phase == "on"
        # Who comes back to a session goes on with it, and does not hear again what was said (socket.md §3).
        again = talks and self.world.was_joined(task.job.id)
        if replay == "full" or (replay == "auto" and self.world.history_for_late and not again):
            self._follow(task, place=0)
            return []
        self._follow(task, place=len(log))
        aside = (*_ASIDE, e.Output) if talks else _ASIDE  # of a session that is on: task_stream_ready
        current = next(entry for entry in reversed(log) if not isinstance(entry.event, aside))
        shown = self._text(current, task)
        frames = [] if replay == "none" or shown is None else [shown]
        if task.finished:
            self._let_go(task.job.token)
        return frames

    def _follow(self, task: Task, *, place: int) -> None:
        self._follows[task.job.token] = _Follow(task_id=task.job.id, log=self._sim.log(task.job.id), place=place)
        self.changes.append((task.job.id, True))

    def _let_go(self, token: str) -> None:
        self.changes.append((self._follows.pop(token).task_id, False))
        self._done[token] = None
        if len(self._done) > TOKENS_PER_SOCKET:
            del self._done[next(iter(self._done))]

    def _meet_the_unknown(self) -> None:
        """Follow, from its first frame, each task that has come with a token registered before."""
        if not self._unknown or self._looked_at == self._sim.made:
            return
        self._looked_at = self._sim.made  # of ten thousand tokens, none is looked for before there is a new task
        for token in tuple(self._unknown):
            task = self._sim.task_by_token(token)
            if task is not None:
                del self._unknown[token]
                self._follow(task, place=0)
        if not self._unknown:
            self.changes.append((UNKNOWN, False))

    def _begin_anew_with_the_world(self) -> None:
        """After a reset the old tasks are gone, and new ones may have the very same tokens: forget the old."""
        if self._sim is self.world.sim:
            return
        self._sim = self.world.sim
        self.changes += [(follow.task_id, False) for follow in self._follows.values()]
        self.changes.append((UNKNOWN, False))
        self._follows.clear()
        self._unknown.clear()
        self._done.clear()
        self._looked_at = -1

    def _next_frame(self, token: str, follow: _Follow) -> list[str | bytes]:
        entry = follow.log[follow.place]
        follow.place += 1
        task = self._sim.task(follow.task_id) or follow.last
        if task is None:
            task = follow.last = fold(follow.log)
        frames = self._frame(entry, task)
        if isinstance(entry.event, _ENDS):
            self._let_go(token)
        return frames

    def _frame(self, entry: Entry, task: Task) -> list[str | bytes]:
        if isinstance(entry.event, e.Voiced):
            return [session_shape.binary(task.job.token, self.world.sound(task.job.id, entry.event))]
        text = self._text(entry, task)
        return [] if text is None else [text]

    def _text(self, entry: Entry, task: Task) -> str | None:
        return self.world.frame_texts.of(entry, task, self.origin, self.world.profile)
