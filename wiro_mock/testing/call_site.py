"""Where in the tester's own code we are: `a hold set at tests/test_x.py:41`.

Told from the frames alone: no traceback is made and no source is read, so it may be asked at every call.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from types import FrameType

OURS = frozenset(
    (
        "wiro_mock",
        "contextlib",
        "functools",
        "pytest",
        "_pytest",
        "pluggy",
        "asyncio",
        "anyio",
        "concurrent",
        "threading",
    )
)
"""Packages that stand between a tester's line and ours; what lies in them is nobody's line."""
NOWHERE = "an unknown place"
"""What is said where there is no line of the tester's: a thread of the mock's own, for one."""


def here(skip_modules: Collection[str] = OURS) -> str:
    """`tests/test_x.py:41`: the nearest line outside of the packages that are skipped, or `NOWHERE`.

    `skip_modules` are names of top-level packages, each with all that is in it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in skip_modules:
            return place_of(frame)
        frame = frame.f_back
    return NOWHERE


def place_of(frame: FrameType) -> str:
    """`path:line` of a frame; the path is relative to the current folder where it lies below it."""
    return f"{_shown(frame.f_code.co_filename)}:{frame.f_lineno}"


def _shown(path: str) -> str:
    try:
        below = os.getcwd().rstrip(os.sep) + os.sep  # noqa: PTH109 -- a Path takes longer than all the rest
    except OSError:  # the folder is gone
        return path
    return path.removeprefix(below)
