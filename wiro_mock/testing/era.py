"""A world between two resets: what everything that looks back holds on to, so that it stays true after a reset.

It is read settled and under the world's lock, so that what is seen is what a client would see at that moment.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableSet
from contextlib import contextmanager
from dataclasses import dataclass, field

from wiro_mock.deliveries import Deliveries
from wiro_mock.journal import Exchange, Journal
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.mock import World
from wiro_mock.sessions import Sessions
from wiro_mock.socket_log import FrameLog


@dataclass(frozen=True, slots=True, repr=False)
class Era:
    """The parts of a world that a reset replaces. Two are equal when no reset lies between them."""

    sim: Simulation
    world: World = field(compare=False)
    journal: Journal = field(compare=False)
    deliveries: Deliveries = field(compare=False)
    frames: FrameLog = field(compare=False)
    downloads: MutableSet[str] = field(compare=False)
    sessions: Sessions = field(compare=False)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """With the world's lock held, and everything done that is due."""
        with self.world.lock:
            if self.world.sim is self.sim:
                self.world.settle()
            yield

    def exchanges(self) -> list[Exchange]:
        """The journal, oldest first."""
        with self.settled():
            return self.journal.entries(limit=sys.maxsize)

    def clean(self, text: str) -> str:
        """The text without any credential of this world."""
        return self.journal.clean(text)


def present(world: World) -> Era:
    """The world since its last reset."""
    with world.lock:
        world.settle()
        return Era(
            sim=world.sim,
            world=world,
            journal=world.journal,
            deliveries=world.deliveries,
            frames=world.frames,
            downloads=world.downloads,
            sessions=world.sessions,
        )
