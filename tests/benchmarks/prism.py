"""Run and Task/Detail over a real socket, beside Prism answering from the same OpenAPI document.

Prism is the mock server that teams point at an OpenAPI document; it validates requests against it, as the mock does
against the model's parameters, and answers with the document's examples, without a task behind them. The document is
the one that `Tool/DetailOpenAPI` of the running mock gives. Time stands still, so a run is a run and nothing after it.

Needed: `npm install --prefix DIR @stoplight/prism-cli@5`, and `BENCH_PRISM=DIR`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import kit
from tests.benchmarks.growth import by_size, filled
from wiro_mock.kernel.catalog import Model
from wiro_mock.loader import Library

PATIENCE = 60
"""Seconds for Prism to start."""


class Prism(kit.Child):
    """Prism with one document, in one process."""

    def __init__(self, home: Path, document: Path) -> None:
        self.port = _free_port()
        program = home / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            ["node", program, "mock", "-h", "127.0.0.1", "-p", str(self.port), "-m", "false", "-v", "silent", document],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        while not _listens(self.port):
            if time.perf_counter() - self.started > PATIENCE or self.process.poll() is not None:
                self.stop()
                raise RuntimeError("Prism did not start")
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def document(child: kit.Child, model: Model) -> dict[str, object]:
    """The document for keys that the mock gives."""
    body = json.dumps({"slugowner": model.owner, "slugproject": model.slug}).encode()
    both = json.loads(kit.ask(child.port, kit.post(child.port, "/v1/Tool/DetailOpenAPI", body)))
    return dict(next(each["spec"] for each in both if each["type"] == "apikey"))


def requests(port: int, model: Model, task: str, base: str) -> dict[str, bytes]:
    """What is asked of both: the longest run there can be of this model, and a Detail."""
    run = json.dumps(filled(model)).encode()
    path = f"{base}/Run/{model.name}".replace(" ", "%20")
    detail = json.dumps({"taskid": task}).encode()
    return {"Run": kit.post(port, path, run), "Task/Detail": kit.post(port, f"{base}/Task/Detail", detail)}


def measure(mode: str, home: Path, model: Model, *, rounds: int, seconds: float, connections: int) -> None:
    """Measure one mode with one model, and print its table."""
    with ExitStack() as stack:
        ours = stack.enter_context(kit.wiro_mock(mode, "--time", "manual", "--key-only"))
        file = Path(stack.enter_context(TemporaryDirectory())) / "document.json"
        file.write_text(json.dumps(document(ours, model)), encoding="utf-8")
        theirs = stack.enter_context(Prism(home, file))
        task = json.loads(kit.ask(ours.port, requests(ours.port, model, "1", "/v1")["Run"]))["taskid"]
        sides = {
            "wiro-mock": (ours, requests(ours.port, model, task, "/v1")),
            "Prism": (theirs, requests(theirs.port, model, task, "")),
        }
        loads: dict[tuple[str, str], list[kit.Load]] = {}
        for what in ("Run", "Task/Detail"):
            for number in range(rounds + 1):
                for name in sides if number % 2 else reversed(sides):
                    child, asked = sides[name]
                    size = len(kit.ask(child.port, asked[what]))
                    got = kit.load(
                        child, asked[what], connections=connections, seconds=seconds, at_most=200_000, size=size
                    )
                    if number:  # the first round is a warm-up
                        loads.setdefault((what, name), []).append(got)
    print(f"   mode {mode}, {model.name}, {len(filled(model))} fields")
    _print(loads)


def _print(loads: dict[tuple[str, str], list[kit.Load]]) -> None:
    rows: list[list[object]] = []
    for (what, name), of_side in loads.items():
        ours = loads[what, "wiro-mock"]
        pairs = list(zip(ours, of_side, strict=True))
        rows.append(
            [
                f"{what}, {name}",
                max(one.rate for one in of_side),
                kit.median([one.rate for one in of_side]),
                kit.median([mine.rate / its.rate for mine, its in pairs]),
                kit.median([mine.per_processor_second / its.per_processor_second for mine, its in pairs]),
                kit.median([one.client / one.seconds for one in of_side]),
                kit.median([one.server / one.seconds for one in of_side]),
            ]
        )
    kit.table(["", "best/s", "median/s", "ours ÷ it", "by cpu", "client cpu", "server cpu"], rows)


def version(home: Path) -> str:
    """Prism's version."""
    text = (home / "node_modules" / "@stoplight" / "prism-cli" / "package.json").read_text(encoding="utf-8")
    found = re.search(r'"version": *"([^"]+)"', text)
    return found[1] if found else "?"


def main(arguments: list[str] | None = None) -> None:
    """Measure in both modes, with the smallest and the largest set of parameters."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.prism", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each side in each round")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args(arguments)
    kit.title("Run and Task/Detail beside Prism")
    home = os.environ.get("BENCH_PRISM")
    if not home:
        print("   BENCH_PRISM names no folder; see --help\n")
        return
    print(f"   Prism {version(Path(home))}")
    for mode in kit.modes():
        for model in by_size(Library().models):
            measure(
                mode,
                Path(home),
                model,
                rounds=options.rounds,
                seconds=options.seconds,
                connections=options.connections,
            )


if __name__ == "__main__":
    main()
