"""What whoever runs a server does with it, under `/__wiro`: save and load it, count what it does, let it read anew.

Each is a resource beside those of `admin`, with the same rules of who may. They are their own, because their bodies are
files, or because what they do takes a while: that is done in a thread, and the server answers others meanwhile.
"""

from __future__ import annotations

from starlette.routing import Route

from wiro_mock.admin import Access
from wiro_mock.upkeep.resources import MetricsResource, ReloadResource, SnapshotResource
from wiro_mock.worlds import Worlds

__all__ = ["routes"]


def routes(worlds: Worlds, access: Access) -> list[Route]:
    """The routes of the upkeep of these worlds."""
    return [
        Route("/snapshot", SnapshotResource(worlds, access)),
        Route("/metrics", MetricsResource(worlds, access)),
        Route("/reload", ReloadResource(worlds, access)),
    ]
