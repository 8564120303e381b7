"""How long the phases of a task take: what the service took, against the scenario that the mock would play.

Phases are told apart by their times in Detail, which are whole seconds, or by the arrival of frames. Only what takes
several times as long as the other, and seconds more, is told: the mock's times are examples (our choice).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wiro_mock.drift.by_itself import Played
from wiro_mock.drift.lines import line_of_step
from wiro_mock.drift.takes import Exchange, Take
from wiro_mock.recorder.observed import Seen

FACTOR, LEAST = 5.0, 3.0
"""How many times as long, and how many seconds more, before it is told. Ours."""
PHASES: Final = (
    ("in the queue", "createtime", "accepttime", ("accept",)),
    ("from accepted to assigned", "accepttime", "assigntime", ("preprocess", "assign")),
    ("from assigned to started", "assigntime", "starttime", ("start",)),
    ("at work", "starttime", "endtime", ("progress", "stream", "answer", "print", "produce", "exit")),
    ("after work", "postprocessstarttime", "postprocessendtime", ("postprocess",)),
)  # fmt: skip
"""What it is called, between which times of Detail it lies, and the steps of a scenario that make it."""
_FRAMES: Final = {
    "createtime": "task_queue", "accepttime": "task_accept", "assigntime": "task_assign", "starttime": "task_start",
    "endtime": "task_end", "postprocessstarttime": "task_postprocess_start",
    "postprocessendtime": "task_postprocess_end",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Slower:
    """A phase that takes far longer, or shorter, than at the mock; seconds. `where` is the step to change."""

    phase: str
    mock: float
    live: float
    where: str


def slower(take: Take, one: Exchange, played: Played) -> Iterator[Slower]:
    """The phases of a run that succeeded, as far as they differ from those that the mock would play."""
    live, mock = _of_detail(take, one.run_id) or _of_frames(take.streams.get(one.run_id, ())), _of_frames(played.frames)
    for phase, begin, end, verbs in PHASES:
        if begin in live and end in live and begin in mock and end in mock:
            ours, theirs = mock[end] - mock[begin], live[end] - live[begin]
            longest, shortest = max(ours, theirs), max(min(ours, theirs), 0.1)
            if longest / shortest >= FACTOR and longest - shortest >= LEAST:
                yield Slower(phase=phase, mock=ours, live=theirs, where=line_of_step(played.source, verbs))


def _of_detail(take: Take, task: str) -> Mapping[str, float]:
    """The times of a task that succeeded, in seconds; nothing for any other."""
    last = next((found for one in reversed(take.exchanges) for found in one.tasks if str(found.get("id")) == task), {})
    return _times(last) if last.get("status") == "task_postprocess_end" and last.get("pexit") == "0" else {}


def _times(task: Mapping[str, Any]) -> dict[str, float]:
    shown = {name: str(task.get(name, "")) for name in _FRAMES}
    return {name: float(text) for name, text in shown.items() if text.isdecimal() and text != "0"}


def _of_frames(frames: tuple[Seen, ...]) -> Mapping[str, float]:
    last = frames[-1].frame if frames else {}
    if last.get("type") != "task_postprocess_end" or last.get("success") is False or last.get("exitCode"):
        return {}
    first: dict[str, float] = {}
    for seen in frames:
        first.setdefault(str(seen.frame.get("type")), seen.at / 1_000_000)
    return {name: first[kind] for name, kind in _FRAMES.items() if kind in first}
