"""The ordinary way for those who have requests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Self

import requests

from captioner.conduct import Call, Conduct, Started, Task
from captioner.errors import TimedOut, TooManyTasks
from captioner.signing import Account


class RequestsCaptioner(Conduct):
    """Captions, one call each."""

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        base_url: str | None = None,
        socket_url: str | None = None,
    ) -> None:
        self.account = Account.of(api_key, api_secret, base_url, socket_url)
        self.session = requests.Session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def caption(self, picture: str | Path, **parameters: str) -> str:
        """The caption of a picture: a file, or an address."""
        task = self.wait(self.start(picture, **parameters))
        self.check(task)
        return "\n".join(self.session.get(url, timeout=30).text for url in self.files_of(task))

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
        """The finished task, however it ended."""
        for _ in range(int(self.patience / self.poll_every)):
            task = self.task(self.post(self.detail_call(started.task_id)))
            if self.is_over(task):
                return task
            time.sleep(self.poll_every)
        raise TimedOut(f"task {started.task_id} took more than {self.patience:.0f} s")

    def post(self, call: Call) -> dict[str, Any]:
        """Make a signed call; the answer, if it is a yes."""
        if call.files:
            files = {name: (path.name, path.read_bytes()) for name, path in call.files.items()}
            answer = self.session.post(
                self.url(call), data=call.fields, files=files, headers=self.headers(), timeout=30
            )
        else:
            answer = self.session.post(self.url(call), json=call.fields, headers=self.headers(), timeout=30)
        return self.read(answer.json())
