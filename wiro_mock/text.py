"""Text for the tester's eyes: whatever a client or a file has put into it, it stays on one line."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line: what is not printable is written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
