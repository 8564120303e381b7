"""A live run between its backend's thread and the log: what is yielded happens, with the bytes that belong to it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import BinaryIO, Protocol

from wiro_mock.api.measure import Measure
from wiro_mock.backends.feeding import Feed
from wiro_mock.backends.finding import find
from wiro_mock.backends.job import Backend, BackendError, Job
from wiro_mock.backends.running import Run
from wiro_mock.clock import Clock
from wiro_mock.kernel import events as e
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.lifecycle import failing
from wiro_mock.kernel.plan import Live
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task
from wiro_mock.store import BlobStore
from wiro_mock.text import printable


class Shell(Protocol):
    """The world, as far as its live runs need it."""

    lock: threading.RLock
    clock: Clock
    sim: Simulation
    blobs: BlobStore
    backends: dict[str, Backend]

    def tell(self, line: str) -> None: ...
    def settle(self) -> None: ...
    def held(self, url: str) -> Blob | None:
        """What a URL holds, if it is known."""
        ...

    def collect(self) -> None:
        """After something has happened: see to what it brings with it."""
        ...


class Playing:
    """One live run: between its backend's thread and the log."""

    def __init__(self, world: Shell, sim: Simulation, task: Task, live: Live) -> None:
        self._world = world
        self._sim = sim
        self._id = task.job.id
        self._feed = Feed()
        self._job = Job(task=task.job, shelf=_Shelf(world), options=live.options)
        name = live.backend
        own = world.backends.get(name)
        self.run = Run(
            self._job,
            name,
            find=lambda: own if own is not None else find(name),
            take=self._take,
            end=self._end,
            tell=world.tell,
        )

    def _take(self, event: object) -> bool:
        """The backend has yielded this. Whether there is any use in more."""
        with self._world.lock:
            task = self._unfinished()
            if task is None:
                return self._sim.emit(self._id, e.Started())  # dropped, whatever it is, and counted
            since = self._sim.log(self._id)[-1].at
            self._happen(self._feed.events(task, event, now=self._sim.now, since=since))
            return self._unfinished() is not None

    def _end(self, problem: str) -> None:
        """The backend has come to its end, or to a problem."""
        with self._world.lock:
            if (task := self._unfinished()) is None:
                return
            events = list[e.Event]()
            if not problem:
                try:
                    events = self._feed.ended(task)
                except BackendError as error:
                    problem = str(error)
            late = f" after its task had ended with code {task.exit_code}, so that no client sees it"
            how = late if task.exit_code is not None else ""
            self._happen(failing(task, problem) if problem else events)
        if problem:
            self._world.tell(printable(f"task {self._id}: its backend '{self.run.name}' failed{how}: {problem}"))

    def _unfinished(self) -> Task | None:
        """The task as it is now; None when it is over, be it that its world has begun anew."""
        if self._world.sim is not self._sim:
            return None
        self._world.settle()
        task = self._sim.task(self._id)
        return None if task is None or task.finished else task

    def _happen(self, events: list[e.Event]) -> None:
        for event in events:
            self._sim.emit(self._id, self._stored(event) if isinstance(event, e.Produced) else event)
        self._world.collect()

    def _stored(self, event: e.Produced) -> e.Produced:
        """The file with its bytes in the store, and measured where the model's price asks for it."""
        blobs, data = self._world.blobs, self._job.bytes_of(event)
        if data is None:
            if not blobs.has(event.blob):
                raise BackendError(f"the output {event.name[:100]!r} has no bytes; make it by job.produce(name, data)")
            return event  # the same bytes once more, which are there already
        blob = blobs.put(data, event.blob.contenttype)
        return replace(event, blob=Measure(self._job.task.model, blobs).blob(blob))


class _Shelf:
    """The bytes of a world's files, for a backend's thread."""

    def __init__(self, world: Shell) -> None:
        self._world = world

    def open(self, blob: Blob) -> BinaryIO:
        """The bytes of a blob."""
        return self._world.blobs.open(blob)

    def own(self, url: str) -> Blob | None:
        """What this world knows a URL to hold: a file of its own, or as it was declared."""
        with self._world.lock:
            return self._world.held(url)
