"""A world as one file, and a world that goes on from such a file exactly as the one that was saved would have gone on.

`take` looks at a world, `archive` writes and reads the file, `make` makes the parts of a world of what was read. What
is in a snapshot, what is not, and what becomes of it in another version, is in README.md beside this file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wiro_mock.snapshot.trouble import SnapshotError

if TYPE_CHECKING:
    from wiro_mock.kernel.files import Blob
    from wiro_mock.mock import World
    from wiro_mock.snapshot.archive import Opened
    from wiro_mock.snapshot.making import Parts
    from wiro_mock.snapshot.taking import Taken

__all__ = ["Loaded", "SnapshotError", "load", "put", "save"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was loaded: so many tasks, so many of them unfinished; `failed` are those whose backends were at work."""

    tasks: int
    unfinished: int
    files: int
    scenarios: int
    failed: tuple[str, ...]
    now: float
    mode: str

    def shown(self) -> dict[str, object]:
        """It as JSON values."""
        return {
            "tasks": self.tasks,
            "unfinished": self.unfinished,
            "files": self.files,
            "scenario_folders": self.scenarios,
            "failed": list(self.failed),
            "now": self.now,
            "time": self.mode,
        }


def save(world: World, to: Path | IO[bytes], *, secret: bool = True) -> int:
    """Save a world; how many bytes the file has. Without `secret`, its credentials are left out.

    Others wait for as long as it takes to copy some lists. Raises `SnapshotError`; a path is as it was then.
    """
    from wiro_mock.snapshot.taking import take

    return put(world, take(world, secret=secret), to)


def put(world: World, taken: Taken, to: Path | IO[bytes]) -> int:
    """Write what was taken of a world. Once only: its bytes are let go. Raises `SnapshotError`."""
    from wiro_mock.snapshot.archive import write, write_to
    from wiro_mock.snapshot.taking import let_go

    try:
        if isinstance(to, Path):
            return write(world, taken, to)
        write_to(world, taken, to)
        return to.tell()
    finally:
        let_go(world, taken)


def load(
    world: World,
    from_: IO[bytes] | Path,
    *,
    name: str = "",
    keep: Collection[str] = (),
) -> Loaded:
    """Let a world go on from a snapshot. In the settings of these names (`keep`) the world's own hold; `credentials`
    are one of them. `name` is what the snapshot is called in messages.

    Raises `SnapshotError`; the world is as it was then.
    """
    from wiro_mock.snapshot.archive import opened

    try:
        with opened(from_, most_bytes=world.settings.limits.bytes) as found:
            return _load(world, found, keep)
    except SnapshotError as error:
        raise SnapshotError(f"{name or from_} {error}") from None


def _load(world: World, found: Opened, keep: Collection[str]) -> Loaded:
    from wiro_mock.snapshot.folders import Unpacked
    from wiro_mock.snapshot.making import declare, give_up_live, make, take_over

    unpacked = Unpacked()
    world.warm_up()
    try:
        with _sound():
            unpacked.write(found.contents)
            parts = make(world, found.kept, unpacked, keep=keep)
        with _adopted(world, found, parts), ExitStack() as changing:
            try:
                for index in tuple(world.indexed_by):
                    changing.enter_context(index.changing(world, parts.project.key, parts.settings.seed))
                with world.lock:
                    take_over(world, parts)
                    world.blobs.clear()
                    declare(world, parts.kept.inputs)
                    failed = give_up_live(world)
                    world.collect()
                    return _loaded(world, found, failed)
            except ValueError as error:
                raise SnapshotError(f"cannot be loaded here: {error}") from None
    finally:
        unpacked.discard()


def _loaded(world: World, found: Opened, failed: list[str]) -> Loaded:
    return Loaded(
        tasks=world.sim.remembered,
        unfinished=world.sim.unfinished,
        files=len(found.blobs),
        scenarios=len(found.contents),
        failed=tuple(failed),
        now=world.sim.now / 1_000_000,
        mode=world.clock.mode,
    )


@contextmanager
def _adopted(world: World, found: Opened, parts: Parts) -> Iterator[None]:
    """The bytes of its files in the world's store, where nobody discards them while the block runs."""
    from wiro_mock.store import NoPlace

    taken: list[Blob] = []
    try:
        for digest, size in found.blobs.items():
            writer = world.blobs.writer("")
            try:
                for piece in found.blob(digest):
                    writer.write(piece)
            except BaseException:
                writer.abandon()
                raise
            blob = writer.finish()
            taken.append(blob)
            if blob.digest != digest or blob.size != size:
                raise SnapshotError("is damaged: a file in it is not what its name says; save it once more")
        missing = [file.name for file in parts.sim.files if file.blob.digest not in found.blobs]
        missing += [one.url for one in parts.kept.inputs if one.blob.digest not in found.blobs]
        if missing:
            raise SnapshotError(f"is damaged: the bytes of its file {missing[0][:60]!r} are missing")
        yield
    except NoPlace as error:
        raise SnapshotError(f"cannot be loaded: {error}") from None
    except OSError as error:
        raise SnapshotError(f"cannot be loaded: its files cannot be kept: {error.strerror or error}") from None
    finally:
        for blob in taken:
            world.blobs.unpin(blob, needed=world.sim.files.needs)


@contextmanager
def _sound() -> Iterator[None]:
    """Whatever values that fit no world raise, as a sentence."""
    from wiro_mock.kernel.standing import Unsound
    from wiro_mock.kernel.status import IllegalEvent
    from wiro_mock.language.complaints import ScenarioError

    try:
        yield
    except ScenarioError as error:
        raise SnapshotError(f"holds scenarios that cannot be read here: {error}") from None
    except OSError as error:
        raise SnapshotError(f"cannot be loaded: its scenarios cannot be unpacked: {error.strerror or error}") from None
    except (Unsound, IllegalEvent, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError,
            AssertionError, RecursionError) as error:  # fmt: skip
        raise SnapshotError(f"is damaged: {str(error)[:300] or type(error).__name__}; save it once more") from None
