"""How a secret may be spelt in what a Wiro says, beyond what `masking` knows: HTML, UTF-16, .NET's and PHP's. Pure.

In base64 it is looked for where it stands by itself, and in the midst of something longer as well (`user:secret`, a
JSON file): of its three possible positions there, the letters that only the secret decides.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from wiro_mock import masking

LEAST_INSIDE: Final = 8
"""Bytes of a secret that is looked for in the midst of base64: the few letters of a shorter one stand there by chance.
"""
_ESCAPED: Final = re.compile("%[0-9A-F]{2}")


def spellings(text: str) -> set[str]:
    """The text itself, and what may stand for it in other texts."""
    raw = text.encode(errors="replace")
    known = masking.spellings(text)
    made = {
        *known,
        *(_ESCAPED.sub(lambda found: found[0].lower(), one) for one in known),  # .NET writes %2f
        quote(quote(text, safe=""), safe=""),  # a URL within a URL
        json.dumps(text)[1:-1].replace("/", "\\/"),  # PHP's JSON
        html.escape(text),
        raw.hex().upper(),
        *_inside_base64(raw),
    }
    return {one for one in made if one}


def in_bytes(text: str) -> Iterator[bytes]:
    """What stands for a spelling in bytes: UTF-8, and UTF-16 as Windows writes it."""
    yield text.encode(errors="replace")
    yield text.encode("utf-16-le", errors="replace")
    yield text.encode("utf-16-be", errors="replace")


def _inside_base64(raw: bytes) -> Iterator[str]:
    for code in (base64.b64encode, base64.urlsafe_b64encode) if len(raw) >= LEAST_INSIDE else ():
        for before in range(3):
            bits = (before + len(raw)) * 8
            yield code(b"\0" * before + raw).decode()[-(-before * 8 // 6) : bits // 6]
