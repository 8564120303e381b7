"""A port whose connections begin with TLS, or without: the first byte tells, and is left in the kernel.

So asyncio makes the connection once that is known, with its own TLS or with none. To begin TLS on a connection that has
been read from already is what no event loop offers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from wiro_mock.protocols import HEAD_SECONDS
from wiro_mock.reach.authority import NoTls
from wiro_mock.reach.doors import Doors
from wiro_mock.reach.front import HANDSHAKE_SECONDS, TLS_RECORD

NO_MORE_SECONDS = 0.5
"""How long nobody is let in when the system has no more descriptors."""


class Listener:
    """Listens until it is closed. `plain` makes the protocol of a connection without TLS, `inner` of one with it."""

    def __init__(
        self, sock: socket.socket, doors: Doors, *, plain: Callable[[], Any], inner: Callable[[], Any]
    ) -> None:
        self._sock = sock
        self._doors = doors
        self._plain = plain
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        sock.settimeout(0)  # as an event loop wants it
        self._accepting = self._loop.create_task(self._accept())

    def close(self) -> None:
        """Let nobody in any more."""
        self._accepting.cancel()
        for task in self._opening:
            task.cancel()

    async def _accept(self) -> None:
        while True:
            try:
                one, address = await self._loop.sock_accept(self._sock)
            except OSError:
                await asyncio.sleep(NO_MORE_SECONDS)
                continue
            task = self._loop.create_task(self._open(one, str(address[0])))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, one: socket.socket, address: str) -> None:
        """Make the connection that this client wants."""
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                first = await self._first_byte(one)
            if first == bytes((TLS_RECORD,)):
                await self._loop.connect_accepted_socket(
                    self._inner, one, ssl=self._doors.context(), ssl_handshake_timeout=HANDSHAKE_SECONDS
                )
            else:
                await self._loop.connect_accepted_socket(self._plain, one)
        except NoTls as error:
            self._doors.tell(str(error))
            one.close()
        except TimeoutError:
            one.close()
        except OSError as error:  # among them those of TLS
            self._doors.untrusted(f"TLS of {address}", "", error)
            one.close()
        except asyncio.CancelledError:
            one.close()
            raise

    async def _first_byte(self, one: socket.socket) -> bytes:
        """The first byte, which stays where it is; empty where the client is gone."""
        readable = asyncio.Event()
        self._loop.add_reader(one.fileno(), readable.set)
        try:
            await readable.wait()
        finally:
            self._loop.remove_reader(one.fileno())
        try:
            return one.recv(1, socket.MSG_PEEK)
        except OSError:
            return b""
