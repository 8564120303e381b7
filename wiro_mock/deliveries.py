"""The webhooks that the kernel wants sent, and what became of them. Sending them is somebody else's work.

A webhook holds the task as it was when it ended: what is posted does not depend on when that is done, nor on what
has been deleted, forgotten or begun anew meanwhile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from wiro_mock.kernel.events import Cancelled, Entry, GaveUp, PostprocessEnded, Queued
from wiro_mock.kernel.rules import Delivery, is_web_url
from wiro_mock.kernel.task import Task

WAITING = 1_000
"""So many webhooks wait to be posted; of more, the oldest are given up."""
KEPT = 2 * WAITING
"""So many are remembered, so that those given up can still be seen."""


@dataclass(slots=True, kw_only=True)
class Webhook:
    """A delivery and what became of it. `state` is `waiting`, `posted`, `failed` or `not posted`.

    `task` is the task at its end, until the webhook is ended too.
    """

    id: str
    delivery: Delivery
    task: Task | None = field(default=None, repr=False)
    state: str = "waiting"
    reason: str = "no running server has taken it up yet"
    status: int | None = None
    attempts: int = 0

    def end(self, state: str, reason: str) -> None:
        """Write down its fate, and let go of the task."""
        self.state, self.reason, self.task = state, reason, None

    @property
    def line(self) -> str:
        """What the tester is told of it."""
        return f"webhook {self.id} of task {self.delivery.task_id}: {self.state}: {self.reason}"


class Deliveries:
    """The latest webhooks, oldest first; `unposted` are those that nobody has taken to send.

    `awaited` counts the unfinished tasks that are going to have one.
    """

    def __init__(self) -> None:
        self.webhooks: deque[Webhook] = deque(maxlen=KEPT)
        self.unposted: deque[Webhook] = deque()
        self.awaited = 0
        self._made = 0
        self._ended: dict[str, Task] = {}

    def hear(self, task: Task, entry: Entry) -> None:
        """Take note of an entry."""
        if task.job.callback_url and is_web_url(task.job.callback_url):
            ended = isinstance(entry.event, PostprocessEnded | GaveUp | Cancelled)
            self.awaited += isinstance(entry.event, Queued) - ended
            if ended:
                self._ended[task.job.id] = task

    def collect(self, outbox: deque[Delivery]) -> list[Webhook]:
        """Empty the kernel's outbox; returns the webhooks that had to be given up."""
        given_up = []
        while outbox:
            self._made += 1
            delivery = outbox.popleft()
            webhook = Webhook(id=f"hook-{self._made}", delivery=delivery, task=self._ended.get(delivery.task_id))
            self.webhooks.append(webhook)
            self.unposted.append(webhook)
            if len(self.unposted) > WAITING:
                given_up.append(self.unposted.popleft())
                given_up[-1].end("not posted", "too many webhooks are waiting")
        self._ended.clear()
        return given_up
