"""How clients come in: in process through respx, over real sockets, at Wiro's own addresses, or as an ASGI app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from wiro_mock.library.core import Core
from wiro_mock.testing import faulting

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from wiro_mock.respx_router import WiroRouter
    from wiro_mock.server import ServerThread

__tracebackhide__ = True  # a failure is in the tester's line


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where a Wiro is served: `url` is the base of the API and `socket_url` the socket, both ending in `/v1`;
    `origin` is the address without a path.
    """

    url: str
    socket_url: str
    origin: str

    @classmethod
    def by(cls, thread: ServerThread) -> Served:
        """Where a running server is."""
        return cls(url=thread.api_url, socket_url=thread.socket_url, origin=thread.url)


class Doors(Core):
    """The doors of a world. All of them show the one world."""

    @property
    def app(self) -> Starlette:
        """An ASGI app with the API, the socket and the control API. Its socket needs a server that knows lifespans."""
        self._open("asgi")
        return self._made_app

    @cached_property
    def _made_app(self) -> Starlette:
        from wiro_mock.asgi import create_app

        return create_app(self.world)

    def _open(self, door: str) -> None:
        """This door is used from now on. Raises `Misuse` where it cannot do what is armed already."""
        with self.world.lock:
            doors = self.world.doors
            self.world.doors = doors | {door}
            faulting.check_doors(self.world, self.world.faults)

    def respx(self) -> WiroRouter:
        """A respx router, to be entered with `with`: Wiro's hosts are answered in process, for sync and async httpx."""
        from wiro_mock.respx_router import make_router

        self._open("respx")
        return make_router(self.world)

    @contextmanager
    def intercept(self) -> Iterator[Self]:
        """Answer at Wiro's own addresses while the block runs, for every client in this process: httpx, requests,
        urllib3, aiohttp, websockets, and others that use Python's sockets. Needs the extra `tls`; raises `Misuse`.
        """
        from wiro_mock.testing.redirecting import intercepted

        self._open("socket")
        with intercepted(self.world):
            yield self

    @contextmanager
    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
        """Serve it on real sockets while the block runs. Raises `CannotListen` when the address cannot be had."""
        from wiro_mock import early
        from wiro_mock.server import ServerThread

        self._open("socket")
        early.load()
        with ServerThread(self._made_app, host=host, port=port) as thread:
            yield Served.by(thread)
