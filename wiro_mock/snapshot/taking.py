"""A world → what is kept of it: looked at in one go, with its lock held, for no longer than it takes to copy lists.

Values are frozen, so what is written down afterwards, in another thread and in its own time, is what was there then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

from wiro_mock.casting import Use
from wiro_mock.contents import Content, source_files
from wiro_mock.deliveries import Webhook
from wiro_mock.faults import Fault
from wiro_mock.faults.sets import Armed
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.standing import Logs, bare_standing, logs_of, plans, with_logs
from wiro_mock.language.faults import TaskFault
from wiro_mock.mock import World
from wiro_mock.scenario import Scenario
from wiro_mock.snapshot import kept as k


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What is kept of a world, the bytes that belong to it, and the folders whose scenarios it plays."""

    bare: k.Kept
    logs: Logs
    blobs: tuple[Blob, ...]
    contents: tuple[Content, ...]

    @cached_property
    def kept(self) -> k.Kept:
        """What is kept of the world, with the logs of its tasks. Takes a while, for which nobody waits."""
        return replace(self.bare, standing=with_logs(self.bare.standing, self.logs))


def take(world: World, *, secret: bool = True) -> Taken:
    """What is kept of a world as it stands now; without `secret`, its credentials are left out.

    The bytes stay where they are until `let_go` is called.
    """
    world.warm_up()
    with world.lock:
        world.settle()
        sets = tuple(_set(armed, set(world.faults)) for armed in world.fault_sets)
        in_sets = {one.number for found in sets for one in found.faults}
        made = k.Kept(
            settings=_settings(world),
            project=world.project if secret else None,
            standing=bare_standing(world.sim),
            journal=_journal(world),
            deliveries=_deliveries(world),
            faults=tuple(_fault(one, is_armed=True) for one in world.faults if one.number not in in_sets),
            loops=dict(world.faults.loops),
            faults_armed=world.faults.count,
            faults_struck=dict(world.faults.struck),
            sets=sets,
            own=tuple(_scenario(one, ()) for one in world.casting.own),
            uses=_uses(world),
            armed_for=tuple(sorted(world.runs.armed_for)),
            talks=tuple(
                k.KeptTalk(user=user, session=session, turns=turns)
                for (user, session), turns in world.talks.conversations()
            ),
            recordings=_recordings(world),
            joined=world.sessions.joined if world.has_sessions else (),
            sockets=_sockets(world),
            played=tuple(sorted(world.played)),
            downloads=tuple(sorted(world.downloads)),
            nonces=tuple(world.nonces),
            inputs=tuple(
                k.KeptInput(url=one.url, blob=one.blob, where=one.where, optional=one.optional, runs=one.runs)
                for one in world.inputs
            ),
            come=dict(world.casting.come),
        )
        blobs = _blobs(world)
        for blob in blobs:
            world.blobs.pin(blob)
        return Taken(bare=made, logs=logs_of(world.sim), blobs=blobs, contents=_contents(world))


def let_go(world: World, taken: Taken) -> None:
    """What was taken has been written down."""
    for blob in taken.blobs:
        world.blobs.unpin(blob, needed=world.sim.files.needs)


def _settings(world: World) -> k.KeptSettings:
    own = world.settings
    return k.KeptSettings(
        seed=own.seed,
        time=world.clock.mode,
        poll=world.poll_worth,
        auth_mode=own.auth_mode,
        key_only=own.key_only,
        profile=own.profile,
        balance=own.balance,
        suspended=own.suspended,
        member=own.member,
        unknown_models=own.unknown_models,
        workers=own.limits.workers,
        faults=own.faults,
        scenario_header=own.scenario_header,
        realtime_grace=own.realtime_grace,
        expire_files=own.expire_files,
        undeclared_inputs=world.inputs.undeclared,
        use=own.use,
    )


def _journal(world: World) -> k.KeptJournal:
    journal = world.journal
    return k.KeptJournal(
        exchanges=tuple(journal),
        count=len(journal) + journal.dropped,
        forgotten=tuple((operation, signed, count) for (operation, signed), count in journal.forgotten.items()),
        forgotten_polls=dict(journal.forgotten_polls),
        answered=tuple((operation, status, count) for (operation, status), count in journal.answered.items()),
        unmatched=journal.unmatched,
        unexpected=tuple((method, path, one) for (method, path), one in world.unexpected.items()),
    )


def _deliveries(world: World) -> k.KeptDeliveries:
    waiting = world.deliveries.standing()
    return k.KeptDeliveries(
        webhooks=tuple(_webhook(one, waiting.get(one.id, "")) for one in world.deliveries.webhooks),
        line=tuple(waiting),
        made=world.deliveries.made,
        attempted=dict(world.deliveries.attempted),
    )


def _webhook(one: Webhook, place: str) -> k.KeptWebhook:
    return k.KeptWebhook(
        id=one.id,
        delivery=one.delivery,
        task=one.task,
        state=one.state,
        reason=one.reason,
        status=one.status,
        attempts=one.attempts,
        tries=tuple(one.tries),
        due=one.due,
        until=one.until,
        late=one.late,
        failures=one.failures,
        copies=one.copies,
        taken=one.taken,
        target=one.target,
        do=None if one.do is None else one.do.words(),
        noise=one.noise,
        cut_after=one.cut_after,
        fault=one.fault,
        place=place,  # type: ignore[arg-type]  # it is one of them
    )


def _fault(fault: Fault, *, is_armed: bool) -> k.KeptFault:
    return k.KeptFault(
        words=fault.item.words(),
        of_task=isinstance(fault.item, TaskFault),
        scope=fault.scope,
        where=fault.where,
        optional=fault.optional,
        operations=tuple(sorted(fault.operations)),
        number=fault.number,
        calls=fault.calls,
        struck=fault.struck,
        unfit=fault.unfit,
        times_unfit=fault.times_unfit,
        task_id=fault.task_id,
        is_armed=is_armed,
    )


def _set(armed: Armed, all_armed: set[Fault]) -> k.KeptSet:
    return k.KeptSet(
        words=armed.of.words(),
        source=armed.of.source,
        lines=armed.of.lines,
        where=armed.where,
        optional=armed.optional,
        faults=tuple(_fault(one, is_armed=one in all_armed) for one in armed.faults),
        delayed=armed.delayed,
        warm=tuple(sorted(armed.warm)),
    )


def _uses(world: World) -> tuple[k.KeptUse, ...]:
    casting = world.casting
    asked, active = list(casting.asked), casting.uses
    places = {id(use): place for place, use in enumerate(asked)}
    by_name = {scenario.name: scenario for scenario in casting.scenarios}
    return tuple(_use(use, by_name, places, is_active=any(use is one for one in active)) for use in asked)


def _use(use: Use, known: Mapping[str, Scenario], places: Mapping[int, int], *, is_active: bool) -> k.KeptUse:
    return k.KeptUse(
        scenarios=tuple(_scenario(one, (known.get(one.name),)) for one in use.scenarios),
        model=use.model,
        parameters=dict(use.parameters),
        nth=use.nth,
        times=use.times,
        optional=use.optional,
        where=use.where,
        wide=use.wide,
        seen=use.seen,
        played=use.played,
        turned_away=use.turned_away,
        refused_with=use.refused_with,
        outplayed=None if use.outplayed is None else places.get(id(use.outplayed)),
        is_active=is_active,
    )


def _scenario(scenario: Scenario, known: Sequence[Scenario | None]) -> k.KeptScenario:
    """A scenario: by its name where that finds this very one."""
    if any(scenario is one for one in known):
        return k.KeptScenario(name=scenario.name)
    files = {str(one.path): one.data for one in source_files(scenario)}
    return k.KeptScenario(name=scenario.name, words=scenario.words(), source=scenario.source, files=files)


def _recordings(world: World) -> dict[str, k.KeptRecording]:
    found = world.sessions.recordings if world.has_sessions else {}
    return {task_id: k.KeptRecording(**one.standing()) for task_id, one in found.items()}


def _sockets(world: World) -> int:
    """How many sockets there have been: the noise of their faults depends on their numbers."""
    following = next(world.socket_numbers)
    world.socket_numbers = count(following)
    return following - 1


def _blobs(world: World) -> tuple[Blob, ...]:
    """Every file's bytes once, those of files that are still to be produced among them."""
    files: Iterable[Blob] = (file.blob for file in world.sim.files)
    each = {id(plan.items): plan for _, plan in plans(world.sim)}  # many tasks share one
    planned = (blob for plan in each.values() for blob in plan.blobs())
    linked = (blob for task in world.sim.tasks() for blob in task.job.linked.values())
    declared = (one.blob for one in world.inputs)
    found = {blob.digest: blob for blob in (*files, *planned, *linked, *declared)}
    return tuple(blob for _, blob in sorted(found.items()) if world.blobs.has(blob))


def _contents(world: World) -> tuple[Content, ...]:
    """The folders from which anything comes that is played; what all of a folder has been redefined later is not."""
    library = world.casting.library
    sources = [one.source for one in library.scenarios]
    sources += [one.source for one in library.models]
    sources += [one.source for one in library.fault_sets]
    return tuple(one for one in library.contents if any(one.has(source) for source in sources))
