"""Answers that wait, in process: nobody waits there, so time moves for the client, or its read timeout is over at once.

In `auto` time a task plays to its end. In other modes so much time passes as the client's read timeout lets it wait,
as for a fault's latency (`respx_damage`). A held task never goes on: the test that could release it is the one that
waits. Only a backend at work is really waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

import httpx

from wiro_mock.api import Response
from wiro_mock.api.waits import Pending, Stream
from wiro_mock.clock import monotonic
from wiro_mock.kernel.events import SECOND, Duration, Instant
from wiro_mock.misuse import WaitsForEver
from wiro_mock.mock import World, waiting

LOOK_SECONDS = 0.05
"""How often somebody who waits for a backend looks."""


class InProcess:
    """A client in process that waits for an answer."""

    def __init__(self, world: World, wait: Pending, request: httpx.Request) -> None:
        read = (request.extensions.get("timeout") or {}).get("read")
        self._read: Duration | None = None if read is None else round(read * SECOND)
        self._world = world
        self._wait = wait
        self._request = request
        self._left = False
        self._began()

    def answer(self) -> Response:
        """The answer. Raises `httpx.ReadTimeout` where the client would not have waited for it."""
        while not self._wait.is_due(self._world):
            self._go_on()
        return waiting.finish(self._world, self._wait)

    def events(self, stream: Stream) -> Iterator[bytes]:
        """The bytes of a stream; time goes on as far as it is read."""
        try:
            yield b""  # from now on it hears of a client that goes
            while not stream.over:
                if data := waiting.take(self._world, stream):
                    yield data
                    self._began()
                elif not stream.over:
                    self._go_on()
        finally:
            if not stream.over:
                self._leave("the client went away before its end")

    def _began(self) -> None:
        """The read timeout counts from now."""
        self._patient_until: Instant | None = None if self._read is None else self._world.clock.now() + self._read
        self._really_until = None if self._read is None else monotonic() + self._read / SECOND

    def _go_on(self) -> None:
        """Let time pass up to what happens next, or to the end of the client's patience."""
        world = self._world
        with world.lock:
            is_live = bool(world.live)
            if not is_live:
                self._jump()
        if is_live:
            if self._really_until is not None and monotonic() >= self._really_until:
                self._lose_patience("its backend is at work")
            world.live.wait(LOOK_SECONDS)
            world.settle()

    def _jump(self) -> None:
        """To the next thing that happens, or to the end of the wait, or to the next comment where it comes before."""
        world, wait = self._world, self._wait
        world.settle()
        if wait.is_due(world):
            return
        deadline = world.next_deadline() if world.sim.can_progress(wait.task_id) else None
        ends = [end for end in (deadline, wait.until) if end is not None]
        # Where time jumps, nobody's patience is tried by it; a hold is another thing, for it takes a test to end it.
        is_free = world.clock.autojump and (deadline is not None or not world.sim.holds())
        last = None if is_free else self._patient_until
        why = f"the task waits for {world.sim.waiting_for(wait.task_id) or 'time to pass'}"
        if not ends and isinstance(wait, Stream) and (last is None or wait.speaks_at < last):
            self._wait_for_ever(f"{why}, and what comes until then are comments")
        if not is_free and isinstance(wait, Stream):
            ends.append(wait.speaks_at)
        if not ends or (last is not None and last <= min(ends)):
            self._lose_patience(why)
        world.jump(min(ends))

    def _lose_patience(self, why: str) -> None:
        if self._read is None or self._patient_until is None:
            self._wait_for_ever(f"{why}, and this client has no read timeout")
        self._world.jump(max(self._patient_until, self._world.sim.now))
        self._leave(f"the client's read timeout of {self._read / SECOND:g} s was over: {why}")
        raise httpx.ReadTimeout("The read operation timed out", request=self._request)

    def _wait_for_ever(self, why: str) -> NoReturn:
        self._leave(f"the client would wait for ever: {why}")
        raise WaitsForEver(
            f"POST {self._request.url.path} in process: {why}, so it would wait for ever; let the task go on, give the "
            "client a read timeout, such as httpx.Client(timeout=10), or use wiro_server, where the wait is real"
        )

    def _leave(self, why: str) -> None:
        """There is no answer, or no end of it; only the first reason counts."""
        if not self._left:
            self._left = True
            waiting.leave(self._world, self._wait, why)


def wait_for(world: World, response: Response, request: httpx.Request) -> Response:
    """What comes of an answer that waits: the one that was waited for, or one whose events come as they are read."""
    wait = response.wait
    assert wait is not None
    client = InProcess(world, wait, request)
    if isinstance(wait, Stream):
        events = client.events(wait)
        next(events)
        return replace(response, chunks=events, wait=None)
    made = client.answer()
    return replace(made, headers=(*made.headers, response.headers[-1]))
