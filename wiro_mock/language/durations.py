"""Durations and rates as people write them (`200ms`, `1m30s`, `45tps`), and as the kernel counts them.

A bare number is refused: nobody remembers whether 5 means seconds or milliseconds.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

MICROSECONDS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
LONGEST = 366 * 24 * MICROSECONDS["h"]

_DURATION = re.compile(
    r"(?:([0-9]{1,6})h)?(?:([0-9]{1,9})m(?!s))?(?:([0-9]{1,9}(?:\.[0-9]{1,6})?)s)?"
    r"(?:([0-9]{1,12}(?:\.[0-9]{1,3})?)ms)?(?:([0-9]{1,15})us)?"
)
_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?tps")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def parse_duration(value: object) -> int:
    """Whole microseconds of a duration such as `200ms`, `1.5s` or `1m30s`."""
    text = str(value)
    if _NUMBER.fullmatch(text) and not isinstance(value, bool):
        ways = f"{text}s or {text}ms" if text.strip("0.") else "0s"
        raise ValueError(f"{text} has no unit; write {ways}")
    found = _DURATION.fullmatch(text) if isinstance(value, str) else None
    if found is None or not text:
        raise ValueError(f"{value!r} is not a duration; write it like 200ms, 2s or 1m30s")
    parts = zip(found.groups(), MICROSECONDS.values(), strict=True)
    total = int(sum(Decimal(number) * unit for number, unit in parts if number))
    if total > LONGEST:
        raise ValueError(f"{text} is longer than a year; for something that never ends write `stall:` or `hold: NAME`")
    return total


def format_duration(microseconds: int) -> str:
    """The shortest spelling that `parse_duration` reads back as the same number."""
    parts = []
    for unit, size in MICROSECONDS.items():
        number, microseconds = divmod(microseconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def parse_rate(value: object) -> float:
    """Tokens per second of a rate such as `45tps`."""
    text = str(value)
    if _NUMBER.fullmatch(text) and not isinstance(value, bool):
        raise ValueError(f"{text} has no unit; write {text}tps (tokens per second)")
    found = _RATE.fullmatch(text) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a rate; write it like 45tps (tokens per second)")
    rate = float(found[1])
    if not rate:
        raise ValueError("a rate of 0 never comes to an end; to stop in the middle write `stall:` or `hold: NAME`")
    return rate


DurationText: TypeAlias = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {"type": "string", "pattern": r"^([0-9.]+(h|ms|m|s|us))+$", "examples": ["200ms", "2s", "1m30s", "0s"]}
    ),
]
RateText: TypeAlias = Annotated[
    float,
    BeforeValidator(parse_rate),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?tps$", "examples": ["45tps"]}),
]
