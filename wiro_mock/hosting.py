"""What runs for the worlds behind a server: for each a pump and whoever posts its webhooks, in the server's loop.

A world may be attached or detached in any thread: the loop is told, and that thread waits until it is done there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from wiro_mock.deliveries import Webhook
from wiro_mock.mock import World
from wiro_mock.pump import EVERY_NEW_TASK, Post, Pump
from wiro_mock.worlds import Worlds

if TYPE_CHECKING:
    from wiro_mock.webhooks import Poster

WARM_UP_AFTER_SECONDS = 0.2
LOOK_SECONDS = 0.05
"""How often a thread that waits for the loop looks whether there still is one."""


class Connection(Protocol):
    """An open socket, as far as it must hear of worlds that come and go. Called in the loop's thread."""

    def detached(self, world: World) -> None: ...
    def look_again(self) -> None:
        """Tasks have come: one of them may have a token that none had when it was registered."""
        ...


class _Running(NamedTuple):
    pump: Pump
    pumping: asyncio.Task[None]
    reading: asyncio.TimerHandle


class Hosting:
    """The pumps of the worlds, and the open sockets, while the block runs. All but the change of worlds is the loop's.

    Webhooks go to private addresses, and to hosts named in `webhook_hosts`. `warm_up` is called in a thread soon after
    a world has been taken in, before that world reads its scenarios there.
    """

    def __init__(
        self,
        worlds: Worlds,
        *,
        webhook_hosts: frozenset[str] = frozenset(),
        warm_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.worlds = worlds
        self._warm_up = warm_up
        self.connections: set[Connection] = set()
        self._webhook_hosts = webhook_hosts
        self._running: dict[World, _Running] = {}
        self._searching: set[Connection] = set()
        self._watched: set[World] = set()
        self._will_look = False
        self._thread = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._will_look = False
        self.worlds.on_change.add(self._changed)
        for world in self.worlds.worlds:
            self.pump_of(world)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worlds.on_change.discard(self._changed)
        self._loop = None
        for world in tuple(self._watched):
            self._unwatch(world)
        ending = [task for world in tuple(self._running) if (task := self._stop(world))]
        await asyncio.gather(*ending, return_exceptions=True)

    def pump_of(self, world: World) -> Pump:
        """The pump of a world, started if need be."""
        running = self._running.get(world)
        if running is None or running.pumping.done():  # the latter where an app is used in one loop after another
            pump = Pump(world, _postman(world, self._webhook_hosts))
            # Soon after the server can answer, so that neither the start nor the first Run has to wait for it.
            reading = pump.loop.call_later(WARM_UP_AFTER_SECONDS, _warm, self._warm_up, world)
            running = self._running[world] = _Running(pump, pump.loop.create_task(pump.run()), reading)
        return running.pump

    def let_go(self, world: World) -> None:
        """Stop what was started for a world that had been detached while a request was on its way to it."""
        if world not in self.worlds.worlds and world is not self.worlds.strays:
            self._stop(world)

    def search(self, connection: Connection) -> None:
        """Let this connection look again whenever there are new tasks: it has a token that none of them had."""
        self._searching.add(connection)
        self._watch()

    def search_no_more(self, connection: Connection) -> None:
        """It has found them all, or is gone."""
        self._searching.discard(connection)
        self._watch()

    def _changed(self, world: World) -> None:
        """A world was attached or detached; returns when that is done here, too."""
        loop = self._loop
        if loop is None:
            return
        if threading.get_ident() == self._thread:
            self._follow_suit(world)
            return
        done = threading.Event()
        with suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(self._follow_suit_for, world, done.set)
            while not done.wait(LOOK_SECONDS) and self._loop is loop:
                pass

    def _follow_suit_for(self, world: World, done: Callable[[], None]) -> None:
        """Do so for another thread, which waits."""
        ending = None
        try:
            ending = self._follow_suit(world)
        finally:
            if ending is None:
                done()
            else:
                ending.add_done_callback(lambda _: done())

    def _follow_suit(self, world: World) -> asyncio.Task[None] | None:
        """Run what is to run for this world as it stands now, attached or not; what has yet to end, if anything."""
        self._watch()
        if self._loop is None or world not in self.worlds.worlds:
            return self._stop(world)
        self.pump_of(world)
        self._look_again()
        return None

    def _stop(self, world: World) -> asyncio.Task[None] | None:
        running = self._running.pop(world, None)
        for connection in tuple(self.connections):
            connection.detached(world)
        if running is None:
            return None
        running.reading.cancel()
        running.pumping.cancel()
        return running.pumping

    def _watch(self) -> None:
        """Hear of new tasks where somebody searches; an only world's tasks are found without that."""
        worlds = self.worlds.worlds
        wanted = set(worlds) if self._searching and len(worlds) > 1 else set[World]()
        for world in self._watched - wanted:
            self._unwatch(world)
        for world in wanted - self._watched:
            self._watched.add(world)
            world.watch(EVERY_NEW_TASK, self._new_task)

    def _unwatch(self, world: World) -> None:
        self._watched.discard(world)
        world.unwatch(EVERY_NEW_TASK, self._new_task)

    def _new_task(self) -> None:
        """There is a new task in a world, whose lock is held; so nothing is done now. May be called from any thread."""
        if self._loop is not None and not self._will_look:
            self._will_look = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._look_again)

    def _look_again(self) -> None:
        self._will_look = False
        for connection in tuple(self._searching):
            connection.look_again()


def _warm(first: Callable[[], None], world: World) -> None:
    def warm() -> None:
        with suppress(Exception):  # what fails here fails again at the first request, which tells of it
            first()
            world.warm_up()

    threading.Thread(target=warm, name="wiro-mock-warm-up", daemon=True).start()


def _postman(world: World, hosts: frozenset[str]) -> Post:
    """What posts webhooks, made when there is a first one; one for each life of a pump."""

    @cache
    def poster() -> Poster:
        from wiro_mock.webhooks import Poster

        return Poster(world, allowed_hosts=hosts)

    async def post(webhook: Webhook) -> None:
        await poster().post(webhook)

    return post
