"""Answers that wait, on a real connection: until a task has ended, or a client has gone, outside the world's lock.

Whoever waits is a follower of its world's pump, as a socket is: it is told of entries, time jumps for it where time
jumps, and where it reads nothing it is overtaken, then let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Send

from wiro_mock.api import Damage, Response
from wiro_mock.breaking import length_of, pieces
from wiro_mock.kernel.events import Instant
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.mock import waiting as waits
from wiro_mock.pump import Follower, Pump
from wiro_mock.resets import reset

if TYPE_CHECKING:
    from wiro_mock.api.waits import Pending
    from wiro_mock.hosting import Hosting

GONE = "the client went away before its answer"
SLOW = "the client read nothing for too long and was let go"
DETACHED = "its world was taken off the server while the client waited"


class Waiting:
    """One request whose answer waits."""

    def __init__(
        self, hosting: Hosting, world: World, wait: Pending, receive: Receive, transport: asyncio.Transport | None
    ) -> None:
        self._hosting = hosting
        self._world = world
        self._wait = wait
        self._receive = receive
        self._transport = transport
        self._ended = False
        self._follower: Follower = _pump(hosting, world).join()
        self._detached = asyncio.Event()
        if world not in hosting.worlds.worlds:  # since the head of the request came
            self._detached.set()

    # -- as the hosting knows it ---------------------------------------------------------------------

    def detached(self, world: World) -> None:
        """Its world is served no longer."""
        if world is self._world:
            self._detached.set()

    def look_again(self) -> None:
        """There are new tasks, which are none of its business."""

    # -- what is waited for --------------------------------------------------------------------------

    async def answer(self) -> Response | None:
        """The answer, once it is due; None where the client has gone or is let go."""
        # Nobody has to be woken for what is not the end.
        self._follower.push = lambda: not self._is_due()
        answer: Response | None = await self._before_the_client_goes(self._until_due())
        return answer

    async def stream(self, response: Response, send: Send) -> None:
        """Send events as they happen, up to the last or as far as the damage lets them come."""
        await self._before_the_client_goes(self._pour(response, response.damage or Damage(), send))

    async def _before_the_client_goes(self, doing: Awaitable[Any]) -> Any:
        """What comes of it; None, and a word in the journal, where the client or its world has gone before."""
        self._hosting.connections.add(self)
        self._listen()
        gone, doing = asyncio.ensure_future(self._receive()), asyncio.ensure_future(doing)
        let_go = asyncio.ensure_future(self._follower.let_go.wait())
        detached = asyncio.ensure_future(self._detached.wait())
        halves = (doing, gone, let_go, detached)
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            self._end(GONE if gone.done() else SLOW if let_go.done() else DETACHED)
            if not gone.done():
                self._reset()
            return None
        finally:
            self._hosting.connections.discard(self)
            with self._world.lock:
                self._follower.leave()
                self._world.alarms.drop(self._follower.wake)
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
            self._hosting.let_go(self._world)

    def _end(self, why: str) -> None:
        """There is no answer, or no end of it; only the first reason counts."""
        if not self._ended:
            self._ended = True
            waits.leave(self._world, self._wait, why)

    def _reset(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            reset(self._transport)

    def _listen(self) -> None:
        with self._world.lock:
            self._follower.follow(self._wait.task_id)
            if self._wait.until is not None:
                self._world.alarms.set(self._follower.wake, self._wait.until, "cap")
            self._follower.wake()  # what has happened up to now was told to nobody

    def _is_due(self) -> bool:
        with self._world.lock:
            return self._wait.is_due(self._world)

    async def _until_due(self) -> Response:
        while not self._is_due():
            self._follower.caught_up()
            await self._follower.news()
        return waits.finish(self._world, self._wait)

    # -- a stream ------------------------------------------------------------------------------------

    async def _pour(self, response: Response, damage: Damage, send: Send) -> bool:
        await asyncio.sleep(self._world.pass_time(damage.latency) if damage.latency else 0)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        left = damage.stop_at
        async for events in self._pieces():
            for piece in pieces(Response(content=events), replace(damage, stop_at=left)):
                self._follower.blocked = True
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self._follower.moved()
                left = None if left is None else left - len(piece)
                if damage.drip:
                    await asyncio.sleep(self._world.pass_time(length_of(piece, damage)))
            if left == 0:
                self._follower.leave()
                await self._cut_off(damage)
        if left is not None:
            waits.add(self._world, self._wait, f"the stream was over {left} bytes before it was to be cut off")
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _cut_off(self, damage: Damage) -> None:
        """End it before its end, and do nothing more until the client has gone."""
        self._end(f"the stream was cut off after {damage.stop_at} bytes")
        if self._transport is not None and damage.end == "reset":
            while self._transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
            reset(self._transport)
        elif self._transport is not None and damage.end == "close":
            self._transport.close()
        await asyncio.Event().wait()  # as in `breaking`: uvicorn would take it for a mistake

    async def _pieces(self) -> AsyncIterator[bytes]:
        from wiro_mock.api.waits import Stream

        stream = self._wait
        assert isinstance(stream, Stream)
        while not stream.over:
            while data := waits.take(self._world, stream):
                yield data
            if stream.over:
                return
            self._remind(stream.speaks_at)
            self._follower.caught_up()
            await self._follower.news()

    def _remind(self, at: Instant) -> None:
        """Be woken at this instant, if nothing happens before it; one that was to be woken earlier looks again then."""
        with self._world.lock:
            if self._follower.wake not in self._world.alarms:
                self._world.alarms.set(self._follower.wake, at, "reminder")
                self._follower.stir()


def _pump(hosting: Hosting, world: World) -> Pump:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise Misuse(
            "Run/sync waits in an event loop of asyncio, and this app runs in none, as under trio; use wiro.serve() or "
            "wiro_server, or wiro.respx()"
        ) from None
    return hosting.pump_of(world)
