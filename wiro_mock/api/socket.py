"""The WebSocket dialogue, without a socket: what a client says in, the frames it is to get out.

A follower has no queue of its own: for each task it follows, a `Conversation` holds the task's log and the place
it has reached in it. What has not been sent is what lies behind that place, so a slow reader costs no memory.
(design.md §3.1 plans bounded queues; a place in the log is the simpler thing with the same effect.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from wiro_mock import shapes
from wiro_mock.api import jsontext
from wiro_mock.api.frames import SILENT, TOKEN_REQUIRED, WELCOME, frame
from wiro_mock.api.origin import origins
from wiro_mock.api.profile import Profile
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Entry
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task, fold

TOKENS_PER_SOCKET = 10_000
"""Registrations on one socket; those beyond are dropped, silently to the client. Ours."""
_ASIDE = (e.ErrorOutput, e.ErrorEnded, *SILENT)
"""The events that say nothing of a task's status."""


class World(Protocol):
    """What the dialogue needs of the world: settled to now, and locked while it is asked."""

    @property
    def sim(self) -> Simulation: ...
    @property
    def profile(self) -> Profile: ...
    @property
    def history_for_late(self) -> bool:
        """Whether nobody can be in time here, so that a late registration gets the history."""
        ...


@dataclass(slots=True)
class _Follow:
    """A followed task: its log, and how many entries of it have been dealt with."""

    task_id: str
    log: list[Entry]
    place: int


@dataclass(slots=True)
class Conversation:
    """One connection's side of the dialogue. `notes` collects, for the tester, what was dropped and why."""

    world: World
    origin: str
    notes: list[str] = field(default_factory=list)
    _follows: dict[str, _Follow] = field(default_factory=dict)
    _unknown: dict[str, None] = field(default_factory=dict)

    def welcome(self) -> list[str]:
        """The frames to send right after the upgrade."""
        return [jsontext.dumps(WELCOME)] if self.world.profile.welcome else []

    @property
    def task_ids(self) -> list[str]:
        """The tasks that are being followed."""
        return [follow.task_id for follow in self._follows.values()]

    @property
    def awaits_unknown(self) -> bool:
        """Whether a token was registered that no task has (yet)."""
        return bool(self._unknown)

    def receive(self, text: str) -> list[str]:
        """Take a text message and return the frames that answer it at once.

        What a client may not say is dropped without a frame and without a close (socket.md §1.1).
        """
        try:
            message = jsontext.loads(text)
        except ValueError as error:
            return self._drop(f"a message that is not JSON ({error})")
        if not isinstance(message, dict):
            return self._drop(f"a JSON {type(message).__name__}, where an object is expected")
        if message.get("type") != "task_info":
            return self._drop(f"a message of type {str(message.get('type'))[:60]!r}; only task_info is known here")
        token = message.get("tasktoken")
        if token is None or token == "":
            self.notes.append("task_info without a tasktoken")
            return [jsontext.dumps(TOKEN_REQUIRED)]
        if not isinstance(token, str):
            return self._drop(f"task_info whose tasktoken is a {type(token).__name__}")
        return self._register(token)

    def pending(self, limit: int = 256) -> list[str]:
        """The next frames that have not been sent, at most `limit`; they count as sent from now on.

        Those of several tasks come in the order in which they happened.
        """
        for token in [token for token in self._unknown if self.world.sim.task_by_token(token)]:
            del self._unknown[token]
            self._follow(token, place=0)
        found: list[tuple[int, str]] = []
        for follow in self._follows.values():
            found.extend(self._next_frames(follow, limit))
        found.sort(key=lambda item: item[0])
        return [text for _, text in found]

    @property
    def caught_up(self) -> bool:
        """Whether everything that has happened has been handed out."""
        return all(follow.place >= len(follow.log) for follow in self._follows.values())

    def _drop(self, what: str) -> list[str]:
        self.notes.append(f"dropped {what}")
        return []

    def _register(self, token: str) -> list[str]:
        if token in self._follows or token in self._unknown:
            return []  # registering twice changes nothing (socket.md §3)
        if len(self._follows) + len(self._unknown) >= TOKENS_PER_SOCKET:
            return self._drop(f"a registration beyond {TOKENS_PER_SOCKET} on one socket")
        task = self.world.sim.task_by_token(token)
        if task is None:
            # Remembered in silence, so that a token known before its Run was stored still works (socket.md §3).
            self._unknown[token] = None
            self.notes.append("registered a token that no task has")
            return []
        return self._join(task)

    def _join(self, task: Task) -> list[str]:
        """Follow a task, and catch up on it as the profile says (design.md §11, late registration)."""
        log = self.world.sim.log(task.job.id)
        replay = self.world.profile.replay
        if replay == "full" or (replay == "auto" and self.world.history_for_late):
            self._follow(task.job.token, place=0)
            return []
        self._follow(task.job.token, place=len(log))
        if replay == "none":
            return []
        current = next(entry for entry in reversed(log) if not isinstance(entry.event, _ASIDE))
        return [jsontext.dumps(shape) for shape in (self._frame(current, task),) if shape]

    def _follow(self, token: str, *, place: int) -> None:
        task = self.world.sim.task_by_token(token)
        assert task is not None
        log = self.world.sim.log(task.job.id)
        self._follows[token] = _Follow(task_id=task.job.id, log=log, place=place)

    def _next_frames(self, follow: _Follow, limit: int) -> list[tuple[int, str]]:
        if follow.place >= len(follow.log):
            return []
        entries = follow.log[follow.place : follow.place + limit]
        follow.place += len(entries)
        # A task that was forgotten meanwhile is still told of by the log that this follower holds.
        task = self.world.sim.task(follow.task_id) or fold(follow.log)
        shapes_of = ((entry.at, self._frame(entry, task)) for entry in entries)
        return [(at, jsontext.dumps(shape)) for at, shape in shapes_of if shape is not None]

    def _frame(self, entry: Entry, task: Task) -> shapes.Frame | None:
        return frame(entry, task, origins(self.origin), self.world.profile)
