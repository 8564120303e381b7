"""A mock of the suite's own, on real sockets, in time that jumps: what `--target mock` asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wiro_mock.contract.client import Credentials
from wiro_mock.contract.runner import Target


@contextmanager
def own_mock(*, key_only: bool = False) -> Iterator[Target]:
    """The target, while the block runs. A poll is worth one step, so that a task can be met on its way."""
    from wiro_mock.asgi import create_app
    from wiro_mock.loader import Library
    from wiro_mock.mock import World
    from wiro_mock.server import ServerThread
    from wiro_mock.settings import Settings

    world = World(Settings(time="auto", poll="next", key_only=key_only), library=Library())
    try:
        with ServerThread(create_app(world)) as thread:
            secret = "" if key_only else world.project.secret
            socket_url = f"ws://{thread.netloc}/v1"
            yield Target(
                url=f"{thread.url}/v1",
                socket_url=socket_url,
                credentials=Credentials(key=world.project.key, secret=secret),
            )
    finally:
        world.close()
