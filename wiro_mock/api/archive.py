"""An uploaded ZIP archive is taken apart on arrival (rest.md §2.2: "ZIP → several items")."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress

from wiro_mock.api.body import FILE_LIMIT, content_type_of
from wiro_mock.api.messages import Blobs, Upload

MEMBER_LIMIT = 1_000
"""Files taken out of one archive; ours."""


def unpacked(upload: Upload, store: Blobs) -> list[Upload]:
    """The files in the archive, or the upload itself when it is none, or one that cannot be taken apart.

    Unpacked bytes are counted, so that a small archive cannot become a large store (beyond 100 MiB in all, or
    1 000 files, it is kept as it is).
    """
    if not upload.filename.lower().endswith(".zip"):
        return [upload]
    with suppress(zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        archive = zipfile.ZipFile(io.BytesIO(store.read(upload.blob)))
        members = [member for member in archive.infolist() if not member.is_dir()]
        if members and len(members) <= MEMBER_LIMIT and sum(member.file_size for member in members) <= FILE_LIMIT:
            return list(_members(archive, members, store))
    return [upload]


def _members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], store: Blobs) -> Iterator[Upload]:
    for member in members:
        with archive.open(member) as file:
            data = file.read(member.file_size + 1)
        if len(data) != member.file_size:
            raise ValueError("a member is larger than it says")
        yield Upload(filename=member.filename, blob=store.put(data, content_type_of("", member.filename)))
