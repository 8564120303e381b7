"""Answers that wait, on a real connection: until a task has ended, or a client has gone, outside the world's lock.

Whoever waits is a follower of its world's pump, as a socket is: it is told of entries, time jumps for it where time
jumps, and where it reads nothing it is overtaken, then let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Send

from wiro_mock.api import Damage, Response
from wiro_mock.breaking import reset
from wiro_mock.mock import World
from wiro_mock.mock import waiting as waits
from wiro_mock.pump import Follower

if TYPE_CHECKING:
    from wiro_mock.api.waits import Pending
    from wiro_mock.hosting import Hosting

KEEP_ALIVE_SECONDS = 15.0
"""Real seconds of silence before a comment goes out on a stream. How often Wiro sends one is unknown; our choice."""
KEEP_ALIVE = b": keep-alive\n\n"
GONE = "the client went away before its answer"
SLOW = "the client read nothing for too long and was let go"
DETACHED = "its world was taken off the server while the client waited"


class Waiting:
    """One request whose answer waits."""

    def __init__(self, hosting: Hosting, world: World, wait: Pending, receive: Receive) -> None:
        self._hosting = hosting
        self._world = world
        self._wait = wait
        self._receive = receive
        self._follower: Follower = hosting.pump_of(world).join()
        self._detached = asyncio.Event()

    # -- as the hosting knows it ---------------------------------------------------------------------

    def detached(self, world: World) -> None:
        """Its world is served no longer."""
        if world is self._world:
            self._detached.set()

    def look_again(self) -> None:
        """There are new tasks, which are none of its business."""

    # -- what is waited for --------------------------------------------------------------------------

    async def answer(self) -> Response | None:
        """The answer, once it is due; None where the client has gone or the world is served no longer."""
        # Nobody has to be woken for what is not the end.
        self._follower.push = lambda: not self._is_due()
        answer: Response | None = await self._before_the_client_goes(self._until_due())
        return answer

    async def stream(self, response: Response, transport: asyncio.Transport | None, send: Send) -> None:
        """Send events as they happen, up to the last or as far as the damage lets them come."""
        pouring = self._pour(response, transport, send)
        if await self._before_the_client_goes(pouring) is None and transport is not None:
            reset(transport)

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
            self._leave(SLOW if let_go.done() else DETACHED if detached.done() else GONE)
            return None
        finally:
            self._hosting.connections.discard(self)
            with self._world.lock:
                self._follower.leave()
                self._world.caps.pop(self._follower.wake, None)
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)

    def _leave(self, why: str) -> None:
        waits.leave(self._world, self._wait, why)

    def _listen(self) -> None:
        with self._world.lock:
            self._follower.follow(self._wait.task_id)
            if self._wait.until is not None:
                self._world.caps[self._follower.wake] = self._wait.until
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

    async def _pour(self, response: Response, transport: asyncio.Transport | None, send: Send) -> bool:
        damage = response.damage or Damage()
        if damage.latency:
            await asyncio.sleep(self._world.pass_time(damage.latency))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        left = damage.stop_at
        async for piece in self._pieces():
            sent = piece if left is None else piece[:left]
            self._follower.blocked = True
            await send({"type": "http.response.body", "body": sent, "more_body": True})
            self._follower.moved()
            if left is not None:
                left -= len(sent)
                if left <= 0:
                    self._follower.leave()
                    await self._break(damage, transport)
                    return True
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _break(self, damage: Damage, transport: asyncio.Transport | None) -> None:
        """End it before its end. A `hang` is done by doing nothing, until the client goes."""
        self._leave(f"the stream was cut off after {damage.stop_at} bytes")
        if damage.end == "reset" and transport is not None:
            while transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
            reset(transport)
        elif damage.end == "close" and transport is not None:
            transport.close()
        else:
            await asyncio.Event().wait()

    async def _pieces(self) -> Any:
        from wiro_mock.api.waits import Stream

        stream = self._wait
        assert isinstance(stream, Stream)
        while not stream.over:
            while data := waits.take(self._world, stream):
                yield data
            if stream.over:
                return
            self._follower.caught_up()
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._follower.news()
            except TimeoutError:
                yield KEEP_ALIVE
