"""From a log to the scenario that makes the same log again: what happened once, to be played for ever.

A pure projection (law 7): a live run, which took a GPU and its own time, becomes YAML that needs neither. What the
language has no words for is refused by name, never written as something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.answer import Piece
from wiro_mock.kernel.events import SECOND, Duration, Entry, Event, Instant, Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import fold
from wiro_mock.kernel.texts import Growing
from wiro_mock.published.scalars import quoted
from wiro_mock.recorded_match import match_of
from wiro_mock.recorded_session import Hearing, session_of
from wiro_mock.recorded_words import (
    after_words,
    ending_words,
    flow,
    seen_words,
    text_word,
    tick_words,
    time_word,
    usage_words,
    value_word,
)

LONGEST_INLINE: Final = 64 << 10
"""Bytes of a text that is written into the YAML; a longer one becomes a file beside it."""
SESSION: Final = (e.Output, e.Heard, e.Voiced, e.StreamEnded, e.TurnCharged, e.SessionEnded)
"""What is told of a session, between its beginning and its end."""
_SURELY_SHORT: Final = 100_000
"""Bytes of YAML that cannot hold as many values as are too many."""

Read = Callable[[Blob], bytes]
"""The bytes of a blob."""


class NotRecordable(Exception):
    """A log that no scenario makes; the message says what of it there are no words for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A scenario as YAML, and the files that have to lie beside it: name → bytes."""

    text: str
    files: Mapping[str, bytes]


def record(
    log: Sequence[Entry],
    read: Read,
    *,
    name: str = "",
    partial: str = "",
    note: str = "",
    nth: int = 1,
    hearing: Hearing | None = None,
) -> Recording:
    """The scenario of a finished task's log. It plays for runs of the same model with the same parameters (`match_of`),
    from the `nth` of them on. Where the reason is given why it is `partial`, it may be unfinished: then it stalls where
    the log ends, and says so. A `note` is told, too. `hearing` is how a realtime session listens. Raises
    `NotRecordable`.
    """
    task = fold(log)
    if not task.finished and not partial:
        raise NotRecordable(f"task {task.job.id} is in {task.status}; it can be written when it has finished")
    name = name or f"recorded-{task.job.id}"
    writer = _Writer(name, read, hearing)
    writer.write(log)
    about = f"Recorded: a run of {task.job.model.name}, as it happened."
    if partial:
        about = f"Recorded in part: a run of {task.job.model.name}, as far as it was seen; {partial}."
        if task.status is not Status.ERROR:  # there it is stuck already
            writer.lines.append(f"stall: {quoted(partial)}")
    if note:
        about = f"{about} It was {note}."
    if writer.missing:
        about = f"{about} Not told of its session: {'; '.join(dict.fromkeys(writer.missing))}."
    head = [f"scenario: {name}", f"about: {quoted(about)}", f"match: {_match(task.job, nth)}", "steps:"]
    text = "\n".join([*head, *(f"  - {line}" for line in writer.lines)]) + "\n"
    _check_size(text)
    return Recording(text=text, files=writer.files)


def _check_size(text: str) -> None:
    """Raises `NotRecordable` for what no mock would read again."""
    from wiro_mock.language.yaml_source import LARGEST, read_documents

    size = len(text.encode())
    why = f"it would take {size} bytes, and a file of scenarios has at most {LARGEST}" if size > LARGEST else ""
    if not why and size > _SURELY_SHORT and (troubles := read_documents(text)[1]):
        why = f"it would have {troubles[0].message.partition(';')[0]}"
    if why:
        raise NotRecordable(f"{why}; say it in fewer and larger pieces, or produce it as a file")


def _match(job: Job, nth: int) -> str:
    return match_of(job.model.name, job.parameters, nth)


@dataclass(slots=True)
class _Writer:
    """Writes the lines of the steps, one entry after the other."""

    name: str
    read: Read
    hearing: Hearing | None = None
    missing: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    _said: int = 0
    _spoken: Growing = field(default_factory=Growing)
    _zero: Instant | None = None
    _pieces: list[str] = field(default_factory=list)
    _replies: list[tuple[Duration, e.Reply]] = field(default_factory=list)
    _answered: bool = False

    def write(self, log: Sequence[Entry]) -> None:
        entries = _Entries(log)
        for after, event in entries:
            if isinstance(event, e.Output) and isinstance(event.message, e.Snapshot):
                self._piece(after, entries.at, event.message)
                continue
            if isinstance(event, e.Output) and isinstance(event.message, e.Reply):
                self._replies.append((after, event.message))
                continue
            self._end_of_pieces()
            self._end_of_answer()
            self._step(after, event, entries)
        self._end_of_pieces()
        self._end_of_answer()

    def _step(self, after: Duration, event: Event, entries: _Entries) -> None:
        match event:
            case e.Accepted() | e.Assigned() | e.Started():
                self._line(_STEPS[type(event)], {}, after)
            case e.PreprocessStarted():
                self._line("preprocess", {"for": time_word(entries.take(e.PreprocessEnded, event))}, after)
            case e.PostprocessStarted():
                self._line("postprocess", {"for": time_word(entries.take(e.PostprocessEnded, event))}, after)
            case e.Output(message=str() as text):
                self._line("print", {"text": text_word(text)}, after)
            case e.Output(message=e.Progress() as shown):
                self._line("tick", tick_words(shown), after)
            case e.ErrorOutput(text=text):
                self._line("stderr", {"text": text_word(text)}, after)
            case e.StreamReady():
                self._session(after, entries)
            case e.Produced(name=name, blob=blob):
                self._line("produce", self._produced(name, blob), after)
            case e.OutputEnded():
                self._exit(after, entries)
            case e.Cancelled():
                self._line("cancel", {}, after)
            case e.SetupFailed(message=message):
                self._line("setup_error", {"message": text_word(message), **_recovery(entries)}, after)
            case e.FilesDeleted():
                pass  # what a client did afterwards, which is none of the run's doing
            case _:
                raise NotRecordable(f"there are no steps for {_named(event)}")

    def _session(self, after: Duration, entries: _Entries) -> None:
        made = session_of(entries.session(), name=self.name, files=len(self.files), hearing=self.hearing)
        first = [f"      {line}" for line in (*([f"after: {time_word(after)}"] if after else ()), *made.lines)]
        self.lines.append("\n".join(["session:", *first]))
        self.files.update(made.files)
        self.missing += made.missing

    def _exit(self, after: Duration, entries: _Entries) -> None:
        waited = entries.take(e.ErrorEnded, None) or 0
        if waited or entries.take(e.Exited, e.OutputEnded()):
            raise NotRecordable("there is no step for a process that ends some time after its output has")
        exited = entries.before
        assert isinstance(exited, e.Exited)
        self._line("exit", {"code": str(exited.code), **usage_words(exited.used)}, after)

    def _piece(self, after: Duration, at: Instant, snapshot: e.Snapshot) -> None:
        piece = snapshot.text[self._said : snapshot.upto]
        keys = {"text": text_word(piece), **after_words(after)}
        self._said = snapshot.upto
        self._spoken.add(piece)
        self._zero = at - after if self._zero is None else self._zero
        plain = e.Snapshot.spoken(self._spoken, at - self._zero)
        if snapshot.elapsed // SECOND != plain.elapsed // SECOND:  # on the wire it has whole seconds
            keys["elapsed"] = time_word(snapshot.elapsed)
            plain = e.Snapshot.spoken(self._spoken, snapshot.elapsed)
        if round(snapshot.words_per_second, 1) != plain.words_per_second:
            keys["speed"] = f"{snapshot.words_per_second:.1f}"
        self._pieces.append(flow(keys))

    def _end_of_pieces(self) -> None:
        if self._pieces:
            self.lines.append("\n".join(["stream:", "      pieces:", *(f"        - {one}" for one in self._pieces)]))
            self._pieces = []

    def _end_of_answer(self) -> None:
        """All frames of an answer, as one step."""
        if not self._replies:
            return
        if self._answered:
            raise NotRecordable("there is no step for an answer that goes on after something else was written")
        self._answered, replies, self._replies = True, self._replies, []
        last = replies[-1][1]
        lines = ["answer:", "      pieces:", *(f"        - {_spoken(piece)}" for piece in last.answer.pieces)]
        lines += ["      seen:", *(f"        - {seen_words(after, reply)}" for after, reply in replies)]
        lines += [f"      {key}: {value}" for key, value in ending_words(last).items()]
        self.lines.append("\n".join(lines))

    def _produced(self, name: str, blob: Blob) -> dict[str, str]:
        data, keys = self.read(blob), {"name": text_word(name)}
        if (text := _inline(blob, data)) is not None:
            keys["text"] = text_word(text)
        else:
            beside = f"{self.name}-{len(self.files)}{PurePosixPath(name).suffix.lower()[:10]}"
            self.files[beside] = data
            keys["file"] = quoted(beside)
        return {**keys, "contenttype": quoted(blob.contenttype)}

    def _line(self, step: str, keys: Mapping[str, str], after: Duration) -> None:
        self.lines.append(f"{step}: {flow({**keys, **after_words(after)})}")


class _Entries:
    """The entries after the first one, each with the time since the one before; some are taken together."""

    def __init__(self, log: Sequence[Entry]) -> None:
        self._log = log
        self._next = 1
        self.before: Event = log[0].event

    def __iter__(self) -> Iterator[tuple[Duration, Event]]:
        while self._next < len(self._log):
            yield self._step()

    def take(self, kind: type[Event], after: Event | None) -> Duration:
        """How long after the one before the next entry of this kind came. Where another one comes: `NotRecordable`, or
        0 where there need not be one (`after` is None).
        """
        if self._next < len(self._log) and type(self._log[self._next].event) is kind:
            return self._step()[0]
        if after is None:
            return 0
        raise NotRecordable(f"there are no steps for a task that ends between {_named(after)} and {kind.__name__}")

    def session(self) -> list[Entry]:
        """All of a realtime session that has just begun."""
        begun = self._next - 1
        while self._next < len(self._log) and isinstance(self._log[self._next].event, SESSION):
            self._step()
            if isinstance(self.before, e.SessionEnded):
                break
        return [*self._log[begun : self._next]]

    def _step(self) -> tuple[Duration, Event]:
        entry, since = self._log[self._next], self._log[self._next - 1].at
        self._next += 1
        self.before = entry.event
        return entry.at - since, entry.event

    @property
    def at(self) -> Instant:
        """The instant of the entry that was taken last."""
        return self._log[self._next - 1].at


_STEPS: Final[Mapping[type[Event], str]] = {e.Accepted: "accept", e.Assigned: "assign", e.Started: "start"}


def _recovery(entries: _Entries) -> dict[str, str]:
    """What came after a set-up that failed."""
    for kind, then in ((e.GaveUp, "fail"), (e.Requeued, "requeue")):
        begun = entries.at
        entries.take(kind, None)
        if type(entries.before) is kind:
            if isinstance(entries.before, e.GaveUp) and entries.before.code != 1:
                raise NotRecordable(f"there is no step for a set-up that is given up with code {entries.before.code}")
            return {"then": then, "wait": time_word(entries.at - begun)}
    return {"then": "stuck"}


def _spoken(piece: Piece) -> str:
    """A piece of an answer."""
    if piece.kind in ("thinking", "answer"):
        return flow({piece.kind: text_word(piece.text)})
    named = {"name": text_word(piece.name), "id": text_word(piece.call_id)}
    if piece.kind == "custom_tool_call":
        return flow({"custom_call": flow({**named, "input": text_word(piece.text)})})
    return flow({"call": flow({**named, "arguments": _json(piece.text)})})


def _json(text: str) -> str:
    """The arguments of a call, which are JSON, as YAML."""
    try:
        value = json.loads(text)
    except ValueError:
        raise NotRecordable("there is no step for a call whose arguments are no JSON") from None
    return value_word(value)


def _inline(blob: Blob, data: bytes) -> str | None:
    """The text of a file that can be written as one."""
    kind = blob.contenttype.partition(";")[0]
    if len(data) > LONGEST_INLINE or not (kind.startswith("text/") or kind == "application/json"):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _named(event: Event) -> str:
    return type(event.message).__name__ if isinstance(event, e.Output) else type(event).__name__
