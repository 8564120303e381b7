"""An uploaded ZIP archive is taken apart on arrival (rest.md §2.2: "ZIP → several items").

Archives come from strangers. Nothing in one decides where bytes lie: a member's path, whatever it is, becomes a plain
name. What cannot be taken apart safely is kept as the archive that it is, and the tester is told why.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO

from wiro_mock.api.file_names import content_type_of
from wiro_mock.api.messages import Blobs, Upload
from wiro_mock.api.multipart import FILE_LIMIT
from wiro_mock.kernel.files import Blob, plain_name

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
SHOWN = 5
"""So many members are named in one note."""
_QUICK = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED, _UTF8 = 0x1, 0x800
"""Flags of a member (APPNOTE.TXT of PKWARE, 4.4.4)."""


class TooMuch(Exception):
    """The archive does not fit what one request may cost, or cannot be read; the message says why."""


class Unpacking:
    """Takes apart the archives of one request, and unpins what it has stored when it is left.

    The world waits while it works; therefore everything that costs time is limited for the request as a whole:
    files, bytes (100 MiB unpacked, 24 MiB deflated) and the size of the tables of contents. An archive beyond that,
    one that is suspiciously dense, encrypted, broken, or packed by a method slower than deflate, is kept as it is.
    Of the others, links and devices are passed over, and so is what the rule `takes` says no to; an archive in an
    archive stays one. `notes` tell the tester of all that.
    """

    def __init__(
        self, store: Blobs, *, needed: Callable[[str], bool], takes: Callable[[Upload], bool] = lambda _: True
    ) -> None:
        self.notes: list[str] = []
        self._store = store
        self._needed = needed
        self._takes = takes
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
        before, notes = len(self._blobs), _Notes(upload.filename)
        try:
            with self._store.open(upload.blob) as file:
                found = self._all(file, notes)
        # A stranger's archive can be broken in more ways than zipfile has exceptions for; all mean the same here.
        except Exception as error:
            self._unpin(before)
            self.notes.append(f"{_shown(upload.filename)} is kept as it is: {_why(error)}")
            return [upload]
        self.notes += notes.told()
        return found

    def _all(self, file: BinaryIO, notes: _Notes) -> list[Upload]:
        metered = _Metered(file, self._directory)
        try:
            archive = zipfile.ZipFile(metered)
        finally:
            self._directory = max(0, metered.left)
        members = [member for member in archive.infolist() if not member.is_dir()]
        self._check(members)
        metered.left = self._packed + self._directory
        wanted = [(member, _name(member, notes)) for member in members if not _is_special(member, notes)]
        try:
            read = [self._one(archive, member, name) for member, name in wanted]
        finally:
            self._packed = max(0, metered.left - self._directory)
        found = [one for one in read if self._takes(one) or notes.add("of no documented type, passed over", one)]
        if not found:
            raise TooMuch(f"there is nothing in it to be kept; {notes}" if members else "there is no file in it")
        notes.look_at(found)
        return found

    def _check(self, members: list[zipfile.ZipInfo]) -> None:
        """Whether what the table of contents promises is within what is left for the request."""
        if odd := next((member for member in members if member.flag_bits & _ENCRYPTED), None):
            raise TooMuch(f"{_shown(odd.filename)} in it is encrypted")
        if odd := next((member for member in members if member.compress_type not in _QUICK), None):
            raise TooMuch(f"{_shown(odd.filename)} in it is packed by method {odd.compress_type}; deflate is read")
        if len(members) > self._files:
            raise TooMuch(f"there are more than {MEMBER_LIMIT} files in the archives of one request")
        if sum(member.file_size for member in members) > self._unpacked:
            raise TooMuch(f"the archives of one request unpack to more than {FILE_LIMIT} bytes")
        if odd := next(filter(_is_dense, members), None):
            raise TooMuch(
                f"{_shown(odd.filename)} in it is {odd.file_size // max(1, odd.compress_size)} times as large as "
                f"it is packed, as in a bomb; at most {MOST_TIMES} times"
            )
        deflated = sum(member.compress_size for member in members if member.compress_type == zipfile.ZIP_DEFLATED)
        if deflated > self._deflated:
            raise TooMuch(f"the archives of one request have more than {DEFLATED_LIMIT} deflated bytes")
        self._deflated -= deflated

    def _one(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Upload:
        self._files -= 1
        self._unpacked -= member.file_size  # zipfile gives no more than that
        writer = self._store.writer(content_type_of("", name))
        try:
            with archive.open(member) as file:  # at whose end the checksum is compared
                while data := file.read(CHUNK):
                    writer.write(data)
            if writer.size != member.file_size:
                raise TooMuch(f"{_shown(name)} in it has not as many bytes as its header says")
        except BaseException:
            writer.abandon()
            raise
        blob = writer.finish()
        self._blobs.append(blob)
        return Upload(filename=name, blob=blob)

    def _unpin(self, start: int) -> None:
        for blob in self._blobs[start:]:
            self._store.unpin(blob, needed=self._needed)
        del self._blobs[start:]


class _Notes:
    """What is odd about the members of an archive that is taken apart, by what it is."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, one: Upload | str) -> bool:
        """A member is odd; always False."""
        self._found.setdefault(what, []).append(one if isinstance(one, str) else one.filename)
        return False

    def look_at(self, found: list[Upload]) -> None:
        """What is odd about those that are kept."""
        for one in found:
            if one.filename.lower().endswith(".zip"):
                self.add("an archive in an archive, not taken apart", one)
        counts = Counter(plain_name(one.filename) for one in found)
        for name in (name for name, count in counts.items() if count > 1):
            self.add("there several times, each kept", name)

    def told(self) -> list[str]:
        """A sentence for the archive, if anything is odd."""
        return [f"{_shown(self._archive)} is taken apart; {self}"] if self._found else []

    def __str__(self) -> str:
        return ", ".join(f"{what}: {_several(names)}" for what, names in self._found.items())


def _several(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return " ".join(map(_shown, names[:SHOWN])) + more


def _name(member: zipfile.ZipInfo, notes: _Notes) -> str:
    """The member's plain name. One that is not marked as UTF-8 is read as such where it can be, else as code page 437
    (APPNOTE.TXT, appendix D): macOS writes UTF-8 without the mark. Our choice.
    """
    name = member.filename
    if not member.flag_bits & _UTF8 and not name.isascii():
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            notes.add("a name that is no UTF-8, read as code page 437", name)
    plain = plain_name(name)
    if name.replace("\\", "/").startswith("/") or ".." in name.replace("\\", "/").split("/") or name[1:2] == ":":
        notes.add(f"a path that leads out of the archive, kept as {_shown(plain)}", name)
    return plain


def _is_special(member: zipfile.ZipInfo, notes: _Notes) -> bool:
    """Whether it is a link, a device, a pipe or a socket by its Unix mode, which are passed over."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind in (0, stat.S_IFREG):
        return False
    notes.add("a link, passed over" if kind == stat.S_IFLNK else "no regular file, passed over", member.filename)
    return True


def _is_dense(member: zipfile.ZipInfo) -> bool:
    return member.file_size > max(SMALL, MOST_TIMES * member.compress_size)


def _why(error: Exception) -> str:
    if isinstance(error, TooMuch):
        return str(error)
    return f"it cannot be read as an archive ({type(error).__name__}: {str(error)[:200]})"


def _shown(name: str) -> str:
    return repr(name if len(name) <= 60 else f"{name[:60]}…")


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
            raise TooMuch("reading it takes more bytes than an archive of its size is worth")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
