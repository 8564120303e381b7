"""What something else tells of a run than its frames: the exit code, lines of the log, how the webhook came. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from wiro_mock.kernel.events import Duration
from wiro_mock.language.durations import format_duration
from wiro_mock.recorder.sighting import TERMINAL, Sighting, is_text

MILLISECOND: Final[Duration] = 1_000
"""A webhook that comes sooner after the end than this came at once."""


def exit_code(sighting: Sighting) -> int:
    """The exit code: the last frame's own word, or that of Detail, or else whether there was success; the frames of
    April 2026 tell of neither.
    """
    last = sighting.last or {}
    for code in (last.get("exitCode"), sighting.detail.get("pexit")):
        is_number = isinstance(code, int | str) and re.fullmatch(r"-?[0-9]{1,3}", str(code))
        if is_number and -255 <= int(str(code)) <= 255:
            return int(str(code))
    return 1 if last.get("success") is False else 0


def lines_of_log(sighting: Sighting) -> dict[int, str]:
    """What each object of a progress bar left in the log, by its place among the frames: the lines of the whole log
    that no frame tells, one for each object between the same printed lines, the last object of few.
    """
    if any(is_text(one.frame) for one in sighting.frames):
        return {}  # a streamed text is in the log as well
    left, ticks, found = _whole_log(sighting).split("\n"), list[int](), dict[int, str]()
    for place, one in enumerate([*(seen.frame for seen in sighting.frames), {}]):
        message = one.get("message")
        if one.get("type") == "task_output" and isinstance(message, dict):
            ticks.append(place)
        told = message.split("\n") if one.get("type") == "task_output" and isinstance(message, str) else []
        if told or not one:
            at = next((at for at in range(len(left)) if left[at : at + len(told)] == told), None) if told else len(left)
            if at is None:
                continue  # a line that the log doesn't have
            found |= _shared_out(ticks, left[:at])
            ticks, left = [], left[at + len(told) :]
    return {place: line for place, line in found.items() if line}


def _shared_out(ticks: Sequence[int], lines: Sequence[str]) -> dict[int, str]:
    """A line for each, the earlier ones first; what is left over goes with the last one."""
    if not ticks:
        return {}
    cut = len(ticks) - 1
    return {**dict(zip(ticks[:cut], lines[:cut], strict=False)), ticks[-1]: "\n".join(lines[cut:])}


def _whole_log(sighting: Sighting) -> str:
    """All that was printed: the message of `task_output_full`, or Detail's `debugoutput`."""
    for one in reversed(sighting.frames):
        message = one.frame.get("message")
        if one.kind == "task_output_full":
            raw = message.get("raw") if isinstance(message, dict) else message
            if isinstance(raw, str) and raw:
                return raw
    said = sighting.detail.get("debugoutput")
    return said if isinstance(said, str) else ""


def of_hooks(sighting: Sighting) -> str:
    """How the webhook came, where it did not come at once with the exit code of the task."""
    end = next((one.at for one in sighting.frames if one.kind in TERMINAL), None)
    if end is None or not sighting.hooks:
        return ""
    first, done = sighting.hooks[0], list[str]()
    if first.at - end >= MILLISECOND:
        done.append(f"latency: {format_duration(first.at - end)}")
    if len(sighting.hooks) > 1:
        done.append("duplicate: true")
    if first.code is not None and first.code != exit_code(sighting) and -255 <= first.code <= 255:
        done.append(f"pexit: {first.code}")
    return f"faults:\n  - {{on: webhook, do: {{{', '.join(done)}}}}}\n" if done else ""
