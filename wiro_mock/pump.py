"""One pump per world: it waits for the next deadline or a change on behalf of everybody who follows.

REST needs no pump, since every request settles the world first. Sockets and webhooks do: they want to hear of
things as they happen. The pump settles, lets every follower send what there is, and only then, where time is
virtual and jumps by itself, moves it to the next deadline of the whole world: one deadline at a time. It waits for no
client that has stopped to read for longer than a second.

Nothing here looks at every follower on every tick: those that have something to send stand in a set, and so do
the followed tasks that are not finished. A thousand sockets cost a jump no more than one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from wiro_mock.clock import monotonic
from wiro_mock.deliveries import Deliveries, Webhook
from wiro_mock.kernel.events import Instant
from wiro_mock.mock import World, hooks

SLOW_FOLLOWER_SECONDS = 10.0
"""How long a follower may send nothing on, before it is let go. Real seconds, as the next."""
PATIENCE = 1.0
"""How long a jump waits for one whose client takes nothing more: then time goes on, and it gets all of it later."""
LOOKS = 3
"""So many turns of the loop from a socket that has room again to the frame that goes there."""
SLICE_SECONDS = 0.02
"""How long the followers of one entry may have the loop for themselves: long frames take long to write."""
EVERY_NEW_TASK = "*"
Post: TypeAlias = Callable[[Webhook], Awaitable[None]]


class Follower:
    """Somebody who is told of the entries of some tasks. Lives in the loop of the pump."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self.push: Callable[[], bool] | None = None
        """Sends on what there is at once, if it can: then nobody has to be woken for it. Whether it has done so."""
        self._tasks: set[str] = set()
        self._news = asyncio.Event()
        self.let_go = asyncio.Event()
        """Set when the pump has waited long enough for this follower."""
        self.moved_at = 0.0
        self.blocked = False
        """Whether it is about to send, and its client has no room."""

    def wake(self) -> None:
        """There is news. May be called from any thread, with the world's lock held."""
        if threading.get_ident() == self._pump.thread:
            self._wake()
        else:
            with suppress(RuntimeError):  # the loop is gone
                self._pump.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self in self._pump.followers:
            self._news.set()
            self._fall_behind()

    def _fall_behind(self) -> None:
        if self not in self._pump.behind and self not in self._pump.overtaken:
            self.moved_at = monotonic()
            self._pump.behind.add(self)

    def _hear(self) -> None:
        """There is a new entry. May be called from any thread, with the world's lock held."""
        if self.push is None:
            self.wake()
        elif threading.get_ident() == self._pump.thread:
            self._line_up()
        else:
            with suppress(RuntimeError):
                self._pump.loop.call_soon_threadsafe(self._line_up)

    def _line_up(self) -> None:
        if self in self._pump.followers:
            self._fall_behind()
            self._pump.line_up(self)

    def send_on(self) -> None:
        """Send on what there is at once; where that cannot be, wake whoever does it in its own time."""
        if self.push is not None and not self._news.is_set() and self.push():
            self._pump.is_level(self)
        else:
            self._wake()

    async def news(self) -> None:
        """Wait until there is news. Until `caught_up` is called, time does not jump."""
        await self._news.wait()
        self._news.clear()

    def moved(self) -> None:
        """A piece of the news has been sent on."""
        self.moved_at, self.blocked = monotonic(), False
        if self in self._pump.overtaken:
            self._pump.overtaken.discard(self)
            self._pump.behind.add(self)

    def caught_up(self) -> None:
        """All news has been sent on; time may jump."""
        if not self._news.is_set():
            self._pump.is_level(self)

    def follow(self, task_id: str) -> None:
        """Follow this task too (`*`: every new one)."""
        if task_id not in self._tasks and not self.let_go.is_set():
            self._tasks.add(task_id)
            self._pump.world.watch(task_id, self._hear)
            if task_id != EVERY_NEW_TASK:
                self._pump.awaited.setdefault(task_id, set()).add(self)
            self._pump.stir()

    def unfollow(self, task_id: str) -> None:
        """Follow this task no longer."""
        if task_id in self._tasks:
            self._tasks.discard(task_id)
            self._pump.world.unwatch(task_id, self._hear)
            # Only one's own: after a reset, others may wait for a new task of the same id.
            waiting = self._pump.awaited.get(task_id, set())
            waiting.discard(self)
            if not waiting:
                self._pump.awaited.pop(task_id, None)

    def stir(self) -> None:
        """There is another instant for which the pump has to wait."""
        self._pump.stir()

    def leave(self) -> None:
        """Follow nothing any more."""
        for task_id in tuple(self._tasks):
            self.unfollow(task_id)
        self._pump.followers.discard(self)
        self._pump.is_level(self)


class Pump:
    """The pump of one world, running in one event loop. `post` sends a webhook and tells the world how it went.

    `behind` are the followers with news that they have not sent on, and for which time waits; `overtaken` are those for
    which it no longer does; `awaited` are the followers of each task that may still change.
    """

    def __init__(self, world: World, post: Post | None = None) -> None:
        self.world = world
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.followers: set[Follower] = set()
        self.behind: set[Follower] = set()
        self.overtaken: set[Follower] = set()
        self._line: dict[Follower, None] = {}
        self._jumping = False
        self.awaited: dict[str, set[Follower]] = {}
        self._post = post
        self._posting: set[asyncio.Future[None]] = set()
        self._deliveries = world.deliveries
        self._changed = asyncio.Event()
        self._level = asyncio.Event()

    def join(self) -> Follower:
        """A new follower."""
        follower = Follower(self)
        self.followers.add(follower)
        return follower

    def line_up(self, follower: Follower) -> None:
        """Let this follower send on what there is, as soon as the loop comes to it: all of them in one go."""
        if not self._line and not self._jumping:
            self.loop.call_soon(self._send_on)
        self._line[follower] = None

    def _send_on(self) -> None:
        line, self._line = self._line, {}
        until = monotonic() + SLICE_SECONDS
        while line:
            follower = next(iter(line))
            del line[follower]
            if follower in self.followers:
                follower.send_on()
            if line and monotonic() >= until:  # requests have their turn; time does not jump before the rest had theirs
                self._line = {**line, **self._line}
                self.loop.call_soon(self._send_on)
                return

    def is_level(self, follower: Follower) -> None:
        """This follower holds up nobody any more."""
        self.behind.discard(follower)
        self.overtaken.discard(follower)
        if not self.behind:
            self._level.set()

    def stir(self) -> None:
        """Something has changed: look again. May be called from any thread."""
        if threading.get_ident() == self.thread:
            self._changed.set()
        else:
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Pump until cancelled."""
        self.world.on_change.add(self.stir)
        self.world.posters += self._post is not None
        try:
            while True:
                self._changed.clear()
                try:
                    self.world.settle()
                    self._post_webhooks()
                    await self._wait()
                except Exception as error:
                    # Whoever follows would wait for ever in silence; the next change gives it another try.
                    self.world.tell(f"time stands still until the next request: {type(error).__name__}: {error}")
                    await self._changed.wait()
        finally:
            self.world.on_change.discard(self.stir)
            self.world.posters -= self._post is not None
            for task in self._posting:
                task.cancel()
            await asyncio.gather(*self._posting, return_exceptions=True)

    async def _wait(self) -> None:
        """Wait for the next deadline or a change; where time jumps, make the jump instead."""
        world = self.world
        with world.lock:
            deadline = world.next_deadline() if self._somebody_waits() else None
            jumps, seconds = world.clock.autojump, 0.0 if deadline is None else world.clock.seconds_until(deadline)
        if deadline is None:
            await self._changed.wait()
        elif jumps:
            await self._let_all_catch_up()
            with world.lock:
                # A command may have come while the followers were sending: then it goes first.
                if world.clock.autojump and not self._changed.is_set() and world.next_deadline() == deadline:
                    self._jump(deadline)
            self._send_on()
            await asyncio.sleep(0)
        elif not self._changed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    def _jump(self, deadline: Instant) -> None:
        """Move time. Nobody is called for what happens then: the followers get it as soon as the lock is free."""
        self._jumping = not self._line
        try:
            self.world.jump(deadline)
        finally:
            self._jumping = False

    def _somebody_waits(self) -> bool:
        """Whether time is worth moving: a webhook is to come, or a task that is followed has not finished."""
        deliveries = self.world.deliveries
        if deliveries.awaited > 0 or deliveries.next_due(self.world.sim.now) is not None:
            return True
        while self.awaited:
            task = self.world.sim.task(next(iter(self.awaited)))
            if task is not None and not task.finished:
                return True
            del self.awaited[next(iter(self.awaited))]  # finished or forgotten: it will not change any more
        return False

    async def _let_all_catch_up(self) -> None:
        """Let every follower send what there is; one that gets nothing sent in time is overtaken, and later let go."""
        while self.behind:
            longest = self._longest()
            if longest <= 0:
                await self._lose_patience()
                continue
            self._level.clear()
            # No longer: one may have come to have no room meanwhile. Costs less than a timeout, at every jump.
            guard = self.loop.call_later(min(longest, PATIENCE), self._level.set)
            await self._level.wait()
            guard.cancel()

    def _longest(self) -> float:
        """How long those that are behind are still waited for, in seconds."""
        return min(follower.moved_at + _patience(follower) for follower in self.behind) - monotonic()

    async def _lose_patience(self) -> None:
        for _ in range(LOOKS):  # where all of us stood still, whoever has room by now moves first
            await asyncio.sleep(0)
        now = monotonic()
        for follower in [one for one in self.behind if one.moved_at + _patience(one) <= now]:
            self.behind.discard(follower)
            self.overtaken.add(follower)
            self._look_after(follower)

    def _look_after(self, follower: Follower) -> None:
        """Let one that was overtaken go, when it has stood still for too long."""
        if follower not in self.overtaken:
            return
        if (left := follower.moved_at + SLOW_FOLLOWER_SECONDS - monotonic()) > 0:
            self.loop.call_later(left, self._look_after, follower)
            return
        follower.leave()
        follower.let_go.set()

    def _post_webhooks(self) -> None:
        """Take up webhooks, while there is a place; those of a world from before a reset are posted no longer."""
        with self.world.lock:
            if self._deliveries is not self.world.deliveries:
                self._deliveries = self.world.deliveries
                for task in self._posting:
                    task.cancel()
            deliveries = self._deliveries
            while self._post is not None and (webhook := deliveries.take(self.world.sim.now)) is not None:
                task = asyncio.ensure_future(self._post(webhook))
                self._posting.add(task)
                task.add_done_callback(partial(self._posted, deliveries, webhook))

    def _posted(self, deliveries: Deliveries, webhook: Webhook, task: asyncio.Future[None]) -> None:
        self._posting.discard(task)
        hooks.posted(self.world, deliveries, webhook)
        self.stir()


def _patience(follower: Follower) -> float:
    """How long a jump waits for a follower that does not move."""
    return min(PATIENCE, SLOW_FOLLOWER_SECONDS) if follower.blocked else SLOW_FOLLOWER_SECONDS
