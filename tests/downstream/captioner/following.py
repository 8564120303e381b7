"""Without polling: follow a task over Wiro's socket, with websockets, while its words and its progress come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from captioner.aio import AsyncCaptioner
from captioner.conduct import Conduct, Started, Story
from captioner.polling import Captioner

Listener = Callable[[Story], None]
"""Is told the story so far, after each frame."""


def ignore(_: Story) -> None:
    """The listener of those who only want the end."""


class Follower(Conduct):
    """Captions by following; what has to be asked over HTTP goes through a captioner."""

    def __init__(self, captioner: Captioner, socket_url: str | None = None) -> None:
        self.captioner = captioner
        self.socket_url = socket_url or captioner.account.socket_url

    def caption(self, picture: str | Path, listener: Listener = ignore, **parameters: str) -> str:
        """The caption of a picture: a file, or an address."""
        started = self.captioner.start(picture, **parameters)
        self.check_story(self.follow(started, listener), started.task_id)
        task = self.captioner.look(started.task_id)
        self.captioner.check(task)
        return self.captioner.download(task)

    def follow(self, started: Started, listener: Listener = ignore, story: Story | None = None) -> Story:
        """Listen to a task until it ends."""
        story = story or Story()
        opened = ExitStack()
        socket = opened.enter_context(connect(self.socket_url))
        try:
            socket.send(json.dumps(self.registration(started.token)))
            while not self.hear(json.loads(socket.recv(timeout=30)), story):
                listener(story)
        finally:
            self.hang_up(opened)
        return story

    def hang_up(self, opened: ExitStack) -> None:
        """Leave the socket."""
        opened.close()


class AsyncFollower(Conduct):
    """The same for asyncio."""

    def __init__(self, captioner: AsyncCaptioner, socket_url: str | None = None) -> None:
        self.captioner = captioner
        self.socket_url = socket_url or captioner.account.socket_url

    async def caption(self, picture: str | Path, listener: Listener = ignore, **parameters: str) -> str:
        """The caption of a picture: a file, or an address."""
        started = await self.captioner.start(picture, **parameters)
        self.check_story(await self.follow(started, listener), started.task_id)
        task = await self.captioner.look(started.task_id)
        self.captioner.check(task)
        return await self.captioner.download(task)

    async def follow(self, started: Started, listener: Listener = ignore) -> Story:
        """Listen to a task until it ends."""
        story = Story()
        async with connect_async(self.socket_url) as socket:
            await socket.send(json.dumps(self.registration(started.token)))
            async for text in socket:
                if self.hear(json.loads(text), story):
                    break
                listener(story)
        return story
