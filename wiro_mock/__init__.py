"""wiro_mock: the Wiro that developers test against.

The public names are loaded when they are first asked for, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wiro_mock.clock import SystemClock, VirtualClock
    from wiro_mock.loader import load_scenarios
    from wiro_mock.scenario import Scenario

__all__ = ["Scenario", "SystemClock", "VirtualClock", "load_scenarios"]
_HOMES = {
    "Scenario": "wiro_mock.scenario",
    "SystemClock": "wiro_mock.clock",
    "VirtualClock": "wiro_mock.clock",
    "load_scenarios": "wiro_mock.loader",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'wiro_mock' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
