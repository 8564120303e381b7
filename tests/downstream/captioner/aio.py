"""The same for asyncio, with httpx's other client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Self

import httpx

from captioner.certificates import certificates
from captioner.conduct import Call, Conduct, Started, Task
from captioner.errors import Refused, TimedOut, TooManyTasks
from captioner.signing import Account


class AsyncCaptioner(Conduct):
    """Captions for asyncio: `await AsyncCaptioner().caption(...)`; as many at once as you like."""

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        base_url: str | None = None,
        socket_url: str | None = None,
    ) -> None:
        self.account = Account.of(api_key, api_secret, base_url, socket_url)
        self.http = httpx.AsyncClient(timeout=30, verify=certificates())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def caption(self, picture: str | Path, **parameters: str) -> str:
        """The caption of a picture: a file, or an address."""
        task = await self.wait(await self.start(picture, **parameters))
        self.check(task)
        return await self.download(task)

    async def start(self, picture: str | Path, **parameters: str) -> Started:
        """Start a task; while too many are unfinished, wait and try again."""
        call = self.run_call(picture, parameters)
        for pause in self.back_off:
            try:
                return self.started(await self.post(call))
            except TooManyTasks:
                await asyncio.sleep(pause)
        return self.started(await self.post(call))

    async def wait(self, started: Started) -> Task:
        """The finished task, however it ended. One that takes too long is stopped."""
        waited = 0.0
        while not self.is_over(task := await self.look(started.task_id)):
            if waited >= self.patience:
                await self.stop(started.task_id)
                raise TimedOut(f"task {task.id} was still in {task.status} after {waited:.0f} s")
            await asyncio.sleep(self.poll_every)
            waited += self.poll_every
        return task

    async def look(self, task_id: str) -> Task:
        """How a task stands."""
        return self.task(await self.post(self.detail_call(task_id)))

    async def stop(self, task_id: str) -> None:
        """Cancel a task that still waits, kill one that already works."""
        try:
            await self.post(self.cancel_call(task_id))
        except Refused:
            await self.post(self.kill_call(task_id))

    async def download(self, task: Task) -> str:
        """The text of everything that the task made."""
        answers = [await self.http.get(url) for url in self.files_of(task)]
        return "\n".join(answer.raise_for_status().text for answer in answers)

    async def post(self, call: Call) -> dict[str, Any]:
        """Make a signed call; the answer, if it is a yes."""
        if call.files:
            files = {name: (path.name, path.read_bytes()) for name, path in call.files.items()}
            answer = await self.http.post(self.url(call), data=call.fields, files=files, headers=self.headers())
        else:
            answer = await self.http.post(self.url(call), json=call.fields, headers=self.headers())
        return self.read(answer.json())
