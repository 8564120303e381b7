"""Our own engine server as a child process: started, waited for, started again when it crashes, and never left behind.

The child holds the other end of a pipe as its stdin and stops when that ends (`--stop-at-eof`), so it does not survive
this process, however this one ends. What it writes on stderr is told line by line.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from wiro_mock.backends.endpoint import Endpoint, read_endpoint
from wiro_mock.backends.job import BackendError, Job

READY: Final = re.compile(r"moondream engine ready on (http://\S+)\s*")
BROKEN: Final = 70
"""The status of an engine whose device is broken: a new process may find it mended."""
MOST_CRASHES: Final = 3
"""So many crashes in a row, with no request answered in between, are the last; ours."""
GRACE_SECONDS: Final = 3
"""What the engine gives to what it plays when it is stopped: little, for the tasks are over by then."""
STOP_SECONDS: Final = 8.0
"""How long it may take to end, grace and the unloading of a GPU included, before it is killed; ours."""
_LONGEST_LINE: Final = 4_000
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def command(weights: str, *more: str) -> list[str]:
    """How our engine server is started, on a free port of loopback."""
    serve = [sys.executable, "-m", "wiro_mock", "moondream", "serve"]
    return [*serve, "--weights", weights, "--port", "0", "--stop-at-eof", "--grace", str(GRACE_SECONDS), *more]


def missing(weights: str) -> str:
    """What is wrong with a name of weights that can be nobody's; empty where the engine has to say it."""
    folder = Path(weights).expanduser()
    if folder.is_dir() or (_HUB_NAME.fullmatch(weights) and not folder.parent.is_dir()):
        return ""
    return f"there is no folder {weights[:200]!r}; it takes a folder of weights, or owner/name in the hub's cache"


class ChildEngine:
    """An engine server in a process of its own. As a context manager it lives as long as the block.

    Called with a job it is the endpoint, once it is there: a job waits for the loading of the weights here.
    """

    def __init__(self, command: Sequence[str], tell: Callable[[str], None]) -> None:
        self._command = list(command)
        self._tell = tell
        self._changed = threading.Condition()
        self._endpoint: Endpoint | None = None
        self._failure = ""
        self._crashes = 0
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._last_words = ""
        self._thread = threading.Thread(target=self._keep_alive, name="wiro-mock-engine", daemon=True)

    def __enter__(self) -> ChildEngine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __call__(self, job: Job) -> Endpoint:
        """Where it is. Raises `BackendError` where it will not come, or the job is over."""
        undo = job.on_cancel(self._notify)
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._endpoint or self._failure or job.cancelled.is_set())
                if self._endpoint is not None:
                    return self._endpoint
                raise BackendError(self._failure or "the engine was still loading when the task was over")
        finally:
            undo()

    @property
    def pid(self) -> int | None:
        """The process that is there now."""
        return None if self._process is None else self._process.pid

    def stop(self) -> None:
        """End the process, in order if it does so soon. Again is no error."""
        self._stopping.set()
        process = self._process
        if process is not None:
            _end(process)
        self._now(None, "the engine was stopped")
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def _keep_alive(self) -> None:
        while not self._stopping.is_set():
            status = self._live()
            if self._stopping.is_set():
                return
            with self._changed:
                was_ready, self._crashes = self._endpoint is not None, self._crashes + 1
            why = f"the engine ended with status {status}" + (f": {self._last_words}" if self._last_words else "")
            may_heal = was_ready or status == BROKEN or status < 0  # a signal: out of memory, or somebody's kill
            if not may_heal or self._crashes >= MOST_CRASHES:
                self._now(None, why)
                self._tell(f"{why}; runs of moondream3-preview fail from now on")
                return
            self._now(None, "")
            self._tell(f"{why}; it is started again")

    def _live(self) -> int:
        """One life of the process: its exit status."""
        self._last_words = ""
        try:
            process = subprocess.Popen(  # noqa: S603 -- of ourselves, with the options of whoever started us
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C is ours: the child is stopped after what it is asked for
            )
        except OSError as error:
            self._last_words = f"it cannot be started: {error.strerror}"
            return 1
        self._process = process
        if self._stopping.is_set():
            _end(process)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdin is not None
        errors = threading.Thread(target=self._hear, args=(process.stderr,), name="wiro-mock-engine-log", daemon=True)
        errors.start()
        with process.stdout as stdout:
            for line in iter(lambda: stdout.readline(_LONGEST_LINE), ""):
                if found := READY.fullmatch(line):
                    self._now(replace(read_endpoint(found[1]), answered=self._answered), "")
        status = process.wait()
        errors.join(STOP_SECONDS)
        with suppress(OSError):
            process.stdin.close()
        return status

    def _hear(self, stderr: IO[str]) -> None:
        with stderr:
            for line in iter(lambda: stderr.readline(_LONGEST_LINE), ""):
                if said := line.strip().removeprefix("wiro-mock: "):
                    self._last_words = said
                    self._tell(f"engine: {said}")

    def _now(self, endpoint: Endpoint | None, failure: str) -> None:
        with self._changed:
            self._endpoint, self._failure = endpoint, failure
            self._changed.notify_all()

    def _answered(self) -> None:
        """A whole answer has come. That a job was given the address says nothing: its picture may be what kills."""
        with self._changed:
            self._crashes = 0

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
