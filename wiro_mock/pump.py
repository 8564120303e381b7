"""One pump per world: it waits for the next deadline or a change on behalf of everybody who follows.

REST needs no pump, since every request settles the world first. Sockets and webhooks do: they want to hear of
things as they happen. The pump settles, lets every follower send what there is, and only then, where time is
virtual and jumps by itself, moves it to the next deadline of the whole world: one deadline at a time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from wiro_mock.mock import Webhook, World

SLOW_FOLLOWER_SECONDS = 10.0
"""How long a jump waits for a follower that does not read, before that follower is let go. Real seconds."""


class Follower:
    """Somebody who is told of the entries of some tasks. Lives in the loop of the pump."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._tasks: set[str] = set()
        self._news = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.caught_up.set()
        self.dropped = False

    def wake(self) -> None:
        """There is news. May be called from any thread, with the world's lock held."""
        if threading.get_ident() == self._pump.thread:
            self._wake()
        else:
            with suppress(RuntimeError):  # the loop is gone
                self._pump.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self.caught_up.clear()
        self._news.set()

    async def news(self) -> None:
        """Wait until there is news."""
        await self._news.wait()
        self._news.clear()

    def follow(self, task_ids: list[str]) -> None:
        """Follow these tasks (`*`: every new one), and no others."""
        world = self._pump.world
        wanted = set(task_ids)
        for task_id in wanted - self._tasks:
            world.watch(task_id, self.wake)
        for task_id in self._tasks - wanted:
            world.unwatch(task_id, self.wake)
        self._tasks = wanted
        self._pump.stir()

    @property
    def is_waiting(self) -> bool:
        """Whether something that is followed is not finished: then time is worth moving."""
        world = self._pump.world
        return any((task := world.sim.task(task_id)) is not None and not task.finished for task_id in self._tasks)

    def leave(self) -> None:
        """Follow nothing any more."""
        self.follow([])
        self.caught_up.set()
        self._pump.followers.discard(self)


class Pump:
    """The pump of one world, running in one event loop. `post` sends a webhook and tells the world how it went."""

    def __init__(self, world: World, post: Callable[[Webhook], Awaitable[None]] | None = None) -> None:
        self.world = world
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.followers: set[Follower] = set()
        self._post = post
        self._posting: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def join(self) -> Follower:
        """A new follower."""
        follower = Follower(self)
        self.followers.add(follower)
        return follower

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
        try:
            while True:
                self._changed.clear()
                self.world.settle()
                self._post_webhooks()
                await self._wait()
        finally:
            self.world.on_change.discard(self.stir)
            for task in self._posting:
                task.cancel()

    async def _wait(self) -> None:
        """Wait for the next deadline or a change; where time jumps, make the jump instead."""
        world = self.world
        deadline = world.sim.next_deadline() if self._somebody_waits() else None
        if deadline is None:
            await self._changed.wait()
            return
        if world.clock.autojump:
            await self._let_all_catch_up()
            with world.lock:
                # A command may have come while the followers were sending: then it goes first.
                if world.clock.autojump and not self._changed.is_set() and world.sim.next_deadline() == deadline:
                    world.jump(deadline)
                    self._changed.set()
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), world.clock.seconds_until(deadline))

    def _somebody_waits(self) -> bool:
        with self.world.lock:
            return self.world.awaited_callbacks > 0 or any(follower.is_waiting for follower in self.followers)

    async def _let_all_catch_up(self) -> None:
        """Let every follower send what there is; one that does not read in time is let go."""
        slow = [follower for follower in self.followers if not follower.caught_up.is_set()]
        if not slow:
            return
        waits = [asyncio.ensure_future(follower.caught_up.wait()) for follower in slow]
        _, late = await asyncio.wait(waits, timeout=SLOW_FOLLOWER_SECONDS)
        for follower, wait in zip(slow, waits, strict=True):
            if wait in late:
                wait.cancel()
                follower.dropped = True
                follower.leave()
                follower.wake()

    def _post_webhooks(self) -> None:
        while self._post is not None and self.world.unposted:
            task = asyncio.ensure_future(self._post(self.world.unposted.popleft()))
            self._posting.add(task)
            task.add_done_callback(self._posting.discard)
