"""A world kept for later: as bytes, or as a file, in the process of a test."""

from __future__ import annotations

from io import BytesIO
from os import PathLike, fspath
from pathlib import Path

from wiro_mock.misuse import Misuse
from wiro_mock.mock import World


def snapshot(world: World, to: str | PathLike[str] | None, *, secret: bool) -> bytes:
    """The world as bytes, which are also written to a file where one is named. Raises `Misuse`."""
    from wiro_mock.snapshot import SnapshotError, save
    from wiro_mock.snapshot.atomic import replacing

    made = BytesIO()
    try:
        save(world, made, secret=secret)
        if to is not None:
            with replacing(Path(fspath(to))) as file:
                file.write(made.getvalue())
    except SnapshotError as error:
        raise Misuse(f"snapshot: {error}") from None
    return made.getvalue()


def restore(world: World, from_: bytes | str | PathLike[str], *, credentials: bool) -> None:
    """Let the world go on from there. Raises `Misuse`; the world is as it was then."""
    from wiro_mock.snapshot import SnapshotError, load

    if not isinstance(from_, bytes | str | PathLike):
        raise Misuse(f"restore: give what wiro.snapshot() gave, or the path of a file, not {from_!r}")
    source = BytesIO(from_) if isinstance(from_, bytes) else Path(fspath(from_))
    name = "the snapshot" if isinstance(from_, bytes) else fspath(from_)
    try:
        load(world, source, name=name, keep=() if credentials else ("credentials",))
    except SnapshotError as error:
        raise Misuse(f"restore: {error}") from None
