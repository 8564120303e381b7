"""What the tests of snapshots share: worlds that were saved and loaded, and all that can be seen of a world."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from tests.api_kit import ORIGIN
from wiro_mock.api import Conversation
from wiro_mock.mock import World
from wiro_mock.snapshot import load, save


def saved(world: World, *, secret: bool = True) -> bytes:
    """A snapshot."""
    file = BytesIO()
    save(world, file, secret=secret)
    return file.getvalue()


def loaded(data: bytes, into: World) -> World:
    """A world that goes on from a snapshot."""
    load(into, BytesIO(data), name="the snapshot")
    return into


def frames_of(world: World, token: str) -> list[Any]:
    """All that a socket is told that registers this token now."""
    talk = Conversation(world, ORIGIN)
    told: list[Any] = [*talk.receive(json.dumps({"type": "task_info", "tasktoken": token}))]
    while frames := talk.pending():
        told += frames
    return told


def seen(world: World) -> dict[str, Any]:
    """All that can be seen of a world from outside, in values that compare."""
    sim = world.sim
    tasks = list(sim.tasks())
    return {
        "tasks": tasks,
        "logs": {task.job.id: list(sim.log(task.job.id)) for task in tasks},
        "frames": {task.job.id: frames_of(world, task.job.token) for task in tasks},
        "waiting": {task.job.id: sim.waiting_for(task.job.id) for task in tasks},
        "account": (sim.account, sim.spent, sim.unfinished, sim.busy, sim.forgotten, sim.bytes_kept),
        "time": (world.clock.mode, world.clock.now(), sim.now, world.next_deadline()),
        "files": [(file, world.blobs.read(file.blob)) for file in sim.files],
        "folders": dict(sim.files.folders),
        "journal": [(one.shown(), one.answer, one.outcome) for one in world.journal],
        "dropped": (world.journal.dropped, dict(world.journal.forgotten), dict(world.journal.answered)),
        "webhooks": [hook(world, one) for one in world.webhooks],
        "awaited": (world.deliveries.awaited, [one.id for one in world.deliveries.unposted]),
        "faults": [(fault.shown(), fault.number, fault.optional) for fault in world.faults],
        "sets": [(one.of.words(), one.delayed, one.warm, len(one.faults)) for one in world.fault_sets],
        "uses": [use.shown() for use in world.uses],
        "asked": [(use.seen, use.played, use.turned_away, use.refused_with) for use in world.casting.asked],
        "scenarios": sorted(scenario.name for scenario in world.scenarios),
        "played": world.played,
        "downloads": world.downloads,
        "nonces": list(world.nonces),
        "talks": list(world.talks.conversations()),
        "heard": {task: one.standing() for task, one in world.sessions.recordings.items()},
        "unexpected": {key: one.line() for key, one in world.unexpected.items()},
        "runs": {name: sim.run_counts.of(name) for name in sim.models_run()},
    }


def hook(world: World, one: Any) -> Any:
    """What can be seen of a webhook."""
    return (
        *(one.id, one.delivery, one.state, one.reason, one.status, one.attempts, list(one.tries), one.due, one.until),
        *(one.late, one.failures, one.copies, one.taken, one.target, one.noise, one.cut_after, one.fault),
        *(None if one.do is None else one.do.words(), world.webhook_body(one)),
    )
