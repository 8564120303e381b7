"""What a server takes before anybody asks: files on disk, spawn to the first answer, memory when idle.

Beside moto's server, aimock and WireMock, as each is started from the command line. `files` is what the installation
adds to a machine that has Python, Node or Java: the packages of the environment without pip, `node_modules`, the jar.

Needed, as far as they are wanted:

    python -m venv A && A/bin/pip install 'wiro-mock[fast,tls]'        --ours A  (otherwise this environment, no size)
    python -m venv B && B/bin/pip install 'moto[server]'               --moto B
    npm install --prefix C @copilotkit/aimock                          --aimock C
    npm install --prefix D wiremock                                    --wiremock D (and Java)
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import kit

PATIENCE = 60
"""Seconds for a server to start."""
SETTLED = 1.0
"""Seconds without a request after which a server is idle."""


@dataclass(frozen=True, slots=True)
class Side:
    """A server: how it is started on a port, and the folders that it consists of."""

    name: str
    command: Callable[[int], Sequence[str | Path]]
    path: str
    folders: Sequence[Path] = ()


def megabytes(folders: Sequence[Path]) -> float:
    """MB in the files below, without pip, which is not part of any server."""
    files = (file for folder in folders for file in folder.rglob("*") if not file.is_symlink() and file.is_file())
    return sum(file.stat().st_size for file in files if not {"pip", "pip.exe"} & set(file.parts)) / 1e6


@contextlib.contextmanager
def spawned(command: Sequence[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    """The server while the block runs."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=kit.plain_environment()
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def first_answer(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers, whatever it says."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            connection.getresponse().read()
            return
        connection.close()
        time.sleep(0.002)
    raise RuntimeError(f"the server did not start: {process.args!r} ended with {process.poll()}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(side: Side) -> tuple[float, float]:
    """Seconds to the first answer, and MB of resident memory once idle."""
    port = free_port()
    started = time.perf_counter()
    with spawned(side.command(port)) as process:
        first_answer(port, side.path, process)
        ready = time.perf_counter() - started
        time.sleep(SETTLED)
        status = Path(f"/proc/{process.pid}/status").read_text()
        return ready, int(status.split("VmRSS:", 1)[1].split(None, 1)[0]) / 1000


def sides(options: argparse.Namespace) -> list[Side]:
    """Those that were asked for, ours first."""

    def packages(place: Path) -> list[Path]:
        return list(place.glob("lib/python*/site-packages"))

    program = [options.ours / "bin" / "wiro-mock"] if options.ours else [sys.executable, "-m", "wiro_mock"]
    made = [
        Side(
            "wiro-mock",
            lambda port: [*program, "serve", "--port", str(port)],
            "/__wiro/ready",
            packages(options.ours) if options.ours else (),
        )
    ]
    if options.moto:
        moto = options.moto / "bin" / "moto_server"
        made.append(Side("moto", lambda port: [moto, "-p", str(port)], "/moto-api/data.json", packages(options.moto)))
    if options.aimock:
        home = options.aimock / "node_modules" / "@copilotkit" / "aimock"
        made.append(
            Side(
                "aimock",
                lambda port: ["node", home / "dist/cli.js", "-p", str(port), "-f", home / "fixtures"],
                "/health",
                [home.parent.parent],
            )
        )
    if options.wiremock:
        jar = next(options.wiremock.glob("node_modules/wiremock/build/*.jar"))
        made.append(
            Side("wiremock", lambda port: ["java", "-jar", jar, "--port", str(port)], "/__admin/health", [jar.parent])
        )
    return made


def main(arguments: list[str] | None = None) -> None:
    """Measure all that is there, in turns."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.footprint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("ours", "moto", "aimock", "wiremock"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    kit.title("footprint of an idle server")
    all_sides = {side.name: side for side in sides(options)}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in all_sides}
    for side in all_sides.values():
        measure(side)  # bytecode and disk are warm afterwards
    for name in kit.in_turn(list(all_sides), options.rounds):
        figures[name].append(measure(all_sides[name]))
    ours = kit.median([ready for ready, _ in figures["wiro-mock"]])
    rows = []
    for name, side in all_sides.items():
        ready = kit.median([ready for ready, _ in figures[name]])
        memory = kit.median([memory for _, memory in figures[name]])
        rows.append([name, round(megabytes(side.folders), 1), 1000 * ready, memory, ready / ours])
    kit.table(["", "files MB", "ready ms", "idle MB", "ready / ours"], rows)


if __name__ == "__main__":
    main()
