"""An uploaded ZIP archive is taken apart on arrival (rest.md §2.2: "ZIP → several items")."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO

from wiro_mock.api.file_names import content_type_of
from wiro_mock.api.messages import Blobs, Upload
from wiro_mock.api.multipart import FILE_LIMIT
from wiro_mock.kernel.files import Blob

MEMBER_LIMIT = 200
"""Files taken out of the archives of one request; ours."""
DEFLATED_LIMIT = 24 << 20
"""Packed bytes of the deflated files of one request: made for it, they take a second; ours."""
DIRECTORY_LIMIT = 1 << 18
"""Bytes of the tables of contents of one request's archives: some thousand names; ours."""
SMALL = 1 << 16
"""Files up to here may be packed as tightly as they like."""
MOST_TIMES = 200
"""Files above may be so many times as large as they are packed; ours."""
CHUNK = 1 << 16
_QUICK = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class TooMuch(Exception):
    """The archive does not fit what one request may cost."""


class Unpacking:
    """Takes apart the archives of one request, and unpins what it has stored when it is left.

    The world waits while it works; therefore everything that costs time is limited for the request as a whole:
    files, bytes (100 MiB unpacked, 24 MiB deflated) and the size of the tables of contents. An archive beyond that,
    one that is suspiciously dense, or packed by a method slower than deflate, is kept as it is.
    """

    def __init__(self, store: Blobs, *, needed: Callable[[str], bool]) -> None:
        self._store = store
        self._needed = needed
        self._blobs: list[Blob] = []
        self._files = MEMBER_LIMIT
        self._unpacked = FILE_LIMIT
        self._packed = FILE_LIMIT
        self._deflated = DEFLATED_LIMIT
        self._directory = DIRECTORY_LIMIT

    def __enter__(self) -> Unpacking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unpin(0)

    def files_of(self, upload: Upload) -> list[Upload]:
        """The files in the archive, or the upload itself when it is none, or one that cannot be taken apart."""
        if not upload.filename.lower().endswith(".zip"):
            return [upload]
        before = len(self._blobs)
        # A stranger's archive can be broken in more ways than zipfile has exceptions for; all mean the same here.
        with suppress(Exception), self._store.open(upload.blob) as file:
            if found := self._all(file):
                return found
        self._unpin(before)
        return [upload]

    def _all(self, file: BinaryIO) -> list[Upload]:
        metered = _Metered(file, self._directory)
        try:
            archive = zipfile.ZipFile(metered)
        finally:
            self._directory = max(0, metered.left)
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > self._files or sum(member.file_size for member in members) > self._unpacked:
            raise TooMuch
        if any(_is_dense(member) or member.compress_type not in _QUICK for member in members):
            raise TooMuch
        deflated = sum(member.compress_size for member in members if member.compress_type == zipfile.ZIP_DEFLATED)
        if deflated > self._deflated:
            raise TooMuch
        self._deflated -= deflated
        metered.left = self._packed + self._directory
        try:
            return [self._one(archive, member) for member in members]
        finally:
            self._packed = max(0, metered.left - self._directory)

    def _one(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Upload:
        self._files -= 1
        self._unpacked -= member.file_size  # zipfile gives no more than that
        writer = self._store.writer(content_type_of("", member.filename))
        try:
            with archive.open(member) as file:  # at whose end the checksum is compared
                while data := file.read(CHUNK):
                    writer.write(data)
        except BaseException:
            writer.abandon()
            raise
        blob = writer.finish()
        self._blobs.append(blob)
        return Upload(filename=member.filename, blob=blob)

    def _unpin(self, start: int) -> None:
        for blob in self._blobs[start:]:
            self._store.unpin(blob, needed=self._needed)
        del self._blobs[start:]


def _is_dense(member: zipfile.ZipInfo) -> bool:
    return member.file_size > max(SMALL, MOST_TIMES * member.compress_size)


class _Metered(io.RawIOBase):
    """A file of which so many bytes can be read, all readings together, and no more."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        super().__init__()
        self.left = left
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            self.left = 0
            raise TooMuch
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
