"""What the mock would play for a run if nobody told it what happened: the measure of times, and of what a run tells.

It is an example and no promise, so what differs is only told, with the line of the scenario. (Our choice.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from wiro_mock.drift.asking import asked_of, frames_to_the_end
from wiro_mock.drift.findings import Finding
from wiro_mock.drift.lines import line_of_step
from wiro_mock.drift.takes import Exchange, Take
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.recorder.observed import Seen
from wiro_mock.settings import Settings

TOLD: Final = {
    "a preprocessing phase": ("preprocess",),
    "progress": ("progress",),
    "a streamed text": ("stream", "answer"),
    "lines of the log": ("print",),
    "lines of stderr": ("stderr",),
    "an answer among the outputs": ("answer",),
    "files": ("produce",),
}
"""What a run may tell, and the steps of a scenario that do."""


@dataclass(frozen=True, slots=True)
class Played:
    """The frames of a run, and the `file:line` of the scenario that made them."""

    frames: tuple[Seen, ...]
    source: str


def played_by_itself(one: Exchange, library: Library, settings: Settings, scenario: str = "") -> Played | None:
    """The same run at a mock that plays what it would play, or the scenario that is asked for; None if it refuses."""
    profile = replace(settings.profile, parameters="unchecked")
    world = World(replace(settings, time="manual", unknown_models="play", profile=profile), library=library)
    try:
        if scenario:
            world.use(scenario)
        answer = asked_of(world, one.call, one.body)
        task = next(iter(world.sim.tasks()), None)
        if task is None or answer is None:
            return None
        source = next((known.source for known in world.scenarios if known.name == task.job.scenario), "")
        return Played(frames_to_the_end(world, task.job.id), source)
    finally:
        world.close()


def told_otherwise(take: Take, one: Exchange, mock: Played) -> Iterator[Finding]:
    """What only one of both tells of a run that succeeded, where all of its frames were seen."""
    frames = take.streams.get(one.run_id, ())
    theirs, ours = kinds_of(frames), kinds_of(mock.frames)
    filled = _filled_in(frames) if take.is_scenario else set[str]()
    if theirs is None or ours is None or "task_start" in filled:
        return
    hidden = {"a preprocessing phase"} if "task_assign" in filled else set[str]()
    for what in sorted((theirs ^ ours) - hidden):
        line = line_of_step(mock.source, TOLD[what])
        yield Finding(
            level="upstream new",
            key=("told", one.call, what),
            what=f"{one.call} tells",
            mock=what if what in ours else f"no {what.removeprefix('a ').removeprefix('an ')}",
            live=what if what in theirs else "none",
            change=f"change {line}" if what in ours else f"add it to {line}",
            places=(one.where or one.call,),
        )


def kinds_of(frames: Sequence[Seen]) -> set[str] | None:
    """What a run told; None where it did not succeed, or some of its frames were not seen."""
    types = [one.kind for one in frames]
    last = frames[-1].frame if frames else {}
    if types[-1:] != ["task_postprocess_end"] or not {"task_accept", "task_start"} <= set(types):
        return None
    if last.get("success") is False or last.get("exitCode"):
        return None
    found = {"a preprocessing phase"} if "task_preprocess_start" in types else set[str]()
    found |= {"lines of stderr"} if "task_error" in types else set()
    found |= {_message(one.frame.get("message")) for one in frames if one.kind == "task_output"}
    message = last.get("message")
    return found | {_output(one) for one in (message if isinstance(message, list) else ()) if isinstance(one, dict)}


def _filled_in(frames: Sequence[Seen]) -> set[str]:
    """The frames that a recorder may have missed, for it had come late: what it fills in takes no time."""
    return {later.kind for earlier, later in pairwise(frames) if later.at == earlier.at}


def _message(message: Any) -> str:
    if not isinstance(message, dict):
        return "lines of the log"
    return "progress" if "stepTotal" in message else "a streamed text"


def _output(one: dict[str, Any]) -> str:
    if "content" in one:
        return "an answer among the outputs"
    return "files"  # of which type, a recording without bytes does not know
