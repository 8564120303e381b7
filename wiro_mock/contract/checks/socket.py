"""The socket: its welcome, its frames, and their order (socket.md §1)."""

from __future__ import annotations

from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.compare import shown
from wiro_mock.contract.listener import ENDS, Listener
from wiro_mock.contract.made import Finished
from wiro_mock.contract.promise import Broken, Note, NotVerified, Promise, Unmet, expect, field
from wiro_mock.contract.service import IS_SHOWN, TAKEN_ON, Service
from wiro_mock.sources import APRIL, GUESS, NEWEST, SDKS

LIFE = (
    "task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start",
    "task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end",
)  # fmt: skip
"""The frames of a successful task that tell of its status, in the order of its life (socket.md §1.4)."""
LEFT_OUT = ("task_preprocess_start", "task_preprocess_end")
"""Those that a model without preprocessing has not (socket.md §1.3 nos. 3, 4)."""
PROGRESS = ("percentage", "stepCurrent", "stepTotal", "speed", "speedType", "elapsedTime", "remainingTime")
FRAMES = {
    *LIFE, "connected", "error", "task_cancel", "task_cost", "task_error", "task_error_full", "task_output",
    "task_stream_end", "task_stream_ready",
}  # fmt: skip
"""Every type of frame that is documented for tasks (socket.md §1.3)."""
FRAME_SHAPE, ALL_TOLD = "socket.frame_shape", "socket.every_status_is_told"
AT_THE_END = "socket.end_lists_the_outputs"


def _followed(wiro: Service) -> Finished:
    finished = wiro.finished()
    if finished.no_frames is not None:
        raise finished.no_frames
    return finished


def _frames(wiro: Service) -> list[dict[str, Any]]:
    """The frames of the task: all but the welcome, which is of the connection."""
    return [frame for frame in _followed(wiro).frames if frame["type"] != "connected"]


def _statuses(wiro: Service) -> list[str]:
    return [frame["type"] for frame in _frames(wiro) if frame["type"] in LIFE]


def _end(wiro: Service) -> dict[str, Any]:
    frames = _frames(wiro)
    kind = frames[-1]["type"] if frames else "none"
    if kind not in ENDS:
        raise Unmet(ALL_TOLD, f"a last frame {' or '.join(ENDS)}", f"a last frame {kind}")
    return frames[-1]


def check_welcome(wiro: Service) -> None:
    """The first frame on a connection is `connected`, with the version."""
    with wiro.listen() as socket:
        _expect_frame({"type": "connected", "version": "1.0"}, socket.frame(), what="the first frame")


def check_token_is_required(wiro: Service) -> None:
    """A registration without a token is answered with an error, and the connection stays open."""
    with wiro.listen() as socket:
        socket.say({"type": "task_info"})
        error = {"type": "error", "message": "tasktoken-required", "result": False}
        _expect_frame(error, _after_the_welcome(socket), what="the frame")


def check_unknown_messages_are_dropped(wiro: Service) -> None:
    """What the server does not know it drops, without a frame and without a close."""
    with wiro.listen() as socket:
        socket.say({"type": "no-such-message"})
        socket.say({"type": "task_info", "tasktoken": ""})
        frame = _after_the_welcome(socket)
        if frame is None:
            raise Broken("an open connection, and the frame tasktoken-required", "none")
        expect("tasktoken-required", frame.get("message"), what="the message of the next frame")


def _expect_frame(expected: dict[str, Any], got: dict[str, Any] | None, *, what: str) -> None:
    """The frame has these fields, whatever it has besides."""
    expect(expected, got and {name: got.get(name) for name in expected}, what=what)


def _after_the_welcome(socket: Listener) -> dict[str, Any] | None:
    frame = socket.frame()
    if frame and frame["type"] == "connected":
        frame = socket.frame()
    return frame


def check_frame_shape(wiro: Service) -> None:
    """Every frame has the documented envelope; a type that nobody has documented is told, and not counted."""
    for frame in _followed(wiro).frames:
        wiro.compare(frame, shapes.Frame, path=frame["type"])
        if (kind := frame["type"]) not in FRAMES:
            text = f"a frame {shown(kind)} is new: {shown(frame)}"
            wiro.notes.append(Note(level="upstream new", subject=f"frame {kind}", text=text))


def check_every_status_is_told(wiro: Service) -> None:
    """From the first frame on, no status of a successful task is left out; registering late may miss the first ones."""
    told = _statuses(wiro)
    if not told:
        raise Broken("frames that tell of statuses", "none")
    due = LIFE[min(LIFE.index(kind) for kind in told) :]
    missing = [kind for kind in due if kind not in told and kind not in LEFT_OUT]
    if len(due) == 1:
        raise NotVerified("only the end was told, as to one who registers when a task has ended")
    if missing:
        raise Broken(f"a frame {' and one '.join(missing)}", f"frames {', '.join(told)}")


def check_statuses_are_in_order(wiro: Service) -> None:
    """The frames that tell of statuses come once each, in the order of a task's life."""
    told = _statuses(wiro)
    right = [kind for kind in LIFE if kind in told]
    if told != right:
        raise Broken(f"frames in the order {', '.join(right)}", ", ".join(told))


def check_output_comes_between(wiro: Service) -> None:
    """What a process prints is told after its start and before its end."""
    kinds = [frame["type"] for frame in _frames(wiro)]
    if "task_output" not in kinds:
        raise NotVerified("the model printed nothing")
    first, last = kinds.index("task_output"), len(kinds) - 1 - kinds[::-1].index("task_output")
    too_early = "task_start" in kinds[first:]
    if too_early or "task_output_full" in kinds[:last]:
        bound = "after task_start" if too_early else "before task_output_full"
        raise Broken(f"task_output {bound}", f"frames {', '.join(dict.fromkeys(kinds))}")


def check_progress_is_of_strings(wiro: Service) -> None:
    """The values of a progress message are strings, the numbers among them too."""
    messages = [frame.get("message") for frame in _frames(wiro) if frame["type"] == "task_output"]
    shown_ones = [message for message in messages if isinstance(message, dict) and "percentage" in message]
    if not shown_ones:
        raise NotVerified("the model told no progress")
    for message in shown_ones:
        wrong = {name: message[name] for name in PROGRESS if name in message and not isinstance(message[name], str)}
        if wrong:
            raise Broken(f"strings in message.{', message.'.join(wrong)}", shown(wrong))


def check_frames_name_their_task(wiro: Service) -> None:
    """`id` in every frame of a task is its id, as a string; so is `tasktoken`, where there is one, its token."""
    finished = _followed(wiro)
    named = [field(frame, "id", str, told_by=FRAME_SHAPE) for frame in _frames(wiro)]
    if others := {one for one in named if one != finished.run.task_id}:
        raise Broken("id of the task in every frame", f"id {shown(sorted(others))}")
    if any(frame.get("tasktoken", finished.run.token) != finished.run.token for frame in _frames(wiro)):
        raise Broken("tasktoken of the task in every frame that has one", "another")


def check_end_tells_success(wiro: Service) -> None:
    """The last frame says that it is the last, that all went well, and the exit code, a number."""
    end = _end(wiro)
    got = {name: end.get(name) for name in ("type", "success", "terminal", "exitCode")}
    if all(value is None for name, value in got.items() if name != "type"):
        documented = {"success": True, "terminal": True, "exitCode": 0}
        wiro.differs("the last frame's news", documented, "none of them", switch="envelope=2026-04")
        return
    expect(
        {"type": "task_postprocess_end", "success": True, "terminal": True, "exitCode": 0}, got, what="the last frame"
    )


def check_end_lists_the_outputs(wiro: Service) -> None:
    """The message of the last frame is a list of outputs; of a file it shows four fields."""
    outputs = _end(wiro).get("message")
    wiro.compare(outputs, list[shapes.SocketOutput | shapes.OutputAnswer], path="message")


def check_poll_agrees_with_the_end(wiro: Service) -> None:
    """Who has seen the last frame finds the task ended, with the outputs that the frame has listed."""
    end, task = _end(wiro), _followed(wiro).task
    expect(end["type"], field(task, "status", str, told_by="tasks.shape"), what="status")
    listed, kept = (
        [one.get("name") for one in outputs if isinstance(one, dict) and "url" in one]
        for outputs in (
            field(end, "message", list, told_by=AT_THE_END),
            field(task, "outputs", list, told_by="tasks.shape"),
        )
    )
    expect(kept, listed, what="names of the outputs in the last frame")


def check_late_registration_gets_the_end(wiro: Service) -> None:
    """Who registers when a task has ended gets its last frame all the same: Wiro's SDKs rely on that."""
    kind, run = _end(wiro)["type"], _followed(wiro).run
    with wiro.listen() as socket:
        socket.register(run.own_token)
        frames = socket.until_end()
    expect(kind, frames[-1]["type"] if frames else None, what="the last frame")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "runs a model") -> Promise:
    needed = needs if cost == "free" else (LETS_IN, TAKEN_ON, IS_SHOWN, *needs)
    return Promise(area="socket", check=check, cost=cost, source=source, needs=needed)


PROMISES = (
    _promise(check_welcome, APRIL, cost="free"),
    _promise(check_token_is_required, GUESS, cost="free"),
    _promise(check_unknown_messages_are_dropped, APRIL, "socket.token_is_required", cost="free"),
    _promise(check_frame_shape, NEWEST),
    _promise(check_every_status_is_told, APRIL),
    _promise(check_statuses_are_in_order, APRIL),
    _promise(check_output_comes_between, APRIL),
    _promise(check_progress_is_of_strings, APRIL),
    _promise(check_frames_name_their_task, APRIL),
    _promise(check_end_tells_success, NEWEST, "tasks.succeeds", FRAME_SHAPE),
    _promise(check_end_lists_the_outputs, APRIL),
    _promise(check_poll_agrees_with_the_end, SDKS, "tasks.succeeds", AT_THE_END),
    _promise(check_late_registration_gets_the_end, SDKS),
)
