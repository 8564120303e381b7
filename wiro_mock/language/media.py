"""Output files from nothing: a small PNG of one colour, and the content type that goes with a name."""

from __future__ import annotations

import functools
import struct
import zlib
from pathlib import PurePosixPath

CONTENT_TYPES = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".gif": "image/gif",
    ".glb": "model/gltf-binary",
    ".heic": "image/heic",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".srt": "application/x-subrip",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}
"""Our own table: `mimetypes` reads the machine's files and so differs from one machine to the next."""


def content_type(name: str, otherwise: str = "application/octet-stream") -> str:
    """The content type that the name's extension stands for."""
    return CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), otherwise)


@functools.lru_cache(maxsize=64)
def png(width: int, height: int, color: str) -> bytes:
    """A valid PNG of this size, all in one colour (`#rrggbb`): one bit per pixel and a palette of one."""
    row = bytes(1 + (width + 7) // 8)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes.fromhex(color.removeprefix("#"))),
            _chunk(b"IDAT", zlib.compress(row * height, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
