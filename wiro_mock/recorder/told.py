"""A run that nobody could listen to, told by its end alone: what Task/Detail knows of its phases and its output. Pure.

So it is with a synchronous run, whose answer is the first that names its task. Detail has whole seconds; how its output
came is unknown, and so it comes in one piece when the process ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wiro_mock.kernel.events import SECOND, Instant
from wiro_mock.recorder.sighting import Seen, listed

_PHASES: Final = {
    "accepttime": "task_accept",
    "preprocessstarttime": "task_preprocess_start",
    "preprocessendtime": "task_preprocess_end",
    "assigntime": "task_assign",
    "starttime": "task_start",
}
ANSWERED: Final = "a synchronous run, whose phases Task/Detail told in whole seconds, and its output as one piece"
STREAMED: Final = "a synchronous run, whose phases Task/Detail told in whole seconds; its text is as it was streamed"
"""What a scenario says of how it came to be."""


def frames_of(task: Mapping[str, Any], begun: Instant, ended: Instant, said: Sequence[Seen] = ()) -> list[Seen]:
    """The frames before the last one, as they may have been: the run came at `begun`, and its end was told at `ended`
    (microseconds). `said` is what was heard of its text.
    """
    created = _seconds(task, "createtime")
    first = said[0].at if said else ended

    def instant(key: str) -> Instant | None:
        told = _seconds(task, key)
        return None if told is None else begun + (told - (created if created is not None else told)) * SECOND

    marks = [(instant(key), kind) for key, kind in _PHASES.items()]
    frames = [Seen(at=min(at, first), frame={"type": kind}) for at, kind in marks if at is not None]
    done = instant("postprocessstarttime")
    last = max([frame.at for frame in (*frames, *said)], default=begun)
    at = min(max(done if done is not None else ended, last), ended)
    told = _output(task, taken=(at - last) // SECOND)
    shown = [*said] or [Seen(at=at, frame={"type": "task_output", "message": one}) for one in told]
    error = str(task.get("debugerror") or "")
    failed = [Seen(at=at, frame={"type": "task_error", "message": error})] if error else []
    kinds = ("task_end", "task_postprocess_start") if done is not None else ()
    ending = [Seen(at=at, frame={"type": kind}) for kind in kinds]
    return [*frames, *shown, *failed, *ending]


def heard_of(data: Mapping[str, Any], begun: Instant, at: Instant) -> Seen | None:
    """An event `task_output` of a stream, as the frame of the socket that tells the same: how long it has taken, and
    how fast, is reckoned. None where it tells of no text.
    """
    segments = data.get("segments")
    if not isinstance(segments, list):
        return None
    words = sum(len(str(one.get("text", "")).split()) for one in segments if isinstance(one, dict))
    taken = at - begun
    speed = words * SECOND / taken if taken else 0.0
    thinks = bool(segments) and isinstance(segments[-1], dict) and segments[-1].get("type") == "thinking"
    message = {"type": "progressGenerate", "task": "Generate", "speed": f"{speed:.1f}", "speedType": "words/s"}
    more = {"isThinking": thinks, "elapsedTime": f"{taken // SECOND}s", "segments": segments}
    return Seen(at=at, frame={"type": "task_output", "message": {**message, **more}})


def _output(task: Mapping[str, Any], taken: int) -> list[object]:
    """All that was written: a language model's answer, which took so many seconds, or the log."""
    contents = [one.get("content") for one in listed({"message": task.get("outputs")})]
    answers = [{**one, "elapsedTime": f"{taken}s"} for one in contents if isinstance(one, dict)]
    log = str(task.get("debugoutput") or "")
    return [*answers] or ([log] if log else [])


def _seconds(task: Mapping[str, Any], key: str) -> int | None:
    """Unix seconds; None where they are unset, which is spelt `0` (rest.md §3)."""
    found = re.fullmatch(r"[1-9][0-9]{0,11}", str(task.get(key)))
    return int(found[0]) if found else None
