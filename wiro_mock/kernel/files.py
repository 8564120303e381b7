"""Folders and files as values. The bytes lie elsewhere; here a file is a digest, a size and a type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from wiro_mock.kernel import ids

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LEADING = re.compile(r"^[\s.]+")


def plain_name(name: str, default: str = "file") -> str:
    """A file name fit for a URL: its last segment, without control characters, surrogates or leading dots, at most
    200 characters long; `default` when nothing is left.
    """
    name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _LEADING.sub("", _UNFIT.sub("", name).rstrip()[-200:]) or default


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes in the store: `digest` is their SHA-256 in hex, `size` counts bytes.

    `pixels` of a picture and `seconds` of a sound are known only where a price asks for them.
    """

    digest: str
    size: int
    contenttype: str
    pixels: int | None = None
    seconds: Decimal | None = None


class FileKind(StrEnum):
    """Where a file came from. It decides the form of the URL (rest.md §7.3)."""

    INPUT = "input"
    OUTPUT = "output"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that a URL leads to. `added_at` is in microseconds since the epoch; `task_id` is that of the task
    which made it or got it, empty for an upload.
    """

    id: str
    name: str
    kind: FileKind
    blob: Blob
    accesskey: str
    folder_id: str
    cdn_folder: str
    added_at: int
    task_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of uploads; `parent_id` is empty at the top."""

    id: str
    name: str
    parent_id: str
    added_at: int


def make_file(
    seed: str,
    *path: str | int,
    name: str,
    kind: FileKind,
    blob: Blob,
    at: int,
    folder_id: str = "",
    task_id: str = "",
) -> File:
    """A file whose ids all derive from the seed and the path."""
    return File(
        id=ids.hex32(seed, *path, "id"),
        name=name,
        kind=kind,
        blob=blob,
        accesskey=ids.token(seed, *path, "accesskey"),
        folder_id=folder_id or ids.hex32(seed, "folder"),
        cdn_folder=ids.cdn_folder(seed, *path, "cdn"),
        added_at=at,
        task_id=task_id,
    )


class Tally:
    """Who needs which bytes, how many times over. `bytes` counts what is needed several times once."""

    def __init__(self) -> None:
        self.bytes = 0
        self._uses: dict[str, int] = {}

    def __contains__(self, digest: str) -> bool:
        return digest in self._uses

    def add(self, blob: Blob) -> bool:
        """Need these bytes once more; whether nobody did before."""
        uses = self._uses.get(blob.digest, 0)
        self._uses[blob.digest] = uses + 1
        if uses:
            return False
        self.bytes += blob.size
        return True

    def remove(self, blob: Blob) -> bool:
        """Need these bytes once less; whether nobody does any more."""
        self._uses[blob.digest] -= 1
        if self._uses[blob.digest]:
            return False
        del self._uses[blob.digest]
        self.bytes -= blob.size
        return True


class FileIndex:
    """The files that exist, found by access key or CDN folder, and how many files share each digest.

    Only the simulation writes to it. `abandoned` collects the digests that no file needs any more,
    for the shell to delete their bytes. `uploads` are the uploaded files by access key, oldest first.
    """

    def __init__(self) -> None:
        self.folders: dict[str, Folder] = {}
        self.uploads: dict[str, File] = {}
        self.abandoned: list[str] = []
        self._by_accesskey: dict[str, File] = {}
        self._by_cdn_folder: dict[str, File] = {}
        self._needed = Tally()

    @property
    def bytes_kept(self) -> int:
        """Bytes that are needed; those that are needed several times are counted once."""
        return self._needed.bytes

    def __iter__(self) -> Iterator[File]:
        return iter(self._by_accesskey.values())

    def add(self, file: File) -> None:
        """Make the file reachable."""
        self._by_accesskey[file.accesskey] = file
        self._by_cdn_folder[file.cdn_folder] = file
        if file.kind is FileKind.UPLOAD:
            self.uploads[file.accesskey] = file
        self.reserve(file.blob)

    def remove(self, file: File) -> None:
        """Forget the file; a file that is not there is no error."""
        if self._by_accesskey.pop(file.accesskey, None) is None:
            return
        del self._by_cdn_folder[file.cdn_folder]
        self.uploads.pop(file.accesskey, None)
        self.release(file.blob)

    def reserve(self, blob: Blob) -> None:
        """Need these bytes once more."""
        if self._needed.add(blob) and blob.digest in self.abandoned:  # nobody has deleted the bytes yet
            self.abandoned.remove(blob.digest)

    def release(self, blob: Blob) -> None:
        """Need these bytes once less."""
        if self._needed.remove(blob):
            self.abandoned.append(blob.digest)

    def needs(self, digest: str) -> bool:
        """Whether some file still has these bytes."""
        return digest in self._needed

    def by_accesskey(self, accesskey: str) -> File | None:
        """The file with this access key, or None."""
        return self._by_accesskey.get(accesskey)

    def by_cdn_folder(self, cdn_folder: str) -> File | None:
        """The file in this CDN folder, or None."""
        return self._by_cdn_folder.get(cdn_folder)
