"""Outputs that come in many pieces: the steps of a progress bar, the words of a streamed text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from wiro_mock.kernel.events import SECOND, Duration, Progress, Snapshot
from wiro_mock.language.steps import ProgressBar, StreamText

MOST_SNAPSHOTS: Final = 500
_WORD: Final = re.compile(r"\S+")
_BAR_WIDTH: Final = 10
_BAR_PARTS: Final = " ▏▎▍▌▋▊▉█"


def progress(step: ProgressBar) -> Iterable[tuple[Duration, Progress]]:
    """The steps of a progress bar, evenly spaced, each with its time since the bar began."""
    for number in range(1, step.steps + 1):
        at = step.lasting * number // step.steps
        shown = Progress(
            step=number,
            total=step.steps,
            elapsed=at,
            remaining=step.lasting - at,
            kind=step.kind,
            task=step.task,
            speed_type=step.speed_type,
            line=_bar_line(number, at, step) if step.log else "",
        )
        yield at, shown


def _bar_line(number: int, at: Duration, step: ProgressBar) -> str:
    """The line that tqdm, which the documented log shows, leaves for this step."""
    eighths = number * _BAR_WIDTH * 8 // step.steps
    full, part = divmod(eighths, 8)
    bar = ("█" * full + (_BAR_PARTS[part] if part else "")).ljust(_BAR_WIDTH)
    speed = f"{number * SECOND / at:5.2f}" if at else "    ?"
    times = f"{_clock(at)}<{_clock(step.lasting - at)}"
    return f"{round(100 * number / step.steps):3d}%|{bar}| {number}/{step.steps} [{times}, {speed}{step.speed_type}]"


def _clock(duration: Duration) -> str:
    minutes, seconds = divmod(duration // SECOND, 60)
    return f"{minutes:02d}:{seconds:02d}"


def snapshots(before: str, text: str, step: StreamText) -> Iterable[tuple[Duration, Snapshot]]:
    """The words of the text, each at its time. The first stands alone; beyond the cap, words share a snapshot."""
    last = max(sum(1 for _ in _WORD.finditer(text)) - 1, 0)
    group = -(-last // (MOST_SNAPSHOTS - 1)) or 1
    ends = {place: found.end() for place, found in enumerate(_WORD.finditer(text)) if place % group == 0}
    ends[last] = len(text)
    if before and text and not (before[-1].isspace() or text[0].isspace()):
        before += " "  # the last word of one stream and the first of the next are two
    whole = before + text
    for place, end in ends.items():
        at = step.first + round(place * SECOND / step.rate)
        yield at, Snapshot(text=whole, upto=len(before) + end, elapsed=at, words_per_second=step.rate)
