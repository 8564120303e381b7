"""Answers to the same request: fields, HTTP statuses, the sentences of refusals, statuses that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from wiro_mock import shapes
from wiro_mock.api.rest_shapes import EXCHANGES
from wiro_mock.contract.compare import shown
from wiro_mock.drift.comparing import compared
from wiro_mock.drift.findings import Finding, Level
from wiro_mock.drift.lines import line_of, line_of_refusal, refusal
from wiro_mock.drift.naming import field_finding, leveled, new_member
from wiro_mock.drift.outcomes import of_outcome
from wiro_mock.drift.remedies import by_switch
from wiro_mock.drift.takes import Exchange, Take
from wiro_mock.drift.whereabouts import STATUSES

NO_TASK: Final = "There is no task yet."
_KNOWN_TEXTS: Final = ("task-not-founded",)
_FLAKY: Final = re.compile(r"\d+(?:\.\d+)*")


def of_answer(take: Take, live: Exchange, mock: Exchange | None) -> Iterator[Finding]:
    """What differs in an answer; where the mock has none to compare with, the documented shape alone is the measure."""
    if not isinstance(live.answer, dict | list):
        return
    if mock is None:
        yield from _fields(live, None, _shape(live))
        return
    refused = live.error[0] is not None or live.error[1] is not None
    refuses = mock.error[0] is not None or mock.error[1] is not None
    if refused and refuses:
        yield from _of_status(live, mock)
        yield from _of_error(live, mock)
        yield from _fields(live, mock, shapes.Failure)
    elif refused or refuses:
        yield from of_outcome(take, live, mock)
    else:
        yield from _of_status(live, mock)
        yield from _fields(live, mock, _shape(live))
        yield from _of_members(live)
        yield from _of_cancelled(live, mock)


def _shape(live: Exchange) -> Any:
    known = EXCHANGES.get(live.operation)
    return known.answer if known else Any


def _fields(live: Exchange, mock: Exchange | None, shape: Any) -> Iterator[Finding]:
    # Where the mock has no answer to compare with, the documented shape alone is the measure.
    ours = live.answer if mock is None or _statuses(live) != _statuses(mock) else mock.answer
    for one in compared(ours, live.answer, shape):
        yield from field_finding(one, f"{live.call} {one.path}", live.where)


def _statuses(one: Exchange) -> list[Any]:
    return [task.get("status") for task in one.tasks]


def _of_status(live: Exchange, mock: Exchange) -> Iterator[Finding]:
    if live.status == mock.status:
        return
    switch = "error_status=mapped" if mock.status in (200, 401) and live.status in (400, 403, 429) else ""
    file = f"change {_refusal_line(mock)}"
    yield Finding(
        level=leveled(switch, "mock wrong"),
        key=("status", live.call, str(mock.status), str(live.status)),
        what=f"{live.call} status",
        mock=f"HTTP {mock.status}",
        live=f"HTTP {live.status}",
        change=by_switch(switch) if switch else file,
        places=(live.where,),
        switch=switch,
        otherwise=file,
    )


def _refusal_line(mock: Exchange) -> str:
    code, message = mock.error
    if message:
        return line_of_refusal(str(message), code)
    named = line_of("api/operations.py", f'name="{re.escape(mock.operation)}"')
    return named or line_of("api/operations.py", "^OPERATIONS")


def _of_error(live: Exchange, mock: Exchange) -> Iterator[Finding]:
    theirs, ours = live.error, mock.error
    known = _texts_agree(theirs, ours)
    if known and (live.operation != "Run" or _is_known(theirs)):
        return
    if known:  # the mock repeats what a run was refused with: nobody but this service has said so
        yield _text(live, "no such refusal", theirs, f"add it to {line_of_refusal('')}", level="upstream new")
        return
    switch = f"not_found_message={theirs[1]}" if ours[1] == NO_TASK and theirs[0] == ours[0] else ""
    level = leveled(switch if theirs[1] in _KNOWN_TEXTS else "", "mock wrong")
    file = f"change {_refusal_line(mock)}"
    yield _text(live, f"code {ours[0]} {shown(ours[1])}", theirs, file, level=level, switch=switch)


def _text(live: Exchange, mock: str, error: tuple[Any, Any], file: str, *, level: Level, switch: str = "") -> Finding:
    return Finding(
        level=level,
        key=("error", mock, f"{error[0]} {error[1]}"),
        what=f"{live.call} errors[0]",
        mock=mock,
        live=f"code {error[0]} {shown(error[1])}",
        change=by_switch(switch) if switch else file,
        places=(live.where,),
        switch=switch,
        otherwise=file,
    )


def _texts_agree(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Numbers in a sentence (an address, a limit) are no two accounts' own."""
    return one[0] == other[0] and _FLAKY.sub("0", str(one[1])) == _FLAKY.sub("0", str(other[1]))


def _is_known(error: tuple[Any, Any]) -> bool:
    return bool(refusal(str(error[1]), error[0])) or _is_a_scenarios(error)


def _is_a_scenarios(error: tuple[Any, Any]) -> bool:
    """Whether a shipped scenario refuses so: sentences of teams and of members are there only."""
    return any(str(error[1]) in text for text in _shipped_texts())


@cache
def _shipped_texts() -> tuple[str, ...]:
    from wiro_mock.shipped import shipped

    return tuple(path.read_text(encoding="utf-8") for path in shipped().glob("*.yaml"))


def _of_members(live: Exchange) -> Iterator[Finding]:
    for task in live.tasks:
        status = task.get("status")
        if isinstance(status, str) and status not in STATUSES:
            yield new_member(f"{live.call} tasklist[0].status", "status", status, live.where)


def _of_cancelled(live: Exchange, mock: Exchange) -> Iterator[Finding]:
    """What a cancelled task costs, and when it was: told by values, which no type tells apart."""
    switches = {
        "canceltime": ("canceltime=zero", "canceltime=now"),
        "totalcost": ("cancelled_cost=zero", "cancelled_cost=charged"),
    }
    for theirs, ours in zip(live.tasks, mock.tasks, strict=False):
        if theirs.get("status") != "task_cancel" or ours.get("status") != "task_cancel":
            continue
        for name, (zero, other) in switches.items():
            both = [str(task.get(name, "")) for task in (ours, theirs)]
            nothing = [not text.strip("0.") for text in both]
            if nothing[0] != nothing[1] and not (name == "totalcost" and "." in both[0]):
                switch = zero if nothing[1] else other
                yield Finding(
                    level="documentation differs",
                    key=("value", name),
                    what=f"{live.call} tasklist[0].{name}",
                    mock=shown(both[0]),
                    live=shown(both[1]),
                    change=by_switch(switch),
                    places=(live.where,),
                    switch=switch,
                )
