"""A value as text: one rule for prices, matches, options, sentences and the texts of a scenario.

A number is what it is worth, as in JavaScript, which has one kind of number: 5.0 is `5`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar, Final

from wiro_mock.kernel.files import File
from wiro_mock.kernel.numbers import plain

LONGEST_VALUE: Final = 100_000
"""Characters of a list or an object that are written out."""
_ENORMOUS: Final = 10**4_300
"""Python writes no integer of more than 4300 digits."""


def value_text(value: object) -> str:
    """A value as text: a file by its name, lists joined by commas, objects as JSON, and null as nothing.

    Numbers are in plain digits, without an exponent: `5` for 5 and for 5.0, `0.00001` for 1e-05. Of a list or an
    object, no more than `LONGEST_VALUE` characters and a few.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value)) if abs(value) < _ENORMOUS else "an enormous number"
        case float():
            number = Decimal(repr(float(value)))
            return plain(number) if number.is_finite() else str(float(value))
        case File(name=name):
            return name
        case list() | tuple():
            return _beginning(text for item in value for text in (", ", value_text(item)))[2:]
        case dict():
            return _beginning(json.JSONEncoder(ensure_ascii=False, default=value_text).iterencode(value))
        case _:
            return str(value)


class Rope:
    """A text in parts, as a value: adding to it copies the little that is added, and not what was there.

    Parts of like size become one, so there are never more than some twenty of them, and a text that is said in n pieces
    is copied log n times over.
    """

    __slots__ = ("_length", "_parts")

    def __init__(self, *parts: str) -> None:
        self._parts = parts
        self._length = sum(map(len, parts))

    def add(self, *pieces: str) -> Rope:
        """The text with these pieces after it."""
        parts, new = list(self._parts), list(reversed(pieces))
        length = sum(map(len, new))
        while parts and len(parts[-1]) < 2 * length:
            new.append(parts.pop())
            length += len(new[-1])
        return Rope(*parts, "".join(reversed(new)))

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> str:
        start, stop, _ = slice(part.start, part.stop).indices(self._length)
        found, at = list[str](), 0
        for text in self._parts:
            if at < stop and start < at + len(text):
                found.append(text[max(0, start - at) : stop - at])
            at += len(text)
        return "".join(found)

    def __str__(self) -> str:
        return "".join(self._parts)

    def __repr__(self) -> str:
        return repr(str(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str | Rope | Growing):
            return NotImplemented
        return self is other or (len(self) == len(other) and str(self) == str(other))

    def __hash__(self) -> int:
        return hash(str(self))


class Growing:
    """A text that is only ever added to. What was there stays, so a slice of it is the same for ever."""

    __slots__ = ("_rope", "_spaced", "words")
    __hash__: ClassVar[None]  # type: ignore[assignment]  # it is equal to other texts later on

    def __init__(self, text: str = "") -> None:
        self._rope = Rope()
        self._spaced = True
        self.words = 0
        """How many words it has, counted as they come."""
        self.add(text)

    def add(self, piece: str) -> int:
        """Add a piece; the length of the text with it."""
        if piece:
            self.words += len(piece.split()) - (not self._spaced and not piece[0].isspace())
            self._spaced = piece[-1].isspace()
            self._rope = self._rope.add(piece)
        return len(self._rope)

    def __len__(self) -> int:
        return len(self._rope)

    def __getitem__(self, part: slice) -> str:
        return self._rope[part]

    def __str__(self) -> str:
        return str(self._rope)

    def __repr__(self) -> str:
        return repr(str(self))

    def __eq__(self, other: object) -> bool:
        return self._rope == (other._rope if isinstance(other, Growing) else other)


def _beginning(parts: Iterable[str]) -> str:
    """The parts joined, as far as a little beyond `LONGEST_VALUE`."""
    taken, length = list[str](), 0
    for part in parts:
        taken.append(part[: LONGEST_VALUE + 1])
        length += len(part)
        if length > LONGEST_VALUE + 2:
            break
    return "".join(taken)
