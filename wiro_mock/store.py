"""The bytes of files, by their SHA-256: small ones in memory, larger ones in a private temporary folder.

Bytes arrive piece by piece through a `BlobWriter` and are never held twice. What a request has written is
pinned until it has been answered; after that the bytes live as long as the simulation needs them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from wiro_mock.kernel.files import Blob

IN_MEMORY = 1 << 20
"""Up to this many bytes a blob is kept in memory."""
CHUNK = 1 << 16


class NoPlace(Exception):
    """Bytes cannot be kept; the message says where, why, and what helps."""


class BlobStore:
    """All blobs of a world. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory: dict[str, bytes] = {}
        self._on_disk: dict[str, Path] = {}
        self._pins: Counter[str] = Counter()
        self._folder: Path | None = None
        self._cleanup: weakref.finalize[..., BlobStore] | None = None
        self._files = 0

    def writer(self, contenttype: str) -> BlobWriter:
        """A writer for bytes that are about to arrive."""
        return BlobWriter(self, contenttype)

    def put(self, data: bytes | Iterable[bytes], contenttype: str) -> Blob:
        """Store bytes that are there already, or that come piece by piece. They stay until `discard`."""
        writer = self.writer(contenttype)
        try:
            for piece in (data,) if isinstance(data, bytes) else data:
                writer.write(piece)
        except BaseException:
            writer.abandon()
            raise
        blob = writer.finish()
        with self._lock:
            self._release_pin(blob.digest)
        return blob

    def chunks(self, blob: Blob, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `stop`, in pieces of at most 64 KiB.

        The file is opened before the first piece is asked for, so that deleting the blob meanwhile does no harm.
        """
        stop = blob.size if stop is None else min(stop, blob.size)
        pieces = _pieces(self.open(blob), start, stop)
        next(pieces)  # it holds the open file from now on, and closes it however it ends
        return pieces

    def open(self, blob: Blob) -> BinaryIO:
        """The bytes of a blob as a file to read and to seek in; they are not copied.

        It stays readable when the blob is deleted. Whoever opens it closes it.
        """
        with self._lock:
            data = self._memory.get(blob.digest)
            return self._on_disk[blob.digest].open("rb") if data is None else io.BytesIO(data)

    def has(self, blob: Blob) -> bool:
        """Whether its bytes are here."""
        with self._lock:
            return blob.digest in self._memory or blob.digest in self._on_disk

    def read(self, blob: Blob) -> bytes:
        """All bytes of a blob."""
        return b"".join(self.chunks(blob))

    def pin(self, blob: Blob) -> None:
        """Keep these bytes, whoever stops needing them, until `unpin`."""
        with self._lock:
            self._pins[blob.digest] += 1

    def unpin(self, blob: Blob, *, needed: Callable[[str], bool]) -> None:
        """The request that wrote this blob has been answered: drop the bytes unless somebody needs them."""
        with self._lock:
            self._release_pin(blob.digest)
            unneeded = blob.digest not in self._pins and not needed(blob.digest)
            path = self._drop(blob.digest) if unneeded else None
        if path is not None:
            path.unlink(missing_ok=True)

    def discard(self, digest: str) -> None:
        """Forget the bytes, unless a request in progress has just written the same ones."""
        with self._lock:
            if digest in self._pins:
                return
            path = self._drop(digest)
        if path is not None:
            path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._memory) + len(self._on_disk)

    def clear(self) -> None:
        """Delete everything but what a request in progress has written."""
        for digest in [*self._memory, *self._on_disk]:
            self.discard(digest)

    def close(self) -> None:
        """Delete everything."""
        with self._lock:
            self._memory.clear()
            self._on_disk.clear()
            self._folder = None
            if self._cleanup is not None:
                self._cleanup()

    def _drop(self, digest: str) -> Path | None:
        self._memory.pop(digest, None)
        return self._on_disk.pop(digest, None)

    def _release_pin(self, digest: str) -> None:
        self._pins[digest] -= 1
        if self._pins[digest] <= 0:
            del self._pins[digest]

    def _new_path(self) -> Path:
        with self._lock:
            if self._folder is None:
                try:
                    self._folder = Path(tempfile.mkdtemp(prefix="wiro-mock-"))
                except OSError as error:
                    raise NoPlace(_no_place("a temporary folder", error)) from error
                self._cleanup = weakref.finalize(self, _remove, self._folder, os.getpid())
            self._files += 1
            return self._folder / str(self._files)

    def _adopt(self, digest: str, content: bytes | Path) -> None:
        with self._lock:
            self._pins[digest] += 1
            known = digest in self._memory or digest in self._on_disk
            if not known and isinstance(content, bytes):
                self._memory[digest] = content
            elif not known and isinstance(content, Path):
                self._on_disk[digest] = content
        if known and isinstance(content, Path):
            content.unlink(missing_ok=True)


class BlobWriter:
    """Bytes on their way into the store. End with `finish`, or with `abandon`, which leaves nothing."""

    def __init__(self, store: BlobStore, contenttype: str) -> None:
        self.size = 0
        self._store = store
        self._contenttype = contenttype
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._path: Path | None = None
        self._file: BinaryIO | None = None

    def write(self, data: bytes) -> None:
        """Take the next piece. Raises `NoPlace` where it cannot be written."""
        self.size += len(data)
        self._hash.update(data)
        try:
            self._write(data)
        except OSError as error:
            raise NoPlace(_no_place(str(self._path), error)) from error

    def _write(self, data: bytes) -> None:
        if self._file is None and self.size > IN_MEMORY:
            self._path = self._store._new_path()
            self._file = self._path.open("wb")
            self._file.write(self._buffer)
            self._buffer = bytearray()
        if self._file is None:
            self._buffer += data
        else:
            self._file.write(data)

    def finish(self) -> Blob:
        """Everything has come: the blob, pinned until `BlobStore.unpin`. Raises `NoPlace` where it cannot lie."""
        content: bytes | Path = bytes(self._buffer)
        if self._file is not None and self._path is not None:
            try:
                self._file.close()
            except OSError as error:
                raise NoPlace(_no_place(str(self._path), error)) from error
            content = self._path
        digest = self._hash.hexdigest()
        self._store._adopt(digest, content)
        return Blob(digest=digest, size=self.size, contenttype=self._contenttype)

    def abandon(self) -> None:
        """Not everything has come, or it is not wanted: leave nothing behind."""
        self._buffer = bytearray()
        if self._file is not None and self._path is not None:
            with contextlib.suppress(OSError):  # what is still to be written finds no place either
                self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None


def _no_place(where: str, error: OSError) -> str:
    return (
        f"an upload or an output of more than 1 MiB cannot be written to {where}: {error.strerror or error}; make room "
        "there, or let TMPDIR name a folder that can be written to (in a container: --tmpfs /tmp)"
    )


def _remove(folder: Path, owner: int) -> None:
    """Remove the folder of a store; a child that this process has forked leaves it alone."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _pieces(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    with file:
        yield b""
        file.seek(start)
        left = stop - start
        while left > 0 and (data := file.read(min(CHUNK, left))):
            left -= len(data)
            yield data
