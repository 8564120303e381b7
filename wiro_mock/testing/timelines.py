"""The timeline of a task: what happened, when, and who has seen it: polls, sockets and webhooks on one page.

An answer or a frame is written beside the latest thing that it tells of. All of it comes from the task's log, the
journal, the record of frames and the webhooks; nothing is kept for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import overload

from wiro_mock.journal import POLL
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Entry, Instant
from wiro_mock.language.plan_table import FRAMES, detail, instant
from wiro_mock.socket_log import BINARY, SocketFrame
from wiro_mock.testing.era import Era
from wiro_mock.text import printable

_ANSWERS = {
    "Run": "run",
    "Run/sync": "run/sync",
    "Task/Cancel": "cancel",
    "Task/Kill": "kill",
    "Task/InputOutputDelete": "delete",
}
_ENDS = (e.PostprocessEnded, e.GaveUp, e.Cancelled)
ALIKE_SHOWN = 6
"""So many moments of one kind in a row are shown; of more, the first and the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened: `at` seconds after the run; `kind` is its name on the wire, such as `task_start`.

    `detail` is what there is to say of it, cut to a line; `seen_by` names who has been told: `poll 3 (req-7)`,
    `socket 1`, `webhook hook-1`.
    """

    at: float
    kind: str
    detail: str = ""
    seen_by: tuple[str, ...] = ()


class Timeline(Sequence[Moment]):
    """What happened to a task, oldest first; as text, a table. `waits_for` says what it waits for, if for anything."""

    def __init__(self, moments: Sequence[Moment], waits_for: str = "") -> None:
        self._moments = tuple(moments)
        self.waits_for = waits_for

    @overload
    def __getitem__(self, index: int) -> Moment: ...
    @overload
    def __getitem__(self, index: slice) -> Timeline: ...
    def __getitem__(self, index: int | slice) -> Moment | Timeline:
        return Timeline(self._moments[index]) if isinstance(index, slice) else self._moments[index]

    def __len__(self) -> int:
        return len(self._moments)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = [row for _, group in groupby(self._moments, lambda one: one.kind) for row in _rows(list(group))]
        if self.waits_for:
            rows.append(("", "…", f"waits for {self.waits_for}", ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines) or "nothing happened"


def timeline(era: Era, task_id: str, log: Sequence[Entry]) -> Timeline:
    """The timeline of a task with this log, which may be longer lived than the task."""
    with era.settled():
        seen: defaultdict[int, list[str]] = defaultdict(list)
        for place, who in (*_answers(era, task_id, log), *_sockets(era, task_id, log), *_webhooks(era, task_id, log)):
            seen[place].append(who)
        moments = [_moment(era, log[0].at, entry, tuple(seen[place])) for place, entry in enumerate(log)]
        moments += _tries(era, task_id, log[0].at)
        return Timeline(moments, era.sim.waiting_for(task_id))


def _moment(era: Era, start: Instant, entry: Entry, seen_by: tuple[str, ...]) -> Moment:
    event = entry.event
    if isinstance(event, e.Queued):
        job = event.job
        told = f"{job.model.name}, scenario {job.scenario}"
    else:
        told = detail(event)
    at = (entry.at - start) / SECOND
    return Moment(at=at, kind=FRAMES[type(event)], detail=printable(era.clean(told)), seen_by=seen_by)


def _answers(era: Era, task_id: str, log: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    polls = era.journal.forgotten_polls[task_id]
    for exchange in era.exchanges():
        outcome = exchange.outcome
        if outcome.task_id != task_id or outcome.operation == "socket":
            continue  # what a client said there, and what became of a frame, is no answer
        polls += outcome.operation == POLL
        name = f"poll {polls}" if outcome.operation == POLL else _ANSWERS.get(outcome.operation, "answer")
        name = f"{name}, unanswered" if exchange.waits else name
        yield (outcome.seen or _happened(log, exchange.at)) - 1, f"{name} ({exchange.id})"


def _happened(log: Sequence[Entry], at: Instant) -> int:
    """How many entries there were at this instant; at least one."""
    return max(1, sum(entry.at <= at for entry in log))


def _sockets(era: Era, task_id: str, log: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """Which entry each frame tells of: those of one socket come in the order of the log."""
    kinds = [FRAMES[type(entry.event)] for entry in log]
    places: dict[int, int] = {}
    for frame in era.frames.frames:
        if frame.task_id != task_id or frame.direction != "out":
            continue
        start = places[frame.socket] if frame.socket in places else _first_place(kinds, log, frame)
        place = next((at for at in range(start, len(kinds)) if kinds[at] == _kind(frame)), None)
        if place is not None:  # a frame may lie, and then it tells of nothing that happened
            places[frame.socket] = place + 1
            yield place, f"socket {frame.socket}"


def _first_place(kinds: Sequence[str], log: Sequence[Entry], frame: SocketFrame) -> int:
    """Where a socket begins: at the first frame of all, or at the latest thing that had happened (socket.md §3)."""
    kind = _kind(frame)
    if kind == kinds[0]:
        return 0
    happened = _happened(log, frame.at)
    return max((at for at in range(happened) if kinds[at] == kind), default=happened)


def _kind(frame: SocketFrame) -> str:
    """What a timeline calls that of which the frame tells."""
    return FRAMES[e.Voiced] if frame.type == BINARY else frame.type


def _webhooks(era: Era, task_id: str, log: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    end = next((place for place, entry in enumerate(log) if isinstance(entry.event, _ENDS)), None)
    for webhook in era.deliveries.webhooks:
        if webhook.delivery.task_id == task_id and end is not None:
            told = "" if webhook.state == "posted" else f" ({webhook.state})"
            yield end, f"webhook {webhook.id}{told}"


def _tries(era: Era, task_id: str, start: Instant) -> Iterator[Moment]:
    """The attempts to post its webhook: they come after its end."""
    for hook in era.deliveries.webhooks:
        for one in tuple(hook.tries) if hook.delivery.task_id == task_id else ():
            became = f"{one.status or one.error or 'no answer yet'} after {one.seconds * 1000:.0f} ms"
            told = f"{hook.id}: {one.size} bytes to {hook.delivery.url}: {became}"
            yield Moment(at=(one.at - start) / SECOND, kind="webhook", detail=printable(era.clean(told)))


def _rows(alike: list[Moment]) -> list[tuple[str, str, str, str]]:
    """The rows of moments of one kind in a row; of many, the first three and the last two."""
    if len(alike) <= ALIKE_SHOWN:
        return [_row(moment) for moment in alike]
    left_out = ("", "…", f"({len(alike) - 5} more {alike[0].kind})", "")
    return [*map(_row, alike[:3]), left_out, *map(_row, alike[-2:])]


def _row(moment: Moment) -> tuple[str, str, str, str]:
    seen = moment.seen_by
    who = ", ".join(seen) if len(seen) <= 4 else f"{seen[0]}, {seen[1]}, … ({len(seen) - 3} more), {seen[-1]}"
    return instant("", round(moment.at * SECOND)), moment.kind, moment.detail, who
