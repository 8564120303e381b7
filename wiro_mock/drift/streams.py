"""The frames of a task: their types and order, and what each of them says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from wiro_mock import shapes
from wiro_mock.drift.comparing import compared
from wiro_mock.drift.findings import Finding
from wiro_mock.drift.lines import line_of
from wiro_mock.drift.naming import field_finding, new_member
from wiro_mock.drift.whereabouts import ORDER, STATUSES
from wiro_mock.recorder.observed import Seen

FRAMES: Final = STATUSES | {"task_stream_ready", "task_stream_end", "task_cost", "connected", "error"}
"""Every type of frame that a source knows (socket.md §1.3)."""
SESSION: Final = ("task_stream_ready", "task_stream_end", "task_cost")
"""What a realtime session tells: no recording plays it again, so only its shape is compared."""
MESSAGES: Final = frozenset({"progressGenerate", "answer", "thinking"})
"""The types of a streamed message (socket.md §4)."""
_STATUS_FRAMES: Final = (*ORDER, "task_cancel")
_HALVES: Final = (["task_preprocess_start"], ["task_postprocess_start"])


def of_stream(live: tuple[Seen, ...], mock: tuple[Seen, ...], *, whole: bool) -> Iterator[Finding]:
    """What differs in a task's frames; `whole`: it was listened to from its begin, so that none was missed."""
    told = [one.kind for one in live]
    ours_told = [one.kind for one in mock]
    if told[-1:] == ["task_cancel"] and told[-2:-1] in _HALVES and told[-2] not in ours_told:
        del told[-2]  # no scenario can stop there
    if not set(told) & set(SESSION) and ("task_cancel" in told) == ("task_cancel" in ours_told):
        yield from _of_order(told, ours_told, whole)
    ours: dict[str, list[Mapping[str, Any]]] = {}
    for one in mock:
        ours.setdefault(str(one.frame["type"]), []).append(one.frame)
    met: dict[str, int] = {}
    ended = any(one.frame.get("type") == "task_postprocess_end" for one in live)
    for one in live:
        kind = str(one.frame.get("type"))
        if kind in ours:
            twin = ours[kind][min(met.get(kind, 0), len(ours[kind]) - 1)]
            met[kind] = met.get(kind, 0) + 1
            is_cut_off = not ended and _is_text(one.frame)  # what its last frame would have said, nobody knows
            yield from of_frame(kind, one.frame, one.frame if is_cut_off else twin)
        elif kind in SESSION:
            yield from of_frame(kind, one.frame, one.frame)


def _is_text(frame: Mapping[str, Any]) -> bool:
    message = frame.get("message")
    return isinstance(message, dict) and "stepTotal" not in message


def of_frame(kind: str, live: Mapping[str, Any], mock: Mapping[str, Any]) -> Iterator[Finding]:
    """What differs in a frame of this type."""
    ours, theirs = dict(mock), dict(live)
    if kind == "task_postprocess_end" and all(isinstance(one.get("message"), list) for one in (ours, theirs)):
        ours["message"] = theirs["message"] = []  # the outputs, which have a shape of their own
    for one in compared(ours, theirs, shapes.Frame):
        yield from field_finding(one, f"frame {kind} {one.path}", f"frame {kind}", kind)
    if kind == "task_postprocess_end":
        outputs = list[shapes.SocketOutput | shapes.OutputAnswer]
        for one in compared(mock.get("message"), live.get("message"), outputs, path="message"):
            yield from field_finding(one, f"frame {kind} {one.path}", f"frame {kind}", kind)
    message = live.get("message")
    said = message.get("type") if isinstance(message, dict) else None
    if isinstance(said, str) and said not in MESSAGES:
        yield new_member(f"frame {kind} message.type", "message", said, f"frame {kind}")


def _of_order(live: list[str], mock: list[str], whole: bool) -> Iterator[Finding]:  # noqa: FBT001 -- a fact
    for kind in dict.fromkeys(live):
        if kind not in FRAMES:
            yield new_member(f"frame {kind}", "frame", kind, "the socket")
        elif kind not in mock and kind not in SESSION:
            yield _event(f"frame {kind}", "no such frame", "one", kind)
    for kind in _missing(live, mock, whole):
        yield _event(f"frame {kind}", "one", "none", kind)
    theirs, ours = (list(dict.fromkeys(one for one in frames if one in _STATUS_FRAMES)) for frames in (live, mock))
    both = [one for one in ours if one in theirs]
    come = [one for one in theirs if one in ours]
    if both != come:
        moved = next(one for one, other in zip(come, both, strict=True) if one != other)
        yield _event("order of frames", ", ".join(both), ", ".join(come), f"order {moved}")


def _missing(live: list[str], mock: list[str], whole: bool) -> list[str]:  # noqa: FBT001 -- a fact
    """The frames that did not come. A client registers after its run, so none is missed before the first that came;
    one that left misses those after the last.
    """
    ranks = [ORDER.index(one) for one in live if one in ORDER]
    if not ranks:
        return []
    first, last = min(ranks), len(ORDER) if whole and live[-1] in _STATUS_FRAMES else max(ranks)
    gone = [one for one in dict.fromkeys(mock) if one not in live]
    return [one for one in gone if one not in ORDER or first <= ORDER.index(one) <= last]


def _event(what: str, mock: str, live: str, key: str) -> Finding:
    table, frames = line_of("kernel/status.py", r"^TRANSITIONS\b"), line_of("api/frames.py", r"^_STATUS_FRAMES\b")
    return Finding(
        level="mock wrong",
        key=("event", key),
        what=what,
        mock=mock,
        live=live,
        change=f"change {table} (TRANSITIONS), or {frames}",
        places=("the socket",),
    )
