"""Beside the mocks that people know: pytest-httpserver, respx, moto and aimock; starting, a test, a call.

`start`: in a fresh Python, from before the import to the first answer. `per test`: setting up and tearing down the
fixture of an empty test, beyond a test without one, as each one's documentation has it; what is shared by a session is
not in it. `call`: the same client, one call that asks for a state. In a round every side has a Python of its own.

The work is not the same: respx and pytest-httpserver answer what they were told to; ours, moto and aimock work the
answer out, and only ours checks a signature. moto's client in process is boto3, ours is httpx.

moto and aimock are no dependencies of this project. BENCH_MOTO names a Python with `moto[server]` and pytest;
BENCH_AIMOCK one with `aimock-pytest` and pytest, and BENCH_AIMOCK_NODE the folder in which
`npm install @copilotkit/aimock` was run. What is missing is skipped with a line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import kit, per_test

MOTO = """
import urllib.request
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

@pytest.fixture
def aws():
    with mock_aws():
        yield

@pytest.fixture(scope="session")
def running():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://127.0.0.1:%d" % server.get_host_and_port()[1]
    server.stop()

@pytest.fixture
def server(running):
    yield running
    urllib.request.urlopen(urllib.request.Request(running + "/moto-api/reset", method="POST")).read()
"""
AIMOCK = """
import pytest

@pytest.fixture
def shared(aimock_session):
    yield aimock_session
    aimock_session.reset()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Where some mocks are installed, and how their fixtures are asked for: side -> fixture."""

    python: str
    fixtures: Mapping[str, str]
    plugins: tuple[str, ...] = ()
    conftest: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    few: bool = False
    """Whether a test of these takes so long that few will do."""


OURS = Suite(
    python=sys.executable,
    plugins=("wiro_mock.pytest_plugin", "pytest_httpserver.pytest_plugin", "respx.plugin"),
    fixtures={
        "wiro_server": "wiro_server",
        "wiro_respx": "wiro_respx",
        "httpserver": "httpserver",
        "respx": "respx_mock",
    },
)
SHOWN = {
    "wiro_server": "wiro_server",
    "httpserver": "pytest-httpserver",
    "moto_server": "moto, server; reset",
    "aimock_server": "aimock; a server for each test",
    "aimock_reset": "aimock, one server; reset",
    "wiro_respx": "wiro_respx",
    "respx": "respx",
    "moto": "moto, mock_aws",
}
TABLES = {
    "over a socket": ("wiro_server", "httpserver", "moto_server", "aimock_server", "aimock_reset"),
    "in process": ("wiro_respx", "respx", "moto"),
}
ONLY_PER_TEST = ("aimock_reset",)
Figures = dict[str, dict[str, list[float]]]
"""Side -> figure -> milliseconds, one for each round."""


def suites() -> list[Suite]:
    """Those that can be measured here; the others are told of in a line each."""
    found = [OURS]
    if moto := _python("BENCH_MOTO", "moto.server"):
        found.append(Suite(python=moto, fixtures={"moto": "aws", "moto_server": "server"}, conftest=MOTO))
    node = Path(os.environ.get("BENCH_AIMOCK_NODE", "")) / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    if aimock := _python("BENCH_AIMOCK", "aimock_pytest"):
        if node.is_file():
            found.append(
                Suite(
                    python=aimock,
                    fixtures={"aimock_server": "aimock", "aimock_reset": "shared"},
                    plugins=("aimock_pytest.plugin",),
                    conftest=AIMOCK,
                    environment={"AIMOCK_CLI_PATH": str(node.absolute())},
                    few=True,
                )
            )
        else:
            print(f"   skipped: BENCH_AIMOCK_NODE names no folder that has aimock ({node})")
    return found


def _python(variable: str, module: str) -> str:
    python = os.environ.get(variable, "")
    if python and subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0:
        return python
    print(f"   skipped: {variable} names no Python that can import {module} ({python or 'not set'})")
    return ""


def one_side(suite: Suite, side: str, calls: int) -> dict[str, float]:
    """Start and call of one side, in milliseconds, in a Python of its own."""
    done = subprocess.run(
        [suite.python, "-m", "tests.benchmarks.anchor_sides", side, str(calls)],
        cwd=kit.ROOT,
        env={**kit.plain_environment(), **suite.environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {name: 1000 * seconds for name, seconds in json.loads(done.stdout).items()}


def measure(found: list[Suite], *, rounds: int, tests: int, calls: int) -> Figures:
    """All figures, round by round."""
    figures: Figures = {}

    def note(side: str, name: str, value: float) -> None:
        figures.setdefault(side, {}).setdefault(name, []).append(value)

    for suite in kit.in_turn(found, rounds):
        kinds = {per_test.NONE: "", **suite.fixtures}
        count = min(tests, 10) if suite.few else tests
        costs = per_test.measure(
            suite.python, kinds, count=count, plugins=suite.plugins, conftest=suite.conftest, **suite.environment
        )
        for side in suite.fixtures:
            note(side, "per test", costs[side].median)
            for name, value in ({} if side in ONLY_PER_TEST else one_side(suite, side, calls)).items():
                note(side, name, value)
    return figures


def show(figures: Figures) -> None:
    """Print a table for each kind of door, with ratios to ours."""
    for title, sides in TABLES.items():
        ours, rows = figures[sides[0]], []
        for side in sides:
            if side in figures:
                cells: list[object] = [SHOWN[side]]
                for name in ("start", "per test", "call"):
                    its = figures[side].get(name)
                    cells += ["-", "-"] if its is None else [f"{kit.median(its):.3g}", _ratio(ours[name], its)]
                rows.append(cells)
        print(f"   {title}, milliseconds")
        kit.table(["", "start", "ours ÷ it", "per test", "ours ÷ it", "call", "ours ÷ it"], rows)


def _ratio(ours: list[float], its: list[float]) -> float:
    return kit.median([mine / other for mine, other in zip(ours, its, strict=True)])


def main(arguments: list[str] | None = None) -> None:
    """Measure what is there, in turns."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.anchors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tests", type=int, default=100, help="of each kind in each round; 10 of aimock's")
    parser.add_argument("--calls", type=int, default=300, help="of each side in each round")
    options = parser.parse_args(arguments)
    kit.title("beside other mocks")
    show(measure(suites(), rounds=options.rounds, tests=options.tests, calls=options.calls))


if __name__ == "__main__":
    main()
