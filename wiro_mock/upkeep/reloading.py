"""Scenarios, models and fault sets read anew while a server runs: all of them, or none.

What runs goes on as it began, since a run's plan was made of its scenario when it was taken on. What was asked for by
name plays what has that name now.
"""

from __future__ import annotations

from typing import Any

from wiro_mock.mock import World


def reload(world: World) -> dict[str, Any]:
    """Read the files again; what there is now, the lines that were told of it, and every complaint. Takes as long as
    reading them does; nobody waits for it but the caller.
    """
    library = world.casting.library
    lines = library.reload()
    with world.lock:
        world.casting.refresh()
    for line in lines:
        world.tell(line)
    return {
        "reloaded": not library.broken,
        "scenarios": len(library.scenarios),
        "models": len(library.models),
        "fault_sets": len(library.fault_sets),
        "unfinished": world.sim.unfinished,
        "lines": lines,
        "broken": library.broken,
    }
