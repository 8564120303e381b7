"""Lines for the tester, on stderr, written by a thread of their own.

Whoever started the server may never read them, and then a full pipe stops whoever writes. That must not be the
server: here only a thread stops, and of what comes then the first lines are kept for a late reader.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress
from queue import Full, Queue
from threading import Thread
from types import TracebackType
from typing import Self

KEPT = 1000
"""How many lines wait for a reader; what comes on top is lost."""
PATIENCE = 0.3
"""Seconds that the last lines get at the end."""
STDERR = 2


class Teller:
    """Call it with a line. Ends, with the block, once the lines are written or nobody reads them.

    `as_json` is for those who read the lines by program: each is an object then.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._libraries = ExitStack()
        self._lines: Queue[str | None] = Queue(KEPT)
        self._thread = Thread(target=self._write, name="stderr", daemon=True)

    def __call__(self, line: str) -> None:
        """Tell a line; never waits."""
        if self._as_json:
            from wiro_mock.commands.request_log import told

            self.write(told(line))
        else:
            self.write(f"wiro-mock: {line}")

    def write(self, line: str) -> None:
        """Write a line as it is; never waits."""
        if sys.stderr is not None:  # it is None where the process was started without one
            with suppress(Full):
                self._lines.put_nowait(f"{line}\n")

    def __enter__(self) -> Self:
        self._thread.start()
        if self._as_json:
            from wiro_mock.commands.request_log import Libraries

            self._libraries.enter_context(Libraries(self.write))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._libraries.close()
        with suppress(Full):
            self._lines.put_nowait(None)
        self._thread.join(PATIENCE)

    def _write(self) -> None:
        # Not through sys.stderr: its lock, held by a thread that waits for a reader, would stop the process's end.
        while (line := self._lines.get()) is not None:
            data = line.encode(errors="backslashreplace")
            with suppress(OSError):  # nobody is there to read
                while data:
                    data = data[os.write(STDERR, data) :]
