"""`check_backend`: the contract of a backend, asserted of any by folding what it yields, without a mock around it."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO, Final

from wiro_mock.backends.feeding import Feed
from wiro_mock.backends.job import Backend, Job
from wiro_mock.backends.running import reason
from wiro_mock.kernel import events as e
from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.kernel.events import SECOND, Entry, Event
from wiro_mock.kernel.files import Blob, FileKind, make_file
from wiro_mock.kernel.lifecycle import failing
from wiro_mock.kernel.task import IllegalEvent, Task, evolve, fold

PATIENCE_SECONDS: Final = 10.0
"""How long a backend may compute before its first event, and take to end after a cancel; on the system's clock."""


class BrokenContract(AssertionError):
    """A backend that does what no backend may; the message says what, and what to do instead."""


@dataclass(slots=True)
class _Shelf:
    """Files in memory."""

    bytes_of: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes, contenttype: str) -> Blob:
        digest = hashlib.sha256(data).hexdigest()
        self.bytes_of[digest] = data
        return Blob(digest=digest, size=len(data), contenttype=contenttype)

    def open(self, blob: Blob) -> BinaryIO:
        return io.BytesIO(self.bytes_of[blob.digest])

    def own(self, url: str) -> Blob | None:  # noqa: ARG002 -- there is no file that a URL could lead to
        return None


def check_backend(
    run: Backend,
    *,
    model: str = "acme/model",
    parameters: Mapping[str, object] | None = None,
    files: Mapping[str, bytes] | None = None,
    options: Mapping[str, object] | None = None,
    fails: bool = False,
    patience: float = PATIENCE_SECONDS,
) -> Task:
    """Assert the contract of a backend for one run, twice: to its end, and cancelled after its first event.

    `files` are input files by their parameters' names. Returns the task as the first run left it: its text in
    `debugoutput`, its files in `outputs`. With `fails`, the run is one that has to fail with a reason. Raises
    `BrokenContract` where the backend yields what cannot happen there, ends without an outcome, does not fail as it
    should (or fails as it should not), or is still at work `patience` seconds after it was cancelled.
    """
    trial = _Trial(run, model, (dict(parameters or {}), dict(files or {})), dict(options or {}), patience)
    task = fold(trial.whole())
    if fails and task.exit_code == 0:
        raise BrokenContract("the backend has succeeded with a run that has to fail; raise an exception that says why")
    if not fails and task.exit_code != 0:
        raise BrokenContract(f"the backend has failed with exit code {task.exit_code}: {task.stderr or 'no reason'}")
    if fails and not task.stderr:
        raise BrokenContract("the backend has failed without a word; raise BackendError, or yield job.stderr(...)")
    trial.cancelled()
    return task


class _Trial:
    def __init__(
        self,
        run: Backend,
        model: str,
        given: tuple[dict[str, object], dict[str, bytes]],
        options: dict[str, object],
        patience: float,
    ) -> None:
        parameters, files = given
        self._run = run
        self._options = options
        self._patience = patience
        self._shelf = _Shelf()
        owner, _, slug = model.partition("/")
        token, inputs = "t" * 30, []
        for number, (name, data) in enumerate(files.items()):
            blob = self._shelf.put(data, "application/octet-stream")
            inputs.append(
                make_file(token, "input", number, name=name, kind=FileKind.INPUT, blob=blob, at=0, task_id="1")
            )
            parameters[name] = inputs[-1]
        self._job = e.Job(
            id="1",
            token=token,
            account_uuid="account",
            project_id="1",
            model=Model(id="1", owner=owner, slug=clean_slug(slug), kind="text", cps=Decimal(0)),
            owner=owner,
            project=slug,
            parameters=parameters,
            inputs=tuple(inputs),
            callback_url="",
            origin="http://127.0.0.1",
            weight=0,
            scenario="check_backend",
        )

    def whole(self) -> Sequence[Entry]:
        """The log of a run to its end, as the mock would write it. A microsecond passes with each event."""
        log, feed, job = self._begin(), Feed(), self._new_job()
        problem = ""
        try:
            events = self._events(job)
            for event in events:
                task = fold(log)
                if task.finished:
                    raise BrokenContract(f"{type(event).__name__} comes after its task has ended")
                now = log[-1].at + 1
                self._append(log, feed.events(task, event, now=now, since=log[-1].at), now)
        except BrokenContract:
            raise
        except Exception as error:
            problem = reason(error)
            if _is_ours(error):
                raise BrokenContract(problem) from error
        self._finish(log, feed, problem)
        return log

    def cancelled(self) -> None:
        """A run that is cancelled after its first event comes to its end soon."""
        job, came, ended = self._new_job(), threading.Event(), threading.Event()
        thread = threading.Thread(target=self._play_until_cancelled, args=(job, came, ended), daemon=True)
        thread.start()
        came.wait(self._patience)
        job.cancel()
        if not ended.wait(self._patience):
            raise BrokenContract(
                f"the backend is still at work {self._patience:g} s after it was cancelled; let it look at "
                "job.cancelled, or register what wakes it by job.on_cancel"
            )

    def _play_until_cancelled(self, job: Job, came: threading.Event, ended: threading.Event) -> None:
        with suppress(BaseException):  # how it ends is its own business: nobody listens any more
            events = self._events(job)
            for _ in events:
                came.set()
                if job.cancelled.is_set():
                    break
            close = getattr(events, "close", None)
            if close is not None:
                close()
        came.set()
        ended.set()

    def _events(self, job: Job) -> Iterator[Event]:
        made = self._run(job)
        if not hasattr(made, "__iter__"):
            raise BrokenContract(f"run(job) returns {made!r:.80}; it has to return an iterator, as a generator does")
        return iter(made)

    def _new_job(self) -> Job:
        return Job(task=self._job, shelf=self._shelf, options=self._options)

    def _begin(self) -> list[Entry]:
        return [Entry(at=0, event=e.Queued(job=self._job)), Entry(at=SECOND, event=e.Accepted())]

    def _finish(self, log: list[Entry], feed: Feed, problem: str) -> None:
        task = fold(log)
        if not task.finished:
            try:
                events = failing(task, problem) if problem else feed.ended(task)
            except Exception as error:
                raise BrokenContract(str(error)) from None
            self._append(log, events, log[-1].at + 1)

    def _append(self, log: list[Entry], events: Sequence[Event], now: int) -> None:
        task = fold(log)
        for event in events:
            entry = Entry(at=now, event=event)
            task = evolve(task, entry)
            log.append(entry)


def _is_ours(error: Exception) -> bool:
    """Whether the complaint is one about what the backend yields, and not its own."""
    return isinstance(error, IllegalEvent)
