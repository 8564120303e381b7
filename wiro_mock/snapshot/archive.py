"""The file of a snapshot: a ZIP of JSON lines, of files by their digests, and of scenarios as they were written.

    snapshot.json            what it is: its format, who wrote it, what is in it
    world.jsonl              the world (`plain`, `kept`)
    blobs/SHA-256            the bytes of a file
    scenarios/N/PATH         the files of the Nth folder of scenarios

The same world makes the same bytes, so a snapshot in a repository changes only when the world does. It is written
beside its place and moved there when it is whole. It is read within bounds, whatever it says of itself.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from wiro_mock.mock import World
from wiro_mock.snapshot.atomic import replacing
from wiro_mock.snapshot.kept import Kept
from wiro_mock.snapshot.kinds import types
from wiro_mock.snapshot.plain import Reader, Writer
from wiro_mock.snapshot.taking import Taken
from wiro_mock.snapshot.trouble import SnapshotError

FORMAT: Final = 1
MIGRATIONS: Final[Mapping[int, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {}
"""For each older format, what makes a head of the next one of its head. None is older yet."""
HEAD, WORLD = "snapshot.json", "world.jsonl"
MOST_TEXT = 1 << 30
"""Bytes of all lines of a world."""
LONGEST_LINE = 512 << 20
"""Bytes of one line: a client may send a long text, and a character may take six."""
MOST_SCENARIOS = 256 << 20
MOST_ENTRIES = 1_000_000
_MOST_HEAD = 1 << 20
_CHUNK = 1 << 20
_THEN = (1980, 1, 1, 0, 0, 0)
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How entries are packed here. What others there are raise, each, errors of their own when they are damaged."""
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_SCENARIO = re.compile(r"scenarios/([1-9][0-9]{0,3})/(.+)", re.DOTALL)
_NEWER = "install the wiro-mock that wrote it, or a later one (pip install -U wiro-mock)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A snapshot that has been read, but for the bytes of its files: what is kept, and its folders of scenarios."""

    kept: Kept
    contents: list[Mapping[str, bytes]]
    blobs: Mapping[str, int]
    zip: zipfile.ZipFile

    def blob(self, digest: str) -> Iterator[bytes]:
        """The bytes of a file, in pieces. Raises `SnapshotError`."""
        with _troubles(), self.zip.open(f"blobs/{digest}") as file:
            while piece := file.read(_CHUNK):
                yield piece


# -- writing -------------------------------------------------------------------------------------------


def write(world: World, taken: Taken, to: Path) -> int:
    """Write what was taken; how many bytes that are. Only its owner can read the file.

    Raises `SnapshotError`; what was there before is there still.
    """
    with replacing(to) as file:
        write_to(world, taken, file)
        return file.tell()


def write_to(world: World, taken: Taken, file: IO[bytes]) -> None:
    """Write what was taken into a file. Raises `OSError`."""
    with zipfile.ZipFile(file, "w", compresslevel=1) as out:
        out.writestr(_entry(HEAD), json.dumps(_head(taken), indent=1))
        with out.open(_entry(WORLD), "w", force_zip64=True) as lines:
            Writer(types(), _Lines(lines).put).write(taken.kept)
        for blob in taken.blobs:
            with out.open(_entry(f"blobs/{blob.digest}", packed=False), "w", force_zip64=True) as stored:
                for piece in world.blobs.chunks(blob):
                    stored.write(piece)
        for number, content in enumerate(taken.contents, 1):
            for name, data in sorted(content.files.items()):
                out.writestr(_entry(f"scenarios/{number}/{name}"), data)


class _Lines:
    """Lines on their way into a file: no more than are read again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._total = 0

    def put(self, line: str) -> None:
        """Write one. Raises `SnapshotError`."""
        self._total += len(line) + 1
        if len(line) >= LONGEST_LINE or self._total > MOST_TEXT:
            raise SnapshotError(f"this world has more than {MOST_TEXT >> 20} MiB of text: too much for a snapshot")
        self._file.write(line.encode("ascii") + b"\n")


def _head(taken: Taken) -> dict[str, Any]:
    from importlib.metadata import version

    kept = taken.kept
    return {
        "snapshot": "wiro-mock",
        "format": FORMAT,
        "written_by": version("wiro-mock"),
        "seed": kept.settings.seed,
        "time": kept.settings.time,
        "now": kept.standing.now / 1_000_000,
        "credentials": kept.project is not None,
        "tasks": len(kept.standing.logs),
        "unfinished": len(kept.standing.courses),
        "files": len(taken.blobs),
        "scenario_folders": len(taken.contents),
        "requests": len(kept.journal.exchanges),
    }


def _entry(name: str, *, packed: bool = True) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, _THEN)
    made.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    made.external_attr = 0o600 << 16
    return made


# -- reading -------------------------------------------------------------------------------------------


@contextmanager
def opened(file: IO[bytes] | Path, *, most_bytes: int) -> Iterator[Opened]:
    """A snapshot while the block runs, with at most so many bytes of files. Raises `SnapshotError`, whose sentence
    goes on from the snapshot's name.
    """
    try:
        archive = zipfile.ZipFile(file)
    except FileNotFoundError:
        raise SnapshotError("cannot be read: there is no such file; look at the path") from None
    except OSError as error:
        raise SnapshotError(f"cannot be read: {error.strerror or error}; look at the path") from None
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        raise SnapshotError(
            "is no snapshot of wiro-mock, or not all of one: it is no whole ZIP file; save it once more"
        ) from None
    with archive:
        yield _read(archive, most_bytes)


def _read(archive: zipfile.ZipFile, most_bytes: int) -> Opened:
    if len(archive.infolist()) > MOST_ENTRIES:
        raise SnapshotError(f"holds more than {MOST_ENTRIES} files; it was not made here")
    if any(info.compress_type not in _PACKED for info in archive.infolist()):
        raise SnapshotError("is damaged, or was packed by something else; save it once more")
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    _check_head(head := _head_of(archive, sizes))
    if strange := [name for name in sizes if not _is_part(name)]:
        # Else a file whose name is damaged would be gone without a word.
        raise SnapshotError(f"is damaged: {strange[0][:100]!r} is no part of a snapshot; save it once more")
    blobs = {found[1]: size for name, size in sizes.items() if (found := _BLOB.fullmatch(name))}
    if head.get("files", len(blobs)) != len(blobs):
        raise SnapshotError(f"is damaged: it held {head['files']} files, and has {len(blobs)}; save it once more")
    if (total := sum(blobs.values())) > most_bytes:
        raise SnapshotError(
            f"holds {-(-total >> 20)} MiB of files, beyond the {most_bytes >> 20} MiB that are kept here; "
            "start the server with a larger --keep-mib"
        )
    if sizes.get(WORLD, 0) > MOST_TEXT:
        raise SnapshotError(f"holds a world of {sizes[WORLD] >> 20} MiB, and {MOST_TEXT >> 20} are read at most")
    contents = _contents(archive, sizes)
    with _troubles():
        if WORLD not in sizes:
            raise SnapshotError("is damaged: there is no world in it; save it once more")
        with archive.open(WORLD) as lines:
            kept: Kept = Reader(types()).read(_lines(lines), Kept)
    return Opened(kept=kept, contents=contents, blobs=blobs, zip=archive)


def _is_part(name: str) -> bool:
    return name in (HEAD, WORLD) or _BLOB.fullmatch(name) is not None or _SCENARIO.fullmatch(name) is not None


def _head_of(archive: zipfile.ZipFile, sizes: Mapping[str, int]) -> Mapping[str, Any]:
    if not 0 < sizes.get(HEAD, 0) <= _MOST_HEAD:
        raise SnapshotError("is a ZIP file, but no snapshot of wiro-mock; `wiro-mock snapshot save` makes one")
    with _troubles():
        head = json.loads(archive.read(HEAD))
        if isinstance(head, dict) and head.get("snapshot") == "wiro-mock" and type(head.get("format")) is int:
            return head
    raise SnapshotError("is a ZIP file, but no snapshot of wiro-mock; `wiro-mock snapshot save` makes one")


def _check_head(head: Mapping[str, Any]) -> None:
    """That its format is one that is read here."""
    while head["format"] in MIGRATIONS:
        head = MIGRATIONS[head["format"]](head)
    if head["format"] == FORMAT:
        return
    writer, form = str(head.get("written_by", "an unknown version"))[:40], head["format"]
    whose = f"was written by wiro-mock {writer} in format {form}, and this one reads format {FORMAT}"
    way = _NEWER if form > FORMAT else "load it with the wiro-mock that wrote it, and begin anew here"
    raise SnapshotError(f"{whose}; {way}")


def _contents(archive: zipfile.ZipFile, sizes: Mapping[str, int]) -> list[Mapping[str, bytes]]:
    found: dict[int, dict[str, bytes]] = {}
    named = {name: match for name in sizes if (match := _SCENARIO.fullmatch(name))}
    if (total := sum(sizes[name] for name in named)) > MOST_SCENARIOS:
        raise SnapshotError(
            f"holds {total >> 20} MiB of scenarios, and {MOST_SCENARIOS >> 20} are read at most; it was not made here"
        )
    with _troubles():
        for name, match in named.items():
            found.setdefault(int(match[1]), {})[match[2]] = archive.read(name)
    return [found[number] for number in sorted(found)]


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    total = 0
    while line := file.readline(LONGEST_LINE + 1):
        total += len(line)
        if len(line) > LONGEST_LINE or total > MOST_TEXT:
            raise SnapshotError(f"holds a line of more than {LONGEST_LINE >> 20} MiB; it was not made here")
        yield line


@contextmanager
def _troubles() -> Iterator[None]:
    """Whatever a damaged ZIP file raises when it is read, as a sentence."""
    try:
        yield
    except OSError as error:
        raise SnapshotError(f"cannot be read: {error.strerror or error}; save it once more") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, KeyError) as error:
        raise SnapshotError(f"is damaged: {str(error)[:200] or type(error).__name__}; save it once more") from None
