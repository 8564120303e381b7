"""From two takes, the service's and the mock's, to findings: what differs, at which level, and what to change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from wiro_mock import shapes
from wiro_mock.api.rest_shapes import EXCHANGES
from wiro_mock.contract.compare import shown
from wiro_mock.drift.comparing import Difference, compared
from wiro_mock.drift.findings import Finding, Level
from wiro_mock.drift.lines import line_of, line_of_refusal, refusal
from wiro_mock.drift.remedies import by_switch, file_of, switch_of
from wiro_mock.drift.replay import ORDER, Replayed
from wiro_mock.drift.takes import Exchange, Take
from wiro_mock.kernel.task import Status
from wiro_mock.recorder.observed import TERMINAL, Seen

OPEN: Final = ("absent", "present", "null", "other")
"""What a shape leaves open differs only where a switch speaks of it."""
BY_STATE: Final = ("Task/Cancel", "Task/Kill", "Task/InputOutputDelete")
"""What they answer depends on where the task is at that moment."""
REFUSED_FOR_THE_ACCOUNT: Final = (96, 97, 98)
STATUSES: Final = frozenset(Status) | {"task_output_full", "task_error_full", "task_output", "task_error", "task_end"}
FRAMES: Final = STATUSES | {"task_stream_ready", "task_stream_end", "task_cost", "connected", "error"}
"""Every type of frame that a source knows (socket.md §1.3)."""
SESSION: Final = ("task_stream_ready", "task_stream_end", "task_cost")
"""What a realtime session tells: no recording plays it again, so only its shape is compared."""
MESSAGES: Final = frozenset({"progressGenerate", "answer", "thinking"})
"""The types of a streamed message (socket.md §4)."""
_STATUS_FRAMES: Final = (*ORDER, "task_cancel")
NO_TASK: Final = "There is no task yet."
_KNOWN_TEXTS: Final = ("task-not-founded",)
_FLAKY: Final = re.compile(r"\d+(?:\.\d+)*")


def judged(take: Take, mock: Replayed) -> Iterator[Finding]:
    """Every difference, as often as it was met."""
    for live, ours in zip(take.exchanges, mock.answers, strict=True):
        yield from _of_answer(take, live, ours)
    for task, frames in take.streams.items():
        if task in mock.streams:
            yield from _of_stream(frames, mock.streams[task], whole=task in take.followed)
    yield from _of_loose(take, mock)


# -- answers -------------------------------------------------------------------------------------------


def _of_answer(take: Take, live: Exchange, mock: Exchange | None) -> Iterator[Finding]:
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
        yield from _of_outcome(take, live, mock)
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
        yield from _field(one, f"{live.call} {one.path}", live.where)


def _statuses(one: Exchange) -> list[Any]:
    return [task.get("status") for task in one.tasks]


def _field(one: Difference, what: str, where: str, frame: str = "") -> Iterator[Finding]:
    switch = switch_of(one, frame)
    if one.kind in OPEN and not switch:
        return
    subject = f"{one.shape}.{one.field}" if one.shape else f"{frame} {re.sub(r'[0-9]+', '', one.path)}"
    file = "" if one.kind in OPEN else file_of(one, frame)
    yield Finding(
        level=_level(switch, "upstream new" if one.kind == "new" else "mock wrong"),
        key=("field", one.field if one.kind == "new" else subject, one.kind),
        what=what,
        mock=one.mock,
        live=one.live,
        change=by_switch(switch) if switch else file,
        places=(where,),
        switch=switch,
        otherwise=file,
    )


def _level(switch: str, level: Level) -> Level:
    return "documentation differs" if switch else level


def _of_status(live: Exchange, mock: Exchange) -> Iterator[Finding]:
    if live.status == mock.status:
        return
    switch = "error_status=mapped" if mock.status in (200, 401) and live.status in (400, 403, 429) else ""
    file = f"change {_refusal_line(mock)}"
    yield Finding(
        level=_level(switch, "mock wrong"),
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
    level = _level(switch if theirs[1] in _KNOWN_TEXTS else "", "mock wrong")
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


def _of_outcome(take: Take, live: Exchange, mock: Exchange) -> Iterator[Finding]:
    """One says yes, the other no."""
    refuser = live if live.error != (None, None) else mock
    said = f"code {refuser.error[0]} {shown(refuser.error[1])}"
    if live.operation == "Run" and refuser is live and live.error[0] in REFUSED_FOR_THE_ACCOUNT:
        return
    if live.operation in BY_STATE and _is_one_of_ours(take, live) and _status_before(take, live) not in TERMINAL:
        return  # where the task was at that moment nobody has seen
    switch, file = _of_outcome_remedy(take, live, mock)
    yield Finding(
        level=_level(switch, "mock wrong"),
        key=("outcome", live.operation, re.sub(r"\d+", "0", said)),
        what=live.call,
        mock=said if refuser is mock else "a yes",
        live=said if refuser is live else "a yes",
        change=by_switch(switch) if switch else file,
        places=(live.where,),
        switch=switch,
        otherwise=file,
    )


def _of_outcome_remedy(take: Take, live: Exchange, mock: Exchange) -> tuple[str, str]:
    """The switch, if there is one, and what to change in a file."""
    text = str(mock.error[1])
    if live.operation == "Run":
        switch = "parameters=unchecked" if text.startswith(("Request parameter", "Request files")) else ""
        return switch, "change the model in the catalogue (wiro-mock model add), or give it a scenario"
    switch = _of_kill(_status_before(take, live), mock) if live.operation == "Task/Kill" else ""
    return switch, f"change {line_of_refusal(str(live.error[1] or text))}"


def _of_kill(status: str, mock: Exchange) -> str:
    """The switch that tells what Kill does to a task in this status."""
    does = mock.error == (None, None)
    if status == "task_postprocess_end":
        return f"kill_finished={'refuse' if does else 'done'}"
    return f"kill_{'cancelled' if status == 'task_cancel' else 'before_assign'}={'refuse' if does else 'done'}"


def _is_one_of_ours(take: Take, live: Exchange) -> bool:
    """Whether a request is about a task whose run is in the take."""
    named = {str(value) for value in live.body.values()} if isinstance(live.body, dict) else set[str]()
    return any({run.run_id, str(run.answer.get("socketaccesstoken"))} & named for run in take.runs())


def _status_before(take: Take, live: Exchange) -> str:
    """The status in which the task was last shown before this request."""
    named = live.body if isinstance(live.body, dict) else {}
    tokens = {str(run.answer.get("socketaccesstoken")): run.run_id for run in take.runs()}
    names = {tokens.get(str(value), str(value)) for value in named.values()}
    before = take.exchanges[: take.exchanges.index(live)]
    shown_ones = [task for one in before for task in one.tasks if str(task.get("id")) in names]
    return str(shown_ones[-1].get("status")) if shown_ones else ""


def _of_members(live: Exchange) -> Iterator[Finding]:
    for task in live.tasks:
        status = task.get("status")
        if isinstance(status, str) and status not in STATUSES:
            yield _member(f"{live.call} tasklist[0].status", "status", status, live.where)


def _member(what: str, of: str, value: str, where: str) -> Finding:
    file, pattern = {
        "status": ("kernel/task.py", r"^class Status\b"),
        "frame": ("api/frames.py", r"^_STATUS_FRAMES\b"),
        "message": ("kernel/events.py", r"^class Progress\b"),
    }[of]
    return Finding(
        level="upstream new",
        key=("member", of, value),
        what=what,
        mock="no such value",
        live=shown(value),
        change=f"add it to {line_of(file, pattern)}",
        places=(where,),
    )


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


# -- frames --------------------------------------------------------------------------------------------


def _of_stream(live: tuple[Seen, ...], mock: tuple[Seen, ...], *, whole: bool) -> Iterator[Finding]:
    told = [str(one.frame.get("type")) for one in live]
    ours_told = [str(one.frame["type"]) for one in mock]
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
            yield from _of_frame(kind, one.frame, one.frame if is_cut_off else twin)
        elif kind in SESSION:
            yield from _of_frame(kind, one.frame, one.frame)


def _is_text(frame: Mapping[str, Any]) -> bool:
    message = frame.get("message")
    return isinstance(message, dict) and "stepTotal" not in message


def _of_frame(kind: str, live: Mapping[str, Any], mock: Mapping[str, Any]) -> Iterator[Finding]:
    for one in compared(dict(mock), dict(live), shapes.Frame):
        yield from _field(one, f"frame {kind} {one.path}", f"frame {kind}", kind)
    if kind == "task_postprocess_end":
        outputs = list[shapes.SocketOutput | shapes.OutputAnswer]
        for one in compared(mock.get("message"), live.get("message"), outputs, path="message"):
            yield from _field(one, f"frame {kind} {one.path}", f"frame {kind}", kind)
    message = live.get("message")
    said = message.get("type") if isinstance(message, dict) else None
    if isinstance(said, str) and said not in MESSAGES:
        yield _member(f"frame {kind} message.type", "message", said, f"frame {kind}")


def _of_order(live: list[str], mock: list[str], whole: bool) -> Iterator[Finding]:  # noqa: FBT001 -- a fact
    for kind in dict.fromkeys(live):
        if kind not in FRAMES:
            yield _member(f"frame {kind}", "frame", kind, "the socket")
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
    table, frames = line_of("kernel/task.py", r"^TRANSITIONS\b"), line_of("api/frames.py", r"^_STATUS_FRAMES\b")
    return Finding(
        level="mock wrong",
        key=("event", key),
        what=what,
        mock=mock,
        live=live,
        change=f"change {table} (TRANSITIONS), or {frames}",
        places=("the socket",),
    )


def _of_loose(take: Take, mock: Replayed) -> Iterator[Finding]:
    """The frames of no task: the welcome, and the answer to a registration without a token."""
    ours = {str(one.get("type")): one for one in mock.loose}
    theirs = {str(one.get("type")): one for one in take.loose}
    for kind, live in theirs.items():
        if kind not in FRAMES:
            yield _member(f"frame {kind}", "frame", kind, "the socket")
        elif kind in ours:
            yield from _of_frame(kind, live, ours[kind])
            for name in ("version", "message"):
                if name in live and name in ours[kind] and live[name] != ours[kind][name]:
                    yield _spoken(kind, name, ours[kind][name], live[name])
        elif kind == "connected":
            yield _welcome("no welcome", "one", "welcome=true")
    if take.followed and "connected" in ours and "connected" not in theirs:
        yield _welcome("a welcome", "none", "welcome=false")


def _spoken(kind: str, name: str, mock: Any, live: Any) -> Finding:
    return Finding(
        level="mock wrong",
        key=("frame", kind, name),
        what=f"frame {kind} {name}",
        mock=shown(mock),
        live=shown(live),
        change=f"change {line_of('api/frames.py', 'WELCOME: ' if kind == 'connected' else 'TOKEN_REQUIRED: ')}",
        places=(f"frame {kind}",),
    )


def _welcome(mock: str, live: str, switch: str) -> Finding:
    return Finding(
        level="documentation differs",
        key=("welcome",),
        what="frame connected",
        mock=mock,
        live=live,
        change=by_switch(switch),
        places=("the socket",),
        switch=switch,
    )
