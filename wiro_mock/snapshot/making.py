"""What is kept → a world that goes on from there. All of it is made before any of it is taken over: all, or nothing.

The world stays the object that it is, with its lock, its doors and its open sockets; those register their tokens again,
as after a reset. What only a server decides stays the server's: how much is kept, under which origin.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from wiro_mock.casting import Casting
from wiro_mock.clock import make_clock
from wiro_mock.deliveries import Deliveries
from wiro_mock.faults import Faults
from wiro_mock.faults.sets import Armed
from wiro_mock.inputs import MOST
from wiro_mock.journal import Exchange, Journal
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account, Project
from wiro_mock.kernel.lifecycle import failing
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.standing import interrupted, plans, resume
from wiro_mock.language.inputs import normal_url
from wiro_mock.mock import World
from wiro_mock.mock.runs import Runs
from wiro_mock.sessions import Sessions
from wiro_mock.settings import Settings
from wiro_mock.snapshot import kept as k
from wiro_mock.snapshot.folders import Unpacked
from wiro_mock.snapshot.parts import casting_of, deliveries_of, faults_of, sessions_of, talks_of
from wiro_mock.snapshot.trouble import SnapshotError
from wiro_mock.talks import Talks

CREDENTIALS = "credentials"
OF_CREDENTIALS = {"api_key": "key", "api_secret": "secret", "key_only": "key_only"}
"""Each by itself: what is given beside a snapshot says nothing of the others, which are the snapshot's then."""


@dataclass(kw_only=True)
class Parts:
    """What a world consists of, as it is to be from now on."""

    settings: Settings
    project: Project
    sim: Simulation
    runs: Runs
    casting: Casting
    journal: Journal
    deliveries: Deliveries
    talks: Talks
    sessions: Sessions | None
    faults: Faults
    sets: list[Armed]
    kept: k.Kept


def make(world: World, kept: k.Kept, unpacked: Unpacked, *, keep: Collection[str] = ()) -> Parts:
    """The parts of a world that goes on from what was kept. `keep` names settings in which the world's own hold, and
    `credentials` (or one of `OF_CREDENTIALS`) among them. Raises whatever is wrong with what was kept; nothing has
    happened to the world then.
    """
    project = _project(world, kept, keep)
    settings = _settings(world, kept, project, keep)
    runs = Runs(world)
    runs.armed_for.update(kept.armed_for)
    sim = _simulation(world, kept, settings, runs)
    journal = Journal(requests=settings.journal_requests, size=settings.journal_bytes, mask=world.mask_of(project))
    journal.forgotten.update({(operation, signed): number for operation, signed, number in kept.journal.forgotten})
    journal.forgotten_polls.update(kept.journal.forgotten_polls)
    journal.answered.update({(operation, status): number for operation, status, number in kept.journal.answered})
    journal.unmatched = kept.journal.unmatched
    journal.resume(map(_left_alone, kept.journal.exchanges), kept.journal.count)
    faults, sets = faults_of(kept)
    _check_inputs(settings, kept)
    return Parts(
        settings=settings,
        project=project,
        sim=sim,
        runs=runs,
        casting=casting_of(world, kept, unpacked),
        journal=journal,
        deliveries=deliveries_of(kept, sim),
        talks=talks_of(kept),
        sessions=sessions_of(kept),
        faults=faults,
        sets=sets,
        kept=kept,
    )


def take_over(world: World, parts: Parts) -> None:
    """Let the world go on with these parts. Called with its lock held; takes little time."""
    kept, now = parts.kept, parts.sim.now
    world.live.stop()
    world.settings = parts.settings
    world.clock = make_clock(parts.settings.time, now=now)
    world.poll_worth = parts.settings.poll
    world.casting = parts.casting
    world.begin_anew()
    world.project, world.journal, world.runs = parts.project, parts.journal, parts.runs
    world.frames = world.frames_of(parts.journal)
    world.deliveries, world.talks = parts.deliveries, parts.talks
    if parts.sessions is not None:
        world.resume_sessions(parts.sessions)
    world.faults, world.fault_sets = parts.faults, parts.sets
    world.sim = parts.sim
    world.sim.paced = not world.history_for_late
    world.played, world.downloads = set(kept.played), set(kept.downloads)
    world.unexpected = {(method, path): one for method, path, one in kept.journal.unexpected}
    world.use_nonces(kept.nonces)
    world.socket_numbers = count(max(kept.sockets + 1, next(world.socket_numbers)))
    for task_id, plan in plans(world.sim):
        world.live.planned(task_id, plan)
    world.wake_all()


def declare(world: World, inputs: Iterable[k.KeptInput]) -> None:
    """Let URLs hold what they held, and what the command line says. Called with the lock held, once the bytes are the
    world's own.
    """
    world.begin_inputs()
    for one in inputs:
        world.blobs.pin(one.blob)
        made = world.inputs.declare(one.url, one.blob, where=one.where, optional=one.optional)
        made.runs = one.runs


def give_up_live(world: World) -> list[str]:
    """The tasks whose backends were at work fail, with the reason: what had been computed by then is gone. Called
    with the lock held; the ids of those tasks.
    """
    failed = []
    for task, backend in list(interrupted(world.sim)):
        reason = f"its backend {backend!r} was at work when this world was saved, and its work is lost; run it again"
        for event in failing(task, reason):
            world.sim.emit(task.job.id, event)
        failed.append(task.job.id)
    return failed


def _check_inputs(settings: Settings, kept: k.Kept) -> None:
    """That `declare` will find nothing wrong: it comes when there is no way back."""
    if len(kept.inputs) + len(settings.input_urls) > MOST:
        raise SnapshotError(f"holds {len(kept.inputs)} declared URLs, and there can be {MOST} at once")
    for one in kept.inputs:
        normal_url(one.url)
    for _, path in settings.input_urls:
        if not path.is_file() or not os.access(path, os.R_OK):
            raise SnapshotError(f"cannot be loaded: {path}, of --input-url, cannot be read (any more)")


def _left_alone(exchange: Exchange) -> Exchange:
    """A request whose answer was still to come: whoever has waited for it is not here."""
    if not exchange.waits:
        return exchange
    reason = "its client waited when this world was saved, and is not here; the task goes on"
    return replace(exchange, outcome=replace(exchange.outcome, reason=reason))


def _project(world: World, kept: k.Kept, keep: Collection[str]) -> Project:
    if kept.project is None or CREDENTIALS in keep:
        return world.project
    own: dict[str, Any] = {part: getattr(world.project, part) for name, part in OF_CREDENTIALS.items() if name in keep}
    return replace(kept.project, **own)


def _settings(world: World, kept: k.Kept, project: Project, keep: Collection[str]) -> Settings:
    own, of = world.settings, kept.settings
    taken: dict[str, Any] = {
        "seed": of.seed,
        "time": of.time,
        "poll": of.poll,
        "auth_mode": of.auth_mode,
        "key_only": project.key_only,
        "profile": of.profile,
        "balance": of.balance,
        "suspended": of.suspended,
        "member": of.member,
        "unknown_models": of.unknown_models,
        "faults": of.faults,
        "scenario_header": of.scenario_header,
        "realtime_grace": of.realtime_grace,
        "expire_files": of.expire_files,
        "undeclared_inputs": of.undeclared_inputs,
        "use": of.use,
        "limits": replace(own.limits, workers=of.workers),
    }
    made = replace(own, **{name: value for name, value in taken.items() if name not in keep})
    make_clock(made.time)
    return replace(made, project=project)


def _simulation(world: World, kept: k.Kept, settings: Settings, runs: Runs) -> Simulation:
    made = Simulation(
        seed=settings.seed,
        account=Account(uuid=ids.uuid(settings.seed, "account")),
        planner=runs.plan,
        outlook=runs.outlook,
        limits=settings.limits,
        rules=settings.rules,
        sink=world.sink,
        gate=world.gate,
    )
    resume(made, kept.standing)
    return made
