"""The ordinary way, with httpx: run, look every two seconds, download."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Self

import httpx

from captioner.certificates import certificates
from captioner.conduct import Call, Conduct, Started, Task
from captioner.errors import Refused, TimedOut, TooManyTasks
from captioner.signing import Account


class Captioner(Conduct):
    """Captions, one call each: `Captioner().caption("https://example.com/cat.png", length="short")`."""

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        base_url: str | None = None,
        socket_url: str | None = None,
    ) -> None:
        self.account = Account.of(api_key, api_secret, base_url, socket_url)
        self.http = httpx.Client(timeout=30, verify=certificates())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def caption(self, picture: str | Path, **parameters: str) -> str:
        """The caption of a picture: a file, or an address."""
        task = self.wait(self.start(picture, **parameters))
        self.check(task)
        return self.download(task)

    def start(self, picture: str | Path, **parameters: str) -> Started:
        """Start a task; while too many are unfinished, wait and try again."""
        call = self.run_call(picture, parameters)
        for pause in self.back_off:
            try:
                return self.started(self.post(call))
            except TooManyTasks:
                time.sleep(pause)
        return self.started(self.post(call))

    def wait(self, started: Started) -> Task:
        """The finished task, however it ended. One that takes too long is stopped."""
        waited = 0.0
        while not self.is_over(task := self.look(started.task_id)):
            if waited >= self.patience:
                self.stop(started.task_id)
                raise TimedOut(f"task {task.id} was still in {task.status} after {waited:.0f} s")
            time.sleep(self.poll_every)
            waited += self.poll_every
        return task

    def look(self, task_id: str) -> Task:
        """How a task stands."""
        return self.task(self.post(self.detail_call(task_id)))

    def stop(self, task_id: str) -> None:
        """Cancel a task that still waits, kill one that already works."""
        try:
            self.post(self.cancel_call(task_id))
        except Refused:
            self.post(self.kill_call(task_id))

    def download(self, task: Task) -> str:
        """The text of everything that the task made."""
        return "\n".join(self.http.get(url).raise_for_status().text for url in self.files_of(task))

    def upload(self, picture: Path) -> str:
        """Have Wiro keep a picture; its address, for any number of runs."""
        return str(self.post(self.upload_call(picture))["list"][0]["url"])

    def post(self, call: Call) -> dict[str, Any]:
        """Make a signed call; the answer, if it is a yes."""
        if call.files:
            files = {name: (path.name, path.read_bytes()) for name, path in call.files.items()}
            answer = self.http.post(self.url(call), data=call.fields, files=files, headers=self.headers())
        else:
            answer = self.http.post(self.url(call), json=call.fields, headers=self.headers())
        return self.read(answer.json())
