"""What `wiro-mock exec` has to say at the end: what fails it, and the file of `--report`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wiro_mock.worlds import Worlds

SUFFIXES = (".json", ".txt")
KINDS = ("unmatched", "unfired", "leaks")
"""What `--fail-on` knows."""
STRAYS_SHOWN = 100
MOST_WORLDS = 1_000
MOST_BYTES = 64 << 20
"""Of worlds that were deleted, or went idle, so many are kept for the report, as so many bytes of it."""
MOST_PROBLEMS = 1_000


class Departed:
    """What there is to say of the worlds that went before the end: of `kinds`, and for a report if it `keeps` one.

    `note` is called in the server's loop.
    """

    def __init__(self, kinds: Sequence[str], *, keeps: bool) -> None:
        self.worlds: list[Shown] = []
        self.forgotten = 0
        self.problems: dict[str, list[str]] = {kind: [] for kind in kinds}
        self._keeps = keeps
        self._room = MOST_BYTES

    def note(self, world: Any) -> None:
        """A world is about to go."""
        for kind, lines in self.problems.items():
            found = list(_of_world(world, kind, is_going=True))
            lines.extend(found[: MOST_PROBLEMS - len(lines)])
        if not self._keeps:
            return
        if len(self.worlds) < MOST_WORLDS and self._room > 0:
            shown = Shown.of(world, has_gone=True)
            self._room -= len(json.dumps(shown.values))
            if self._room > 0:
                self.worlds.append(shown)
                return
        self.forgotten += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A world as a report has it: as JSON values, and as lines."""

    values: dict[str, Any]
    lines: list[str]

    @classmethod
    def of(cls, world: Any, *, has_gone: bool = False) -> Shown:
        """As it is now."""
        values = _world(world)
        return cls(values=values | {"deleted": has_gone}, lines=list(_lines_of(world, values, has_gone=has_gone)))


def problems(worlds: Worlds, kind: str, departed: Departed | None = None) -> list[str]:
    """What was left of one kind, in worlds that have gone, all that are there, and among the strays, one line each."""
    found = [] if departed is None else list(departed.problems.get(kind, ()))
    found += [line for world in worlds.worlds for line in _of_world(world, kind)]
    if kind == "unmatched":
        found += worlds.told_of_unknown_keys()
        if worlds.has_strays:
            from wiro_mock.testing import verdict

            found += verdict.unexpected_calls(worlds.strays, ())
    return found


def _of_world(world: Any, kind: str, *, is_going: bool = False) -> Iterator[str]:
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
        left = assertions.unfinished(world) if is_going else assertions.leaks(world)
        yield from (f"left behind: {leak}" for leak in left)


def write(path: Path, worlds: Worlds, departed: Departed, *, program: str, status: int, failed: Sequence[str]) -> None:
    """Write the report: JSON for programs, or text for a reader. Raises `OSError`."""
    shown = [*departed.worlds, *map(Shown.of, worlds.worlds)]
    made = {
        "wiro_mock": version("wiro-mock"),
        "command": program,  # without its arguments, which may hold a secret that is not ours
        "status": status,
        "problems": list(failed),
        "worlds": [world.values for world in shown],
        "worlds_forgotten": departed.forgotten,
        "strays": [one.shown() for one in worlds.strays.journal.entries(limit=STRAYS_SHOWN)]
        if worlds.has_strays
        else [],
    }
    text = json.dumps(made, indent=1) if path.suffix == ".json" else "\n".join(_lines(made, shown))
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


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


def _lines(made: dict[str, Any], shown: Sequence[Shown]) -> Iterator[str]:
    """The same as text."""
    from wiro_mock.text import printable

    yield f"wiro-mock {made['wiro_mock']} exec: {made['command']} ended with status {made['status']}"
    yield from (f"problem: {printable(problem)}" for problem in made["problems"])
    for world in shown:
        yield from world.lines
    if forgotten := made["worlds_forgotten"]:
        yield f"\nworlds that went before the end, and were not kept: {forgotten}"


def _lines_of(world: Any, shown: dict[str, Any], *, has_gone: bool) -> Iterator[str]:
    from wiro_mock.testing import sequences

    name = f"{world.name}: " if world.name else ""
    gone = ", gone before the end" if has_gone else ""
    yield f"\n{name}seed {shown['seed']}, time {shown['time']}, spent {shown['spent']} USD{gone}"
    for task in sequences.tasks(world):
        ended = f", exit code {task.exit_code}" if task.exit_code is not None else ""
        yield f"task {task.id}: {task.model}, scenario {task.scenario!r}, {task.status}{ended}"
        yield from (f"  {row}" for row in str(task.timeline).splitlines())
    yield from (one.line().removesuffix(": ") for one in world.journal.entries(limit=10**9))
