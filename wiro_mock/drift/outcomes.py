"""One says yes where the other says no: to runs, and to what depends on where a task is at that moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wiro_mock.contract.compare import shown
from wiro_mock.drift.findings import Finding
from wiro_mock.drift.lines import line_of_refusal
from wiro_mock.drift.naming import leveled
from wiro_mock.drift.remedies import by_switch
from wiro_mock.drift.storage import listed
from wiro_mock.drift.takes import Exchange, Take
from wiro_mock.recorder.observed import TERMINAL

BY_STATE: Final = ("Task/Cancel", "Task/Kill", "Task/InputOutputDelete")
"""What they answer depends on where the task is at that moment."""
NAME_TAKEN: Final = "filesystem-already-exist"
REFUSED_FOR_THE_ACCOUNT: Final = (96, 97, 98)


def of_outcome(take: Take, live: Exchange, mock: Exchange) -> Iterator[Finding]:
    """One says yes, the other no."""
    refuser = live if live.error != (None, None) else mock
    said = f"code {refuser.error[0]} {shown(refuser.error[1])}"
    if live.operation == "Run" and refuser is live and live.error[0] in REFUSED_FOR_THE_ACCOUNT:
        return
    if live.operation in BY_STATE and _is_one_of_ours(take, live) and _status_before(take, live) not in TERMINAL:
        return  # where the task was at that moment nobody has seen
    switch, file = _remedy(take, live, mock)
    yield Finding(
        level=leveled(switch, "mock wrong"),
        key=("outcome", live.operation, re.sub(r"\d+", "0", said)),
        what=live.call,
        mock=said if refuser is mock else "a yes",
        live=said if refuser is live else "a yes",
        change=by_switch(switch) if switch else file,
        places=(live.where,),
        switch=switch,
        otherwise=file,
    )


def _remedy(take: Take, live: Exchange, mock: Exchange) -> tuple[str, str]:
    """The switch, if there is one, and what to change in a file."""
    text = str(mock.error[1])
    if live.operation == "Run":
        switch = "parameters=unchecked" if text.startswith(("Request parameter", "Request files")) else ""
        return switch, "change the model in the catalogue (wiro-mock model add), or give it a scenario"
    if live.operation == "File/Upload":
        return _of_upload(live, text)
    switch = _of_kill(_status_before(take, live), mock) if live.operation == "Task/Kill" else ""
    return switch, f"change {line_of_refusal(str(live.error[1] or text))}"


def _of_upload(live: Exchange, text: str) -> tuple[str, str]:
    if live.error[1] == NAME_TAKEN:  # a switch does it, or the name was there before, of which nobody can know
        return f"duplicate_filename={'error_with_url' if listed(live.answer) else 'error'}", ""
    return "" if text == "None" else "upload_types=any", f"change {line_of_refusal(str(live.error[1] or text))}"


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
