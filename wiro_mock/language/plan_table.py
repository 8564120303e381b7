"""A plan as rows of text: the instant, what it is on the wire, and a detail; for `wiro-mock plan`."""

from __future__ import annotations

from dataclasses import fields
from typing import assert_never

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Duration, Event
from wiro_mock.kernel.plan import Hold, Plan, Stall, Step

FRAMES: dict[type[Event], str] = {
    e.Queued: "task_queue",
    e.Requeued: "task_queue",
    e.Accepted: "task_accept",
    e.PreprocessStarted: "task_preprocess_start",
    e.PreprocessEnded: "task_preprocess_end",
    e.Assigned: "task_assign",
    e.Started: "task_start",
    e.Output: "task_output",
    e.ErrorOutput: "task_error",
    e.Produced: "produce",
    e.OutputEnded: "task_output_full",
    e.ErrorEnded: "task_error_full",
    e.Exited: "task_end",
    e.PostprocessStarted: "task_postprocess_start",
    e.PostprocessEnded: "task_postprocess_end",
    e.Cancelled: "task_cancel",
    e.SetupFailed: "task_error",
    e.GaveUp: "task_postprocess_end",
    e.FilesDeleted: "files deleted",
}
"""What each event is on the socket; two are on no wire, and named by what they are."""


def plan_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """One row per event, hold and stall, from the queue on. After a hold the time counts from its release."""
    rows = [(instant("", 0), FRAMES[e.Queued], "")]
    since, at = "", 0
    for item in plan.items:
        match item:
            case Step(after=after, event=event):
                at += after
                rows.append((instant(since, at), FRAMES[type(event)], detail(event)))
            case Hold(name=name):
                rows.append((instant(since, at), "hold", f"until {name!r} is released; times count from there"))
                since, at = f"{name} ", 0
            case Stall():
                rows.append((instant(since, at), "stall", "nothing more happens by itself"))
            case _:
                assert_never(item)
    return rows


def instant(since: str, at: Duration) -> str:
    """A time after the run, or after the release of a hold, with three decimals: `+1.200s`."""
    return f"{since}+{at // SECOND}.{at % SECOND // 1000:03d}s"


def detail(event: Event) -> str:
    """What there is to say of an event beside its name: on one line, at most 72 characters of a text."""
    match event:
        case e.Output(message=str() as text) | e.ErrorOutput(text=text) | e.SetupFailed(message=text):
            return _short(text)
        case e.Output(message=e.Progress(step=step, total=total)):
            return f"{round(100 * step / total)}% ({step}/{total})"
        case e.Output(message=e.Snapshot() as snapshot):
            return _short(snapshot.so_far)
        case e.Output(message=e.Reply() as reply):
            return _said(reply)
        case e.Produced(name=name, blob=blob):
            return f"{name} ({blob.contenttype}, {blob.size} bytes)"
        case e.Exited(code=code, used=used):
            said = {item.name: getattr(used, item.name) for item in fields(used)}
            words = [f", {name} {value}" for name, value in said.items() if value is not None]
            return f"exit code {code}{''.join(words)}"
        case e.GaveUp(code=code):
            return f"exit code {code}"
        case e.Cancelled(killed=killed):
            return "killed" if killed else "cancelled"
        case _:
            return ""


def _said(reply: e.Reply) -> str:
    """What has been said, with the last piece of it: thinking in parentheses, and a call by the tool's name."""
    said = reply.said()
    if not said:
        return ""
    last = said[-1]
    if last.piece.is_call:
        return _short(f"{last.piece.name}({last.text}")
    return ("(thinking) " if last.piece.kind == "thinking" else "") + _end(last.text)


def _end(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"…{line[-59:]}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 72 else f"{line[:71]}…"
