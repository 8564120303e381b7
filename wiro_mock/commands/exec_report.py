"""What `wiro-mock exec` has to say at the end: what fails it, and the file of `--report`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wiro_mock.worlds import Worlds

SUFFIXES = (".json", ".txt")
KINDS = ("unmatched", "unfired", "leaks")
"""What `--fail-on` knows."""
STRAYS_SHOWN = 100


def problems(worlds: Worlds, kind: str) -> list[str]:
    """What was left of one kind, in all worlds that are there and among the strays, one line each."""
    found = [line for world in worlds.worlds for line in _of_world(world, kind)]
    if kind == "unmatched":
        found += worlds.told_of_unknown_keys()
        if worlds.has_strays:
            from wiro_mock.testing import verdict

            found += verdict.unexpected_calls(worlds.strays, ())
    return found


def _of_world(world: Any, kind: str) -> Iterator[str]:
    from wiro_mock.testing import assertions, verdict

    with world.lock:
        world.settle()
        if kind == "unmatched":
            yield from verdict.unexpected_calls(world, ())
        elif kind == "unfired":
            yield from verdict.unfired_faults(world.faults)
            yield from verdict.unused_uses(world.casting.asked)
            for armed in world.fault_sets:
                if not armed.was_met:
                    yield f'fault set never met: of "{armed.of.name}", armed at {armed.where}, nothing ever struck'
    if kind == "leaks":  # not under the lock: it waits for sockets that are just closing
        yield from (f"left behind: {leak}" for leak in assertions.leaks(world))


def write(path: Path, worlds: Worlds, *, program: str, status: int, failed: Sequence[str]) -> None:
    """Write the report: JSON for programs, or text for a reader. Raises `OSError`."""
    made = _report(worlds, program=program, status=status, failed=failed)
    text = json.dumps(made, indent=1) if path.suffix == ".json" else "\n".join(_lines(made, worlds))
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def _report(worlds: Worlds, *, program: str, status: int, failed: Sequence[str]) -> dict[str, Any]:
    return {
        "wiro_mock": version("wiro-mock"),
        "command": program,  # without its arguments, which may hold a secret that is not ours
        "status": status,
        "problems": list(failed),
        "worlds": [_world(world) for world in worlds.worlds],
        "strays": [one.shown() for one in worlds.strays.journal.entries(limit=STRAYS_SHOWN)]
        if worlds.has_strays
        else [],
    }


def _world(world: Any) -> dict[str, Any]:
    from wiro_mock.kernel.numbers import plain
    from wiro_mock.testing import sequences

    with world.lock:
        world.settle()
        return {
            "name": world.name or None,
            "seed": world.settings.seed,
            "time": world.clock.mode,
            "balance": plain(world.sim.balance),
            "spent": plain(world.sim.spent),
            "tasks": [_task(task) for task in sequences.tasks(world)],
            "tasks_forgotten": world.sim.forgotten,
            "journal": [one.shown() for one in world.journal.entries(limit=10**9)],
            "requests_forgotten": world.journal.dropped,
        }


def _task(task: Any) -> dict[str, Any]:
    from wiro_mock.kernel.numbers import plain

    timeline = task.timeline
    return {
        "id": task.id,
        "model": task.model,
        "scenario": task.scenario,
        "status": task.status,
        "exit_code": task.exit_code,
        "cost": None if task.cost is None else plain(task.cost),
        "waits_for": timeline.waits_for or None,
        "timeline": [
            {"at": one.at, "kind": one.kind, "detail": one.detail, "seen_by": list(one.seen_by)} for one in timeline
        ],
    }


def _lines(made: dict[str, Any], worlds: Worlds) -> Iterator[str]:
    """The same as text."""
    from wiro_mock.testing import sequences
    from wiro_mock.text import printable

    yield f"wiro-mock {made['wiro_mock']} exec: {made['command']} ended with status {made['status']}"
    yield from (f"problem: {printable(problem)}" for problem in made["problems"])
    for world, shown in zip(worlds.worlds, made["worlds"], strict=True):
        name = f"{world.name}: " if world.name else ""
        yield f"\n{name}seed {shown['seed']}, time {shown['time']}, spent {shown['spent']} USD"
        for task in sequences.tasks(world):
            ended = f", exit code {task.exit_code}" if task.exit_code is not None else ""
            yield f"task {task.id}: {task.model}, scenario {task.scenario!r}, {task.status}{ended}"
            yield from (f"  {row}" for row in str(task.timeline).splitlines())
        yield from (one.line().removesuffix(": ") for one in world.journal.entries(limit=10**9))
