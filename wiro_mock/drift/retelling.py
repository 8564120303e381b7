"""What happened to a task that nobody listened to, as far as its looks tell: a scenario for the mock to play.

Times say how far it came, its status how it ended, its outputs what there was; the rest is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

TEXT: Final = "retold"
_WAY: Final = (
    ("accepttime", "accept"),
    ("preprocessstarttime", "preprocess"),
    ("assigntime", "assign"),
    ("starttime", "start"),
)
"""The times of a task, and the steps that they tell of."""


def retold(looks: Sequence[dict[str, Any]], *, is_stopped: bool) -> str:
    """A scenario, as YAML; empty where the task was never looked at. `is_stopped`: a request of the client's did it."""
    if not looks:
        return ""
    steps = [*_failed_setup(looks)]
    if not steps or steps[-1]["setup_error"]["then"] == "requeue":
        steps += _life(looks, is_stopped=is_stopped)
    return json.dumps({"scenario": "retold", "match": {"model": "*"}, "steps": steps})


def _failed_setup(looks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    statuses = [one.get("status") for one in looks]
    gave_up = statuses[-1] == "task_postprocess_end" and not _is_set(looks[-1], "starttime")
    if "task_error" not in statuses and not gave_up:
        return
    later = set(statuses[statuses.index("task_error") :]) if not gave_up else set()
    then = "fail" if gave_up else "stuck" if later == {"task_error"} else "requeue"
    yield {"accept": "1s"}
    yield {"setup_error": {"message": TEXT, "then": then, **({} if then == "stuck" else {"wait": "1s"})}}


def _life(looks: Sequence[dict[str, Any]], *, is_stopped: bool) -> Iterator[dict[str, Any]]:
    last = looks[-1]
    for time, step in _WAY:
        if _is_set(last, time):
            yield {step: {"for": "1s"} if step == "preprocess" else "1s"}
    if _is_set(last, "starttime"):
        yield from _work(last, next((one for one in reversed(looks) if one.get("outputs")), last))
    code = str(last.get("pexit"))
    if last.get("status") == "task_postprocess_end" and _is_set(last, "starttime"):
        yield {"exit": int(code) if code.isdecimal() else 0}
        yield {"postprocess": {"for": "1s"}}
    elif last.get("status") == "task_cancel" and not is_stopped:
        yield {"cancel": "1s"}
    else:
        yield {"stall": "nobody looked any further"}


def _work(last: dict[str, Any], richest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if last.get("debugerror"):
        yield {"stderr": TEXT}
    listed = richest.get("outputs")
    outputs = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    answers = [one for one in outputs if "content" in one]
    if last.get("debugoutput") and not answers:
        yield {"print": TEXT}
    if answers:
        yield {"answer": {"pieces": [{"answer": TEXT}]}}
    for place, one in enumerate(one for one in outputs if "content" not in one):
        name = str(one.get("name", ""))
        yield {"produce": {"name": name if name.isascii() and "." in name else f"{place}.txt", "text": TEXT}}


def _is_set(task: dict[str, Any], time: str) -> bool:
    return str(task.get(time) or "0") != "0"
