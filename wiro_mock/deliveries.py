"""The webhooks that the kernel wants sent, when each is due, and what became of them. Sending is somebody else's work.

A webhook holds the task as it was when it ended: what is posted does not depend on when that is done, nor on what
has been deleted, forgotten or begun anew meanwhile. When it is due is said by the world's clock: a first attempt, one
after a failure, and one that a fault makes late. Each target has a line of its own, so that a slow one holds up nobody
but itself.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from wiro_mock.kernel.events import Cancelled, Duration, Entry, GaveUp, Instant, PostprocessEnded, Queued
from wiro_mock.kernel.rules import Delivery, is_web_url
from wiro_mock.kernel.task import Task

if TYPE_CHECKING:
    from wiro_mock.language.fault_actions import Do

WAITING = 1_000
"""So many webhooks wait to be posted; of more, the oldest are given up."""
KEPT = 2 * WAITING
"""So many are remembered, so that those given up can still be seen."""
AT_ONCE = 20
"""How many webhooks are being posted to one target (a host and a port) at a time."""
ALL_AT_ONCE = 400
"""And to all targets together: each has a connection."""
Place: TypeAlias = Literal["later", "held", "ready", "posting"]
"""Where a webhook waits: for its time, for something else to happen, in its target's line; or it is on its way."""
TRIES_KEPT = 20
"""So many attempts of one webhook are remembered, the latest; and of the bodies of each so many bytes, the first."""
BYTES_KEPT = 2 << 10


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One post: `at` on the world's clock, `seconds` on the system's.

    Of what was sent `size` bytes in all and the first of them, of what was answered the status, the headers and the
    first bytes of the body. `error` says what went wrong; empty where it was answered with 200.
    """

    at: Instant
    size: int = 0
    sent: bytes = b""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    answer: bytes = b""
    seconds: float = 0.0
    error: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Webhook:
    """A delivery and what became of it. `state` is `waiting`, `posted`, `failed` or `not posted`.

    `task` is the task at its end, until the webhook is ended too. `due` is when the next attempt is to be made; `until`
    says what it waits for besides: a `poll` that sees the end, or the `next` webhook; `late` is how long after that.
    `again` is set by whoever has posted: so much later it is to be posted again. `do` and `noise` are the fault that
    strikes it, `cut_after` goes with
    it, `fault` is how it is told of; it comes `copies` times more.
    """

    id: str
    delivery: Delivery
    task: Task | None = field(default=None, repr=False)
    state: str = "waiting"
    reason: str = "no running server has taken it up yet"
    status: int | None = None
    attempts: int = 0
    tries: deque[Attempt] = field(default_factory=lambda: deque(maxlen=TRIES_KEPT), repr=False)
    due: Instant = 0
    until: Literal["", "poll", "next"] = ""
    late: Duration = 0
    again: Duration | None = None
    failures: int = 0
    copies: int = 0
    taken: bool = False
    target: str = ""
    do: Do | None = None
    noise: int = 0
    cut_after: int | None = None
    fault: str = ""

    def end(self, state: str, reason: str) -> None:
        """Write down its fate, and let go of the task."""
        self.state, self.reason, self.task, self.again = state, reason, None, None

    @property
    def line(self) -> str:
        """What the tester is told of it."""
        return f"webhook {self.id} of task {self.delivery.task_id}: {self.state}: {self.reason}"


class Deliveries:
    """The latest webhooks, oldest first. `awaited` counts the unfinished tasks that are going to have one, `attempted`
    the posts by what came of them: `taken`, `refused` (an answer other than 200) or `failed` (no answer).

    Not safe without the world's lock.
    """

    def __init__(self) -> None:
        self.webhooks: deque[Webhook] = deque(maxlen=KEPT)
        self.awaited = 0
        self.attempted: Counter[str] = Counter()
        self._made = self._lined_up = 0
        self._ended: dict[str, Task] = {}
        self._unposted: dict[str, Webhook] = {}
        self._later: list[tuple[Instant, int, Webhook]] = []
        self._held: list[Webhook] = []
        self._ready: dict[str, deque[Webhook]] = {}
        self._posting: Counter[str] = Counter()

    @property
    def unposted(self) -> tuple[Webhook, ...]:
        """Those that wait, and that nobody is posting; oldest first."""
        return tuple(self._unposted.values())

    @property
    def made(self) -> int:
        """How many webhooks there have been."""
        return self._made

    def standing(self) -> dict[str, Place]:
        """Where the webhooks wait that wait, in the order in which they are to be lined up again."""
        found: dict[str, Place] = {one.id: "posting" for one in self.webhooks if self._is_posting(one)}
        for line in self._ready.values():
            found.update((one.id, "ready") for one in line)
        found.update((one.id, "later") for _, _, one in sorted(self._later, key=lambda entry: entry[:2]))
        found.update((one.id, "held") for one in self._held)
        return found

    def resume(self, webhooks: Iterable[Webhook], line: Iterable[str], made: int) -> None:
        """Go on with these; those in `line` wait. One that was on its way is posted again, for nobody knows how it
        went.
        """
        self.webhooks.extend(webhooks)
        known = {one.id: one for one in self.webhooks}
        for name in line:
            self.line_up(known[name])
        self._made = made

    def _is_posting(self, webhook: Webhook) -> bool:
        return webhook.state == "waiting" and webhook.id not in self._unposted

    def hear(self, task: Task, entry: Entry) -> None:
        """Take note of an entry."""
        if task.job.callback_url and is_web_url(task.job.callback_url):
            ended = isinstance(entry.event, PostprocessEnded | GaveUp | Cancelled)
            self.awaited += isinstance(entry.event, Queued) - ended
            if ended:
                self._ended[task.job.id] = task

    def collect(self, outbox: deque[Delivery]) -> list[Webhook]:
        """Empty the kernel's outbox; returns the webhooks that are new. They are to be lined up."""
        made = []
        while outbox:
            self._made += 1
            delivery = outbox.popleft()
            webhook = Webhook(
                id=f"hook-{self._made}",
                delivery=delivery,
                task=self._ended.get(delivery.task_id),
                due=delivery.at,
                target=_target(delivery.url),
            )
            self.webhooks.append(webhook)
            made.append(webhook)
        self._ended.clear()
        return made

    def line_up(self, webhook: Webhook) -> Webhook | None:
        """Let it wait for its time; returns the one that had to be given up for it, if any."""
        self._unposted[webhook.id] = webhook
        if webhook.until:
            self._held.append(webhook)
        else:
            self._lined_up += 1
            heapq.heappush(self._later, (webhook.due, self._lined_up, webhook))
        return self._give_up() if len(self._unposted) > WAITING else None

    def _give_up(self) -> Webhook:
        oldest = self._unposted.pop(next(iter(self._unposted)))
        if oldest in self._held:
            self._held.remove(oldest)
        elif oldest in (line := self._ready.get(oldest.target, deque())):
            line.remove(oldest)
            if not line:
                del self._ready[oldest.target]
        else:
            self._later = [entry for entry in self._later if entry[2] is not oldest]
            heapq.heapify(self._later)
        oldest.end("not posted", "too many webhooks are waiting")
        return oldest

    def next_due(self, now: Instant) -> Instant | None:
        """When the next one is due that is not due yet."""
        return self._later[0][0] if self._later and self._later[0][0] > now else None

    def is_busy(self, now: Instant) -> bool:
        """Whether one is being posted, or is due and will be."""
        return bool(self._posting or self._ready) or bool(self._later and self._later[0][0] <= now)

    def take(self, now: Instant) -> Webhook | None:
        """One to be posted now, if there is one whose target has a place; `done` is to be called afterwards."""
        while self._later and self._later[0][0] <= now:
            webhook = heapq.heappop(self._later)[2]
            self._ready.setdefault(webhook.target, deque()).append(webhook)
        if self._posting.total() >= ALL_AT_ONCE:
            return None
        target = next((one for one in self._ready if self._posting[one] < AT_ONCE), None)
        if target is None:
            return None
        line = self._ready.pop(target)
        webhook = line.popleft()
        if line:
            self._ready[target] = line  # behind the others: each has its turn
        del self._unposted[webhook.id]
        self._posting[target] += 1
        return webhook

    def done(self, webhook: Webhook, now: Instant) -> None:
        """It was posted, or was to be: line it up again where it has to be, and those that waited for it."""
        self._posting[webhook.target] -= 1
        if not self._posting[webhook.target]:
            del self._posting[webhook.target]
        if webhook.again is not None and webhook.state == "waiting":
            webhook.due, webhook.again = now + webhook.again, None
            self.line_up(webhook)
        elif self._held:
            self._release([one for one in self._held if one.until == "next" and one is not webhook], now)

    def saw_end(self, task_id: str, now: Instant) -> bool:
        """A poll has been answered with the end of this task; whether a webhook has waited for that."""
        found = [one for one in self._held if one.until == "poll" and one.delivery.task_id == task_id]
        self._release(found, now)
        return bool(found)

    def _release(self, webhooks: list[Webhook], now: Instant) -> None:
        for webhook in webhooks:
            self._held.remove(webhook)
            webhook.due, webhook.until = now + webhook.late, ""
            self.line_up(webhook)


def _target(url: str) -> str:
    """Whose line it stands in: the host and the port of the URL."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or parts.scheme}"
    except ValueError:
        return ""
