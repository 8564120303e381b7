"""From spawn to the first 200: `wiro-mock serve --port 0` beside a bare Starlette app under the same uvicorn.

Either child prints a line when it can serve; then `GET /__wiro/ready` is asked, and the clock stops at its answer.
Bytecode is warm on both sides. `python -c pass` is printed too: what the interpreter alone takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from tests.benchmarks import kit

TARGET = 1.5
"""How many times as long as the rival ours may take (issue 2)."""


def to_first_answer(make: Callable[[], kit.Child]) -> float:
    """Seconds from spawn to the first answer."""
    with make() as child:
        kit.ask(child.port, kit.get(child.port, "/__wiro/ready"))
        return time.perf_counter() - child.started


def interpreter() -> float:
    """Seconds that an empty Python takes."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started


def measure(mode: str, rounds: int) -> None:
    """Measure one mode and print its table."""
    sides: dict[str, Callable[[], float]] = {
        "wiro-mock": partial(to_first_answer, partial(kit.wiro_mock, mode)),
        "starlette": partial(to_first_answer, partial(kit.rival, mode, "bare_starlette")),
        "python -c pass": interpreter,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side()
    for name in kit.in_turn(list(sides), rounds):
        seconds[name].append(sides[name]())
    ours, theirs = seconds["wiro-mock"], seconds["starlette"]
    rows = [[name, 1000 * min(of), 1000 * kit.median(of)] for name, of in seconds.items()]
    print(f"   mode {mode}, {rounds} rounds, milliseconds")
    kit.table(["", "best", "median"], rows)
    ratios = kit.median([one / other for one, other in zip(ours, theirs, strict=True)])
    best = min(ours) / min(theirs)
    print(f"   ours ÷ starlette: {ratios:.2f} (median of rounds), {best:.2f} (best); at most {TARGET}\n")


def main(arguments: list[str] | None = None) -> None:
    """Measure in both modes."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args(arguments)
    kit.title("spawn to first 200")
    for mode in kit.modes():
        measure(mode, options.rounds)


if __name__ == "__main__":
    main()
