"""What an installed but unused plugin costs: an empty pytest run, one test that passes, in a fresh folder.

Two fresh environments: `before` has pytest and no more; `after` has what `pip install wiro-mock` brings besides, and
with it the plugins of respx and anyio. What is ours is the difference between `after` with and without
`-p no:wiro_mock`, both with the others' plugins off. Nothing of this environment is used.

Differences are medians over rounds of the same round's times; `of the best` is between the shortest times of either.
`cpu` is the processor time of the whole child, which a busy machine disturbs less than the time on the wall.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import kit

TARGET = 10
"""Milliseconds that ours may add (issue 3)."""
OTHERS_OFF = ("-p", "no:respx", "-p", "no:anyio")
OURS_OFF = ("-p", "no:wiro_mock")
SIDES = {
    "before": ("before", ()),
    "after": ("after", ()),
    "after, ours off": ("after", OURS_OFF),
    "after, others off": ("after", OTHERS_OFF),
    "after, all three off": ("after", (*OTHERS_OFF, *OURS_OFF)),
}
"""The environment and the flags of each; what is compared most closely, side by side."""
COMPARED = (
    ("ours alone", "after, others off", "after, all three off", TARGET),
    ("what a user sees", "after", "before", "-"),
    ("the same with the others off", "after, others off", "before", "-"),
    ("the others' alone", "after, ours off", "after, all three off", "-"),
)


class Times(NamedTuple):
    """Milliseconds of one run."""

    wall: float
    cpu: float


def prepare(folder: Path) -> None:
    """Make the environments, unless they are there already."""
    for name, packages in (("before", ["pytest"]), ("after", ["pytest", str(kit.ROOT)])):
        python = folder / name / "bin" / "python"
        if not python.exists():
            venv.create(folder / name, with_pip=True, symlinks=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)


def empty_run(python: Path, *flags: str) -> Times:
    """One run of one empty test, in a folder that has nothing else in it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_empty.py").write_text("def test_empty():\n    pass\n")
        started = time.perf_counter()
        child = subprocess.Popen(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags],
            cwd=folder,
            env=kit.plain_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert child.stdout is not None
        with child.stdout:
            said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0 or b"1 passed" not in said:
        raise RuntimeError(f"the empty run failed: {said.decode()}")
    return Times(1000 * wall, 1000 * (used.ru_utime + used.ru_stime))


def measure(folder: Path, rounds: int) -> dict[str, list[Times]]:
    """Every side once a round."""
    times: dict[str, list[Times]] = {name: [] for name in SIDES}
    for round_number, name in enumerate(kit.in_turn(list(SIDES), rounds + 1)):
        where, flags = SIDES[name]
        taken = empty_run(folder / where / "bin" / "python", *flags)
        if round_number >= len(SIDES):  # the first round writes bytecode
            times[name].append(taken)
    return times


def show(times: dict[str, list[Times]]) -> None:
    """Print both tables."""
    rows: list[list[object]] = [
        [name, min(t.wall for t in of), kit.median([t.wall for t in of]), kit.median([t.cpu for t in of])]
        for name, of in times.items()
    ]
    kit.table(["milliseconds", "best", "median", "cpu"], rows)
    rows = []
    for name, one, other, target in COMPARED:
        pairs = list(zip(times[one], times[other], strict=True))
        best = min(t.wall for t in times[one]) - min(t.wall for t in times[other])
        rows.append(
            [
                name,
                best,
                kit.median([a.wall - b.wall for a, b in pairs]),
                kit.median([a.cpu - b.cpu for a, b in pairs]),
                kit.median([a.wall / b.wall for a, b in pairs]),
                kit.median([a.cpu / b.cpu for a, b in pairs]),
                target,
            ]
        )
    kit.table(["added, milliseconds", "of the best", "median", "cpu", "ratio", "ratio of cpu", "at most"], rows)


def main(arguments: list[str] | None = None) -> None:
    """Make the environments and measure every side in turns."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.plugin", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--environments", type=Path, help="folder to make them in, or to find them in; default: new")
    options = parser.parse_args(arguments)
    kit.title("an empty pytest run, before and after the install")
    with tempfile.TemporaryDirectory() as new:
        folder = (options.environments or Path(new)).absolute()
        prepare(folder)
        show(measure(folder, options.rounds))


if __name__ == "__main__":
    main()
