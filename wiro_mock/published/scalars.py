"""Texts and numbers as YAML that reads back as what it was, whatever stands in them.

The reader takes only null, true, false and plain decimal numbers for anything but text (language/yaml_source.py);
other readers of YAML take more, so a text stays bare only where no reader could be in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./+]*(?:[ -][A-Za-z0-9_./+]+)*")
_PROSE: Final = re.compile(r"[A-Z][A-Za-z0-9_./+,'();!?%-]*(?: [A-Za-z0-9_./+,'();!?%][A-Za-z0-9_./+,'();!?%-]*)*")
_NOT_TEXT: Final = re.compile(r"(?i)~|null|true|false|yes|no|on|off|y|n|[-+.0-9].*|\.?(inf|nan)|[0-9:.]+")
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_LONGEST_BARE: Final = 200


def scalar(text: str) -> str:
    """A text as a value of a flow mapping, a list or a key: bare where nobody could take it for anything else."""
    bare = len(text) <= _LONGEST_BARE and _BARE.fullmatch(text) and not _NOT_TEXT.fullmatch(text)
    return text if bare else quoted(text)


def prose(text: str) -> str:
    """A text as the value of a key in a block, where commas and the like are harmless."""
    return text if _PROSE.fullmatch(text) and not _NOT_TEXT.fullmatch(text) else scalar(text)


def quoted(text: str) -> str:
    """A text in double quotes, on one line; what cannot be printed is written as an escape."""
    return f'"{"".join(_ESCAPES.get(char) or _shown(char) for char in text)}"'


def flow(texts: Iterable[str]) -> str:
    """A list on one line."""
    return f"[{', '.join(map(scalar, texts))}]"


def literal(text: str, indent: str) -> str | None:
    """A text of several lines as a block of its own (`|-`), line for line; None where that would not be exact."""
    lines = text.split("\n")
    first, last = lines[0], lines[-1]
    exact = all(line.isprintable() and (line == "" or line.strip(" ")) for line in lines)
    if len(lines) < 2 or not exact or not first or first[0] == " " or not last:
        return None
    return "|-\n" + "\n".join(f"{indent}{line}" if line else "" for line in lines)


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"
