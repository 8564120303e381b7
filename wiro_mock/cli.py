"""The entry point: what the command `wiro-mock` does before anything slow is imported.

A signal may come while Python still reads the modules. Until the command itself is ready for it, `serve` ends with
status 0 and every other command ends as a program without a handler does: silently, and without a traceback.

The collector of garbage rests meanwhile: importing makes many objects and no garbage, and with it takes 1.4 times
as long. `serve` wakes it when it is ready; the other commands are over soon.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType


def main() -> None:
    """Play the command line of this process."""
    if sys.argv[1:2] in (["serve"], ["exec"]) or sys.argv[1:3] == ["moondream", "serve"]:
        gc.disable()  # until they are ready, which they enable it for; whatever else runs for long collects its garbage
    _let_everything_be_written()
    serving = sys.argv[1:2] == ["serve"]
    signal.signal(signal.SIGINT, _leave if serving else signal.SIG_DFL)
    if serving:
        signal.signal(signal.SIGTERM, _leave)
    from wiro_mock.commands.group import wiro_mock

    if not serving:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    wiro_mock(prog_name="wiro-mock")


def _let_everything_be_written() -> None:
    """Where the locale has no UTF-8, what it cannot say is escaped (for ASCII click knows better: it writes UTF-8)."""
    for stream in (sys.stdout, sys.stderr):
        encoding = getattr(stream, "encoding", "utf-8")
        if encoding and encoding.lower() not in ("utf-8", "utf8") and isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- a handler takes two things
    """Nothing has been begun that would have to be ended in order."""
    os._exit(0)
