"""The loose values of published pages, as exact ones: numbers in texts, lists in texts, durations in words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.texts import value_text

DIGITS: Final = 18
"""A plain number of a YAML file has so many digits on either side of its point at most."""
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_DURATION: Final = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hours?)?\b", re.IGNORECASE
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_NO: Final = frozenset({"", "0", "false", "no", "off", "null", "none"})


def text(value: object) -> str:
    """A plain value as text; a list or a mapping, which is none, as nothing. Half a surrogate pair becomes U+FFFD."""
    match value:
        case str():
            return _SURROGATES.sub("\ufffd", value)
        case float() if not math.isfinite(value):
            return ""
        case bool() | int() | float():
            return value_text(value)
        case _:
            return ""


def line(value: object) -> str:
    """A plain value as text on one line: runs of white space and line ends are one space."""
    return " ".join(text(value).split())


def number(value: object) -> Decimal | None:
    """The number that a value or its text is; None where it is none, or has more digits than a file can hold."""
    words = text(value).strip()
    if not words or len(words) > 2 * DIGITS + 2:
        return None
    try:
        found = Decimal(words)
    except InvalidOperation:
        return None
    if not found.is_finite() or not -DIGITS <= found.adjusted() < DIGITS:
        return None
    whole, _, rest = plain(found).removeprefix("-").partition(".")
    return found if len(whole) <= DIGITS and len(rest) <= DIGITS else None


def whole(value: object, *, least: int = 0) -> int | None:
    """The whole number that a value or its text is, from `least` on."""
    found = number(value)
    return int(found) if found is not None and found == int(found) and found >= least else None


def true(value: object) -> bool:
    """Whether a value means yes, in any of Wiro's spellings: `true`, `1`, `"1"`, `"true"`, `"required"`."""
    return text(value).strip().lower() not in _NO


def seconds(value: object) -> int | None:
    """The seconds of a duration in words, such as `10 seconds` (rest.md §2.6) or `2 minutes`; 1 at the least."""
    found = _DURATION.search(text(value))
    if found is None:
        return None
    length = Decimal(found[1]) * _UNITS[(found[2] or "s")[0].lower()]
    return max(1, int(length.to_integral_value()))


def texts(value: object) -> tuple[str, ...]:
    """The filled texts of a list, each once; a single text is a list of one."""
    items = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(found for item in items if (found := line(item))))


def part(value: object, key: str) -> object:
    """What a mapping has under a key; None where there is no mapping, or nothing in it."""
    return value.get(key) if isinstance(value, Mapping) else None


def beyond(words: str, *said: str) -> str:
    """The words; nothing where they only repeat what is said elsewhere."""
    return "" if words in said else words


def first(value: object, *keys: str) -> object:
    """The first thing a mapping has under one of the keys that is neither null nor an empty text."""
    return next((found for key in keys if (found := part(value, key)) is not None and found != ""), None)
