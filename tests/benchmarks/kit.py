"""What the benchmarks share: servers as child processes, a raw HTTP client, tables, memory and processor time.

The client is one thread over blocking sockets, without an event loop: it writes ready-made bytes, reads to the
content length, and writes again, round robin. So the server always has the requests of all other connections
before it. That the client is not the limit is not believed but shown: every load tells the share of one core
that the client and the server took, and `ceiling` is what the client reaches against a server that only echoes
a ready-made answer.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
KEY, SECRET = "wiro-mock-key", "wiro-mock-secret"
CAPTION_RUN = "/v1/Run/moondream3-preview/caption"
_TICKS = os.sysconf("SC_CLK_TCK")

MODES = ("base", "fast")
"""The two installs: `base` has h11 and asyncio, `fast` has httptools and uvloop (the extra of that name)."""
MASKED = "import sys; sys.modules.update(uvloop=None, httptools=None); "
"""Run first in a child, this makes the base install of a fast one: importing either fails, as if it were not there."""


def modes() -> tuple[str, ...]:
    """The modes that can be measured with what is installed here."""
    with contextlib.suppress(ImportError):
        import httptools  # noqa: F401
        import uvloop  # noqa: F401

        return MODES
    return MODES[:1]


def program(mode: str, module: str, *arguments: str) -> list[str]:
    """The command line that runs a module in a mode."""
    code = (MASKED if mode == "base" else "import sys; ") + (
        f"sys.argv[1:] = {list(arguments)!r}; import runpy; runpy.run_module({module!r}, run_name='__main__')"
    )
    return [sys.executable, "-c", code]


class Child:
    """A server in a process of its own: ready when it has printed a line; `port` is the number in that line, behind the
    word `after`.
    """

    def __init__(self, command: Sequence[str], *, after: str = "ready", **environment: str) -> None:
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server said nothing and ended with status {self.process.wait()}: {command}")
        self.port = int(line.split(after, 1)[1].split("127.0.0.1:", 1)[1].split("/", 1)[0])

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def processor_seconds(self) -> float:
        """Processor time taken so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def resident(self) -> int:
        """Resident memory in bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:", 1)[1].split(None, 1)[0]) * 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wiro_mock(mode: str, *options: str) -> Child:
    """`wiro-mock serve` on a free port, just as it is shipped."""
    return Child(program(mode, "wiro_mock", "serve", "--port", "0", *options))


def rival(mode: str, name: str, **environment: str) -> Child:
    """One of the servers of `rivals`."""
    return Child(program(mode, f"tests.benchmarks.{name}"), **environment)


def plain_environment() -> dict[str, str]:
    """This process's environment without what would configure Python or pytest, such as not to write bytecode."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}


def settle(child: Child) -> None:
    """Wait until the process has nothing to do any more: it has read what was asked of it."""
    before = -1.0
    while before != child.processor_seconds:
        before = child.processor_seconds
        time.sleep(0.3)


# -- the client --------------------------------------------------------------------------------------


class Connection:
    """One keep-alive connection; it connects again where the server closes after each answer, as HTTP/1.0 does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, request: bytes) -> None:
        """Write a request."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)

    def receive(self) -> bytes:
        """Read the answer and return its body. Raises for any status but 200."""
        assert self._socket is not None
        data = self._socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data = self._more(data)
        head = data[:end].lower()
        if head[9:12] != b"200":
            raise RuntimeError(f"the server answered {data[:300]!r}")
        at = head.index(b"content-length:") + 15
        stop = head.find(b"\r\n", at)
        size = end + 4 + int(head[at : stop if stop >= 0 else None])
        while len(data) < size:
            data = self._more(data)
        if head.startswith(b"http/1.0") or b"connection: close" in head:
            self.close()
        return data[end + 4 : size]

    def _more(self, data: bytes) -> bytes:
        assert self._socket is not None
        piece = self._socket.recv(65536)
        if not piece:
            raise RuntimeError(f"the server closed the connection in mid-answer, after {data[:300]!r}")
        return data + piece

    def close(self) -> None:
        """Close."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def post(port: int, path: str, body: bytes, *, signed: bool = True) -> bytes:
    """The bytes of a POST of JSON, signed like a real client's."""
    headers = {"host": f"127.0.0.1:{port}", "content-type": "application/json", "x-api-key": KEY}
    if signed:
        import hashlib
        import hmac

        nonce = "1763769600"
        headers["x-nonce"] = nonce
        headers["x-signature"] = hmac.new(KEY.encode(), f"{SECRET}{nonce}".encode(), hashlib.sha256).hexdigest()
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(port: int, path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()


def ask(port: int, request: bytes) -> bytes:
    """Send one request on a connection of its own, and return the body of the answer."""
    connection = Connection(port)
    try:
        connection.send(request)
        return connection.receive()
    finally:
        connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load came to: answers, seconds, and the processor seconds of either side."""

    answers: int
    seconds: float
    client: float
    server: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    @property
    def per_processor_second(self) -> float:
        """Answers per second of the server's processor time: what is left when the machine is busy otherwise."""
        return self.answers / max(self.server, 1e-9)


def load(child: Child, request: bytes, *, connections: int, seconds: float, at_most: int, size: int) -> Load:
    """Ask the same thing over and over; every answer is read whole and its body must have `size` bytes."""
    pool = [Connection(child.port) for _ in range(connections)]
    client, server, started = time.process_time(), child.processor_seconds, time.perf_counter()
    for connection in pool:
        connection.send(request)
    answers, deadline = 0, started + seconds
    while time.perf_counter() < deadline and answers < at_most:
        for connection in pool:
            body = connection.receive()
            if len(body) != size:
                raise RuntimeError(f"an answer of {len(body)} bytes, where {size} are expected: {body[:200]!r}")
            connection.send(request)
        answers += len(pool)
    elapsed = time.perf_counter() - started
    result = Load(
        answers=answers,
        seconds=elapsed,
        client=time.process_time() - client,
        server=child.processor_seconds - server,
    )
    for connection in pool:
        connection.receive()
        connection.close()
    return result


# -- printing ----------------------------------------------------------------------------------------


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: the first column to the left, all others to the right."""
    texts = [list(headings), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in texts) for at in range(len(headings))]
    for row in texts:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells).rstrip(), flush=True)
    print(flush=True)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 1000 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def title(text: str) -> None:
    """Print what is measured, and on what."""
    print(f"== {text}\n   Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def in_turn(sides: Sequence[Any], rounds: int) -> Iterator[Any]:
    """Each side once a round, in turning order, so that no side always comes first."""
    for number in range(rounds):
        yield from sides if number % 2 == 0 else reversed(sides)
