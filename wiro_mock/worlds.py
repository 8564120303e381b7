"""Several worlds behind one server: each request, token and file finds the world that it belongs to.

Clients need no header of ours: a world is found by its API key, by the socket access token of one of its tasks, or by
the access key or folder in the URL of one of its files. Where only one world is attached, everything goes to it. What
belongs to none of several goes to one more world, the strays, which nobody checks.

Looking up takes no lock, so that an event loop never waits for a thread that is attaching a world.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from wiro_mock.api.operations import find
from wiro_mock.masking import Mask
from wiro_mock.mock import World
from wiro_mock.settings import Settings
from wiro_mock.text import printable

REMEMBERED = 1_000
"""So many keys of detached worlds are remembered, to be recognised."""


class Over(dict[str, str]):
    """The keys of worlds that are over, with the names of those: the latest thousand."""

    def add(self, world: World) -> None:
        """This world is over."""
        self[world.project.key] = world.name or "an earlier test"
        if len(self) > REMEMBERED:
            del self[next(iter(self))]

    def whose(self, key: str) -> str:
        """What there is to say of a key that a world does not know; empty for one that never was."""
        name = self.get(key)
        if name is None:
            return ""
        return (
            f"x-api-key is the key of the world of {name}, which is over; the client was built before this test's "
            "wiro_env (or in a fixture of wider scope): build it in the test"
        )


class Worlds:
    """The worlds behind a server. Worlds are attached and detached from any thread.

    `on_change` are called with a world after it was attached or detached, in the thread in which that was done.
    `over` are the keys of worlds that are over, with their names. `unknown_keys` counts requests with a key of none.
    `home` is the one to which everything goes that belongs to no other, instead of to the strays.
    """

    def __init__(self, *worlds: World, over: Over | None = None, home: World | None = None) -> None:
        self.on_change: set[Callable[[World], None]] = set()
        self._lock = threading.RLock()
        self._attached: tuple[World, ...] = ()
        self._by_key: dict[str, World] = {}
        self._by_seed: dict[str, World] = {}
        self.over = Over() if over is None else over
        self._strays: World | None = None
        self.home = home
        self.unknown_keys = 0
        self._first_unknown = ""
        self._secrets: tuple[str, ...] = ()
        for world in worlds:
            self.attach(world)

    @property
    def worlds(self) -> tuple[World, ...]:
        """The attached worlds, the latest last."""
        return self._attached

    @property
    def only(self) -> World | None:
        """The attached world, where it is the only one."""
        attached = self._attached
        return attached[0] if len(attached) == 1 else None

    @property
    def fallback(self) -> World:
        """Where everything goes that belongs to no world by key, token or file."""
        return self.only or self.home or self.strays

    @property
    def strays(self) -> World:
        """The world of what belongs to no other one. Its time stands still."""
        with self._lock:
            if self._strays is None:
                self._strays = World(Settings(seed="strays", time="manual"))
                self._strays.name = "strays"
                self._strays.explain_key = self._why_stray
                self._hide_in(self._strays)
            return self._strays

    @property
    def has_strays(self) -> bool:
        """Whether anything has gone astray yet."""
        return self._strays is not None

    def attach(self, world: World) -> None:
        """Let the world answer. When this returns, running servers answer for it and its frames flow.

        Raises `ValueError` when requests could not be told from those of a world that is attached already. To attach
        a world again changes nothing.
        """
        with self._lock:
            if world in self._attached:
                return
            self._check(world)
            self.over.pop(world.project.key, None)
            self._by_key[world.project.key] = world
            self._by_seed[world.settings.seed] = world
            self._attached = (*self._attached, world)
            world.explain_key = self.over.whose
            world.indexed_by.append(self)
            self._hide_in(world)
        self._tell(world)

    def hide(self, secret: str) -> None:
        """Keep a secret of the server's out of what its worlds tell and keep, those too that are attached later."""
        if not secret:
            return
        with self._lock:
            self._secrets += (secret,)
            for world in (*self._attached, *([] if self._strays is None else [self._strays])):
                self._hide_in(world)

    def _hide_in(self, world: World) -> None:
        for secret in self._secrets:
            world.hide(secret)

    def detach(self, world: World) -> None:
        """Let the world answer no more. When this returns, nobody follows it. Again is no error."""
        with self._lock:
            if world not in self._attached:
                return
            self._attached = tuple(other for other in self._attached if other is not world)
            for index in (self._by_key, self._by_seed):
                del index[next(name for name, owner in index.items() if owner is world)]
            self.over.add(world)
            world.indexed_by.remove(self)
            if world.explain_key == self.over.whose:
                world.explain_key = None
        self._tell(world)

    @contextmanager
    def changing(self, world: World, key: str, seed: str) -> Iterator[None]:
        """Let the world have this key and this seed when the block is over. Raises `ValueError` where another has."""
        with self._lock:
            if world not in self._attached:
                yield
                return
            if any(other is not world and other.project.key == key for other in self._attached):
                raise ValueError("another world here has the same API key; delete that world, or keep your credentials")
            if any(other is not world and other.settings.seed == seed for other in self._attached):
                raise ValueError("another world here has the same seed, and with it the same tokens; delete that world")
            yield
            for index, name in ((self._by_key, world.project.key), (self._by_seed, world.settings.seed)):
                for old in [old for old, owner in index.items() if owner is world]:
                    del index[old]
                index[name] = world

    def for_request(self, method: str, path: str, headers: Mapping[str, str]) -> World:
        """The world that an HTTP request is for. `path` is percent-encoded, header names are in lower case."""
        key = headers.get("x-api-key", "")
        known = self.for_key(key)
        if known is None and key:
            self._count_unknown(method, path, key)
        return self.only or known or self._with_file(method, path) or self._in_a_loop(path) or self.fallback

    def told_of_unknown_keys(self) -> list[str]:
        """How many requests had a key that no world knew, in one line, without the key: it may be a real one."""
        count = self.unknown_keys
        if not count:
            return []
        some = "1 request had" if count == 1 else f"{count} requests had"
        return [
            f"{some} an x-api-key that no world here knows (first: {self._first_unknown}); give the client the key of "
            "the ready line or of WIRO_API_KEY, or make it a world by POST /__wiro/worlds"
        ]

    def _count_unknown(self, method: str, path: str, key: str) -> None:
        self.unknown_keys += 1
        if not self._first_unknown:
            # It belongs to nobody here, so nobody's credentials may be in it, nor that key: it may be a real one.
            shown = Mask([key]).text(path[:1_000])
            for world in self._attached:
                shown = world.journal.clean(shown)
            self._first_unknown = printable(f"{method} {shown[:200]}")

    def for_key(self, key: str) -> World | None:
        """The attached world with this API key.

        Also the one that is meant by a key in quotes or by a secret in a key's place: it is that world's tester who
        wants to hear of it.
        """
        if not key:
            return None
        if (world := self._by_key.get(key) or self._by_key.get(key.strip().strip("\"'"))) is not None:
            return world
        swapped = [world for world in self._attached if world.project.secret == key]
        return swapped[0] if len(swapped) == 1 else None

    def for_token(self, token: str) -> World | None:
        """The attached world that has a task with this socket access token, or None."""
        # Asked of every world instead of kept in an index: so it is right after a reset, and holds no memory.
        for world in self._attached:
            if world.sim.task_by_token(token) is not None:
                return world
        return None

    def _with_file(self, method: str, path: str) -> World | None:
        found = find(method, path)
        if found is None or found[0].name not in ("File", "CDN"):
            return None
        operation, (folder, *_) = found
        for world in self._attached:
            files = world.sim.files
            if (files.by_accesskey(folder) if operation.name == "File" else files.by_cdn_folder(folder)) is not None:
                return world
        return None

    def _in_a_loop(self, path: str) -> World | None:
        """The world whose fault has redirected a client to this path."""
        return next((world for world in self._attached if path in world.faults.loops), None)

    def _check(self, world: World) -> None:
        if (other := self._by_key.get(world.project.key)) is not None:
            raise ValueError(
                f"{_named(other)} and {_named(world)} have the same API key, and no request could be told from "
                "one of the other's; give one of them another seed or api_key"
            )
        if (other := self._by_seed.get(world.settings.seed)) is not None:
            raise ValueError(
                f"{_named(other)} and {_named(world)} have the same seed {world.settings.seed[:60]!r}, and with "
                "it the same tokens and file URLs; give one of them another seed"
            )

    def _tell(self, world: World) -> None:
        for changed in tuple(self.on_change):
            changed(world)

    def _why_stray(self, key: str) -> str:
        return self.over.whose(key) or "x-api-key is the key of none of the worlds that are attached now"


def _named(world: World) -> str:
    return f"the world of {world.name}" if world.name else "a world without a name"
