"""What would make the mock send the same: the switch of its profile where there is one, else the file and the line.

What a switch can do, another source than the documentation has told: there the documentation differs, and the mock
need only be told whom to believe. Anything else the mock is wrong about, or it is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from shlex import quote
from typing import Final

from wiro_mock.drift.comparing import Difference
from wiro_mock.drift.lines import line_of, line_of_field, line_of_key

_NEWER: Final = (
    "estimatedvram", "realvram", "isapp", "slugapp", "dynamicprice", "modeldescription", "modelslugowner",
    "modelslugproject", "outputfolderid", "teamguid",
)  # fmt: skip
_ENDS: Final = ("success", "terminal", "exitCode")
_PLAIN: Final = ("raw", "thinking", "answer")
_IN_PARTS: Final = ("segments", "finishreason", "usage")


def _come_or_gone(come: str, gone: str) -> Callable[[Difference], str]:
    """One value where the service has a field that the mock lacks, another where it is the other way round."""
    return lambda one: come if one.kind in ("present", "new") else gone if one.kind in ("absent", "missing") else ""


def _none(_: Difference) -> str:
    return ""


def _by_value(choices: Mapping[type, str], empty: str = "") -> Callable[[Difference], str]:
    """One value by the type of what the service sent."""
    return lambda one: empty if one.value == "" and empty else choices.get(type(one.value), "")


_FIELDS: Final[Mapping[tuple[str, str], Callable[[Difference], str]]] = {
    ("ErrorItem", "time"): _come_or_gone("error_time=true", "error_time=false"),
    ("StopAnswer", "total"): _come_or_gone("stop_total=true", "stop_total=false"),
    ("TaskShape", "categories"): _by_value({str: "categories=string", list: "categories=array"}),
    ("TaskShape", "pexit"): _by_value({type(None): "pexit_before_end=null"}, empty="pexit_before_end=empty"),
    ("ToolListAnswer", "total"): _by_value({str: "tool_total=string", int: "tool_total=number"}),
    ("ToolShape", "parameters"): _by_value({type(None): "tool_parameters=null", list: "tool_parameters=groups"}),
    ("ParameterOption", "text"): _come_or_gone("tool_items=both", "tool_items=documented"),
    ("ParameterOption", "label"): _come_or_gone("tool_items=both", "tool_items=live"),
    ("Frame", "tasktoken"): _come_or_gone("frame_token=true", "frame_token=false"),
    **{("TaskShape", name): _come_or_gone("task_keys=all", "task_keys=seed") for name in _NEWER},
    **{("Frame", name): _come_or_gone("envelope=2026-09", "envelope=2026-04") for name in _ENDS},
    **{("AnswerContent", name): _come_or_gone("plain_texts=true", "plain_texts=false") for name in _PLAIN},
    **{("AnswerContent", name): _come_or_gone("segments=true", "segments=false") for name in _IN_PARTS},
}
"""By the shape and the field."""
_MESSAGES: Final[Mapping[str, Callable[[Difference], str]]] = {
    **{name: _come_or_gone("plain_texts=true", "plain_texts=false") for name in _PLAIN},
    **{name: _come_or_gone("segments=true", "segments=false") for name in _IN_PARTS},
}
"""By the key of a streamed message."""


def file_of(one: Difference, frame: str = "") -> str:
    """What to change in the mock's own files; `frame` is the type of the frame that it was met in, if any."""
    if frame and one.path.startswith("message") and one.shape in ("", "Frame"):
        return f"look at {line_of_key(one.field or 'message')}"
    where = line_of_field(one.shape, one.field) if one.shape else line_of_key(one.field)
    return f"add it to {where}" if one.kind == "new" else f"change {where}"


def by_switch(assignment: str) -> str:
    """What to do with a switch of the profile, as `name=value`."""
    where = line_of("api/profile.py", rf"^    {assignment.partition('=')[0]}: ")
    return f"the mock does so with --switch {quote(assignment)} ({where})"


def switch_of(one: Difference, frame: str = "") -> str:
    """The switch that may make this difference go; empty for none. Whether it does is to be tried."""
    return "" if one.live.startswith("no such field, but ") else _switch(one, frame)


def _switch(one: Difference, frame: str) -> str:
    if frame == "task_output_full" and one.path == "message":
        return f"full_logs={'false' if one.value == '' else 'true'}"
    if frame == "task_cancel" and one.field == "result" and isinstance(one.value, bool):
        return f"cancel_result={str(one.value).lower()}"
    if frame == "task_output" and one.path == f"message.{one.field}":
        return _MESSAGES.get(one.field, _none)(one)
    return _FIELDS.get((one.shape, one.field), _none)(one)
