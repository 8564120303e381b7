"""An uploaded ZIP archive is taken apart on arrival (rest.md §2.2: "ZIP → several items")."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

from wiro_mock.api.file_names import content_type_of
from wiro_mock.api.messages import Blobs, Upload
from wiro_mock.api.multipart import FILE_LIMIT

MEMBER_LIMIT = 1_000
"""Files taken out of one archive; ours."""
CHUNK = 1 << 16


def unpacked(upload: Upload, store: Blobs) -> list[Upload]:
    """The files in the archive, or the upload itself when it is none, or one that cannot be taken apart.

    Unpacked bytes are counted, so that a small archive cannot become a large store (beyond 100 MiB in all, or
    1 000 files, it is kept as it is).
    """
    if not upload.filename.lower().endswith(".zip"):
        return [upload]
    # A stranger's archive can be broken in more ways than zipfile has exceptions for; all mean the same here.
    with suppress(Exception):
        archive = zipfile.ZipFile(io.BytesIO(store.read(upload.blob)))
        members = [member for member in archive.infolist() if not member.is_dir()]
        if members and len(members) <= MEMBER_LIMIT and sum(member.file_size for member in members) <= FILE_LIMIT:
            for member in members:
                _check(archive, member)
            return [_member(archive, member, store) for member in members]
    return [upload]


def _check(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read a member to its end, where its checksum is compared, before anything is stored."""
    with archive.open(member) as file:
        while file.read(CHUNK):
            pass


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, store: Blobs) -> Upload:
    blob = store.put(archive.read(member), content_type_of("", member.filename))
    return Upload(filename=member.filename, blob=blob)
