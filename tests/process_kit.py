"""`wiro-mock` as a process of its own, for tests of what only a process has: output, signals, a port."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

COMMAND = (sys.executable, "-m", "wiro_mock")
PATIENCE = 60.0
"""Real seconds after which something that should have happened has not: a safety net, long on purpose. CI is slow."""
READY = re.compile(
    r"wiro-mock ready api=(?P<api>http://(?P<netloc>\S+)/v1) socket=(?P<socket>ws://\S+/v1) "
    r"key=(?P<key>\S+) secret=(?P<secret>\S+)\n"
)


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would configure the command, and without proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY") and not name.startswith("WIRO_MOCK_")
    }
    for name in ("WIRO_API_KEY", "WIRO_API_SECRET", "NO_COLOR"):
        kept.pop(name, None)
    return {**kept, "PYTHONUNBUFFERED": "", **more}


@dataclass
class Serving:
    """A running `wiro-mock serve`."""

    process: subprocess.Popen[str]
    line: str
    api: str
    socket: str
    key: str
    secret: str
    stderr: Path

    @property
    def origin(self) -> str:
        """Where everything of it lies."""
        return self.api.removesuffix("/v1")

    def said(self, text: str = "") -> str:
        """What it wrote on stderr; waits until `text` is among it."""
        end = time.monotonic() + PATIENCE
        while text not in self.stderr.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        return self.stderr.read_text()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send the signal; the status, and what was still on stdout."""
        self.process.send_signal(number)
        rest = _pipe(self.process).read()
        return self.process.wait(PATIENCE), rest


@contextmanager
def serving(
    folder: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    stderr_to: int | None = None,
    cwd: Path | None = None,
) -> Iterator[Serving]:
    """`wiro-mock serve` with these options on a free port, until the block ends.

    `folder` holds its stderr, unless that goes to another file descriptor.
    """
    errors = folder / "stderr.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=stderr if stderr_to is None else stderr_to,
            text=True,
            env=environment(**(env or {})),
            cwd=cwd,
        )
    try:
        line = _line(process)
        found = READY.fullmatch(line)
        assert found, (line, errors.read_text())
        yield Serving(process, line, found["api"], found["socket"], found["key"], found["secret"], errors)
    finally:
        process.kill()
        process.wait()
        _pipe(process).close()


def _line(process: subprocess.Popen[str]) -> str:
    pipe = _pipe(process)
    assert select.select([pipe], [], [], PATIENCE)[0], "no ready line"
    return pipe.readline()


def _pipe(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout
