"""wiro_mock: the Wiro that developers test against.

The public names are loaded when they are first asked for, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wiro_mock.clock import SystemClock, VirtualClock
    from wiro_mock.library import Served, WiroMock
    from wiro_mock.loader import load_scenarios
    from wiro_mock.misuse import Misuse
    from wiro_mock.respx_router import WiroRouter
    from wiro_mock.scenario import Scenario
    from wiro_mock.testing.holding import Hold
    from wiro_mock.testing.verdict import Unmet, WiroWarning
    from wiro_mock.testing.views import Task

__all__ = [
    "Hold",
    "Misuse",
    "Scenario",
    "Served",
    "SystemClock",
    "Task",
    "Unmet",
    "VirtualClock",
    "WiroMock",
    "WiroRouter",
    "WiroWarning",
    "load_scenarios",
]
_HOMES = {
    "Hold": "wiro_mock.testing.holding",
    "Misuse": "wiro_mock.misuse",
    "Scenario": "wiro_mock.scenario",
    "Served": "wiro_mock.library",
    "SystemClock": "wiro_mock.clock",
    "Task": "wiro_mock.testing.views",
    "Unmet": "wiro_mock.testing.verdict",
    "VirtualClock": "wiro_mock.clock",
    "WiroMock": "wiro_mock.library",
    "WiroRouter": "wiro_mock.respx_router",
    "WiroWarning": "wiro_mock.testing.verdict",
    "load_scenarios": "wiro_mock.loader",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'wiro_mock' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
