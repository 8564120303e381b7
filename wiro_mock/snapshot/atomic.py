"""A file that is there as a whole, or as it was before: written beside its place, and moved there in one step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from wiro_mock.snapshot.trouble import SnapshotError


@contextmanager
def replacing(to: Path) -> Iterator[IO[bytes]]:
    """A file to be written to, which takes the place of another when the block ends well. Only its owner can read it.

    Raises `SnapshotError` for whatever the disk says: what was there before is there still; and for a device, a pipe
    or a folder, whose place root could give to a file: /dev/null would be no device any more.
    """
    if to.exists() and not to.is_file():
        raise SnapshotError(f"{to} is no file; give the path of a file")
    try:
        handle, made = tempfile.mkstemp(prefix=f".{to.name[:100]}.", suffix=".part", dir=to.parent)
    except OSError as error:
        raise SnapshotError(_unwritten(to, error)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(to)
    except OSError as error:
        raise SnapshotError(_unwritten(to, error)) from None
    finally:
        with suppress(OSError):
            Path(made).unlink()


def _unwritten(to: Path, error: OSError) -> str:
    why = error.strerror or str(error)
    there = "; what was there before is untouched" if to.exists() else ""
    return f"{to} cannot be written: {why}{there}; give a path on a disk that has room and may be written to"
