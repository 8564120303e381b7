"""Tokens become text as they come, and no character is ever cut in two.

A token may be a part of a character. What is decoded then ends in U+FFFD, and is held back until the rest has come;
what never becomes a character is given out at the end, as it is. The decoders of `tokenizers` that do this lose the
last bytes of broken UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

HALF = "\ufffd"


class Words:
    """The text of a growing list of tokens. The decoder must be one that joins bytes, as byte-level BPE does."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._held: list[int] = []

    def add(self, token: int) -> str:
        """The text that this token completes; may be empty."""
        self._held.append(token)
        text = self._decode(self._held)
        if text.endswith(HALF):
            return ""
        self._held.clear()
        return text

    def end(self) -> str:
        """What was held back."""
        text = self._decode(self._held)
        self._held.clear()
        return text
