"""A command that is run for somebody: its signals, its end, and what it leaves behind.

Without a terminal it gets a process group of its own, so that signals reach all of it and nothing outlives it. On a
terminal it stays in ours, as only the foreground group may read there; Ctrl-C reaches it by the terminal then.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

FROM_TERMINAL = frozenset({"SIGINT", "SIGQUIT"})
"""What a terminal sends to the whole foreground group by itself."""
PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
NOT_FOUND, NOT_RUNNABLE = 127, 126
"""The statuses of a command that is not there, and of one that cannot be run, as shells have them."""
BY_SIGNAL = 128
"""A status above this tells of the signal that ended a command, as shells count."""
PATIENCE = 2.0
"""Seconds that processes which were left behind get to end by themselves."""


class CannotRun(Exception):
    """The command could not be begun; `status` is what a shell would end with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Child:
    """A command with its arguments and its whole environment. `tell` gets a line of what is not its own doing."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._command = command
        self._environment = environment
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._sent: set[int] = set()
        self._own_group = os.name == "posix" and not _is_terminal()

    def run(self) -> int:
        """Run it to its end, whatever signals come meanwhile; its status. Raises `CannotRun`."""
        with self._passing_on():
            self._process = process = self._begin()
            for number in self._early:
                self._send(number)
            status = process.wait()
            if self._own_group:
                self._end_rest(process.pid)
        if status >= 0:
            return status
        if -status not in self._sent:
            self._tell(f"the command was ended by {signal.Signals(-status).name}")
        return BY_SIGNAL - status

    def _begin(self) -> subprocess.Popen[bytes]:
        name = self._command[0]
        try:
            return subprocess.Popen(  # noqa: S603 -- to run what the user says is what it is for
                self._command, env=dict(self._environment), process_group=0 if self._own_group else None
            )
        except FileNotFoundError:
            where = "on PATH" if os.sep not in name else "there"
            way = "what comes after -- is the command and its arguments, each a word of its own"
            if Path(name).exists():
                raise CannotRun(
                    f"cannot run {name!r}: the program in its first line (#!) is not there", NOT_FOUND
                ) from None
            raise CannotRun(f"no command {name!r} {where}; {way}", NOT_FOUND) from None
        except OSError as error:
            way = "a script needs a first line such as #!/bin/sh, and the right to be executed"
            if error.errno not in (errno.ENOEXEC, errno.EACCES):
                way = "look at its name and its arguments"
            raise CannotRun(f"cannot run {name!r}: {error.strerror}; {way}", NOT_RUNNABLE) from None
        except ValueError as error:
            raise CannotRun(f"cannot run {name!r}: {error}; look at its arguments", NOT_RUNNABLE) from None

    @contextmanager
    def _passing_on(self) -> Iterator[None]:
        """Signals are the command's while the block runs; what is ignored (by nohup, say) stays so."""
        numbers = [getattr(signal, name) for name in PASSED_ON if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        for number in numbers:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- a handler takes two things
        if self._process is None:
            self._early.append(number)
        else:
            self._send(number)

    def _send(self, number: int) -> None:
        self._sent.add(number)
        process = self._process
        if process is None or (not self._own_group and signal.Signals(number).name in FROM_TERMINAL):
            return
        with suppress(ProcessLookupError):
            if self._own_group:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)

    def _end_rest(self, group: int) -> None:
        """End what the command has left behind: its server is about to go."""
        if not (left := _alive(group)):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
            until = time.monotonic() + PATIENCE
            while _alive(group) and time.monotonic() < until:
                time.sleep(0.01)
        self._tell(f"the command left {left} running, which {'was' if left == '1 process' else 'were'} ended")


def _alive(group: int) -> str:
    """How many processes of a group still run, as words; empty for none."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "processes"
    stats = Path("/proc").glob("[0-9]*/stat") if Path("/proc/self/stat").exists() else None
    if stats is None:
        return "processes"
    count = sum(_is_of(stat, group) for stat in stats)
    return f"{count} process{'es' * (count != 1)}" if count else ""


def _is_of(stat: Path, group: int) -> bool:
    """Whether a process of Linux belongs to the group, and has not ended (proc(5): state and pgrp are 3 and 5)."""
    try:
        state, _, pgrp = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return False
    return int(pgrp) == group and state not in "ZX"


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
