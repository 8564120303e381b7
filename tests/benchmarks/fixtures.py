"""What each fixture costs an empty test, beside those of pytest-httpserver and respx; and how long a stop takes.

All kinds take turns in one pytest process, in blocks of twenty, with no plugin on but ours, pytest-httpserver's and
respx's. `first` is the first test of its kind: it pays for imports, and for starting the server, which all later ones
share. `95 %` is what all but one in twenty stay below.

`stop` closes a server of our own, and pytest-httpserver's, while clients keep connections and sockets open.
"""

from __future__ import annotations

import argparse
import http.client
import logging
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from pytest_httpserver import HTTPServer
from websockets.sync.client import connect

from tests.benchmarks import kit, per_test
from wiro_mock import WiroMock

KINDS = {
    per_test.NONE: "",
    "wiro": "wiro",
    "wiro_respx": "wiro_respx",
    "wiro_server": "wiro_server",
    "wiro_env": "wiro_env",
    "httpserver (pytest-httpserver)": "httpserver",
    "respx_mock (respx)": "respx_mock",
}
PLUGINS = ("wiro_mock.pytest_plugin", "pytest_httpserver.pytest_plugin", "respx.plugin")
TARGETS = {"wiro": 1, "wiro_server": 5}
STOP_TARGET = 20
"""All targets: milliseconds, at most (issue 3)."""


def per_fixture(rounds: int, tests: int) -> None:
    """Time the fixtures and print the table."""
    runs = [per_test.measure(sys.executable, KINDS, count=tests, plugins=PLUGINS) for _ in range(rounds)]
    rows: list[list[object]] = []
    for name in KINDS:
        cost = per_test.middle([run[name] for run in runs])
        rows.append([name, cost.median, cost.cpu, cost.late, cost.first, TARGETS.get(name, "-")])
    print(f"   milliseconds that a test takes; below the first line, what it takes more ({tests} tests of each)")
    kit.table(["", "median", "cpu", "95 %", "first", "at most"], rows)


def stop_ours(connections: int) -> float:
    """Seconds that our server takes to stop, with so many connections and as many sockets open."""
    with ExitStack() as clients, WiroMock() as wiro:
        serving = wiro.serve()
        server = serving.__enter__()
        for _ in range(connections):
            _keep_alive(clients, server.origin.removeprefix("http://"), "/__wiro/ready")
            follower = clients.enter_context(connect(server.socket_url, proxy=None, close_timeout=0.1))
            assert '"connected"' in str(follower.recv(5))
        started = time.perf_counter()
        serving.__exit__(None, None, None)
        return time.perf_counter() - started


def stop_httpserver(connections: int) -> float:
    """Seconds that pytest-httpserver takes; its werkzeug closes each connection after its answer."""
    with ExitStack() as clients:
        server = HTTPServer(host="127.0.0.1", port=0)
        server.expect_request("/ready").respond_with_data("ready")
        server.start()
        for _ in range(connections):
            _keep_alive(clients, f"127.0.0.1:{server.port}", "/ready")
        started = time.perf_counter()
        server.stop()
        return time.perf_counter() - started


def _keep_alive(clients: ExitStack, netloc: str, path: str) -> None:
    client = http.client.HTTPConnection(netloc, timeout=5)
    clients.callback(client.close)
    client.request("GET", path)
    answer = client.getresponse()
    assert answer.status == 200, answer.status
    answer.read()


def stopping(rounds: int, connections: int) -> None:
    """Time the stops in turns and print the table."""
    sides: dict[str, Callable[[], float]] = {
        "ours, idle": lambda: stop_ours(0),
        f"ours, {connections} connections, {connections} sockets": lambda: stop_ours(connections),
        f"pytest-httpserver, {connections} connections": lambda: stop_httpserver(connections),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for name in kit.in_turn(list(sides), rounds):
        seconds[name].append(1000 * sides[name]())
    rows = [
        [name, min(of), kit.median(of), max(of), STOP_TARGET if name.startswith("ours") else "-"]
        for name, of in seconds.items()
    ]
    kit.table(["stop, milliseconds", "best", "median", "worst", "at most"], rows)


def main(arguments: list[str] | None = None) -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fixtures", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pytest processes")
    parser.add_argument("--tests", type=int, default=200, help="of each kind in each process")
    parser.add_argument("--stops", type=int, default=15)
    parser.add_argument("--connections", type=int, default=20)
    options = parser.parse_args(arguments)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would write a line for each request
    kit.title("what a fixture costs a test")
    per_fixture(options.rounds, options.tests)
    stopping(options.stops, options.connections)


if __name__ == "__main__":
    main()
