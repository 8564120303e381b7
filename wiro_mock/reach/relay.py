"""Two connections that are one to those at their ends: what comes in here goes out there, no faster than it is read."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol


class Counted(Protocol):
    """Who counts the tunnels."""

    tunnels: int


class Relay:
    """A tunnel between a client and a host that it asked for. `there` is the protocol of the far end."""

    def __init__(self, transport: Any, counted: Counted, connections: set[Any]) -> None:
        self.there = _End(self)
        self._here = _End(self)
        self._here.transport = transport
        self._here.other, self.there.other = self.there, self._here
        self._counted = counted
        self._connections = connections
        self._open = True
        counted.tunnels += 1
        self.transport = transport

    def begin(self, first: bytes, answer: bytes) -> None:
        """The far end is there: hand the client over, with an answer and with what it has said by now."""
        self._connections.add(self)
        if self.transport.is_closing():
            self.shutdown()
            return
        if first:
            self.there.transport.write(first)
        if answer:
            self.transport.write(answer)
        self.transport.set_protocol(self._here)
        self.transport.resume_reading()
        self.there.begin()

    def give_up(self) -> None:
        """It did not come to be."""
        if self._open:
            self._open = False
            self._counted.tunnels -= 1

    def shutdown(self) -> None:
        """End both."""
        self.give_up()
        self._connections.discard(self)
        for end in (self._here, self.there):
            if end.transport is not None:
                end.transport.close()


class _End(asyncio.Protocol):
    """One end of a tunnel."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.transport: Any = None
        self.other: _End
        self._early: bytes | None = b""  # what the far end says before the client has heard of it
        self._ended = False

    def begin(self) -> None:
        """The client has heard of the far end: pass on what came by now, and then everything."""
        early, self._early = self._early, None
        if early:
            self.other.transport.write(early)
        self.transport.resume_reading()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self is self._relay.there and self._early is not None:
            self._early += data
            self.transport.pause_reading()
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """One side says no more; the other may still answer, unless it has ended, too."""
        self._ended = True
        if self.other._ended or not self.other.transport.can_write_eof():
            return False
        self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 -- asyncio's own signature
        self._relay.shutdown()
