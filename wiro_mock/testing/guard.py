"""While a test speaks to the mock, nobody in its process may look up the real Wiro.

A client that was built too early, or that has the address written into it, would spend real money. Every client
in Python asks for the address by `socket.getaddrinfo` or by its event loop before anything leaves the machine;
there it is told, in one sentence, what happened and what to do.

Those that do without the system's are told too, uvloop and aiohttp with aiodns, if they were imported before.

Not guarded: addresses in digits, a proxy (it does the asking), other processes, other resolvers (pycares, libcurl),
`connect` of a bare socket with a name, and `from socket import getaddrinfo` of before.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import re
import socket
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from wiro_mock.testing.call_site import place_of
from wiro_mock.text import printable

MOST_ATTEMPTS = 100
"""A guard keeps as many attempts: a client that tries again for ever would fill the memory."""
WAYS_OUT = (
    "give the client wiro_server.url (wiro_env sets WIRO_BASE_URL; build the client after that), let wiro_intercept "
    "answer at Wiro's own addresses (for httpx alone, wiro_respx), or allow it by @pytest.mark.wiro(network=True) or "
    "--wiro-network=true"
)
"""The three ways out, for a client that was built too early or has the address written into it."""
_WIRO = re.compile(r"(?:.+\.)?wiro\.ai\.?", re.IGNORECASE | re.DOTALL)
_lock = threading.Lock()
_guards: list[HostGuard] = []
_replaced: list[tuple[Any, str, Any, Any]] = []  # whose, which name, what stood there (or _NOTHING), what stands now
_NOTHING = object()


class RealWiro(socket.gaierror):
    """A look-up of the real Wiro that was refused; clients take it for a name that is not known."""

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody looked up the real Wiro. `place` is `path:line` of the tester's own code, "" where it is not known."""

    host: str
    place: str


class HostGuard:
    """Refuses to look up `wiro.ai` and all below it, in the whole process, while it is entered.

    Guards are counted: the last one to leave puts back what stood there. An attempt is told to every guard that
    is entered then, as nobody can say whose client it was; each keeps the first `MOST_ATTEMPTS`.
    """

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def __enter__(self) -> Self:
        with _lock:
            if not _guards:
                _install()
            if self not in _guards:
                _guards.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()

    def undo(self) -> None:
        """Leave, as the end of the `with` does; a guard that has left already stays so."""
        with _lock:
            if self not in _guards:
                return
            _guards.remove(self)
            if not _guards:
                _uninstall()


def is_wiro(host: object) -> bool:
    """Whether this is a name of the real Wiro; text or bytes, in any case, with or without the last dot."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    return isinstance(host, str) and _WIRO.fullmatch(host) is not None


def _check(host: object, frame: FrameType) -> None:
    """Raise `RealWiro`, and note it, when the host is Wiro's; without guards, nothing is checked."""
    if _guards and is_wiro(host):
        refuse(host if isinstance(host, str) else bytes(host).decode("ascii", "replace"), frame)  # type: ignore[call-overload]


def refuse(host: str, frame: FrameType, *, told: list[Attempt] | None = None) -> NoReturn:
    """Raise `RealWiro`, and note the attempt with every guard that is entered, or where there is none in `told`."""
    name = printable(host)
    attempt = Attempt(name, _tester_line(frame))
    guards = _guards[:]
    for attempts in [guard.attempts for guard in guards] if guards or told is None else [told]:
        if len(attempts) < MOST_ATTEMPTS:
            attempts.append(attempt)
    raise RealWiro(
        socket.EAI_NONAME,
        f"blocked: {name} is the real Wiro; {WAYS_OUT}",
    )


def _places() -> list[tuple[Any, str]]:
    """What answers look-ups: the module, the loops of asyncio, and who asks by itself, where it is in use."""
    places: list[tuple[Any, str]] = [
        (socket, "getaddrinfo"),
        (socket, "gethostbyname"),
        (socket, "gethostbyname_ex"),
        (asyncio.BaseEventLoop, "getaddrinfo"),  # would ask in a thread, where the tester's line is out of sight
    ]
    return [*places, *_outside()]


def _outside(module: str = "") -> list[tuple[Any, str]]:
    """What looks up without the functions of `socket`, where it is in use; of one module, or of all."""
    places: list[tuple[Any, str]] = []
    if module in ("", "uvloop") and (loop := _attribute("uvloop", "Loop")):  # in C
        places += [(loop, "getaddrinfo"), (loop, "create_connection")]
    if module in ("", "aiohttp.resolver") and (
        resolver := _attribute("aiohttp.resolver", "AsyncResolver")
    ):  # by aiodns
        places.append((resolver, "resolve"))
    return places


def outside(module: str, check: Callable[[object], None]) -> Iterator[tuple[Any, str, Any]]:
    """Whose, which name, and what to put there so that `check` is asked first."""
    for owner, name in _outside(module):
        yield owner, name, _guarded_method(getattr(owner, name), name, lambda host, _: check(host))


def _attribute(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)


def _install() -> None:
    for owner, name in _places():
        real = getattr(owner, name)
        guarded = _guarded_method(real, name) if inspect.isclass(owner) else _guarded(real)
        _replaced.append((owner, name, vars(owner).get(name, _NOTHING), guarded))
        setattr(owner, name, guarded)


def _uninstall() -> None:
    while _replaced:
        owner, name, real, guarded = _replaced.pop()
        if vars(owner).get(name) is not guarded:
            continue  # somebody has put something over it, and will put ours back: that asks nothing any more
        if real is _NOTHING:
            delattr(owner, name)
        else:
            setattr(owner, name, real)


def _guarded(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def look_up(host: object, *args: Any, **kwargs: Any) -> Any:
        _check(host, sys._getframe(1))
        return real(host, *args, **kwargs)

    return look_up


def _guarded_method(
    real: Callable[..., Any], name: str, check: Callable[[object, FrameType], None] = _check
) -> Callable[..., Any]:
    at = 1 if name == "create_connection" else 0  # after the protocol

    @functools.wraps(real)
    async def look_up(self: Any, *args: Any, **kwargs: Any) -> Any:
        check(args[at] if len(args) > at else kwargs.get("host"), sys._getframe(1))
        return await real(self, *args, **kwargs)

    return look_up


@functools.cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    ours = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 -- compared with co_filename as it is
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return (*(paths[name] + os.sep for name in names), os.path.dirname(os.__file__) + os.sep, ours + os.sep, "<")  # noqa: PTH120


def _tester_line(frame: FrameType | None) -> str:
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(_library_folders()) and "site-packages" not in path and "dist-packages" not in path:
            return place_of(frame)
        frame = frame.f_back
    return ""
