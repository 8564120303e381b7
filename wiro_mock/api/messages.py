"""What goes into the API and what comes out, whatever the transport; and the world it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from wiro_mock.api.profile import Profile
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.events import Duration, Instant
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task

if TYPE_CHECKING:
    from wiro_mock.api.waits import Pending
    from wiro_mock.kernel.catalog import Catalog, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file part of a multipart body; its bytes are in the store already."""

    filename: str
    blob: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A parsed body. A field that came several times holds a list; `text_size` is about the bytes of memory that
    the fields take, files apart.

    `problem` is empty, or says why the body could not be read; `note` what is odd about one that could; `raw` is the
    text of a JSON or form body.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    raw: bytes = b""
    text_size: int = 0
    problem: str = ""
    note: str = ""


NO_BODY = Body()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. `path` is as it came, percent-encoded and without the query, which is what follows the `?`; header
    names are in lower case, and values of a header that came several times are joined by a comma, as Node joins them.
    `can_break`: whether the transport can end the connection in the middle of the answer. `met` is what faults have
    done to it on its way, for the journal.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)  # it has the credentials in it
    origin: str
    body: Body = NO_BODY
    can_break: bool = True
    query: str = ""
    met: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What a transport is to do to the bytes of an answer on their way.

    `latency` is in microseconds, before the first byte; `drip` in bytes of the body per second, 0 for all at once.
    `end` is how the answer ends: `reset` (RST), `close` (FIN) or `hang` (nothing more comes, the connection stays open)
    after `stop_at` bytes of the body, or before its first line where that is None; empty where it comes to its end.
    """

    latency: Duration = 0
    drip: int = 0
    end: Literal["", "reset", "close", "hang"] = ""
    stop_at: int | None = None

    @property
    def is_total(self) -> bool:
        """Whether nothing of the answer comes."""
        return bool(self.end) and self.stop_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: either `content`, or `chunks`, the bytes of a file, which can be read whatever happens to the file.

    Where there is a `wait`, that has to come to its end first, and makes the answer.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    chunks: Iterator[bytes] | None = field(default=None, repr=False)
    damage: Damage | None = None
    wait: Pending | None = field(default=None, repr=False)

    @property
    def streams(self) -> bool:
        """Whether it begins at once, and goes on as things happen."""
        return self.wait is not None and self.wait.streams


@dataclass(frozen=True, slots=True, kw_only=True)
class InputNote:
    """What is known of a URL that a run has sent as a file: who `declared` what it holds, empty for nobody.

    `near` is a declared URL that may have been meant; `size` counts the bytes that it holds.
    """

    parameter: str
    url: str
    declared: str = ""
    size: int = 0
    near: str = ""

    def told(self) -> str:
        """In a sentence, for the tester."""
        what = f"{self.parameter}: {self.url[:200]!r}"
        if self.declared:
            return f"{what} holds {self.size} bytes, declared by {self.declared}"
        near = f" (did you mean {self.near[:200]!r}?)" if self.near else ""
        return f"{what}: nobody has declared what it holds{near}"

    def shown(self) -> dict[str, object]:
        """As JSON values."""
        held = {"declared": self.declared, "size": self.size} if self.declared else {"declared": None}
        return {"parameter": self.parameter, "url": self.url, **held}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a request: what the journal keeps beside the request itself. `reason` is for the tester.

    `how` says how a run's scenario came to play: asked for, a match, or a default.
    `file` is the id of the file whose bytes were served, whole or in part. `unexpected`: nothing here answers to such
    a request (no operation, no model, no scenario), or the mock itself cannot go on. `signed` is how the request
    showed its key: `signed`, `key-only`, `wrong`, `missing`; `public` where none is needed, `off` where none is looked
    at, empty where there is no such operation. `seen` counts the entries of the task's log that the answer tells of;
    0 when the task has been forgotten meanwhile. `inputs` are the URLs that a run has sent as files, where it is known
    what any URL holds.
    """

    operation: str = ""
    task_id: str = ""
    scenario: str = ""
    how: str = ""
    code: int | None = None
    message: str = ""
    reason: str = ""
    file: str = ""
    unexpected: bool = False
    signed: str = ""
    seen: int = 0
    inputs: tuple[InputNote, ...] = ()


class Writer(Protocol):
    """Where the bytes of a file go. `finish` makes a blob that is pinned until it is unpinned."""

    @property
    def size(self) -> int: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> Blob: ...
    def abandon(self) -> None: ...


class Blobs(Protocol):
    """The store, as far as the API uses it."""

    def writer(self, contenttype: str) -> Writer: ...
    def open(self, blob: Blob) -> BinaryIO: ...
    def chunks(self, blob: Blob, start: int = 0, stop: int | None = None) -> Iterator[bytes]: ...
    def unpin(self, blob: Blob, *, needed: Callable[[str], bool]) -> None: ...


class DetailTexts(Protocol):
    """What makes the text of a Detail answer, and keeps it while the task stays as it is."""

    def of(self, task: Task, origin: str, profile: Profile) -> bytes: ...


class Strike(Protocol):
    """A fault that strikes a request."""

    def answer(self, play: Callable[[], tuple[Response, Outcome]]) -> tuple[Response, Outcome]:
        """What the client gets in the end; `play` makes Wiro's own answer, and is not called if nothing happened."""
        ...


class Lost(Exception):
    """A run that is struck by a fault of the very scenario that would have played it, so that it does not take place.

    Raised by `World.submit`.
    """

    def __init__(self, strike: Strike) -> None:
        super().__init__("the run is lost on the way")
        self.strike = strike


class World(Protocol):
    """What the API needs of the world: settled to now, and locked while a request is handled."""

    @property
    def sim(self) -> Simulation: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def detail_texts(self) -> DetailTexts: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def profile(self) -> Profile: ...
    @property
    def project(self) -> Project: ...
    @property
    def auth_mode(self) -> str: ...
    @property
    def scenario_header(self) -> bool: ...
    @property
    def expire_files(self) -> Duration | None:
        """How long the URLs of a task's files lead anywhere; None for as long as the task is known."""
        ...

    @property
    def explain_key(self) -> Callable[[str], str] | None:
        """What is known of a key that is not the project's, in a sentence or empty; None where nothing can be."""
        ...

    def model(self, owner: str, slug: str) -> Model:
        """The model that a run names by the two segments of its path. Raises `Refusal` (code 1) when there is none."""
        ...

    def held(self, url: str) -> Blob | None:
        """The bytes that a URL holds: as it was declared, or of a file of this mock; None for any other URL."""
        ...

    def submit(self, order: Order, asked: str | None) -> Task:
        """Take on a run; `asked` is the scenario that the request asked for, if any."""
        ...

    def poll(self, task: Task) -> Task:
        """A client polled this task: let pass what a poll is worth, and return the task after it."""
        ...

    def is_first_use(self, nonce: str) -> bool:
        """Whether this nonce has not been seen before; from now on it has."""
        ...

    def strike(self, operation: str, request: Request, segments: Sequence[str]) -> Strike | None:
        """The fault that strikes this request, which was let in, if one does; `segments` are those of its path."""
        ...

    def seconds(self) -> int:
        """The present instant in whole unix seconds."""
        ...


def seconds(instant: Instant | None) -> str:
    """An instant as it is printed: unix seconds in a string, `"0"` for none (rest.md §3)."""
    return "0" if instant is None else str(instant // 1_000_000)
