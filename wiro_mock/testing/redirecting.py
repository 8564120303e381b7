"""Every client in this process reaches the mock at Wiro's own addresses, by its own sockets and its own TLS.

Names of Wiro's are looked up as an address of loopback that nobody else has; who connects to it comes to a server of
ours; and whoever begins TLS under such a name trusts its authority, which lives in this process only. So one mechanism
serves httpx, requests, urllib3, aiohttp, websockets and the standard library, with all their faults and real bytes.
The interception libraries that there are (responses, aioresponses, respx) stop short of the connection, and serve one
client each.

Not reached: proxies that a client was built with, pyOpenSSL, clients in C, other processes (`exec --intercept`).
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import ssl
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing.guard import is_wiro

if TYPE_CHECKING:
    from wiro_mock.worlds import Worlds

HERE = "127.87.73.82"
"""The address that Wiro's names have: of loopback, and nobody's ("WIR")."""
_lock = threading.RLock()
_open: list[_Door] = []
_authority: list[Any] = []  # one for the process: contexts that trust it are kept by their clients


class _Door:
    """The server to which all worlds of this process are attached that are intercepted, and who leads there."""

    def __init__(self) -> None:
        self.users = 0
        self.worlds: Worlds
        self._stack = ExitStack()

    def open(self) -> None:
        from wiro_mock import early
        from wiro_mock.asgi import create_app
        from wiro_mock.reach.authority import Authority, NoTls
        from wiro_mock.reach.doors import Doors
        from wiro_mock.reach.gateway import without_gateway
        from wiro_mock.server import ServerThread
        from wiro_mock.worlds import Worlds

        try:
            authority = _authority[0] if _authority and _authority[0].lasts() else Authority.made()
        except NoTls as error:
            raise Misuse(f"intercept: {error}; httpx alone needs it not: wiro.respx(), wiro_respx") from None
        _authority[:] = [authority]
        early.load()
        self.worlds = Worlds()
        doors = Doors(tls=True, renew=lambda: authority, tell=self._tell)
        app = without_gateway(create_app(self.worlds), self.worlds)
        thread = self._stack.enter_context(ServerThread(app, doors=doors))
        self._stack.enter_context(_led_to((thread.host, thread.port), authority.pem.decode()))

    def close(self) -> None:
        self._stack.close()

    def _tell(self, line: str) -> None:
        for world in self.worlds.worlds:
            world.tell(line)


@contextmanager
def door() -> Iterator[_Door]:
    """The door, open while anybody uses it. Raises `Misuse` where it cannot be opened."""
    with _lock:
        if not _open:
            made = _Door()
            made.open()
            _open.append(made)
        one = _open[0]
        one.users += 1
    try:
        yield one
    finally:
        with _lock:
            one.users -= 1
            if not one.users:
                _open.remove(one)
                one.close()


@contextmanager
def intercepted(world: World) -> Iterator[None]:
    """This world answers at Wiro's own addresses, for every client of this process, while the block runs."""
    with door() as one:
        try:
            one.worlds.attach(world)
        except ValueError as error:
            raise Misuse(f"intercept: {error}") from None
        try:
            yield
        finally:
            one.worlds.detach(world)


# -- what is patched -----------------------------------------------------------------------------------


@contextmanager
def _led_to(server: tuple[str, int], pem: str) -> Iterator[None]:
    replaced: list[tuple[Any, str, Any, Any]] = []
    for owner, name, made in _patches(server, pem):
        real = vars(owner).get(name)
        patch = made(getattr(owner, name))
        replaced.append((owner, name, real, patch))
        setattr(owner, name, patch)
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    for name, value in before.items():
        os.environ[name] = f"{value},wiro.ai" if value else "wiro.ai"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for owner, name, real, patch in reversed(replaced):
            if vars(owner).get(name) is not patch:
                continue  # somebody has put something over it
            if real is None:
                delattr(owner, name)
            else:
                setattr(owner, name, real)


def _patches(server: tuple[str, int], pem: str) -> Iterator[tuple[Any, str, Callable[[Any], Any]]]:
    yield socket, "getaddrinfo", _getaddrinfo
    yield socket, "gethostbyname", lambda real: lambda host: HERE if is_wiro(host) else real(host)
    yield socket, "gethostbyname_ex", lambda real: lambda host: (host, [], [HERE]) if is_wiro(host) else real(host)
    yield asyncio.BaseEventLoop, "getaddrinfo", _loop_getaddrinfo
    for name in ("connect", "connect_ex"):
        yield socket.socket, name, functools.partial(_connect, server)
    trusting: weakref.WeakSet[ssl.SSLContext] = weakref.WeakSet()
    for name in ("wrap_socket", "wrap_bio"):
        yield ssl.SSLContext, name, functools.partial(_wrap, pem, trusting)
    if loop := getattr(sys.modules.get("uvloop"), "Loop", None):
        yield loop, "getaddrinfo", _loop_getaddrinfo
        yield loop, "create_connection", functools.partial(_create_connection, server)
    if resolver := getattr(sys.modules.get("aiohttp.resolver"), "AsyncResolver", None):
        yield resolver, "resolve", _resolve


def _found(port: Any, kind: int, proto: int) -> list[Any]:
    number = {"http": 80, "ws": 80}.get(port, 443) if isinstance(port, str) and not port.isdecimal() else int(port or 0)
    kinds = [kind] if kind else [socket.SOCK_STREAM, socket.SOCK_DGRAM]
    return [(socket.AF_INET, socket.SocketKind(one), proto or socket.IPPROTO_TCP, "", (HERE, number)) for one in kinds]


def _getaddrinfo(real: Any) -> Any:
    @functools.wraps(real)
    def look_up(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002, PLR0917 -- socket's own
        return _found(port, type, proto) if is_wiro(host) else real(host, port, family, type, proto, flags)

    return look_up


def _loop_getaddrinfo(real: Any) -> Any:
    @functools.wraps(real)
    async def look_up(self: Any, host: Any, port: Any, **given: Any) -> Any:
        if is_wiro(host):
            return _found(port, given.get("type", 0), given.get("proto", 0))
        return await real(self, host, port, **given)

    return look_up


def _resolve(real: Any) -> Any:
    @functools.wraps(real)
    async def resolve(self: Any, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        if not is_wiro(host):
            return await real(self, host, port, family)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        one = {"hostname": host, "host": HERE, "port": port, "family": socket.AF_INET, "proto": 0, "flags": flags}
        return [one]

    return resolve


def _connect(server: tuple[str, int], real: Any) -> Any:
    @functools.wraps(real)
    def connect(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address and (address[0] == HERE or is_wiro(address[0])):
            address = server
        return real(self, address)

    return connect


def _wrap(pem: str, trusting: weakref.WeakSet[ssl.SSLContext], real: Any) -> Any:
    @functools.wraps(real)
    def wrap(self: ssl.SSLContext, *args: Any, **given: Any) -> Any:
        if is_wiro(given.get("server_hostname")) and self not in trusting:
            self.load_verify_locations(cadata=pem)
            trusting.add(self)
        return real(self, *args, **given)

    return wrap


def _create_connection(server: tuple[str, int], real: Any) -> Any:
    @functools.wraps(real)
    async def create(self: Any, factory: Any, host: Any = None, port: Any = None, **given: Any) -> Any:
        if is_wiro(host) or host == HERE:
            if given.get("ssl") and given.get("server_hostname") is None:
                given["server_hostname"] = host
            host, port = server
        return await real(self, factory, host, port, **given)

    return create
