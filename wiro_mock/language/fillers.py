"""Files of any size, made as they are read: words, tables, tones, and pictures that are padded to a number of bytes.

Each is a value that gives the same pieces every time it is read, so that the largest takes no memory. What is random
in them comes from a seed through SHA-256, which is the same on every machine and in every version of Python.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, Literal, Protocol, TypeAlias

from wiro_mock.language.corpus import SENTENCES

CHUNK: Final = 1 << 16
ROWS_AT_ONCE: Final = 500
_LONGEST_SEGMENT: Final = 65_537
"""Of a JPEG, its marker included."""
_CHUNK_FRAME: Final = 12
"""Bytes of a PNG's chunk beside its data."""


class Filling(Protocol):
    """The bytes of a file, in pieces; may be read again and again."""

    def __iter__(self) -> Iterator[bytes]: ...


Content: TypeAlias = bytes | Filling
"""The bytes of a file: as they are, or as they can be made."""
Kind: TypeAlias = Literal["count", "word", "number", "text", "date", "flag"]
"""What is in a column of a table."""


def size_of(content: Content) -> int:
    """How many bytes there are."""
    return len(content) if isinstance(content, bytes) else sum(map(len, content))


def drawn(seed: str, place: int) -> int:
    """A number from 0 to 2⁶⁴ - 1 that belongs to a place."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{place}".encode()).digest()[:8], "big")


def noise(seed: str, size: int) -> Iterator[bytes]:
    """Bytes that no packer makes smaller; after 64 KiB they come again."""
    return _cut(cycle((_block(seed),)), size)


@functools.lru_cache(maxsize=4)
def _block(seed: str) -> bytes:
    return b"".join(hashlib.sha256(f"{seed}/{at}".encode()).digest() for at in range(CHUNK // 32))


@dataclass(frozen=True, slots=True)
class Words:
    """Lines of English, ASCII, of exactly so many bytes; the last one ends with a line feed."""

    seed: str
    size: int

    def __iter__(self) -> Iterator[bytes]:
        order = (drawn(self.seed, at) for at in range(800))
        block = "".join(f"{SENTENCES[one % len(SENTENCES)]}\n" for one in order).encode()
        if self.size:
            yield from _cut(cycle((block,)), self.size - 1)
            yield b"\n"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of made-up values; `columns` says what is in each. CSV with a head (RFC 4180), or a JSON list of objects."""

    seed: str
    rows: int
    columns: tuple[tuple[str, Kind], ...]
    format: Literal["csv", "json"]

    def __iter__(self) -> Iterator[bytes]:
        lines = self._csv() if self.format == "csv" else self._json()
        while piece := "".join(islice(lines, ROWS_AT_ONCE)):
            yield piece.encode()

    def _row(self, number: int) -> list[object]:
        return [_value(kind, drawn(f"{self.seed}/{name}", number), number) for name, kind in self.columns]

    def _csv(self) -> Iterator[str]:
        yield _csv_line([name for name, _ in self.columns])
        for number in range(1, self.rows + 1):
            yield _csv_line(self._row(number))

    def _json(self) -> Iterator[str]:
        names = [name for name, _ in self.columns]
        yield "["
        for number in range(1, self.rows + 1):
            row = json.dumps(dict(zip(names, self._row(number), strict=True)), ensure_ascii=False)
            yield f"{',' if number > 1 else ''}\n{row}"
        yield "\n]\n"


@dataclass(frozen=True, slots=True)
class Padded:
    """A picture with bytes in it that nobody shows, so that it has exactly so many. `kind` is `png` or `jpeg`."""

    picture: bytes
    size: int
    kind: Literal["png", "jpeg"]
    seed: str

    def __iter__(self) -> Iterator[bytes]:
        extra = self.size - len(self.picture)
        if extra < room(self.kind):
            yield self.picture
        elif self.kind == "png":
            yield self.picture[:-_CHUNK_FRAME]  # but for its last chunk, IEND, which has no data
            yield from self._chunk(extra - _CHUNK_FRAME)
            yield self.picture[-_CHUNK_FRAME:]
        else:
            yield self.picture[:2]
            yield from self._comments(extra)
            yield self.picture[2:]

    def _chunk(self, length: int) -> Iterator[bytes]:
        """A chunk of a type that is private, and of no importance for showing the picture (PNG §4.7)."""
        yield struct.pack(">I", length) + b"wiRo"
        check = zlib.crc32(b"wiRo")
        for piece in noise(self.seed, length):
            check = zlib.crc32(piece, check)
            yield piece
        yield struct.pack(">I", check)

    def _comments(self, extra: int) -> Iterator[bytes]:
        """Comments (COM), as few as will do, of about the same length."""
        count = -(-extra // _LONGEST_SEGMENT)
        for at in range(count):
            length = extra // count + (at < extra % count)
            yield struct.pack(">BBH", 0xFF, 0xFE, length - 2)
            yield from noise(self.seed, length - 4)


def room(kind: str) -> int:
    """The fewest bytes by which a picture can be padded."""
    return _CHUNK_FRAME if kind == "png" else 4


def _cut(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    for piece in pieces:
        if size <= 0:
            return
        yield piece[:size]
        size -= len(piece)


def _value(kind: Kind, drawn_number: int, row: int) -> object:
    match kind:
        case "count":
            return row
        case "number":
            return drawn_number % 100_000 / 100
        case "flag":
            return drawn_number % 2 == 0
        case "date":
            return f"2025-{drawn_number % 12 + 1:02d}-{drawn_number // 12 % 28 + 1:02d}"
    words = SENTENCES[drawn_number % len(SENTENCES)]
    return words if kind == "text" else _word(words, drawn_number // len(SENTENCES))


def _word(sentence: str, place: int) -> str:
    words = sentence.replace(",", "").replace(".", "").replace(";", "").split()
    return words[place % len(words)].lower()


def _csv_line(row: Sequence[object]) -> str:
    return ",".join(map(_csv_cell, row)) + "\r\n"


def _csv_cell(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return '"{}"'.format(text.replace('"', '""')) if any(char in ',"\r\n' for char in text) else text


def kinds_of(columns: int | Sequence[str] | Mapping[str, Kind] | None) -> tuple[tuple[str, Kind], ...]:
    """The columns with what is in them: of names without a kind, `id` counts and the others are words."""
    if columns is None:
        columns = ("id", "name", "score")
    if isinstance(columns, int):
        columns = [f"column{number}" for number in range(1, columns + 1)]
    if isinstance(columns, Mapping):
        return tuple(columns.items())
    return tuple((name, _GUESSED.get(name, "word")) for name in columns)


_GUESSED: Final[Mapping[str, Kind]] = {
    "id": "count", "score": "number", "price": "number", "text": "text", "date": "date", "ok": "flag",
}  # fmt: skip
