"""Parts of a world, each made of what was kept of it: what plays, what goes wrong, what is posted, what was heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wiro_mock.casting import Casting, Use
from wiro_mock.deliveries import Deliveries, Webhook
from wiro_mock.faults import Fault, Faults
from wiro_mock.faults.sets import Armed
from wiro_mock.kernel.rules import is_web_url
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.language.fault_actions import Turn
from wiro_mock.language.fault_sets import FaultSet
from wiro_mock.language.faults import FaultItem, TaskFault
from wiro_mock.loader import Library, make_scenario
from wiro_mock.mock import World
from wiro_mock.sessions import Recording, Sessions
from wiro_mock.snapshot import kept as k
from wiro_mock.snapshot.folders import Unpacked
from wiro_mock.talks import Talks

if TYPE_CHECKING:
    from wiro_mock.scenario import Scenario


def deliveries_of(kept: k.Kept, sim: Simulation) -> Deliveries:
    """The webhooks, and where each stood."""
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


def faults_of(kept: k.Kept) -> tuple[Faults, list[Armed]]:
    """The armed faults and fault sets, with what they have struck."""
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


def casting_of(world: World, kept: k.Kept, unpacked: Unpacked) -> Casting:
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


def talks_of(kept: k.Kept) -> Talks:
    """What was said in the conversations."""
    made = Talks()
    for one in kept.talks:
        made.resume(one.user, one.session, one.turns)
    return made


def sessions_of(kept: k.Kept) -> Sessions | None:
    """What was heard in realtime sessions; None where there was none."""
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
