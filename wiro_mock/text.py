"""Text as it can be shown and sent: on one line for the tester's eyes, without halves of characters for everybody."""

from __future__ import annotations

import re
from typing import Final

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_CREDENTIALS: Final = re.compile(r"(?<=//)[^/?#]*@")
LONGEST_URL: Final = 200


def printable(text: str) -> str:
    """The text on one line: what is not printable is written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def bare_url(url: str) -> str:
    """A URL as it can be told of, whatever it is: without name, password and query, where secrets lie."""
    told = _CREDENTIALS.sub("", url.partition("#")[0], count=1)
    before, has_query, _ = told.partition("?")
    return (before + ("?…" if has_query else ""))[:LONGEST_URL]


def whole(text: str) -> str:
    """The text without halves of characters, which no frame and no file can hold."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
