"""The ways in which a server may differ from the mock: an edit of its answers or frames, and what is to be told of it.

Of each: the level, the place, what the service sends, and what is to be changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract import test_gallery as gallery
from tests.contract.kit import Answered, EditAnswer, EditFrame

Case = tuple[EditAnswer, str, str, str, str]


def in_tasks(edit: Callable[[dict[str, Any]], Any]) -> EditAnswer:
    def answer(path: str, status: int, value: Any) -> Answered:
        return status, gallery.with_tasks(value, edit)

    return answer


def in_call(call: str, edit: Callable[[Any], Any]) -> EditAnswer:
    def answer(path: str, status: int, value: Any) -> Answered:
        if path == call:
            edit(value)
        return status, value

    return answer


def another_sentence(path: str, status: int, value: Any) -> Answered:
    return status, gallery.with_error(value, "slug-owner-project-not-exist", "model-not-found")


def refuses(path: str, status: int, value: Any) -> Answered:
    no = {"result": False, "errors": [{"code": 7, "message": "Moved away."}]}
    return (status, no) if path == "Tool/Explore" else (status, value)


ANSWERS: dict[str, Case] = {
    "a field renamed": (
        gallery.renamed,
        "mock wrong",
        "tasklist[0].elapsedseconds",
        "but tasklist[0].elapsed_seconds",
        "wiro_mock/shapes.py:",
    ),
    "a field missing": (
        in_tasks(lambda task: task.pop("cps")),
        "mock wrong",
        "tasklist[0].cps",
        "no such field",
        "(TaskShape.cps)",
    ),
    "a number for a string": (
        gallery.number_for_a_string,
        "mock wrong",
        "tasklist[0].size",
        "the number",
        "(TaskShape.size)",
    ),
    "a number for an id": (
        gallery.number_for_an_id,
        "mock wrong",
        "Run/pruna/p-image taskid",
        "the number",
        "(RunAnswer.taskid)",
    ),
    "null for a string": (
        in_tasks(lambda task: task.update(name=None)),
        "mock wrong",
        "tasklist[0].name",
        "null",
        "(TaskShape.name)",
    ),
    "a time as a date": (
        in_tasks(lambda task: task.update(createtime="2026-11-23T01:02:03Z")),
        "mock wrong",
        "tasklist[0].createtime: the mock sends digits in a string",
        "2026-11-23",
        "(TaskShape.createtime)",
    ),
    "fewer decimals": (
        in_tasks(lambda task: task.update(elapsedseconds=task["elapsedseconds"][:-2])),
        "mock wrong",
        "tasklist[0].elapsedseconds: the mock sends 4 decimals",
        '.00"',
        "(TaskShape.elapsedseconds)",
    ),
    "a new field": (
        gallery.new_field,
        "upstream new",
        "tasklist[0].priority",
        '"normal"',
        "add it to wiro_mock/shapes.py:",
    ),
    "a new field everywhere": (
        gallery.new_field_everywhere,
        "upstream new",
        "requestid",
        '"abc"',
        "add it to wiro_mock/shapes.py:",
    ),
    "a new status": (
        in_tasks(lambda task: task.update(status="task_paused" if task["status"] == "task_assign" else task["status"])),
        "upstream new",
        "tasklist[0].status",
        '"task_paused"',
        "wiro_mock/kernel/status.py:",
    ),
    "another error text": (
        gallery.other_text,
        "mock wrong",
        "Task/Detail errors[0]",
        '"Invalid signature."',
        "wiro_mock/kernel/refusals.py:",
    ),
    "another refusal of a run": (
        another_sentence,
        "mock wrong",
        "Run/nobody-is-called-that/no-such-model errors[0]",
        '"model-not-found"',
        "wiro_mock/kernel/refusals.py:",
    ),
    "403 for 401": (
        gallery.forbidden,
        "mock wrong",
        "Task/Detail status: the mock sends HTTP 401",
        "HTTP 403",
        "wiro_mock/kernel/refusals.py:",
    ),
    "404 for an empty list": (
        gallery.error_for_a_missing_model,
        "mock wrong",
        "Tool/Detail status",
        "HTTP 404",
        "wiro_mock/api/operations.py:",
    ),
    "a refusal for an answer": (
        refuses,
        "mock wrong",
        "Tool/Explore: the mock sends a yes",
        '"Moved away."',
        "wiro_mock/kernel/refusals.py:",
    ),
    "a number in the catalogue": (
        in_call("Tool/Detail", lambda value: [tool.update(cps=0.1) for tool in value["tool"]]),
        "mock wrong",
        "Tool/Detail tool[0].cps",
        "the number 0.1",
        "(ToolShape.cps)",
    ),
    "a slower queue": (
        gallery.long_wait,
        "upstream new",
        "Run/pruna/p-image in the queue: the mock sends 0.6 s",
        "120.0 s",
        "scenarios/image.yaml:",
    ),
}


def only(kind: str, edit: Callable[[dict[str, Any]], Any]) -> Callable[[], EditFrame]:
    """Frames of one type are edited."""

    def change(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if frame["type"] == kind:
            edit(frame)
        return [frame]

    return lambda: change


def in_progress(edit: Callable[[dict[str, Any]], Any]) -> Callable[[], EditFrame]:
    def on(frame: dict[str, Any]) -> None:
        if isinstance(frame.get("message"), dict):
            edit(frame["message"])

    return only("task_output", on)


def one_more() -> EditFrame:
    return lambda frame: [frame, {**frame, "type": "task_paused"}] if frame["type"] == "task_start" else [frame]


def numbered(message: dict[str, Any]) -> None:
    message["percentage"] = int(message["percentage"])


FRAMES: dict[str, tuple[Callable[[], EditFrame], str, str, str, str]] = {
    "an event missing": (
        gallery.without_the_start,
        "mock wrong",
        "frame task_start: the mock sends one",
        "none",
        "wiro_mock/kernel/status.py:",
    ),
    "a status reordered": (
        gallery.start_before_assign,
        "mock wrong",
        "order of frames",
        "task_start, task_assign",
        "wiro_mock/kernel/status.py:",
    ),
    "a new event": (one_more, "upstream new", "frame task_paused", "task_paused", "wiro_mock/api/frames.py:"),
    "a number in every frame": (
        gallery.number_in_a_frame,
        "mock wrong",
        "frame task_queue id",
        "the number",
        "(Frame.id)",
    ),
    "another welcome": (
        gallery.another_welcome,
        "mock wrong",
        "frame connected version",
        '"2.0"',
        "wiro_mock/api/frames.py:",
    ),
    "a number in a progress": (
        in_progress(numbered),
        "mock wrong",
        "frame task_output message.percentage",
        "a number, 10",
        "wiro_mock/api/progress_shape.py:",
    ),
    "a progress without its speed": (
        in_progress(lambda message: message.pop("speed")),
        "mock wrong",
        "frame task_output message.speed",
        "no such field",
        "wiro_mock/api/progress_shape.py:",
    ),
    "more in a progress": (
        in_progress(lambda message: message.update(eta="3")),
        "upstream new",
        "frame task_output message.eta",
        '"3"',
        "wiro_mock/api/frames.py:",
    ),
    "another kind of message": (
        in_progress(lambda message: message.update(type="progressUpload")),
        "upstream new",
        "frame task_output message.type",
        '"progressUpload"',
        "wiro_mock/kernel/events.py:",
    ),
    "a text for an exit code": (
        only("task_postprocess_end", lambda frame: frame.update(exitCode="0")),
        "mock wrong",
        "frame task_postprocess_end exitCode",
        '"0"',
        "(Frame.exitCode)",
    ),
    "no success": (
        only("task_postprocess_end", lambda frame: frame.update(terminal=False)),
        "mock wrong",
        "frame task_postprocess_end terminal: the mock sends true",
        "false",
        "(Frame.terminal)",
    ),
    "an output without its size": (
        only("task_postprocess_end", lambda frame: [one.pop("size") for one in frame["message"]]),
        "mock wrong",
        "frame task_postprocess_end message[0].size",
        "no such field",
        "(SocketOutput.size)",
    ),
    "another refusal of a socket": (
        only("error", lambda frame: frame.update(message="token-missing")),
        "mock wrong",
        "frame error message",
        '"token-missing"',
        "wiro_mock/api/frames.py:",
    ),
}
