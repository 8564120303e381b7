"""What a test looks through: the tasks, requests, frames, webhooks and uploads of a world, oldest first.

Each is made when it is asked for and does not grow; what stands in it is as live as a view is (see `views`). As text
it is at most ten lines, and says what has been forgotten.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Generic, Self, TypeVar, overload

from wiro_mock.api import OPERATIONS
from wiro_mock.api.origin import WIRO
from wiro_mock.journal import Exchange
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.plan_table import FRAMES
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.socket_log import BINARY, SocketFrame
from wiro_mock.testing.era import Era, present
from wiro_mock.testing.options import seconds
from wiro_mock.testing.views import Delivery, FileView, Frame, Request, Task, delivery_view, task_view

__tracebackhide__ = True  # a failure is in the tester's line
T_co = TypeVar("T_co", covariant=True)
LINES = 10
SOCKET = "socket"
"""The operation of what was said on a socket and could not be used."""


class Unknown(KeyError):
    """A `KeyError` that is shown as it is written, and not in quotes."""

    def __str__(self) -> str:
        return str(self.args[0])


class Looked(Sequence[T_co], Generic[T_co]):
    """Views in the order in which they came to be; `dropped` of this kind have been forgotten to make room."""

    noun = ""

    def __init__(self, era: Era, views: Iterable[T_co], dropped: int = 0) -> None:
        self._era = era
        self._views = tuple(views)
        self.dropped = dropped

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> T_co | Self:
        if isinstance(index, slice):
            return self._among(self._views[index])
        try:
            return self._views[index]
        except IndexError:
            hint = f" (ids are texts: write {str(index)!r})" if index > 99_999 else ""
            raise IndexError(f"there is no {self.noun} {index}{hint}; there are {self!r}") from None

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._views)

    def _among(self, views: Iterable[T_co]) -> Self:
        return type(self)(self._era, views, self.dropped)

    def __repr__(self) -> str:
        count = len(self)
        older = "one has" if self.dropped == 1 else "ones have"
        forgotten = f", {self.dropped} older {older} been forgotten" if self.dropped else ""
        head = f"{count or 'no'} {self.noun}{'' if count == 1 else 's'}{forgotten}"
        shown = self._views if count < LINES else self._views[-(LINES - 2) :]
        before = [f"  … {count - len(shown)} before these"] if len(shown) < count else []
        return "\n".join([f"{head}:" if count else head, *before, *(f"  {view!r}" for view in shown)])


class Tasks(Looked[Task]):
    """The tasks of a world. One is found by its place, its id or its token."""

    noun = "task"

    @overload
    def __getitem__(self, index: int | str) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> Tasks: ...
    def __getitem__(self, index: int | str | slice) -> Task | Tasks:
        if not isinstance(index, str):
            return super().__getitem__(index)
        found = next((task for task in self if index in (task.id, task.token)), None) or self._since(index)
        if found is None:
            raise Unknown(f"no task has the id or token {index[:60]!r}; there are {self!r}")
        return found

    def _since(self, name: str) -> Task | None:
        """A task that has come since: in `wiro.tasks[client.run()]` Python looks at the tasks before the run."""
        with self._era.settled():
            task = self._era.sim.task(name) or self._era.sim.task_by_token(name)
        return None if task is None else task_view(self._era, task)

    def of(self, model: str) -> Tasks:
        """Those of a model: its name in clean or display form, or a glob such as `google/*`."""
        check_model(model)
        return self._among(task for task in self if task.fits(model))


class Requests(Looked[Request]):
    """The requests of a world, as far as its journal remembers."""

    noun = "request"

    def of(self, operation: str) -> Requests:
        """Those of an operation, such as `Run` or `Task/Detail`. Raises `Misuse` when there is no such operation."""
        check_operation(operation)
        return self._among(request for request in self if request.operation == operation)

    @property
    def refused(self) -> Requests:
        """Those that were answered with one of Wiro's error codes."""
        return self._among(request for request in self if request.code is not None)

    @property
    def unexpected(self) -> Requests:
        """Those to which nothing here answers: no operation, no model, no scenario; or the mock could not go on."""
        return self._among(request for request in self if request.unexpected)


class Deliveries(Looked[Delivery]):
    """The webhooks of a world, and what became of them."""

    noun = "webhook"

    @property
    def posted(self) -> Deliveries:
        """Those that a receiver has taken."""
        return self._among(delivery for delivery in self if delivery.state == "posted")


class Uploads(Looked[FileView]):
    """The files that came by `File/Upload` or with a run, and are still there."""

    noun = "file"


class Frames(Looked[Frame]):
    """What was said on the sockets of a world, in both directions."""

    noun = "frame"

    def of(self, type: str, *, task: Task | str = "") -> Frames:  # noqa: A002 -- that is what a frame calls it
        """Those of a type; only those that name this task (or its id or token), if one is given."""
        fits = self._fits(type, task)
        return self._among(frame for frame in self if fits(frame._frame))

    def wait_for(
        self,
        type: str,  # noqa: A002
        *,
        count: int = 1,
        task: Task | str = "",
        timeout: float | str | timedelta = 5.0,
    ) -> Frames:
        """Wait until there have been so many frames of a type, those of before the call too; all of them, oldest first.

        `timeout` is in real seconds, a text such as `"500ms"`, or a timedelta. Raises `AssertionError`, which says what
        came instead. Blocks; in a coroutine await `wait_for_async`.
        """
        check_no_loop("frames.wait_for", "frames.wait_for_async")
        return self._wait(type, count, task, seconds(timeout, asking="wait_for"))

    def _wait(self, type: str, count: int, task: Task | str, length: float) -> Frames:  # noqa: A002
        found = self._era.frames.wait_for(self._fits(type, task), length, count=count)
        if len(found) < count:
            raise AssertionError(self._came_instead(type, len(found), count, task, length))
        return self._among(Frame(self._era, frame.id, frame) for frame in found)

    async def wait_for_async(
        self,
        type: str,  # noqa: A002
        *,
        count: int = 1,
        task: Task | str = "",
        timeout: float | str | timedelta = 5.0,
    ) -> Frames:
        """`wait_for` in a thread, for asyncio and trio: the loop goes on meanwhile."""
        from anyio import to_thread

        def wait() -> Frames:
            return self._wait(type, count, task, seconds(timeout, asking="wait_for"))

        return await to_thread.run_sync(wait, abandon_on_cancel=True)

    def _fits(self, kind: str, task: Task | str) -> Any:
        if isinstance(task, str):
            with self._era.settled():
                known = self._era.sim.task_by_token(task)
            task_id = known.job.id if known else task
        else:
            task_id = task.id

        check_frame(kind)

        def fits(frame: SocketFrame) -> bool:
            return frame.type == kind and task_id in ("", frame.task_id)

        return fits

    def _came_instead(self, kind: str, found: int, count: int, task: Task | str, seconds: float) -> str:
        s = "" if count == 1 else "s"
        parts = [f"{found or 'none'} of {count} {kind} frame{s} came within {seconds:g} s", self._state(task)]
        last = [f"{frame.type or 'no type'} ({frame.direction})" for frame in self._era.frames.frames[-5:]]
        parts.append(f"last frames: {', '.join(last)}" if last else "nothing has been said on any socket")
        return "; ".join(parts)

    def _state(self, wanted: Task | str) -> str:
        every = tasks(self._era.world)
        name = wanted if isinstance(wanted, str) else wanted.id
        chosen = [task for task in every if name in (task.id, task.token)] if name else list(every)
        if not chosen:
            return f"there is no task {name[:60]!r}" if name else "there is no task"
        task = next((task for task in reversed(chosen) if not task.finished), chosen[-1])
        waits = f" and waits for {task.waits_for}" if task.waits_for else ""
        manual = self._era.world.clock.mode == "manual" and not task.finished and not task.waits_for
        return f"task {task.id} is in {task.status}{waits}{', and time stands still: wiro.jump moves it' * manual}"


def tasks(world: World) -> Tasks:
    """The tasks that the world remembers, oldest first."""
    era = present(world)
    with era.settled():
        views = [task_view(era, task) for task in era.sim.tasks()]
        return Tasks(era, views, era.sim.made - len(views))


def requests(world: World) -> Requests:
    """The requests that the journal remembers, oldest first."""
    era = present(world)
    with era.settled():
        found = [Request(era, exchange.id, exchange) for exchange in era.exchanges()]
        return Requests(era, found, era.journal.dropped)


def frames(world: World) -> Frames:
    """What was said on sockets, oldest first."""
    era = present(world)
    dropped = era.frames.dropped
    return Frames(era, [Frame(era, frame.id, frame) for frame in era.frames.frames], dropped)


def deliveries(world: World) -> Deliveries:
    """The webhooks, oldest first."""
    era = present(world)
    with era.settled():
        return Deliveries(era, [delivery_view(era, webhook) for webhook in era.deliveries.webhooks])


def uploads(world: World) -> Uploads:
    """The files that came from clients, by `File/Upload` or with a run, oldest first."""
    era = present(world)
    with era.settled():
        answers = [
            one for one in era.exchanges() if one.outcome.operation == "File/Upload" and one.outcome.code is None
        ]
        files = [(file, _origin(file.accesskey, answers)) for file in era.sim.files.uploads.values()]
        for task in era.sim.tasks():
            files += [(file, task.job.origin) for file in task.job.inputs if not task.files_deleted]
        files.sort(key=lambda found: found[0].added_at)  # of one instant, those without a run come first
        return Uploads(era, [FileView(era, file, origin) for file, origin in files])


def _origin(accesskey: str, answers: Sequence[Exchange]) -> str:
    """Where the file was uploaded to; that is not kept with the file."""
    key = accesskey.encode()
    latest = answers[-1].origin if answers else WIRO
    return next((answer.origin for answer in answers if key in answer.answer), latest)


def check_no_loop(asking: str, instead: str) -> None:
    """Raise `Misuse` in a coroutine, whose loop would stand still, and with it the client that is waited for."""
    if asyncio._get_running_loop() is not None:
        raise Misuse(f"{asking} would stop the event loop that runs here; await {instead} instead")


def check_frame(kind: str) -> None:
    """Raise `Misuse` for what is no type of a frame."""
    known = [*dict.fromkeys(FRAMES.values()), "connected", "error", "task_info", BINARY]
    if kind not in known and get_close_matches(str(kind), known, n=1, cutoff=0.8):
        raise Misuse(f"there is no frame of type {kind!r}; {did_you_mean(str(kind), known)}")


def check_model(model: str) -> None:
    """Raise `Misuse` for what can be the name of no model."""
    if model != "*" and model.count("/") != 1:
        raise Misuse(f"{model!r} is not the name of a model; write it like moondream3-preview/caption or wiro/*")


def check_operation(name: str) -> None:
    """Raise `Misuse` for what is no operation."""
    names = [*(operation.name for operation in OPERATIONS), SOCKET]
    if name not in names:
        plain = re.sub("^/?v1/", "", name)
        hint = f"did you mean '{plain}'?" if plain in names else did_you_mean(plain, names)
        raise Misuse(f"there is no operation {name!r}; {hint}")
