"""Faults that strike a request while its client still sends it: cut off, stopped, read slowly, or answered too early.

What is counted is the body as it comes, before anybody looks at the key: a gateway does not know it either (our
choice). A request whose body does not get so far is none of those that are meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from starlette.types import Receive, Send

from wiro_mock.api import Damage, Request, Response
from wiro_mock.breaking import Breaking, CutShort
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.mock import World
from wiro_mock.resets import reset

UNREAD_SECONDS: Final = 60.0
"""So long nothing is read after a `hang`; then the rest is, unanswered: a client that has gone is not seen before."""


class Sending:
    """One request on its way to a world. `met` is what has been done to it that let it come to its end."""

    def __init__(self, world: World, request: Request) -> None:
        self.met = ""
        self._world = world
        self._request = request
        self._sent = 0
        self._rate = 0
        with world.lock:
            self._due = world.while_sent(request)

    async def took(self, size: int) -> None:
        """So many bytes of the body have come. Raises `CutShort` where it is not to come to its end."""
        self._sent += size
        slowly = size if self._rate else 0
        while self._due and self._due[0] <= self._sent:
            made = self._world.struck_while_sent(self._request, after := self._due.pop(0), self._sent)
            self.met = "; ".join(filter(None, (self.met, made.told)))
            if made.drip:
                self._rate, slowly = made.drip, self._sent - after
            await self._pass(made.latency)
            if made.response is not None:
                raise CutShort(made.response)
        if slowly:
            await self._pass(slowly * SECOND // self._rate)

    async def _pass(self, length: Duration) -> None:
        """Let so much time pass, in which nothing is read."""
        if length:
            await asyncio.sleep(self._world.pass_time(length))


async def end(
    world: World,
    response: Response,
    headers: list[tuple[bytes, bytes]],
    *,
    transport: asyncio.Transport | None,
    receive: Receive,
    send: Send,
) -> None:
    """Let a request end as was said, of which the client may still be sending the rest: nobody looks at that."""
    damage = response.damage or Damage()
    if not damage.end or transport is None:
        await Breaking(world, transport, _rest(receive), send).carry_out(response, damage, headers)
        return
    if damage.end == "reset":
        reset(transport)
    elif damage.end == "hang":
        await _leave_unread(UNREAD_SECONDS)
    elif transport.can_write_eof():
        # Closing with the rest unread would be a RST (RFC 1122 §4.2.2.13).
        transport.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(UNREAD_SECONDS):
                await _rest(receive)()
        transport.close()
    else:
        transport.close()
    await _rest(receive)()


async def _leave_unread(seconds: float) -> None:
    """Real seconds, as all that guards against a client."""
    await asyncio.sleep(seconds)


def _rest(receive: Receive) -> Receive:
    """What comes when the client has gone, however much it sends before."""

    async def until_gone() -> Mapping[str, object]:
        while (message := await receive())["type"] != "http.disconnect":
            pass
        return message

    return until_gone  # type: ignore[return-value]
