"""The socket's half of the wire: an entry of a log becomes a text frame, or none.

The envelope has two generations (socket.md §0). The default is the newer one with the older one's `tasktoken`
and streamed texts in both forms: a superset that clients of either generation read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from wiro_mock.api import answer_shape, session_shape, wire
from wiro_mock.api.origin import Origins
from wiro_mock.api.profile import Profile
from wiro_mock.api.progress_shape import duration, progress
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Entry
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task

if TYPE_CHECKING:
    from wiro_mock import shapes

WELCOME: shapes.Frame = {"type": "connected", "version": "1.0"}
"""The first frame on every connection (socket.md §1.3 no. 0)."""
TOKEN_REQUIRED: shapes.Frame = {"type": "error", "message": "tasktoken-required", "result": False}
"""For a registration without a token; inferred from the agents' `agenttoken-required` (socket.md §3)."""

_STATUS_FRAMES: dict[type[e.Event], Status] = {
    e.Queued: Status.QUEUE,
    e.Requeued: Status.QUEUE,
    e.Accepted: Status.ACCEPT,
    e.PreprocessStarted: Status.PREPROCESS_START,
    e.PreprocessEnded: Status.PREPROCESS_END,
    e.Assigned: Status.ASSIGN,
    e.Started: Status.START,
    e.Exited: Status.END,
    e.PostprocessStarted: Status.POSTPROCESS_START,
}
"""The events whose frame says no more than the status."""

SILENT = (e.Produced, e.FilesDeleted, e.Heard, e.Voiced, e.SessionEnded)
"""The events of which no text frame tells; of a piece of sound a binary one does (see `session_shape`)."""


ABSENT: Final = object()
"""For frames that have no `message` at all (socket.md §1.3 nos. 15-17)."""


def frame(entry: Entry, task: Task, at: Origins, profile: Profile) -> shapes.Frame | None:
    """The frame of an entry; `task` is the task at the end of its log, or at any instant after the entry."""
    event = entry.event
    if status := _STATUS_FRAMES.get(type(event)):
        return _framed(status, None, task, profile)
    match event:
        case e.Output(message=message):
            return _framed(Status.OUTPUT, _message(message, profile), task, profile)
        case e.ErrorOutput(text=text) | e.SetupFailed(message=text):
            return _framed(Status.ERROR, text, task, profile)
        case e.OutputEnded():
            return _framed(Status.OUTPUT_FULL, _full_log(task, profile) if profile.full_logs else "", task, profile)
        case e.ErrorEnded():
            log = {"raw": task.stderr} if profile.full_logs else ""
            return _framed("task_error_full", log, task, profile)
        case e.PostprocessEnded():
            outputs = wire.socket_outputs(task, at, profile)
            return _framed(Status.POSTPROCESS_END, outputs, task, profile, exit_code=task.exit_code)
        case e.GaveUp(code=code):
            return _framed(Status.POSTPROCESS_END, [], task, profile, exit_code=code)
        case e.Cancelled():
            return _framed(Status.CANCEL, None, task, profile)
        case e.StreamReady():
            return _framed("task_stream_ready", ABSENT, task, profile)
        case e.StreamEnded():
            return _framed("task_stream_end", ABSENT, task, profile)
        case e.TurnCharged():
            return session_shape.costed(_framed("task_cost", ABSENT, task, profile), event)
        case _:
            return None


def _framed(kind: str, message: Any, task: Task, profile: Profile, *, exit_code: int | None = None) -> shapes.Frame:
    cancelled = kind == Status.CANCEL
    ended = kind in (Status.POSTPROCESS_END, Status.CANCEL)
    shape: shapes.Frame = {
        "type": str(kind),
        "id": task.job.id,
        "tasktoken": task.job.token,
        "message": message,
        # Not a sign of success: it stays true on errors and on failed ends (socket.md §1.3).
        "result": profile.cancel_result if cancelled else True,
    }
    if message is ABSENT:
        del shape["message"]
    if not profile.frame_token:
        del shape["tasktoken"]
    if profile.envelope == "2026-09":
        shape["success"] = (exit_code == 0 and not cancelled) if ended else None
        shape["terminal"] = ended
        shape["exitCode"] = exit_code
    return shape


def _full_log(task: Task, profile: Profile) -> dict[str, Any]:
    return answer_shape.full_log(task.reply, profile) if task.reply else {"raw": task.debugoutput}


def _message(message: e.Message, profile: Profile) -> Any:
    match message:
        case str():
            return message
        case e.Progress():
            return progress(message)
        case e.Snapshot():
            return _snapshot(message, profile)
        case e.Reply():
            return answer_shape.message(message, profile)
        case _:
            assert_never(message)


def _snapshot(snapshot: e.Snapshot, profile: Profile) -> dict[str, Any]:
    """A streamed text so far: always the whole of it, never a piece (socket.md §4.2)."""
    text = snapshot.so_far
    shape: dict[str, Any] = {
        "type": "progressGenerate",
        "task": "Generate",
        "speed": f"{snapshot.words_per_second:.1f}",
        "speedType": "words/s",
        "raw": text,
        "thinking": [],
        "answer": [text],
        "isThinking": False,
        "elapsedTime": duration(snapshot.elapsed),
    }
    if not profile.plain_texts:
        for key in ("raw", "thinking", "answer"):
            del shape[key]
    if profile.segments:
        shape["segments"] = [{"type": "answer", "text": text}]
    return shape
