"""Files of any size, made as they are read: words, tables, tones, and pictures that are padded to a number of bytes.

Each is a value that gives the same pieces every time it is read, so that the largest takes no memory. What is random
in them comes from a seed, and is the same on every machine and in every version of Python.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


def _draws(seed: str) -> Callable[[], float]:
    """Numbers from 0 to 1, of which Python promises that the same seed gives the same."""
    return random.Random(seed).random  # noqa: S311 -- for made-up values


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
        if self.size:
            draw = _draws(self.seed)
            block = "".join(f"{SENTENCES[int(draw() * len(SENTENCES))]}\n" for _ in range(800)).encode()
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

    def _rows(self) -> Iterator[list[object]]:
        makers = [_MAKERS[kind] for _, kind in self.columns]
        draw = _draws(self.seed)
        for number in range(1, self.rows + 1):
            yield [make(draw(), number) for make in makers]

    def _csv(self) -> Iterator[str]:
        yield _csv_line([name for name, _ in self.columns])
        yield from map(_csv_line, self._rows())

    def _json(self) -> Iterator[str]:
        names, write = [name for name, _ in self.columns], json.JSONEncoder(ensure_ascii=False).encode
        before = "[\n"
        for row in self._rows():
            yield before + write(dict(zip(names, row, strict=True)))
            before = ",\n"
        yield "\n]\n" if self.rows else "[]\n"


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


_WORDS: Final = tuple(sorted({word.strip(",.;").lower() for sentence in SENTENCES for word in sentence.split()}))


def _date(drawn: float, _: int) -> str:
    day = int(drawn * 336)
    return f"2025-{day // 28 + 1:02d}-{day % 28 + 1:02d}"


_MAKERS: Final[Mapping[Kind, Callable[[float, int], object]]] = {
    "count": lambda _, row: row,
    "word": lambda drawn, _: _WORDS[int(drawn * len(_WORDS))],
    "number": lambda drawn, _: int(drawn * 100_000) / 100,
    "text": lambda drawn, _: SENTENCES[int(drawn * len(SENTENCES))],
    "date": _date,
    "flag": lambda drawn, _: drawn < 0.5,
}
_QUOTED: Final = re.compile('[,"\r\n]')


def _csv_line(row: Iterable[object]) -> str:
    return ",".join(map(_csv_cell, row)) + "\r\n"


def _csv_cell(value: object) -> str:
    text = value if isinstance(value, str) else str(value).lower()
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text


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
