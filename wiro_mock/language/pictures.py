"""Pictures of one colour, as PNG, JPEG or WebP: real files of any size, made from nothing in a moment."""

from __future__ import annotations

import functools
import struct
import zlib
from typing import Final, Literal, TypeAlias

Format: TypeAlias = Literal["png", "jpeg", "webp"]
FORMATS: Final[dict[str, Format]] = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp"}
"""The formats by the words for them, which are also the extensions of their files."""


@functools.lru_cache(maxsize=16)
def picture(kind: Format, width: int, height: int, color: str) -> bytes:
    """A picture of this size in pixels, all in one colour (`#rrggbb`)."""
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    if kind == "png":
        return _png(width, height, red, green, blue)
    return (_jpeg if kind == "jpeg" else _webp)(width, height, red, green, blue)


def _png(width: int, height: int, *color: int) -> bytes:
    """One bit per pixel, and a palette of one colour."""
    row = bytes(1 + (width + 7) // 8)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(color)),
            _chunk(b"IDAT", zlib.compress(row * height, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg(width: int, height: int, red: int, green: int, blue: int) -> bytes:
    """Baseline JPEG without subsampling. A block of one colour is its mean alone, and each mean is that of the block
    before it; so after the first blocks every block is the same two bits: no difference (0), nothing more (0).
    """
    means = (
        0.299 * red + 0.587 * green + 0.114 * blue - 128,
        -0.168736 * red - 0.331264 * green + 0.5 * blue,
        0.5 * red - 0.418688 * green - 0.081312 * blue,
    )
    levels = [min(max(round(8 * mean), -1024), 1016) for mean in means]
    sizes = sorted({abs(level).bit_length() for level in levels} - {0})
    codes = {0: "0"} | {size: f"{0b100 + number:b}" for number, size in enumerate(sizes)}
    bits = "".join(f"{codes[abs(level).bit_length()]}{_magnitude(level)}0" for level in levels)
    bits += "000000" * (-(-width // 8) * -(-height // 8) - 1)
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            _segment(0xDB, bytes([0, *[1] * 64])),
            _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])),
            # Codes by their lengths: one of one bit, the others of three.
            _segment(0xC4, bytes([0x00, 1, 0, len(sizes), *[0] * 13, 0, *sizes])),
            _segment(0xC4, bytes([0x10, 1, *[0] * 15, 0])),
            _segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])),
            scan,
            b"\xff\xd9",
        )
    )


def _magnitude(level: int) -> str:
    """A difference in JPEG's bits; a negative one as that many bits above the least."""
    size = abs(level).bit_length()
    return f"{level if level > 0 else level + (1 << size) - 1:0{size}b}" if size else ""


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _webp(width: int, height: int, red: int, green: int, blue: int) -> bytes:
    """Lossless WebP, whose every channel has one symbol: no pixel takes a bit."""
    bits = f"{height - 1:014b}{width - 1:014b}"[::-1]
    bits += "0000" + "000"  # no alpha, version 0; no transform, no cache of colours, no meta codes
    bits += "".join("101" + f"{value:08b}"[::-1] for value in (green, red, blue, 255))
    bits += "1000"  # the fifth code is for distances, of which there are none
    bits += "0" * (-len(bits) % 8)
    data = b"\x2f" + int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")
    data = b"VP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(data)) + b"WEBP" + data
