"""What is kept → a world that goes on from there. All of it is made before any of it is taken over: all, or nothing.

The world stays the object that it is, with its lock, its doors and its open sockets; those register their tokens again,
as after a reset. What only a server decides stays the server's: how much is kept, under which origin.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from wiro_mock.casting import Casting, Use
from wiro_mock.clock import make_clock
from wiro_mock.deliveries import Deliveries, Webhook
from wiro_mock.faults import Fault, Faults
from wiro_mock.faults.sets import Armed
from wiro_mock.inputs import MOST
from wiro_mock.journal import Exchange, Journal
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account, Project
from wiro_mock.kernel.lifecycle import failing
from wiro_mock.kernel.rules import is_web_url
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.standing import interrupted, plans, resume
from wiro_mock.language.fault_actions import Turn
from wiro_mock.language.fault_sets import FaultSet
from wiro_mock.language.faults import FaultItem, TaskFault
from wiro_mock.language.inputs import normal_url
from wiro_mock.loader import Library, make_scenario
from wiro_mock.mock import World
from wiro_mock.mock.runs import Runs
from wiro_mock.sessions import Recording, Sessions
from wiro_mock.settings import Settings
from wiro_mock.snapshot import kept as k
from wiro_mock.snapshot.folders import Unpacked
from wiro_mock.snapshot.trouble import SnapshotError
from wiro_mock.talks import Talks

if TYPE_CHECKING:
    from wiro_mock.scenario import Scenario

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
    faults, sets = _faults(kept)
    _check_inputs(settings, kept)
    return Parts(
        settings=settings,
        project=project,
        sim=sim,
        runs=runs,
        casting=_casting(world, kept, unpacked),
        journal=journal,
        deliveries=_deliveries(kept, sim),
        talks=_talks(kept),
        sessions=_sessions(kept),
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


def _deliveries(kept: k.Kept, sim: Simulation) -> Deliveries:
    made = Deliveries()
    made.resume((_webhook(one) for one in kept.deliveries.webhooks), kept.deliveries.line, kept.deliveries.made)
    made.attempted.update(kept.deliveries.attempted)
    made.awaited = sum(not task.finished and is_web_url(task.job.callback_url) for task in sim.tasks())
    return made


def _webhook(one: k.KeptWebhook) -> Webhook:
    made = Webhook(
        id=one.id,
        delivery=one.delivery,
        task=one.task,
        state=one.state,
        reason=one.reason,
        status=one.status,
        attempts=one.attempts,
        due=one.due,
        until=one.until,
        late=one.late,
        failures=one.failures,
        copies=one.copies,
        taken=one.taken,
        target=one.target,
        do=None if one.do is None else Turn.model_validate(one.do),
        noise=one.noise,
        cut_after=one.cut_after,
        fault=one.fault,
    )
    made.tries.extend(one.tries)
    return made


def _faults(kept: k.Kept) -> tuple[Faults, list[Armed]]:
    made = Faults(kept.settings.seed)
    made.loops.update(kept.loops)
    made.struck.update(kept.faults_struck)
    armed = [_fault(one) for one in kept.faults]
    sets = []
    for one in kept.sets:
        of = FaultSet.model_validate(one.words, context={"source": one.source, "lines": one.lines})
        own = [_fault(fault) for fault in one.faults]
        armed += [fault for fault, known in zip(own, one.faults, strict=True) if known.is_armed]
        sets.append(
            Armed(of=of, where=one.where, optional=one.optional, faults=own, delayed=one.delayed, warm=set(one.warm))
        )
    made.resume(armed, kept.faults_armed)
    return made, sets


def _fault(one: k.KeptFault) -> Fault:
    kind = TaskFault if one.of_task else FaultItem
    return Fault(
        item=kind.model_validate(one.words),
        scope=one.scope,
        where=one.where,
        optional=one.optional,
        operations=frozenset(one.operations),
        number=one.number,
        calls=one.calls,
        struck=one.struck,
        unfit=one.unfit,
        times_unfit=one.times_unfit,
        task_id=one.task_id,
    )


def _casting(world: World, kept: k.Kept, unpacked: Unpacked) -> Casting:
    """What plays: the files of the snapshot, those of the server, what was made in Python, and what was asked for."""
    own = world.casting.library
    library = Library(*unpacked.folders, *own.folders, watch=own.watch) if unpacked.folders else own
    unpacked.belong_to(library)
    made = world.casting.with_library(library)
    made.own = [_scenario(one, {}, unpacked) for one in kept.own]
    by_name = {scenario.name: scenario for scenario in made.scenarios}
    uses = [_use(one, by_name, unpacked) for one in kept.uses]
    for use, known in zip(uses, kept.uses, strict=True):
        use.outplayed = None if known.outplayed is None else uses[known.outplayed]
    made.come = dict(kept.come)
    made.asked.extend(uses)
    made.uses = [use for use, known in zip(uses, kept.uses, strict=True) if known.is_active]
    return made


def _use(one: k.KeptUse, by_name: Mapping[str, Scenario], unpacked: Unpacked) -> Use:
    return Use(
        scenarios=tuple(_scenario(scenario, by_name, unpacked) for scenario in one.scenarios),
        model=one.model,
        parameters=dict(one.parameters),
        nth=one.nth,
        times=one.times,
        optional=one.optional,
        where=one.where,
        wide=one.wide,
        seen=one.seen,
        played=one.played,
        turned_away=one.turned_away,
        refused_with=one.refused_with,
    )


def _scenario(one: k.KeptScenario, by_name: Mapping[str, Scenario], unpacked: Unpacked) -> Scenario:
    if one.words is None:
        if one.name not in by_name:
            raise ValueError(f"its scenario {one.name[:100]!r} is not among those that it holds, nor here")
        return by_name[one.name]
    folder, words = unpacked.beside(one.words, one.files or {})
    return make_scenario(words, source=one.source, folder=folder)


def _talks(kept: k.Kept) -> Talks:
    made = Talks()
    for one in kept.talks:
        made.resume(one.user, one.session, one.turns)
    return made


def _sessions(kept: k.Kept) -> Sessions | None:
    if not kept.recordings and not kept.joined:
        return None
    made = Sessions()
    recordings = {
        task_id: Recording.resume(
            samples=one.samples,
            frames=one.frames,
            energy=one.energy,
            pcm=one.pcm,
            forgotten=one.forgotten,
            judged=one.judged,
        )
        for task_id, one in kept.recordings.items()
    }
    made.resume(recordings, kept.joined)
    return made
