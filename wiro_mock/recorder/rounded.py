"""What a frame tells only rounded (a speed, whole seconds), taken back to a length of time told in the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil, floor
from typing import Any, Final

from wiro_mock.kernel.events import SECOND, Duration

MILLISECOND: Final[Duration] = 1_000


def fit(count: int, message: Mapping[str, Any], measured: Duration) -> Duration:
    """The length of time nearest to what was measured that is told in the same words: so many whole seconds, and a
    count by it that is the same speed with one decimal.
    """
    least = seconds(message.get("elapsedTime")) * SECOND
    most, speed = least + SECOND - 1, number(message.get("speed"))
    if not count:
        return min(max(measured, least), most)
    if not speed:  # of no time at all, or so slow that one decimal tells nothing of it
        return min(max(measured, least, count * SECOND * 20 + 1), most) if least else 0
    slowest, fastest = max(speed - 0.05, 1e-9), speed + 0.05
    low, high = max(least, ceil(count * SECOND / fastest) + 1), min(most, floor(count * SECOND / slowest) - 1)
    if low <= high:
        near = min(max(measured, low), high)
        whole = -(-near // MILLISECOND) * MILLISECOND  # which is easier to read, and told in the same words
        return whole if whole <= high else near
    exact = round(count * SECOND / speed)  # of so few microseconds that there is nothing to choose
    return exact if least <= exact <= most else least


def seconds(text: object) -> int:
    """Whole seconds of `5s` or `1m 5s`."""
    found = re.fullmatch(r"(?:(\d{1,6})m ?)?(\d{1,6})s", str(text))
    return int(found[1] or 0) * 60 + int(found[2]) if found else 0


def number(text: object) -> float:
    """The number that a text begins with; else none."""
    found = re.match(r"\d{1,9}(?:\.\d{1,6})?", str(text))
    return float(found[0]) if found else 0.0
