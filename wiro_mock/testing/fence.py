"""While pytest runs with our plugin, no test looks up the real Wiro by accident, whatever fixtures it uses.

A guard (`guard.HostGuard`) belongs to one Wiro, and tells of attempts at its end. This belongs to the session, so that
a test that forgot the fixture, or a client that is built while tests are collected, spends no money either. It costs
nothing: the few functions of `socket` by which a name leaves the process are wrapped, and what they need is imported
when somebody says a name of Wiro's.

`_socket.getaddrinfo` is what all others come to, also those who wrote `from socket import getaddrinfo` long before.
Wiro's hosts are kept from a proxy of the environment, too, which would look them up instead; from any but our own
(`exec --intercept`). Not fenced: addresses in digits, clients that were built with a proxy, other processes, libraries
that look up by themselves (pycares, libcurl), and uvloop where a test is the first to import it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wiro_mock.testing.guard import Attempt

NO_PROXY = ("NO_PROXY", "no_proxy")
PROXIES = ("https_proxy", "http_proxy", "all_proxy", "wss_proxy", "ws_proxy")
_OUTSIDE = ("uvloop", "aiohttp.resolver")
"""Modules that look up without `socket`, and are wrapped once they are there."""
_NOTHING = object()
_fences: list[Fence] = []


class Fence:
    """Refuses what is Wiro's from `up` to `down`, unless `allowed`. Of several (pytest in pytest), the last one counts.

    `attempts` are those that no guard tells of, to be told by whoever empties the list.
    """

    def __init__(self, *, allowed: bool = False) -> None:
        self.allowed = allowed
        self.attempts: list[Attempt] = []
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._wrapped: set[str] = set()

    def up(self) -> None:
        """Begin."""
        import _socket
        import socket

        _fences.append(self)
        self._replace(_socket, "getaddrinfo", _look_up)
        for name in ("gethostbyname", "gethostbyname_ex"):
            self._replace(socket, name, _look_up)
        for name in ("connect", "connect_ex"):
            self._replace(socket.socket, name, _connect)

    def down(self) -> None:
        """End, and put back what stood there; what somebody put over it since stays."""
        _fences.remove(self)
        for owner, name, real, ours in reversed(self._replaced):
            if vars(owner).get(name) is not ours:
                continue
            if real is _NOTHING:
                delattr(owner, name)
            else:
                setattr(owner, name, real)

    def look_around(self) -> None:
        """Wrap what has been imported since, and looks up without Python's sockets."""
        for name in _OUTSIDE:
            if name in sys.modules and name not in self._wrapped:
                self._wrapped.add(name)
                from wiro_mock.testing.guard import outside

                for owner, method, wrapped in outside(name, _check):
                    self._put(owner, method, wrapped)

    @contextmanager
    def during_test(self, *, allowed: bool) -> Iterator[None]:
        """Whether a test may reach the real Wiro, while the block runs."""
        before, self.allowed = self.allowed, allowed
        environ = {} if allowed else _past_proxies()
        kept = {name: os.environ.get(name) for name in environ}
        os.environ.update(environ)
        try:
            yield
        finally:
            self.allowed = before
            for name, value in kept.items():
                if os.environ.get(name) != environ[name]:
                    continue  # the test has set it, or what leads to the mock has
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _replace(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        self._put(owner, name, wrap(getattr(owner, name)))

    def _put(self, owner: Any, name: str, ours: Any) -> None:
        self._replaced.append((owner, name, vars(owner).get(name, _NOTHING), ours))
        setattr(owner, name, ours)


def _past_proxies() -> dict[str, str]:
    """`NO_PROXY` with Wiro's hosts, if a proxy would look them up that is not the mock's own."""
    proxies = {os.environ.get(name) for one in PROXIES for name in (one, one.upper())} - {None, ""}
    if not proxies or os.environ.get("WIRO_MOCK_URL", "").rstrip("/") in {str(url).rstrip("/") for url in proxies}:
        return {}
    given = next((value for name in NO_PROXY if (value := os.environ.get(name))), "")
    return {} if given.endswith("wiro.ai") else dict.fromkeys(NO_PROXY, f"{given},wiro.ai".lstrip(","))


def _look_up(real: Any) -> Any:
    def look_up(host: Any, *args: Any, **given: Any) -> Any:
        _check(host)
        return real(host, *args, **given)

    return look_up


def _connect(real: Any) -> Any:
    def connect(self: Any, address: Any) -> Any:
        if address.__class__ is tuple and address:
            _check(address[0])
        return real(self, address)

    return connect


def _check(host: object) -> None:
    """Raise `RealWiro` where the host is Wiro's and the session may not look it up."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str) or "wiro.ai" not in host.lower() or not _fences or (fence := _fences[-1]).allowed:
        return
    from wiro_mock.testing.guard import is_wiro, refuse

    if is_wiro(host):
        refuse(host, sys._getframe(2), told=fence.attempts)
