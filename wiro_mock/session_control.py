"""Realtime sessions in the control API: what was heard and said in each, as JSON, and what was heard as a WAV file.

Each function is given the world, locked and settled, as those of `control` are. What few clients ask for, a start need
not wait for: the rest is imported when it is.
"""
# ruff: noqa: ARG001 -- every resource is given the same three things

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World


@dataclass(frozen=True, slots=True)
class Download:
    """An answer that is no JSON."""

    content: bytes
    contenttype: str


def list_sessions(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> tuple[int, object]:
    """The sessions of the remembered tasks, newest first, without their turns."""
    found = [task for task in world.sim.tasks(newest_first=True) if _has_session(world, task)]
    return 200, {"sessions": [_shape(world, task) for task in found]}


def show_session(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> tuple[int, object]:
    """One session, found by the id or the token of its task, with what was said in it."""
    from wiro_mock.kernel import session_log as story

    task = _find(world, query["task"])
    if task is None:
        return _missing(query["task"])
    log = world.sim.log(task.job.id)
    heard = [
        {"at": one.at, "seconds": one.seconds, "rms": one.rms, "transcript": one.transcript}
        for one in story.utterances(log)
    ]
    said = [
        {
            "said": turn.said,
            "seconds": turn.seconds,
            "interrupted": turn.interrupted,
            "cost": None if turn.cost is None else plain(turn.cost),
        }
        for turn in story.turns(log)
    ]
    told = {"utterances": heard, "turns": said, "transcript": " ".join(story.understood(log))}
    return 200, {**_shape(world, task), **told}


def heard_wav(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> tuple[int, object]:
    """What was heard in one session, as a WAV file: its last 60 seconds. Empty where nobody has spoken."""
    from wiro_mock.kernel.audio import wav

    task = _find(world, query["task"])
    if task is None:
        return _missing(query["task"])
    return 200, Download(wav(world.sessions.recording(task.job.id).kept()), "audio/wav")


def _find(world: World, name: str) -> Task | None:
    task = world.sim.task(name) or world.sim.task_by_token(name)
    return task if task is not None and _has_session(world, task) else None


def _has_session(world: World, task: Task) -> bool:
    return task.turns is not None or world.sim.session(task.job.id) is not None


def _missing(name: str) -> tuple[int, object]:
    return 404, {"error": f"no realtime session is of a task {name[:60]!r}; GET /__wiro/sessions lists them"}


def _shape(world: World, task: Task) -> dict[str, Any]:
    from wiro_mock.kernel import session_log as story

    log, heard = world.sim.log(task.job.id), world.sessions.recording(task.job.id)
    return {
        "task": task.job.id,
        "token": task.job.token,
        "model": task.job.model.name,
        "scenario": task.job.scenario,
        "ready": story.has_begun(log),
        "ended_by": story.ended_by(log) or None,
        "heard": {
            "seconds": heard.seconds,
            "rms": heard.rms,
            "frames": heard.frames,
            "kept_seconds": heard.kept_seconds,
        },
        "said_seconds": story.said_seconds(log),
        "cost": plain(story.cost(log)),
        "wav": f"/__wiro/sessions/{task.job.id}.wav",
    }
