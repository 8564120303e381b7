"""What a test sees of a world: its tasks, files and webhooks, as they are when they are looked at.

A view holds no copy. A task, and a webhook, is looked up whenever it is asked for something, after the world has
settled; one that the world has forgotten meanwhile stays as it was last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from wiro_mock.api import wire
from wiro_mock.api.origin import origins
from wiro_mock.deliveries import Webhook
from wiro_mock.journal import POLL
from wiro_mock.kernel import task as kernel
from wiro_mock.kernel.events import SECOND, Cancelled, Entry, GaveUp, Job, PostprocessEnded
from wiro_mock.kernel.files import File
from wiro_mock.kernel.status import Status
from wiro_mock.misuse import Misuse
from wiro_mock.testing.era import Era
from wiro_mock.testing.messages import Frame, Request, line, parsed
from wiro_mock.testing.timelines import Timeline, timeline

__all__ = ["Delivery", "FileView", "Frame", "Request", "Task", "delivery_view", "task_view"]


@dataclass(frozen=True, slots=True, repr=False)
class FileView:
    """A file that a client sent or can fetch. `size` is in bytes, `sha256` in hex."""

    _era: Era
    _file: File
    _origin: str = field(compare=False)

    @property
    def name(self) -> str:
        """Its name, as it stands in the URL."""
        return self._file.name

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._file.blob.size

    @property
    def contenttype(self) -> str:
        """Its MIME type."""
        return self._file.blob.contenttype

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return self._file.blob.digest

    @property
    def url(self) -> str:
        """Where a client finds it, as answers say."""
        return wire.file_url(self._file, origins(self._origin))

    @property
    def downloaded(self) -> bool:
        """Whether a GET has fetched bytes of it."""
        return self._file.id in self._era.downloads

    def read(self) -> bytes:
        """Its bytes. Raises `Misuse` when they have been deleted or forgotten."""
        with self._era.settled():
            try:
                return self._era.world.blobs.read(self._file.blob)
            except LookupError:
                raise Misuse(
                    f"the bytes of {self.name!r} are gone, for its files were deleted, or the world was reset or had "
                    "to make room; read them before that"
                ) from None

    def text(self) -> str:
        """Its bytes as UTF-8 text. Raises `Misuse` like `read`, and `UnicodeDecodeError`."""
        return self.read().decode()

    def __repr__(self) -> str:
        fetched = ", downloaded" if self.downloaded else ""
        return line(self._era, f"<File {self.name!r} {self.contenttype}, {self.size} bytes{fetched}>")


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """A task, as it is when it is asked. `id` and `token` are what the Run answered."""

    _era: Era
    id: str
    token: str = field(compare=False)
    _job: Job = field(compare=False)
    _log: Sequence[Entry] = field(compare=False)

    @property
    def model(self) -> str:
        """The model's name, `owner/slug`, in the form in which Wiro displays it."""
        return self._job.model.name

    @property
    def parameters(self) -> dict[str, Any]:
        """What the run was given: a `FileView` where a file was sent, a list where there were several values."""
        return {name: self._value(value) for name, value in self._job.parameters.items()}

    @property
    def scenario(self) -> str:
        """The name of the scenario that plays it."""
        return self._job.scenario

    @property
    def status(self) -> str:
        """The status as it is on the wire: `task_queue` … `task_postprocess_end` or `task_cancel`."""
        return self._now().status.value

    @property
    def exit_code(self) -> int | None:
        """The exit code; None before the process has ended."""
        return self._now().exit_code

    @property
    def finished(self) -> bool:
        """Whether nothing more can happen to it."""
        return self._now().finished

    @property
    def succeeded(self) -> bool:
        """Whether it finished with exit code 0."""
        return self._now().succeeded

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled or killed."""
        return self._now().status is Status.CANCEL

    @property
    def outputs(self) -> list[FileView]:
        """The files that Detail lists: of a task that succeeded, from `task_end` on, until they are deleted."""
        return [FileView(self._era, file, self._job.origin) for file in self._now().shown_outputs]

    @property
    def debugoutput(self) -> str:
        """What the process has printed and streamed."""
        return self._now().debugoutput

    @property
    def debugerror(self) -> str:
        """What the process has written to stderr."""
        return self._now().stderr

    @property
    def cost(self) -> Decimal | None:
        """What was charged, in USD; None where nothing was."""
        return self._now().cost

    @property
    def cost_ground(self) -> str:
        """What made the cost, in words: the tier of its model's prices, or seconds and `cps`; empty without a cost."""
        now = self._now()
        return "" if now.cost is None else kernel.ground_of_cost(now)

    @property
    def waits_for(self) -> str:
        """What it waits for, in words; empty when it is finished, or only a matter of time."""
        with self._era.settled():
            return self._era.sim.waiting_for(self.id)

    @property
    def polls(self) -> int:
        """How many Detail requests have named it."""
        remembered = sum(
            exchange.outcome.operation == POLL and exchange.outcome.task_id == self.id
            for exchange in self._era.exchanges()
        )
        return remembered + self._era.journal.forgotten_polls[self.id]

    @property
    def timeline(self) -> Timeline:
        """What has happened, and who has seen it."""
        self._now()
        return timeline(self._era, self.id, self._log)

    @property
    def webhooks(self) -> list[Delivery]:
        """The webhooks that were to be sent for it."""
        with self._era.settled():
            hooks = [hook for hook in self._era.deliveries.webhooks if hook.delivery.task_id == self.id]
            return [delivery_view(self._era, hook) for hook in hooks]

    def fits(self, model: str) -> bool:
        """Whether it is of this model: a name in clean or display form, or a glob such as `google/*`."""
        return self._job.model.fits(model)

    def _now(self) -> kernel.Task:
        with self._era.settled():
            return self._era.sim.task(self.id) or kernel.fold(self._log)

    def _value(self, value: object) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return FileView(self._era, value, self._job.origin) if isinstance(value, File) else value

    def __repr__(self) -> str:
        code = self.exit_code
        more = f", exit code {code}" if code is not None else f", waits for {self.waits_for}" if self.waits_for else ""
        return line(self._era, f"<Task {self.id} {self.model} {self.status}{more}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt to post a webhook: `at` in unix seconds of the world's clock, `seconds` that it took in real ones.

    `size` bytes were to be sent, `sent` and `answer` are the first 2 KiB as text. `error` says what went wrong.
    """

    at: float
    size: int
    sent: str
    status: int | None
    headers: dict[str, str]
    answer: str
    seconds: float
    error: str


@dataclass(frozen=True, slots=True, repr=False)
class Delivery:
    """A webhook. `state` is `waiting`, `posted`, `failed` or `not posted`, and `reason` says why."""

    _era: Era
    id: str
    _webhook: Webhook = field(compare=False)
    _log: Sequence[Entry] = field(compare=False)

    @property
    def task(self) -> str:
        """The id of its task."""
        return self._webhook.delivery.task_id

    @property
    def url(self) -> str:
        """Where it is posted to, without credentials."""
        return self._era.clean(self._webhook.delivery.url)

    @property
    def state(self) -> str:
        """What has become of it."""
        return self._webhook.state

    @property
    def status(self) -> int | None:
        """The HTTP status that the receiver answered; None where it has not."""
        return self._webhook.status

    @property
    def reason(self) -> str:
        """Why it is in this state, in words."""
        return self._era.clean(self._webhook.reason)

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return self._webhook.attempts

    @property
    def tries(self) -> list[Try]:
        """The latest attempts, oldest first."""
        clean = self._era.clean
        return [
            Try(
                at=one.at / SECOND,
                size=one.size,
                sent=clean(one.sent.decode("utf-8", "replace")),
                status=one.status,
                headers={name.lower(): clean(value) for name, value in one.headers},
                answer=clean(one.answer.decode("utf-8", "replace")),
                seconds=one.seconds,
                error=clean(one.error),
            )
            for one in tuple(self._webhook.tries)
        ]

    @property
    def fault(self) -> str:
        """The fault that struck it, in words; empty where none has."""
        return self._webhook.fault

    @property
    def body(self) -> str:
        """What is posted, unless a fault strikes it; empty once the world has forgotten the task."""
        with self._era.settled():
            hook = self._webhook
            if hook.task is None and self._log:
                hook = replace(hook, task=kernel.fold(_to_the_end(self._log)))
            return self._era.world.webhook_body(hook) or ""

    @property
    def json(self) -> Any:
        """What is posted, parsed; None once the world has forgotten the task."""
        return parsed(self.body)

    def __repr__(self) -> str:
        return line(self._era, f"<Delivery {self.id} task {self.task} to {self.url} {self.state}: {self.reason}>")


def task_view(era: Era, task: kernel.Task) -> Task:
    """The view of a task that the world remembers."""
    return Task(era, task.job.id, task.job.token, task.job, era.sim.log(task.job.id))


def delivery_view(era: Era, webhook: Webhook) -> Delivery:
    """The view of a webhook."""
    task_id = webhook.delivery.task_id
    return Delivery(era, webhook.id, webhook, era.sim.log(task_id) if era.sim.task(task_id) else ())


def _to_the_end(log: Sequence[Entry]) -> list[Entry]:
    """The log up to the end of the task: files may have been deleted after it."""
    ends = (
        place for place, entry in enumerate(log, 1) if isinstance(entry.event, PostprocessEnded | GaveUp | Cancelled)
    )
    return list(log[: next(ends, len(log))])
