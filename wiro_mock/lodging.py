"""Worlds that others make on a running server: for a test, a suite, a job of CI. They go when deleted, or idle.

Each is found by its API key, so clients need nothing of ours. There are only so many, and so many bytes; what a world
does by itself is no use of it: only requests, frames and open sockets are.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wiro_mock.api.profile import find_profile, switch
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Project, usd
from wiro_mock.kernel.rules import Limits
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.mock import World
from wiro_mock.settings import Settings, parse_poll
from wiro_mock.worlds import Worlds

MOST = 1_000
"""Worlds at once, by default."""
IDLE_SECONDS = 600.0
MOST_IDLE_SECONDS = 86_400.0
KEPT_REQUESTS = 1_000
KEPT_JOURNAL_BYTES = 4 << 20
KEPT_TASKS = 1_000
KEPT_BYTES = 64 << 20
"""What one such world may keep: less than the server's own, as there are many."""
LOOKS = 20
"""So many times in the shortest idle time it is looked who is idle."""
REFUSED, TAKEN, FULL = 400, 409, 429


class NoRoom(Exception):
    """A world that cannot be made; `status` is that of the answer, and the message says what would help."""

    def __init__(self, message: str, status: int = REFUSED) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True, eq=False)
class Lodger:
    """A world, and since when nobody has used it, by a clock that does not jump."""

    id: str
    world: World
    idle: float
    used_at: float
    uses: tuple[int, int] = (0, 0)


class Lodging:
    """The worlds that were made on request, among those of a server. `like` is the world whose files they see.

    Called in the server's loop, but for tests, which bring their own `now`.
    """

    def __init__(
        self, worlds: Worlds, *, like: World | None = None, most: int = MOST, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self.on_remove: Callable[[World], None] = lambda _: None
        """Called with a world that is about to go, while it can still be looked at."""
        self._worlds = worlds
        self._like = like
        self._now = now
        self._made = 0
        self._lodgers: dict[str, Lodger] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._lodgers)

    def make(self, given: Mapping[str, Any]) -> Lodger:
        """A world as the keys of the JSON say; see `_KEYS`. Raises `NoRoom`."""
        if len(self._lodgers) >= self.most:
            self.sweep()
        settings, idle, name = _read(given)
        self._check_room()
        try:
            library = None if self._like is None else self._like.casting.library
            world = World(settings, library=library)
            world.name = name
            world.log_request = None if self._like is None else self._like.log_request
            self._worlds.attach(world)
        except ValueError as error:
            raise NoRoom(str(error), TAKEN if "the same" in str(error) else REFUSED) from None
        self._made += 1
        made = Lodger(f"w{self._made}", world, idle, self._now())
        self._lodgers[made.id] = made
        self._look_soon()
        return made

    def find(self, name: str) -> Lodger | None:
        """One by its id, or by its API key."""
        found = self._lodgers.get(name)
        return found or next((one for one in self._lodgers.values() if one.world.project.key == name), None)

    def remove(self, one: Lodger) -> dict[str, Any]:
        """It goes, with all that it keeps; what it leaves behind, as JSON values."""
        del self._lodgers[one.id]
        left = left_behind(one.world)
        self.on_remove(one.world)
        self._worlds.detach(one.world)
        one.world.close()
        return left

    def shown(self) -> list[dict[str, Any]]:
        """All of them, as JSON values without a credential."""
        now = self._now()
        self._note_uses(now)
        return [
            {
                "id": one.id,
                "name": one.world.name or None,
                "seed": one.world.settings.seed,
                "time": one.world.clock.mode,
                "requests": _uses(one.world)[0],
                "idle_seconds": round(now - one.used_at, 3),
            }
            for one in self._lodgers.values()
        ]

    def sweep(self) -> list[str]:
        """Let go whoever has been idle for too long; their ids."""
        now = self._now()
        self._note_uses(now)
        idle = [one for one in self._lodgers.values() if now - one.used_at >= one.idle]
        for one in idle:
            self.remove(one)
        return [one.id for one in idle]

    def close(self) -> None:
        """The server stops."""
        if self._timer is not None:
            self._timer.cancel()
        for one in list(self._lodgers.values()):
            self.remove(one)

    def _note_uses(self, now: float) -> None:
        for one in self._lodgers.values():
            uses = _uses(one.world)
            if uses != one.uses or one.world.sockets:
                one.uses, one.used_at = uses, now

    def _check_room(self) -> None:
        if len(self._lodgers) >= self.most:
            raise NoRoom(
                f"{self.most} worlds are here, and no more fit; DELETE /__wiro/worlds/ID those that are over, let them "
                "go sooner by idle, or start the server with a greater --most-worlds",
                FULL,
            )
        if self._like is None:
            return
        limit = self._like.settings.limits.bytes
        held = sum(file.blob.size for one in self._lodgers.values() for file in one.world.sim.files)
        if held >= limit:
            raise NoRoom(
                f"the worlds here hold {held >> 20} MiB of files, and --keep-mib is {limit >> 20}; delete some of them",
                FULL,
            )

    def _look_soon(self) -> None:
        """Look again who is idle, while there is anybody."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._lodgers and self._timer is None:
            shortest = min(one.idle for one in self._lodgers.values())
            self._timer = loop.call_later(max(0.05, shortest / LOOKS), self._look)

    def _look(self) -> None:
        self._timer = None
        self.sweep()
        self._look_soon()


def left_behind(world: World) -> dict[str, Any]:
    """What a test would fail for at its end, as far as a server can tell."""
    with world.lock:
        world.settle()
        return {
            "requests": _uses(world)[0],
            "unexpected": [exchange.line() for exchange in world.unexpected.values()],
            "unfired": [f"{fault}" for fault in world.faults if not fault.struck and not fault.optional],
            "held": list(world.sim.holds()),
        }


def _uses(world: World) -> tuple[int, int]:
    return len(world.journal) + world.journal.dropped, len(world.frames) + world.frames.dropped


# -- what is asked for -----------------------------------------------------------------------------------


def _read(given: Mapping[str, Any]) -> tuple[Settings, float, str]:
    """The settings, the idle time, and the name. Raises `NoRoom` with the key and what it takes."""
    if unknown := [key for key in given if key not in _KEYS]:
        raise NoRoom(f"unknown key {unknown[0][:60]!r}; {did_you_mean(unknown[0], _KEYS, what='the keys here')}")
    made: dict[str, Any] = {}
    for key, value in given.items():
        try:
            made[key] = _KEYS[key](value)
        except (ValueError, ArithmeticError, TypeError) as error:
            raise NoRoom(f"{key}: {error}") from None
    seed = made.get("seed") or secrets.token_hex(8)
    key_only = made.get("key_only", False)
    if key_only and made.get("api_secret"):
        raise NoRoom("a key-only project has no secret; leave api_secret or key_only out")
    project = Project(
        id=str(ids.decimal(seed, "project", low=100, high=10_000)),
        key=made.get("api_key") or ids.token(secrets.token_hex(16), "api key"),
        secret=made.get("api_secret") or ids.token(secrets.token_hex(16), "api secret"),
        key_only=key_only,
    )
    profile = made.get("profile") or find_profile("current")
    for assignment in made.get("switches", ()):
        try:
            profile = switch(profile, assignment)
        except ValueError as error:
            raise NoRoom(f"switches: {error}") from None
    taken = (
        *("balance", "suspended", "member", "unknown_models", "faults", "poll", "auth_mode", "time"),
        *("expire_files", "undeclared_inputs"),
    )
    limits = Limits(workers=made.get("workers"), finished=KEPT_TASKS, bytes=KEPT_BYTES)
    made["auth_mode"] = made.get("auth", "strict")
    chosen = {name: made[name] for name in taken if name in made}
    settings = Settings(
        seed=seed,
        project=project,
        profile=profile,
        key_only=key_only,
        limits=limits,
        journal_requests=KEPT_REQUESTS,
        journal_bytes=KEPT_JOURNAL_BYTES,
    )
    return replace(settings, **chosen), made.get("idle", IDLE_SECONDS), made.get("name", "")


def _credential(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,200}", value):
        raise ValueError("is a text of at most 200 visible ASCII characters, for it travels in a header")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {str(value)[:60]!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1_000:
        raise ValueError("is a text of at most 1000 characters")
    return value


def _seed(value: object) -> str:
    if type(value) is int and 0 <= value < 10**18:
        return str(value)
    if isinstance(value, str) and 0 < len(value) <= 200:
        return value
    raise ValueError(f"is a whole number from 0, or a text, not {str(value)[:60]!r}")


def _one_of(*names: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in names:
            raise ValueError(f"is one of {', '.join(names)}, not {str(value)[:60]!r}")
        return str(value)

    return parse


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(one, str) for one in value) and len(value) <= 100:
        return tuple(value)
    raise ValueError("is a text, or a list of texts")


def _lasting(value: object) -> int:
    from wiro_mock.language.durations import parse_duration  # its pydantic is what a start need not wait for

    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return parse_duration(f"{value:.6f}s" if is_number else value)


def _workers(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"is a whole number from 1, not {str(value)[:60]!r}")
    return value


def _idle(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_IDLE_SECONDS:
        raise ValueError(
            f"is a number of seconds above 0, and at most {MOST_IDLE_SECONDS:.0f}, not {str(value)[:60]!r}"
        )
    return float(value)


_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "api_key": _credential,
    "api_secret": _credential,
    "key_only": _truth,
    "name": _text,
    "seed": _seed,
    "time": _text,
    "poll": lambda value: parse_poll(str(value)),
    "auth": _one_of("strict", "lenient", "off"),
    "profile": lambda value: find_profile(_text(value)),
    "switches": _texts,
    "balance": usd,
    "suspended": _truth,
    "member": _truth,
    "unknown_models": _one_of("refuse", "play"),
    "expire_files": _lasting,
    "undeclared_inputs": _one_of("echo", "refuse"),
    "faults": _texts,
    "workers": _workers,
    "idle": _idle,
}
"""The keys of `POST /__wiro/worlds`, all optional, each with what reads it."""
