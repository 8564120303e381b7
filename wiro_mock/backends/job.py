"""What a backend is given: its run, the files of it, the way to hear that it is over, and the events to answer with."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol, TypeAlias

from wiro_mock.backends.vetting import CONTENT_TYPE
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event
from wiro_mock.kernel.file_inputs import entries
from wiro_mock.kernel.files import Blob, File, plain_name
from wiro_mock.kernel.texts import Growing, value_text
from wiro_mock.text import bare_url

LARGEST_OUTPUT: Final = 100 << 20
"""Bytes of one output file; ours, as for the files of scenarios."""


class BackendError(Exception):
    """A run failed for a reason that is told as it stands: in `debugerror`, and to whoever runs the mock."""


class Shelf(Protocol):
    """Where the bytes of files are."""

    def open(self, blob: Blob) -> BinaryIO:
        """The bytes of a blob, to be closed by the caller."""
        ...

    def own(self, url: str) -> Blob | None:
        """The file of this mock that a URL leads to, if it does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file that a run was given: one that came with it or lies here already (then it has bytes), or a `url`."""

    name: str
    url: str = ""
    blob: Blob | None = None
    _shelf: Shelf

    @property
    def is_here(self) -> bool:
        """Whether its bytes are in the mock. Those behind a URL have to be fetched."""
        return self.blob is not None

    @property
    def contenttype(self) -> str:
        """What the client said that it is; empty for a URL."""
        return self.blob.contenttype if self.blob else ""

    @property
    def size(self) -> int:
        """How many bytes it has; 0 for a URL, of which nobody knows yet."""
        return self.blob.size if self.blob else 0

    def read(self) -> bytes:
        """Its bytes. Raises `BackendError` where they are somewhere else, or have been deleted meanwhile."""
        if self.blob is None:
            raise BackendError(f"{self.name}: its bytes are at {bare_url(self.url)}, and have to be fetched")
        try:
            with self._shelf.open(self.blob) as file:
                return file.read()
        except (KeyError, OSError):
            raise BackendError(f"{self.name}: its bytes have been deleted meanwhile") from None


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One run, as its backend sees it.

    `task` is everything that was asked for, `options` is what the scenario says to the backend. `cancelled` is set when
    the task is over without the backend (killed, or the mock stops); a backend that may be waiting for something else
    then registers what wakes it by `on_cancel`.
    """

    task: e.Job
    shelf: Shelf
    options: Mapping[str, object] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _callbacks: dict[int, Callable[[], None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: dict[str, bytes] = field(default_factory=dict)
    _said: Growing = field(default_factory=Growing)

    # -- what was asked for ----------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The task's id."""
        return self.task.id

    @property
    def model(self) -> str:
        """The model's name, such as `moondream3-preview/caption`."""
        return self.task.model.name

    @property
    def parameters(self) -> Mapping[str, object]:
        """What the run sent, as it came: texts from a form, JSON values, a `File` where a file was sent."""
        return self.task.parameters

    def value(self, name: str, default: str = "") -> str:
        """A parameter as text: what was sent, else the model's default, else `default`. Numbers in plain digits."""
        sent = value_text(self.task.parameters[name]).strip() if name in self.task.parameters else ""
        return sent or self.task.model.defaults.get(name, "") or default

    def inputs(self, name: str) -> list[Input]:
        """The files and URLs of a file parameter, in every spelling that clients have (`inputImageUrl` too)."""
        found = []
        for entry in entries(self.task.parameters, name):
            if isinstance(entry, File):
                found.append(Input(name=entry.name, blob=entry.blob, _shelf=self.shelf))
            else:
                url = value_text(entry)
                found.append(Input(name=name, url=url, blob=self.shelf.own(url), _shelf=self.shelf))
        return found

    # -- what to answer with ---------------------------------------------------------------------------

    def say(self, piece: str) -> e.Output:
        """A piece of a text that streams: the client gets all of it so far, word by word as you say it."""
        upto = self._said.add(piece)
        # the pace is measured when it happens
        return e.Output(message=e.Snapshot(text=self._said, upto=upto, elapsed=0, words_per_second=0.0))

    def print(self, line: str) -> e.Output:
        """A line on stdout."""
        return e.Output(message=line)

    def stderr(self, line: str) -> e.ErrorOutput:
        """A line on stderr (task_error); never an end by itself."""
        return e.ErrorOutput(text=line)

    def produce(self, name: str, data: bytes | str, contenttype: str = "") -> e.Produced:
        """An output file. A text is UTF-8 and `text/plain`, bytes are `application/octet-stream`, unless it is said."""
        if isinstance(data, str):
            data, contenttype = data.encode(errors="replace"), contenttype or "text/plain"
        if len(data) > LARGEST_OUTPUT:
            raise BackendError(f"the output {name[:100]!r} is larger than {LARGEST_OUTPUT >> 20} MiB")
        if contenttype and not CONTENT_TYPE.fullmatch(contenttype):
            raise BackendError(f"{contenttype[:100]!r} is no content type; write one such as image/png")
        digest = hashlib.sha256(data).hexdigest()
        self._made[digest] = data
        blob = Blob(digest=digest, size=len(data), contenttype=contenttype or "application/octet-stream")
        return e.Produced(name=plain_name("".join(filter(str.isprintable, name.replace('"', "'")))), blob=blob)

    # -- when it is over -------------------------------------------------------------------------------

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call this, in another thread, when the job is cancelled; at once if it is already. The result undoes it."""
        with self._lock:
            key = len(self._callbacks)
            self._callbacks[key] = callback
            late = self.cancelled.is_set()
        if late:
            callback()
        return lambda: self._forget(key)

    def cancel(self) -> None:
        """The mock's own: set `cancelled`, and call what was registered, whatever comes of each."""
        with self._lock:
            self.cancelled.set()
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: S112 -- the task is over: there is nobody to tell, and the next one still has to
                continue

    def bytes_of(self, event: e.Produced) -> bytes | None:
        """The mock's own: the bytes of a produced file, once."""
        return self._made.pop(event.blob.digest, None)

    def _forget(self, key: int) -> None:
        with self._lock:
            self._callbacks[key] = _nothing


Backend: TypeAlias = Callable[[Job], Iterator[Event]]
"""Plays a run: yields what happens. To raise is to fail, with the exception as the reason."""


def _nothing() -> None:
    """Nothing is to be done any more."""
