"""Worlds that others make on a running server: for a test, a suite, a job of CI. They go when deleted, or idle.

Each is found by its API key, so clients need nothing of ours. There are only so many, and so many bytes; what a world
does by itself is no use of it: only requests, frames and open sockets are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wiro_mock.mock import World
from wiro_mock.worlds import Worlds

MOST = 1_000
"""Worlds at once, by default."""
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
        """A world as the keys of the JSON say; see `lodging_terms`. Raises `NoRoom`."""
        from wiro_mock.lodging_terms import read_terms  # most servers have no lodgers

        if len(self._lodgers) >= self.most:
            self.sweep()
        try:
            settings, idle, name = read_terms(given)
        except ValueError as error:
            raise NoRoom(str(error)) from None
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
