"""The same for asyncio, for those who have aiohttp: it brings a client for the socket, so nothing is polled here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

import aiohttp

from captioner.conduct import Call, Conduct, Started, Story, Task
from captioner.errors import TooManyTasks
from captioner.signing import Account


class AiohttpCaptioner(Conduct):
    """Captions for asyncio; make it where the event loop runs."""

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        base_url: str | None = None,
        socket_url: str | None = None,
    ) -> None:
        self.account = Account.of(api_key, api_secret, base_url, socket_url)
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def caption(self, picture: str | Path, **parameters: str) -> str:
        """The caption of a picture: a file, or an address."""
        started = await self.start(picture, **parameters)
        await self.follow(started)
        task = self.task(await self.post(self.detail_call(started.task_id)))
        self.check(task)
        return "\n".join([await self.text_at(url) for url in self.files_of(task)])

    async def start(self, picture: str | Path, **parameters: str) -> Started:
        """Start a task; while too many are unfinished, wait and try again."""
        call = self.run_call(picture, parameters)
        for pause in self.back_off:
            try:
                return self.started(await self.post(call))
            except TooManyTasks:
                await asyncio.sleep(pause)
        return self.started(await self.post(call))

    async def follow(self, started: Started) -> Story:
        """Listen to a task until it ends."""
        story = Story()
        async with self.session.ws_connect(self.account.socket_url) as socket:
            await socket.send_json(self.registration(started.token))
            async for message in socket:
                if self.hear(message.json(), story):
                    break
        return story

    async def look(self, task_id: str) -> Task:
        """How a task stands."""
        return self.task(await self.post(self.detail_call(task_id)))

    async def text_at(self, url: str) -> str:
        """Download a text."""
        async with self.session.get(url) as answer:
            return await answer.text()

    async def post(self, call: Call) -> dict[str, Any]:
        """Make a signed call; the answer, if it is a yes."""
        if call.files:
            form = aiohttp.FormData(call.fields)
            for name, path in call.files.items():
                form.add_field(name, path.read_bytes(), filename=path.name)
            asked = self.session.post(self.url(call), data=form, headers=self.headers())
        else:
            asked = self.session.post(self.url(call), json=call.fields, headers=self.headers())
        async with asked as answer:
            return self.read(await answer.json())
