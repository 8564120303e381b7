"""What can happen to a task: a small closed union of frozen values, each a past participle.

Instants and durations are whole microseconds (instants since the Unix epoch), so that adding them up
in pieces or at once gives the same sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

from wiro_mock.kernel.prices import NOTHING_SAID, Used
from wiro_mock.kernel.texts import Growing

if TYPE_CHECKING:  # what the fields hold is made elsewhere, and a start need not wait for it
    from wiro_mock.kernel.answer import Answer, Said
    from wiro_mock.kernel.audio import Sound
    from wiro_mock.kernel.catalog import Model
    from wiro_mock.kernel.files import Blob, File

Instant: TypeAlias = int
"""Microseconds since the Unix epoch."""
Duration: TypeAlias = int
"""Microseconds."""
SECOND: Duration = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What was asked for: everything about a task that never changes.

    `parameters` is the echo of the run's input: JSON values, in which a `File` stands where a file was sent.
    `owner` and `project` are the slugs as the client spelt them. `origin` is that of the Run request.
    `weight` counts the bytes that the request's text takes in memory. `linked` are files of this mock that the run
    names by their URLs, as far as its price asks for their measures.
    """

    id: str
    token: str
    account_uuid: str
    project_id: str
    model: Model
    owner: str
    project: str
    parameters: Mapping[str, object]
    inputs: tuple[File, ...]
    callback_url: str
    origin: str
    weight: int
    scenario: str
    linked: Mapping[str, Blob] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of a progress bar (socket.md §4.1). `line` is what the bar leaves in the accumulated log."""

    step: int
    total: int
    elapsed: Duration
    remaining: Duration
    kind: str = "progressGenerate"
    task: str = "Generate"
    speed_type: str = "it/s"
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A streamed text so far: the first `upto` characters of `text` (cumulative, socket.md §4.2).

    The whole text is shared by all snapshots of a stream, so a long stream costs no more memory than its text. Where
    nobody knows it yet, it grows.
    """

    text: str | Growing
    upto: int
    elapsed: Duration
    words_per_second: float

    @property
    def so_far(self) -> str:
        """The text up to here."""
        return self.text[: self.upto]

    @classmethod
    def spoken(cls, text: Growing, elapsed: Duration) -> Snapshot:
        """One of all there is, whose pace is that of its words until here: of a text that nobody knew beforehand."""
        rate = text.words * SECOND / elapsed if elapsed else 0.0
        return cls(text=text, upto=len(text), elapsed=elapsed, words_per_second=round(rate, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A language model's answer so far: its first `upto` characters (cumulative, socket.md §4.2).

    `elapsed` counts from the beginning of the answer. The `last` one tells how it ended, too. `hidden`: the frames tell
    only that there is something, as one model was seen to do, and the text comes at the end; then it may be `tagged`.
    """

    answer: Answer
    upto: int
    elapsed: Duration
    last: bool = False
    hidden: bool = False
    tagged: bool = False

    def said(self) -> tuple[Said, ...]:
        """What has been said by here."""
        return self.answer.said(self.upto)


Message: TypeAlias = str | Progress | Snapshot | Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """An event that says no more than its name. One dataclass for all of them, because making one takes a
    millisecond, and a server's start consists of such milliseconds.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The run was taken on and stands in the queue."""

    job: Job


class Requeued(_Mark):
    """After a failed set-up the task went back to the queue."""

    __slots__ = ()


class Accepted(_Mark):
    """A worker took the task out of the queue."""

    __slots__ = ()


class PreprocessStarted(_Mark):
    """Inputs are being prepared."""

    __slots__ = ()


class PreprocessEnded(_Mark):
    """Inputs are ready."""

    __slots__ = ()


class Assigned(_Mark):
    """A GPU was given; the model is loading."""

    __slots__ = ()


class Started(_Mark):
    """The model's process runs."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The process wrote to stdout: a line of text, a progress step, or a streamed text so far."""

    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOutput:
    """The process wrote to stderr. Never an end by itself."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """An output file was made."""

    name: str
    blob: Blob


class OutputEnded(_Mark):
    """Stdout is complete."""

    __slots__ = ()


class ErrorEnded(_Mark):
    """Stderr is complete; happens only where there was any."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """The process ended with this exit code; 0 is success. `used` is what a price may ask for and nobody else knows."""

    code: int
    used: Used = NOTHING_SAID


class PostprocessStarted(_Mark):
    """Outputs are being stored."""

    __slots__ = ()


class PostprocessEnded(_Mark):
    """All is done: the end of every task that was not cancelled, successful or not."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The task was cancelled in the queue, or killed while it ran. An end."""

    killed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFailed:
    """Fatal before the process started; the task waits for recovery (socket.md S6)."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """Recovery from a failed set-up was abandoned. An end, with this exit code."""

    code: int


class FilesDeleted(_Mark):
    """The files of a finished task were deleted (rest.md §7.4)."""

    __slots__ = ()


class StreamReady(_Mark):
    """A realtime session listens (socket.md S8)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An utterance of the client has ended: so long it was loud, so loud on average (of 32 768), from one sample of
    the session to another. `said` is what was understood.
    """

    speech: Duration
    rms: int
    start: int
    stop: int
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voiced:
    """A piece of a sound was sent: from one of its samples to another."""

    sound: Sound
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnded:
    """A turn of a realtime session is over: everything has been `said`, or it was interrupted."""

    said: str = ""
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCharged:
    """A turn was charged, in USD; `total` is what the session has been charged by now. `usage` is the provider's own;
    the `final` one tells only the total, where nothing was left to be charged.
    """

    cost: Decimal
    total: Decimal
    usage: Mapping[str, int] = field(default_factory=dict)
    final: bool = False


Ender: TypeAlias = Literal["client", "disconnect", "balance", "scenario", "limit"]
"""Who ended a realtime session: `limit` is ours, of how much of one is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """A realtime session is over, and the process goes to its end."""

    by: Ender


Event: TypeAlias = (
    Queued
    | Requeued
    | Accepted
    | PreprocessStarted
    | PreprocessEnded
    | Assigned
    | Started
    | Output
    | ErrorOutput
    | Produced
    | OutputEnded
    | ErrorEnded
    | Exited
    | PostprocessStarted
    | PostprocessEnded
    | Cancelled
    | SetupFailed
    | GaveUp
    | FilesDeleted
    | StreamReady
    | Heard
    | Voiced
    | StreamEnded
    | TurnCharged
    | SessionEnded
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event at an instant. A task's log is a list of entries; the log is the truth."""

    at: Instant
    event: Event
