"""Posts the webhooks of a world from a thread of its own, for tests in process, where no server does so.

It moves no clock: what is due by the world's time is posted at once. A server that runs beside it does the same, and
each webhook is posted by one of them.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from wiro_mock.mock import World, hooks
from wiro_mock.webhooks import Poster

if TYPE_CHECKING:
    from wiro_mock.deliveries import Deliveries, Webhook

STOP_SECONDS = 5.0
"""How long a stop waits for a receiver that does not answer."""


class Office:
    """The office of one world; it works from its making until `stop`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._poster = Poster(world)
        self._posting: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wiro-mock-office", daemon=True)
        self._thread.start()
        self._open.wait()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop in which it works."""
        assert self._loop is not None
        return self._loop

    def stop(self) -> None:
        """Post nothing any more. Again is no error."""
        self._stopped = True
        self._stir()
        self._thread.join(STOP_SECONDS)

    def _stir(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is gone
                self._loop.call_soon_threadsafe(self._changed.set)

    def _work(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        world, deliveries = self._world, self._world.deliveries
        with world.lock:
            world.on_change.add(self._stir)
            world.posters += 1
        self._open.set()
        try:
            while not self._stopped:
                self._changed.clear()
                if deliveries is not world.deliveries:  # a reset: what is from before it is posted no longer
                    deliveries = world.deliveries
                    self._cancel()
                seconds = self._post_due(deliveries)
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._changed.wait()
        finally:
            with world.lock:
                world.on_change.discard(self._stir)
                world.posters -= 1
            await self._cancel()

    def _post_due(self, deliveries: Deliveries) -> float | None:
        """Take up what is due; real seconds until something may be due next, where time passes by itself."""
        world = self._world
        with world.lock:
            world.settle()
            while (webhook := deliveries.take(world.sim.now)) is not None:
                task = asyncio.ensure_future(self._poster.post(webhook))
                self._posting.add(task)
                task.add_done_callback(partial(self._posted, deliveries, webhook))
            deadline = world.next_deadline()
            return None if deadline is None else world.clock.seconds_until(deadline)

    def _posted(self, deliveries: Deliveries, webhook: Webhook, task: asyncio.Task[None]) -> None:
        self._posting.discard(task)
        hooks.posted(self._world, deliveries, webhook)

    def _cancel(self) -> asyncio.Future[list[BaseException | None]]:
        for task in self._posting:
            task.cancel()
        return asyncio.gather(*self._posting, return_exceptions=True)
