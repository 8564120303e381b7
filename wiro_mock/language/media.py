"""The content type that goes with a name, and the ready-made files that are shipped."""

from __future__ import annotations

import functools
from pathlib import PurePosixPath

from wiro_mock.language.pictures import picture
from wiro_mock.shipped import shipped

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


@functools.cache
def sample(kind: str) -> bytes:
    """A ready-made file of the shipped ones, read when it is first needed. `kind` is its extension, without the dot."""
    return (shipped() / "media" / f"sample.{kind}").read_bytes()


def png(width: int, height: int, color: str) -> bytes:
    """A PNG of this size in pixels, all in one colour (`#rrggbb`)."""
    return picture("png", width, height, color)
