"""`check_backend`: the contract of a backend, asserted of any by folding what it yields, without a mock around it."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import BinaryIO, Final

from wiro_mock.backends.feeding import Feed
from wiro_mock.backends.job import Backend, BackendError, Job
from wiro_mock.backends.running import reason
from wiro_mock.kernel import events as e
from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.kernel.events import SECOND, Entry, Event, Instant
from wiro_mock.kernel.files import Blob, FileKind, make_file
from wiro_mock.kernel.lifecycle import failing
from wiro_mock.kernel.status import IllegalEvent
from wiro_mock.kernel.task import Task, evolve

PATIENCE_SECONDS: Final = 10.0
"""How long a backend may be silent, and how long it may take to end after a cancel; on the system's clock."""


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
    should (or fails as it should not), is silent for `patience` seconds, or still at work so long after it was
    cancelled.
    """
    trial = _Trial(run, model, (dict(parameters or {}), dict(files or {})), dict(options or {}), patience)
    task = trial.whole()
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
        self._problem = ""
        self._broken: BrokenContract | None = None
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

    def whole(self) -> Task:
        """The task after a run to its end, as the mock would play it. A microsecond passes with each event."""
        job, feed = self._new_job(), Feed()
        task = evolve(evolve(None, Entry(at=0, event=e.Queued(job=self._job))), Entry(at=SECOND, event=e.Accepted()))
        at, problem = SECOND, ""
        try:
            for event in self._heard(job):
                if task.finished:
                    raise BrokenContract(f"{type(event).__name__} comes after its task has ended")
                task, at = _after(task, feed.events(task, event, now=at + 1, since=at), at + 1), at + 1
            problem = self._problem
        except IllegalEvent as error:  # a complaint about what it yields, and not its own
            raise BrokenContract(reason(error)) from error
        except BackendError as error:  # it has said too much
            problem = reason(error)
        finally:
            job.cancel()
        if problem and task.exit_code is not None:
            raise BrokenContract(f"the backend fails after its exit, where nobody sees it: {problem}")
        if task.finished:
            return task
        try:
            return _after(task, failing(task, problem) if problem else feed.ended(task), at + 1)
        except (IllegalEvent, BackendError) as error:
            raise BrokenContract(str(error)) from None

    def _heard(self, job: Job) -> Iterator[object]:
        """What it yields in a thread of its own, as in the mock; `_problem` is why it failed."""
        heard, over = SimpleQueue[tuple[object]](), threading.Event()
        ended: tuple[object] = (None,)

        def play() -> None:
            try:
                for event in self._events(job):
                    heard.put((event,))
                    if over.is_set():
                        break
            except BrokenContract as error:
                self._broken = error
            except BaseException as error:  # also SystemExit: whatever ends the thread ends the run
                self._problem = reason(error)
            heard.put(ended)

        threading.Thread(target=play, name="check-backend", daemon=True).start()
        try:
            while (one := heard.get(timeout=self._patience)) is not ended:
                yield one[0]
        except Empty:
            raise BrokenContract(
                f"the backend has yielded nothing for {self._patience:g} s; let it say something, or give it more time "
                "with patience="
            ) from None
        finally:
            over.set()
        if self._broken is not None:
            raise self._broken

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


def _after(task: Task, events: Sequence[Event], at: Instant) -> Task:
    for event in events:
        task = evolve(task, Entry(at=at, event=event))
    return task
