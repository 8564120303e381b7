"""The pictures of the catalogue: one colour each, so that a client which shows them finds one, and never asks Wiro.

Wiro's lie on a host of their own, under the path that is used here (rest.md §7.3); a model's own address is kept, with
the host of the server that was asked. What the pictures show is our choice.
"""

from __future__ import annotations

import zlib
from urllib.parse import urlsplit

from wiro_mock.api.answers import Answer
from wiro_mock.api.messages import Outcome, Request, Response, World
from wiro_mock.api.origin import WIRO, is_wiro
from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.language.pictures import FORMATS, picture

WIRO_MEDIA = "https://cdn.wiro.ai"
"""Where Wiro keeps the pictures of its catalogue (rest.md §7.3)."""
FOLDER = "/uploads/models/"
WIDTH, HEIGHT = 512, 512
PALETTE = ("#6b8e9f", "#8f6b9f", "#9f7d6b", "#6b9f7a", "#9f6b7f", "#7a6b9f", "#9f9a6b", "#6b9f99")


def cover_url(model: Model, origin: str) -> str:
    """The URL of a model's cover, for a request of this origin."""
    name = f"{clean_slug(model.owner)}-{clean_slug(model.slug)}-cover.png"
    return shown_url(model.image, origin) or f"{_media(origin)}{FOLDER}{_safe(name)}"


def sample_urls(model: Model, origin: str) -> list[str]:
    """The URLs of a model's sample outputs, but for those of Wiro's that are no pictures: nothing is behind them."""
    return [shown for url in model.samples if (shown := shown_url(url, origin))]


def shown_url(url: str, origin: str) -> str:
    """A URL that a client may fetch: of Wiro's hosts only pictures, and those from here; empty for the others.

    What is blank is no URL.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""
    if not is_wiro(host):
        return url
    name = parts.path.rpartition("/")[2]
    known = _format_of(name) and parts.path == f"{FOLDER}{name}"
    return f"{_media(origin)}{parts.path}" if known else ""


def fetch_picture(world: World, request: Request, picture_name: str) -> Answer:  # noqa: ARG001 -- as all handlers
    """`GET /uploads/models/{name}.{png|jpg|jpeg|webp}`: in the colour that belongs to the name, without a key.

    Any name has a picture: its address may have been handed out by another world of the same server.
    """
    kind = FORMATS[_format_of(picture_name)]
    color = PALETTE[zlib.crc32(picture_name.encode(errors="replace")) % len(PALETTE)]
    content = picture(kind, WIDTH, HEIGHT, color)
    return Answer(Response(headers=(("content-type", f"image/{kind}"),), content=content), Outcome())


def _format_of(name: str) -> str:
    """The extension of a picture, in lower case; empty for any other file."""
    extension = name.rpartition(".")[2].lower()
    return extension if "." in name and extension in FORMATS else ""


def _media(origin: str) -> str:
    return WIRO_MEDIA if origin == WIRO else origin


def _safe(name: str) -> str:
    """A name as a segment of a path: of letters, digits and `-._~`."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "-._~") else "-" for char in name)
