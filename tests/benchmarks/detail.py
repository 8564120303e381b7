"""Task/Detail over a real socket, signed, with the journal on: ours, a bare Starlette handler, pytest-httpserver.

All three are processes of their own, loaded in turns from this one. Ours is `wiro-mock serve` as shipped, on the
system's clock; the task has finished, so the answer is the longest. The rivals answer the very same dict.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack

from tests.benchmarks import kit

TARGETS = {
    ("base", "starlette"): 0.8,
    ("fast", "starlette"): 0.8,
    ("base", "httpserver"): 1.5,
    ("fast", "httpserver"): 3.0,
}
"""What ours is to reach of each side's requests per second, at least (issue 2)."""


def finished_task(port: int) -> tuple[bytes, bytes]:
    """Run a task to its end; returns the body of its Detail request, and the answer."""
    run = kit.post(port, kit.CAPTION_RUN, b'{"inputImageUrl":"https://example.test/cat.png","prompt":"a cat"}')
    body = json.dumps({"tasktoken": json.loads(kit.ask(port, run))["socketaccesstoken"]}).encode()
    for _ in range(200):
        answer = kit.ask(port, kit.post(port, "/v1/Task/Detail", body))
        if json.loads(answer)["tasklist"][0]["status"] == "task_postprocess_end":
            return body, answer
        time.sleep(0.02)
    raise RuntimeError("the task did not finish within four seconds")


def measure(mode: str, *, rounds: int, seconds: float, connections: int) -> None:
    """Measure one mode and print its table."""
    with ExitStack() as stack:
        ours = stack.enter_context(kit.wiro_mock(mode, "--time", "1000x"))
        body, answer = finished_task(ours.port)
        same = {"BENCH_KEY": kit.KEY, "BENCH_SECRET": kit.SECRET, "BENCH_ANSWER": answer.decode()}
        sides = {
            "wiro-mock": ours,
            "starlette": stack.enter_context(kit.rival(mode, "bare_starlette", **same)),
            "httpserver": stack.enter_context(kit.rival(mode, "bare_httpserver", **same)),
            "httpserver, no log": stack.enter_context(kit.rival(mode, "bare_httpserver", **same, BENCH_QUIET="1")),
            "ceiling": stack.enter_context(kit.rival(mode, "bare_echo", **same)),
        }
        loads: dict[str, list[kit.Load]] = {name: [] for name in sides}
        for name in kit.in_turn([*sides, *sides], 1):  # a warm-up of either
            _load(sides[name], body, len(answer), 0.3, connections)
        for name in kit.in_turn(list(sides), rounds):
            loads[name].append(_load(sides[name], body, len(answer), seconds, connections))
    _print(mode, loads, len(answer))


def _load(child: kit.Child, body: bytes, size: int, seconds: float, connections: int) -> kit.Load:
    request = kit.post(child.port, "/v1/Task/Detail", body)
    return kit.load(child, request, connections=connections, seconds=seconds, at_most=200_000, size=size)


def _print(mode: str, loads: dict[str, list[kit.Load]], size: int) -> None:
    ours, rows = loads["wiro-mock"], []
    for name, of_side in loads.items():
        pairs = list(zip(ours, of_side, strict=True))
        rows.append(
            [
                name,
                max(one.rate for one in of_side),
                kit.median([one.rate for one in of_side]),
                kit.median([mine.rate / its.rate for mine, its in pairs]),
                kit.median([mine.per_processor_second / its.per_processor_second for mine, its in pairs]),
                TARGETS.get((mode, name), "-"),
                kit.median([one.client / one.seconds for one in of_side]),
                kit.median([one.server / one.seconds for one in of_side]),
            ]
        )
    print(f"   mode {mode}, {size} bytes of JSON, journal on")
    headings = ["", "best/s", "median/s", "ours ÷ it", "by cpu", "target", "client cpu", "server cpu"]
    kit.table(headings, rows)


def main(arguments: list[str] | None = None) -> None:
    """Measure in both modes."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.detail", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each side in each round")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args(arguments)
    kit.title("Task/Detail over a real socket")
    for mode in kit.modes():
        measure(mode, rounds=options.rounds, seconds=options.seconds, connections=options.connections)


if __name__ == "__main__":
    main()
