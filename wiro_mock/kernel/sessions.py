"""The realtime sessions of a simulation: it tells them what happens, and they say what happens then.

Between `session`, which knows no task, and `schedule`, which knows no session. What a client does to a session that is
not there (not a realtime task, not begun, or over) changes nothing, and is answered with False.

`session` is imported when there is one: a start need not wait for what few runs need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from wiro_mock.kernel.events import Ender, Event, Instant
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.schedule import Schedule

if TYPE_CHECKING:
    from wiro_mock.kernel.session import Reaction, Session

MOST_EVENTS: Final = 20_000
"""Events of one session that are remembered: more than an hour of sound. One that goes beyond is ended; ours."""


class Happening(Protocol):
    """What sessions need of their simulation."""

    now: Instant
    paced: bool

    @property
    def balance(self) -> Decimal:
        """What is left of the account's money."""


class Sessions:
    """The sessions of the unfinished tasks, by the tasks' ids; `append` lets an event happen."""

    def __init__(self, world: Happening, schedule: Schedule, append: Callable[[str, Event], object]) -> None:
        self._world = world
        self._schedule = schedule
        self._append = append
        self._sessions: dict[str, Session] = {}
        self._events: dict[str, int] = {}

    def plan(self, task_id: str, plan: Plan) -> None:
        """Remember the session of a new task, if its plan has one."""
        if (script := plan.script()) is not None:
            from wiro_mock.kernel.session import Session

            self._sessions[task_id], self._events[task_id] = Session(script=script), 0

    def drop(self, task_id: str) -> None:
        """The task is over."""
        self._sessions.pop(task_id, None)
        self._events.pop(task_id, None)

    def get(self, task_id: str) -> Session | None:
        """The session of an unfinished task, until it is over; None where there is none."""
        return self._sessions.get(task_id)

    def events(self, task_id: str) -> int:
        """How many events a session has made; 0 where there is none."""
        return self._events.get(task_id, 0)

    def resume(self, task_id: str, session: Session, events: int) -> None:
        """A session goes on that has been elsewhere until now."""
        self._sessions[task_id], self._events[task_id] = session, events

    def hear(self, task_id: str, levels: Iterable[int]) -> bool:
        """The client was heard."""
        from wiro_mock.kernel import session as s

        return self._told(task_id, lambda session: s.hear(session, levels))

    def interrupt(self, task_id: str) -> bool:
        """The client wants to hear no more of this turn; False, too, where nothing is being said."""
        from wiro_mock.kernel import session as s

        session = self._sessions.get(task_id)
        return session is not None and session.speaking is not None and self._told(task_id, s.interrupt)

    def end(self, task_id: str, by: Ender) -> bool:
        """The client ends the session, or is gone; one that has not begun ends when it begins."""
        from wiro_mock.kernel import session as s

        session = self._sessions.get(task_id)
        if session is not None and session.phase == "before":
            self._sessions[task_id] = replace(session, left=by)
            return True
        return self._told(task_id, lambda session: s.end(session, by))

    def come_back(self, task_id: str) -> None:
        """The client is there again, before the session has begun."""
        if (session := self._sessions.get(task_id)) is not None and session.left == "disconnect":
            self._sessions[task_id] = replace(session, left=None)

    def proceed(self, task_id: str) -> None:
        """Ask a session that has nothing more to say by itself what comes next."""
        while task_id in self._sessions and self._schedule.talks(task_id):
            from wiro_mock.kernel import session as s

            session = self._sessions[task_id]
            if session.phase == "before":
                session = s.begin(replace(session, paced=self._world.paced))
            if self._events[task_id] > MOST_EVENTS:
                reaction = s.end(session, "limit")
            else:
                reaction = s.proceed(session, broke=self._world.balance <= 0)
            self._react(task_id, reaction)
            if not (reaction.events or reaction.steps):
                return

    def _told(self, task_id: str, act: Callable[[Session], Reaction]) -> bool:
        session = self._sessions.get(task_id)
        if session is None or session.phase != "on":
            return False
        self._react(task_id, act(session))
        self.proceed(task_id)
        return True

    def _react(self, task_id: str, reaction: Reaction) -> None:
        self._sessions[task_id] = reaction.session
        over = reaction.session.phase == "over"
        if reaction.cut:
            self._schedule.cut(task_id, self._world.now, over=over)
        self._events[task_id] += len(reaction.events) + len(reaction.steps)
        for event in reaction.events:
            self._append(task_id, event)
        if reaction.steps:
            self._schedule.say(task_id, reaction.steps, self._world.now)
        elif reaction.cut:
            self._schedule.place(task_id)
        if over:
            self.drop(task_id)
