"""The webhooks that the kernel wants sent, and what became of them. Sending them is somebody else's work."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from wiro_mock.kernel.events import Cancelled, Entry, GaveUp, PostprocessEnded, Queued
from wiro_mock.kernel.rules import Delivery, is_web_url
from wiro_mock.kernel.task import Task

KEPT = 1_000


@dataclass(slots=True, kw_only=True)
class Webhook:
    """A delivery and what became of it. `state` is `waiting`, `posted`, `failed` or `not posted`."""

    id: str
    delivery: Delivery
    state: str = "waiting"
    reason: str = "no server is running that could post it"
    status: int | None = None
    attempts: int = 0


class Deliveries:
    """The latest webhooks, oldest first; `unposted` are those that nobody has taken to send.

    `awaited` counts the unfinished tasks that are going to have one.
    """

    def __init__(self) -> None:
        self.webhooks: deque[Webhook] = deque(maxlen=KEPT)
        self.unposted: deque[Webhook] = deque(maxlen=KEPT)
        self.awaited = 0
        self._made = 0

    def hear(self, task: Task, entry: Entry) -> None:
        """Take note of an entry."""
        if is_web_url(task.job.callback_url):
            ended = isinstance(entry.event, PostprocessEnded | GaveUp | Cancelled)
            self.awaited += isinstance(entry.event, Queued) - ended

    def collect(self, outbox: deque[Delivery]) -> None:
        """Empty the kernel's outbox."""
        while outbox:
            self._made += 1
            webhook = Webhook(id=f"hook-{self._made}", delivery=outbox.popleft())
            self.webhooks.append(webhook)
            self.unposted.append(webhook)
