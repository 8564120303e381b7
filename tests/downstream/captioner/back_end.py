"""A back end around Wiro: a table of jobs, and a route that Wiro calls back when a task is over.

And the mistakes that such back ends make, each as a small change.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from captioner.conduct import Task
from captioner.errors import WiroError
from captioner.polling import Captioner

CALLBACK = "https://captions.example/wiro"


@dataclass
class Job:
    """A row of the table."""

    picture: str
    task_id: str
    state: str = "waiting"
    caption: str = ""
    mails: int = 0
    """How often the customer was told."""
    over: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)


class BackEnd:
    """`order` starts a job, and `app` has the route that ends it."""

    def __init__(self, captioner: Captioner, callback: str = CALLBACK) -> None:
        self.captioner = captioner
        self.callback = callback
        self.jobs: dict[str, Job] = {}
        self.unknown: set[str] = set()
        self.lock = threading.Lock()
        self.app = Starlette(routes=[Route("/wiro", self._called_back, methods=["POST"])])

    def order(self, picture: str) -> Job:
        """Start a job, and write it down: from now on it is known."""
        started = self.captioner.start(picture, callbackUrl=self.callback)
        job = Job(picture, started.task_id)
        with self.lock:
            self.jobs[job.task_id] = job
            was_called = job.task_id in self.unknown
        if was_called:
            self.finish(job, self.captioner.look(job.task_id))
        return job

    async def _called_back(self, request: Request) -> Response:
        try:
            told = json.loads(await request.body())
            task_id = told["tasklist"][0]["id"]
        except (ValueError, LookupError, TypeError):
            return PlainTextResponse("that is no task", status_code=400)
        await run_in_threadpool(self.called_back, task_id, told)
        return PlainTextResponse("thanks")

    def called_back(self, task_id: str, told: Any) -> None:
        """Wiro says that a task is over."""
        with self.lock:
            job = self.jobs.get(task_id)
            if job is None:
                self.remember(task_id)
                return
        self.finish(job, self.truth(task_id, told))

    def remember(self, task_id: str) -> None:
        """A task that is not in the table yet: its webhook was quicker than the answer to its run."""
        self.unknown.add(task_id)

    def truth(self, task_id: str, told: Any) -> Task:
        """How the task stands: anybody can call us, so Wiro is asked."""
        return self.captioner.look(task_id)

    def finish(self, job: Job, task: Task) -> None:
        """The job is over, and the customer is told, once."""
        with self.lock:
            if self.is_over(job):
                return
            try:
                self.captioner.check(task)
            except WiroError:
                job.state = "failed"
            else:
                job.state, job.caption = "done", task.stdout
            job.mails += 1
        job.over.set()

    def is_over(self, job: Job) -> bool:
        """Whether it is over already."""
        return job.state != "waiting"


class TrustsWebhook(BackEnd):
    """Takes the word of whoever calls."""

    def truth(self, task_id: str, told: Any) -> Task:
        """What was said."""
        return self.captioner.task(told)


class DeliversTwice(BackEnd):
    """Does the job again when the webhook comes again."""

    def is_over(self, job: Job) -> bool:
        """Never."""
        return False


class KnowsTooLate(BackEnd):
    """Forgets a webhook that comes before its job is written down."""

    def remember(self, task_id: str) -> None:
        """It will not come again."""


BUGS: dict[str, type[BackEnd]] = {
    "trusts-webhook": TrustsWebhook,
    "delivers-twice": DeliversTwice,
    "knows-too-late": KnowsTooLate,
}
