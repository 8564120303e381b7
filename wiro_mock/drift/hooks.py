"""Webhooks: how often and when they were posted, their headers, and their body, which is that of Task/Detail.

What is compared is what the profile does by itself. A webhook that did not come is told only where somebody listened
for `PATIENCE` seconds after the end; frames and webhooks come by different ways, so that only seconds count as order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wiro_mock import shapes
from wiro_mock.contract.compare import shown
from wiro_mock.drift.comparing import compared
from wiro_mock.drift.findings import Finding
from wiro_mock.drift.lines import line_of_place
from wiro_mock.drift.naming import field_finding, leveled
from wiro_mock.drift.remedies import by_switch
from wiro_mock.drift.replay import Replayed
from wiro_mock.drift.takes import ABSENT, Hook, Take, task_in
from wiro_mock.kernel.rules import is_web_url
from wiro_mock.recorder.observed import TERMINAL

PATIENCE: Final = 10.0
"""Seconds after the end of a task in which a webhook is to come. Ours; no source says any."""
LATE: Final = 3.0
"""Seconds that make a webhook late, or early. Ours."""
WHERE: Final = "the webhook"
_NAMELESS: Final = frozenset({"content-type", "authorization"})
"""Headers that the mock sends, too: the second where the callbackUrl has a user in it."""


def of_hooks(take: Take, mock: Replayed) -> Iterator[Finding]:
    """What differs in the webhooks of each task."""
    for task in dict.fromkeys((*(one.task for one in take.hooks), *take.awaited)):
        came = [one for one in take.hooks if one.task == task]
        for one in came:
            yield from _of_headers(one)
            yield from _of_body(one, mock.hooks.get(task, ()))
        if task in mock.hooks and (came or _is_missing(take, task)):
            yield from _of_number(came, mock.hooks[task])
        if came and (end := ended_at(take, task)) is not None:
            yield from _of_time(take, task, came[0].at - end)


def not_seen(take: Take) -> Iterator[str]:
    """The webhooks of which nothing can be said."""
    seen = {one.task for one in take.hooks}
    for run in take.runs():
        wants = isinstance(run.body, dict) and is_web_url(str(run.body.get("callbackUrl", "")))
        if not wants or run.run_id in seen or take.is_scenario:
            continue
        if run.run_id not in take.awaited:
            yield "webhooks: none came by here; with wiro-mock record --callbacks URL those of a service far away do"
        elif not _is_missing(take, run.run_id):
            yield f"the webhook of {run.call}: none came while one listened, which was less than {PATIENCE:g} s"


def ended_at(take: Take, task: str) -> int | None:
    """When the frame came that ends a task; None where none did."""
    return next((one.at for one in take.streams.get(task, ()) if one.kind in TERMINAL), None)


def _is_missing(take: Take, task: str) -> bool:
    end, until = ended_at(take, task), take.awaited.get(task)
    return end is not None and until is not None and until - end >= PATIENCE * 1_000_000


# -- headers and body ----------------------------------------------------------------------------------


def _of_headers(one: Hook) -> Iterator[Finding]:
    kind = one.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        line = line_of_place("webhook headers")
        yield _finding("webhook content-type", '"application/json"', shown(kind) if kind else "none", f"change {line}")
    for name in one.headers.keys() - _NAMELESS:
        line = line_of_place("webhook headers")
        said = shown(one.headers[name])
        yield _finding(f"webhook header {name}", "none", said, f"add it to {line}", level="upstream new")


def _of_body(one: Hook, ours: Sequence[Any]) -> Iterator[Finding]:
    if not isinstance(one.body, dict):
        line = line_of_place("webhook body")
        said = "no JSON" if one.body is ABSENT else shown(one.body)
        yield _finding("webhook body", "an object", said, f"change {line}")
        return
    mock = ours[0] if ours else None
    live_task, mock_task = task_in(one.body), task_in(mock)
    if live_task.get("status") != mock_task.get("status"):
        mock, mock_task = one.body, live_task  # what else differs then is no wonder; that it does is told elsewhere
    if _is_bare(one.body) != _is_bare(mock) and isinstance(mock, dict):
        shape = "task" if _is_bare(one.body) else "detail"
        told = ["a tasklist", "the bare task"]
        yield _finding("webhook body", *(told if shape == "task" else told[::-1]), switch=f"callback_shape={shape}")
        yield from _of_fields(one, live_task, mock_task, shapes.TaskShape)
    elif _is_bare(one.body):
        yield from _of_fields(one, one.body, mock, shapes.TaskShape)
    else:
        yield from _of_fields(one, one.body, mock, shapes.DetailAnswer)
    yield from _of_values(live_task, mock_task)


def _of_fields(one: Hook, live: Any, mock: Any, shape: Any) -> Iterator[Finding]:
    for found in compared(live if mock is None else mock, live, shape):
        yield from field_finding(found, f"webhook {found.path}", one.where or WHERE)


def _of_values(live: Mapping[str, Any], mock: Mapping[str, Any]) -> Iterator[Finding]:
    """The exit code, which the frames have told already; and whether the outputs are there."""
    line = f"change {line_of_place('webhook body')}"
    ours, theirs = mock.get("pexit"), live.get("pexit")
    if isinstance(ours, str) and isinstance(theirs, str) and ours != theirs:
        yield _finding("webhook tasklist[0].pexit", f"{shown(ours)}, as the frames tell", shown(theirs), line)
    if mock.get("outputs") and live.get("outputs") == []:
        yield _finding("webhook tasklist[0].outputs", "those of the task", "none", line)


def _is_bare(body: Any) -> bool:
    return isinstance(body, dict) and "tasklist" not in body and "status" in body


# -- how often, and when -------------------------------------------------------------------------------


def _of_number(came: Sequence[Hook], mock: Sequence[Any]) -> Iterator[Finding]:
    ours = [str(task_in(body).get("status")) for body in mock]
    known = ours[-1] if ours else "?"
    theirs = [str(task_in(one.body).get("status", known)) for one in came]
    if theirs == ours:
        return
    yield _finding(
        "webhooks of a task",
        _posts(ours),
        _posts(theirs),
        f"change {line_of_place('webhooks posted')}",
        switch=_switch(came, ours, theirs),
    )


def _switch(came: Sequence[Hook], ours: Sequence[str], theirs: Sequence[str]) -> str:
    """The switch that tells how often is posted."""
    if set(theirs) | set(ours) == {"task_cancel"} and not (theirs and ours):
        return f"callback_on_cancel={'true' if theirs else 'false'}"
    is_retried = bool(came) and all(one.answered != 200 for one in came[:-1])
    return f"callback_attempts={len(theirs)}" if is_retried and set(theirs) == set(ours) else ""


def _posts(statuses: Sequence[str]) -> str:
    return f"{len(statuses)} ({', '.join(statuses)})" if statuses else "none"


def _of_time(take: Take, task: str, after: int) -> Iterator[Finding]:
    seconds = after / 1_000_000
    if abs(seconds) < LATE:
        return
    run = next((one.call for one in take.runs() if one.run_id == task), "a run")
    how = f"give the scenario faults: [{{on: webhook, do: {{latency: {seconds:.0f}s}}}}]"
    if seconds < 0:
        how = f"change {line_of_place('webhooks posted')}"
    told = f"{abs(seconds):.1f} s {'after' if seconds > 0 else 'before'} the end"
    yield Finding(
        level="upstream new",
        key=("timing", run, "webhook"),
        what=f"{run} webhook",
        mock="one at the end",
        live=f"one {told}",
        change=how,
        places=(WHERE,),
    )


def _finding(
    what: str, mock: str, live: str, change: str = "", *, level: Any = "mock wrong", switch: str = ""
) -> Finding:
    return Finding(
        level=leveled(switch, level),
        key=("webhook", what),
        what=what,
        mock=mock,
        live=live,
        change=by_switch(switch) if switch else change,
        places=(WHERE,),
        switch=switch,
        otherwise=change,
    )
