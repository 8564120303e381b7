"""A client that sleeps between its polls, made to sleep in the world's time: the clock goes on, and nobody waits.

While a patch lives, `time.sleep` and `asyncio.sleep` are stand-ins that look at who calls. A call from one of the
modules named, or from a module below one, moves the world's clock; every other call, of every thread, sleeps as
ever. For the same callers `time.monotonic`, `time.time` and `time.perf_counter` go on by what was slept: else a client
with a deadline of ten minutes would poll ten real minutes long. In the modules named, a name that was bound before
(`from time import sleep as nap`) is given the stand-in too. Undone, every name is what it was, and a stand-in that
somebody kept does as the original does.

Who calls is who writes `sleep(...)`: a library that sleeps for the client (`tenacity.nap`, `backoff`,
`anyio._backends._asyncio`) has to be named, and then does so for everybody. Out of sight are a sleep that was
stored elsewhere before (`partial(time.sleep)`, a default argument, an attribute of a class), `trio.sleep`, and
`Event.wait(timeout)`. A deadline of `asyncio.timeout` stays real, and tasks that sleep at once each move the clock by
all of their own sleep.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import functools
import inspect
import numbers
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType, TracebackType
from typing import Any, Self, SupportsIndex

from wiro_mock.misuse import Misuse
from wiro_mock.testing.module_names import check_modules

LONGEST = 9.2e9
"""Seconds, near three centuries: what is longer `time.sleep` itself refuses, and a clock could not be moved so far."""
TURNS = 3
"""How often a sleeper lets the others of its loop run, before the clock is moved and again after."""

Advance = Callable[[float], None]
Sleep = Callable[..., Any]
Namespace = dict[str, Any]

__tracebackhide__ = True  # a failure is in the tester's line


class SleepPatch:
    """Sleeps of the modules named move a clock by `advance(seconds)`, until `undo()` or the end of a `with`.

    `modules` are dotted names as import spells them; each covers what is below it. They need not be imported yet,
    but must exist; `slept` are the seconds so far. Where patches overlap, the latest one alive is asked. `advance`
    gets seconds above 0, in the thread that would have slept; what it raises, the sleeper gets. Raises `Misuse` for no
    name and for an unknown one.
    """

    def __init__(self, advance: Advance, modules: Sequence[str]) -> None:
        self.slept = 0.0
        self._advance = advance
        self.modules = check_modules(modules)
        self._below = tuple(f"{name}." for name in self.modules)
        _start(self)

    def covers(self, module: object) -> bool:
        """Whether the module of this name is one of those named, or below one."""
        return isinstance(module, str) and f"{module}.".startswith(self._below)

    def advance(self, seconds: float) -> None:
        """Somebody sleeps so long."""
        self._advance(seconds)
        self.slept += seconds

    def undo(self) -> None:
        """Sleep really again. Undone already, it stays so."""
        _stop(self)

    def __enter__(self) -> Self:
        if self not in _patches:
            raise Misuse("patch_sleep: this patch was undone; ask for another one with wiro.patch_sleep(...)")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()

    def __repr__(self) -> str:
        return f"<SleepPatch of {', '.join(self.modules)}{'' if self in _patches else ', undone'}>"


_lock = threading.Lock()
_patches: list[SleepPatch] = []
"""Those alive, the latest last. Changed under the lock; a sleeper reads a copy without it."""


# --- the stand-ins -----------------------------------------------------------------------------------------------


@functools.wraps(time.sleep)
def _sleep(seconds: Any, /) -> Any:
    patch = _patch_of(sys._getframe(1))
    span = _span(seconds, (float, SupportsIndex)) if patch else None
    if patch is None or span is None:
        return _originals[_sleep](seconds)
    patch.advance(span)
    return _GENUINE[_sleep](0)  # lets other threads run, as a sleep does


@functools.wraps(asyncio.sleep)
def _async_sleep(delay: Any, result: Any = None) -> Any:
    # No coroutine function: who calls is seen now, while the one who awaits may be the loop (create_task, gather).
    patch = _patch_of(sys._getframe(1))
    span = _span(delay, (numbers.Real,)) if patch else None
    if patch is None or span is None:
        return _originals[_async_sleep](delay, result)
    return _move(patch.advance, span, result)


async def _move(advance: Advance, span: float, result: Any) -> Any:
    for _ in range(TURNS):
        await _GENUINE[_async_sleep](0)
    advance(span)
    for _ in range(TURNS):
        await _GENUINE[_async_sleep](0)
    return result


def _clock(genuine: Callable[[], float]) -> Sleep:
    """A stand-in for one of the clocks: it is on by what was slept, for those whose sleep is patched."""

    @functools.wraps(genuine)
    def read() -> float:
        patch = _patch_of(sys._getframe(1)) if _patches else None
        now: float = _originals[read]()
        return now if patch is None else now + patch.slept

    return read


if sys.version_info >= (3, 12):
    inspect.markcoroutinefunction(_async_sleep)
else:
    _async_sleep._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]


def _patch_of(caller: FrameType) -> SleepPatch | None:
    module = caller.f_globals.get("__name__")
    for patch in _patches[::-1]:
        if patch.covers(module):
            return patch
    return None


def _span(value: Any, kinds: tuple[Any, ...]) -> float | None:
    """Seconds to move the clock by; None for what is the original's to answer: zero, for ever, and mistakes."""
    try:
        span = float(value) if isinstance(value, kinds) else 0.0
    except (TypeError, ValueError, OverflowError):
        return None
    return span if 0 < span <= LONGEST else None


# --- where they stand --------------------------------------------------------------------------------------------

_HOMES: tuple[tuple[ModuleType, str, Sleep], ...] = (
    (time, "sleep", _sleep),
    (asyncio, "sleep", _async_sleep),
    (asyncio.tasks, "sleep", _async_sleep),
    *((time, name, _clock(getattr(time, name))) for name in ("monotonic", "time", "perf_counter")),
)
_GENUINE: dict[Sleep, Sleep] = {stand_in: stand_in.__wrapped__ for _, _, stand_in in _HOMES}  # type: ignore[attr-defined]
_originals = dict(_GENUINE)
"""What stood at home when the first patch came: a test may have put a sleep of its own there."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A name that holds a stand-in: where, what it was, and the module it is in, None at home."""

    namespace: Namespace
    name: str
    stand_in: Sleep
    was: Sleep
    module: str | None


_places: dict[tuple[int, str], _Place] = {}  # by the namespace's id and the name; the place keeps the namespace alive
_imported: set[str] = set()  # when the first patch came


def _start(patch: SleepPatch) -> None:
    with _lock:
        if not _patches:
            _imported.update(sys.modules)
            _move_in()
        _patches.append(patch)
        _claim(_modules(patch.covers))


def _stop(patch: SleepPatch) -> None:
    with _lock:
        if patch not in _patches:
            return
        others = len(_patches) > 1
        # Modules imported since then took the stand-in for the original; the last patch to go sees to all of them.
        _claim(_modules(patch.covers if others else lambda name: patch.covers(name) or name not in _imported))
        _patches.remove(patch)
        _leave()
        if not others:
            _imported.clear()


def _move_in() -> None:
    _originals.update(_GENUINE)
    for module, name, stand_in in reversed(_HOMES):  # `asyncio` has the last word, where most people look
        found = getattr(module, name)
        if found is not stand_in:
            _originals[stand_in] = found
    for module, name, stand_in in _HOMES:
        _put(vars(module), name, stand_in, None)


def _modules(wanted: Callable[[str], bool]) -> list[tuple[str, Namespace]]:
    modules = list(sys.modules.items())
    return [(name, vars(module)) for name, module in modules if wanted(name) and isinstance(module, ModuleType)]


def _claim(modules: list[tuple[str, Namespace]]) -> None:
    """Give a stand-in to each name of these modules that is one of the sleeps, and own those that have one already."""
    stand_ins = {id(sleep): key for table in (_GENUINE, _originals) for key, sleep in table.items()}
    stand_ins |= {id(key): key for key in _GENUINE}
    for module, namespace in modules:
        for name, value in list(namespace.items()):
            if (stand_in := stand_ins.get(id(value))) is not None:
                _put(namespace, name, stand_in, module)


def _put(namespace: Namespace, name: str, stand_in: Sleep, module: str | None) -> None:
    key = (id(namespace), name)
    if key not in _places:
        found = namespace[name]
        was = _originals[stand_in] if found is stand_in else found
        _places[key] = _Place(namespace, name, stand_in, was, module)
        namespace[name] = stand_in


def _leave() -> None:
    """Put back what was there, wherever no patch wants a stand-in any more."""
    for key, place in list(_places.items()):
        wanted = _patches if place.module is None else any(patch.covers(place.module) for patch in _patches)
        if not wanted:
            del _places[key]
            if place.namespace.get(place.name) is place.stand_in:  # else somebody has put something over it
                place.namespace[place.name] = place.was
