"""A picture's bytes become pixels, within limits that are checked before any pixel is made.

Decoding is work for the processor and happens in the request's own thread. Of a picture that moves the first frame
is taken, as the official code does; how much of the rest is looked at is bounded.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from wiro_mock.moondream.refusals import BadAsk

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PIXELS = 50_000_000
"""The most pixels, over all frames; our choice (150 MB when decoded)."""
SIDE = 65_535
"""The longest side, which is JPEG's; Pillow has no memory to make a strip of a pixel by millions smaller."""
FRAMES = 100
"""The most frames; our choice."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""What is decoded: what the web shows. A telephone's picture in two (MPO) counts as a JPEG."""
KNOWN = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"<svg": "an SVG",
    b"<htm": "a web page",
    b"<!DO": "a web page",
}


def decoded(data: bytes) -> Picture:
    """The picture in RGB. Raises `BadAsk`, with status 413 where it is too large."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns of large pictures and refuses huge ones by itself; here both are told in our words.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _measured(picture)
            return picture.convert("RGB")
    except Image.DecompressionBombError:
        raise BadAsk(f"the picture has more than {PIXELS:,} pixels; send a smaller one", status=413) from None
    except UnidentifiedImageError:
        raise BadAsk(f"image_url holds {_what(data)}; pictures are {', '.join(FORMATS)}") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's decoders say of broken files
        raise BadAsk(f"the picture is damaged: {error}") from None


def _measured(picture: Picture) -> None:
    width, height = picture.size
    if max(width, height) > SIDE:
        raise BadAsk(f"the picture has {width} x {height} pixels; {SIDE:,} are the most of a side", status=413)
    if width * height > PIXELS:
        raise BadAsk(f"the picture has {width} x {height} pixels; {PIXELS:,} are the most", status=413)
    most = max(1, min(FRAMES, PIXELS // max(1, width * height)))
    if not getattr(picture, "is_animated", False):
        return
    try:
        picture.seek(most)
    except EOFError:
        picture.seek(0)
        return
    raise BadAsk(f"the picture has more than {most} frames of {width} x {height}; send one of them", status=413)


def _what(data: bytes) -> str:
    head = data[:4]
    return KNOWN.get(head, f"no picture that can be read (it begins with {data[:8].hex(' ')})")
