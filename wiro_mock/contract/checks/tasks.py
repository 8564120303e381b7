"""Tasks: how they are shown, what their numbers say, how they are stopped (rest.md §3, §4, §9)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal, TypedDict

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.compare import shown
from wiro_mock.contract.promise import Broken, Note, NotVerified, Promise, expect, field
from wiro_mock.contract.service import IS_SHOWN, TAKEN_ON, Service
from wiro_mock.sources import APRIL, MCP, PAGE, SDKS, SERVERS_OPENAPI

NO_TASK = "There is no task yet."
SEEN_LIVE = "task-not-founded"
"""What an engineer of Wiro's saw instead of the published sentence (rest.md C3)."""
SHAPE = "tasks.shape"
WHENS = (
    "createtime", "accepttime", "preprocessstarttime", "preprocessendtime", "assigntime", "starttime", "endtime",
    "postprocessstarttime", "postprocessendtime",
)  # fmt: skip
"""The times of a task in the order of its life (rest.md C29)."""
STATUSES = (
    "task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start",
    "task_output", "task_output_full", "task_error", "task_error_full", "task_end", "task_postprocess_start",
    "task_postprocess_end", "task_cancel",
)  # fmt: skip
"""What the documentation says that a task's status can be (rest.md §4.1), realtime sessions aside."""
PATIENT_QUEUE = 60
"""Seconds in the queue above which that is told of; both published tasks waited at most one (rest.md §3)."""


class DetailEnvelope(TypedDict):
    """`DetailAnswer`, whatever its tasks are like: those have a promise of their own."""

    total: str
    errors: list[shapes.ErrorItem]
    tasklist: list[Any]
    result: Literal[True]


class StopEnvelope(TypedDict):
    """`StopAnswer`, whatever its tasks are like."""

    errors: list[shapes.ErrorItem]
    tasklist: list[Any]
    result: Literal[True]


def _no_tasks(wiro: Service) -> dict[str, tuple[Any, Any]]:
    calls = ("Task/Detail", "Task/Cancel", "Task/Kill")
    return {call: wiro.post(call, {"taskid": wiro.unknown_task}).error for call in calls}


def _when(task: dict[str, Any], name: str) -> int:
    text = field(task, name, str, told_by=SHAPE)
    if not re.fullmatch(r"[0-9]+", text):
        raise Broken(f"{name} in unix seconds, of digits", f"{name} {shown(text)}")
    return int(text)


def check_unknown_task(wiro: Service) -> None:
    """A task that is not there has one sentence, in Detail, Cancel and Kill."""
    got = _no_tasks(wiro)
    for call, error in got.items():
        if error[1] == SEEN_LIVE:
            wiro.differs(f"message of {call} for no task", NO_TASK, SEEN_LIVE, switch=f"not_found_message={SEEN_LIVE}")
    other = {call: error for call, error in got.items() if error[1] != SEEN_LIVE}
    expect(dict.fromkeys(other, (1, NO_TASK)), other, what="code and message")


def check_missing_identifier(wiro: Service) -> None:
    """Detail without any identifier says which there are."""
    error = wiro.post("Task/Detail", {}).error
    expect((0, "taskid or socketaccesstoken is required"), error, what="code and message")


def check_list_shape(wiro: Service) -> None:
    """The list of tasks has the envelope of Detail."""
    body = {"type": "model", "sort": "id", "order": "DESC", "start": "0", "limit": "1"}
    wiro.compare(wiro.post("Task/List", body).json, DetailEnvelope)


def check_is_shown(wiro: Service) -> None:
    """A task that was taken on is shown, by its token and by its id, in the documented envelope."""
    finished = wiro.finished()
    wiro.compare(finished.detail.json, DetailEnvelope)
    by_id = wiro.task_of(wiro.post("Task/Detail", {"taskid": finished.run.task_id}))
    expect(str(finished.task.get("id")), str(by_id.get("id")), what="id")


def check_shape(wiro: Service) -> None:
    """Every field of a finished task is there and of its type: nearly all are strings."""
    wiro.compare(wiro.finished().task, shapes.TaskShape, path="tasklist[0]")


def check_succeeds(wiro: Service) -> None:
    """A run that does what its model is for ends in `task_postprocess_end` with exit code 0, the string."""
    task = wiro.finished().task
    status, code = field(task, "status", str, told_by=SHAPE), field(task, "pexit", str, told_by=SHAPE)
    expect(("task_postprocess_end", "0"), (status, code), what="status and pexit")


def check_is_the_runs_own(wiro: Service) -> None:
    """Id and token in the task are those that the run was answered with."""
    finished = wiro.finished()
    got = tuple(field(finished.task, name, str, told_by=SHAPE) for name in ("id", "socketaccesstoken"))
    if got != (finished.run.task_id, finished.run.token):
        raise Broken("id and socketaccesstoken as the run was answered", "others")


def check_parameters_are_echoed(wiro: Service) -> None:
    """The task tells what it was run with."""
    given = wiro.model.inputs
    echoed = field(wiro.finished().task, "parameters", dict, told_by=SHAPE)
    expect(given, {name: echoed.get(name) for name in given}, what="parameters")


def check_times_are_in_order(wiro: Service) -> None:
    """The times of a finished task are unix seconds in strings, in the order of its life."""
    task = wiro.finished().task
    times = {name: _when(task, name) for name in WHENS}
    told = {name: at for name, at in times.items() if at}  # preprocessing is left out by models without it
    if list(told.values()) != sorted(told.values()):
        raise Broken("times that grow from createtime to postprocessendtime", shown(told))


def check_queue_is_short(wiro: Service) -> None:
    """A task waits for less than a minute to be accepted. No promise of Wiro's: a slower queue is told, not counted."""
    task = wiro.finished().task
    waited = _when(task, "accepttime") - _when(task, "createtime")
    if waited > PATIENT_QUEUE:
        text = f"the queue is slower: {waited} s from createtime to accepttime, where under {PATIENT_QUEUE} s was usual"
        wiro.notes.append(Note(level="upstream new", subject="slower queue", text=text))


def check_elapsed_seconds(wiro: Service) -> None:
    """`elapsedseconds` is from accepttime to endtime, with four decimals."""
    task = wiro.finished().task
    text = field(task, "elapsedseconds", str, told_by=SHAPE)
    if not re.fullmatch(r"[0-9]+\.[0-9]{4}", text):
        raise Broken("elapsedseconds with four decimals", f"elapsedseconds {shown(text)}")
    seconds = _when(task, "endtime") - _when(task, "accepttime")
    if abs(Decimal(text) - seconds) > 1:  # whole seconds on one side, perhaps not on the other
        raise Broken(f"elapsedseconds of endtime - accepttime, {seconds}", f"elapsedseconds {shown(text)}")


def check_cost(wiro: Service) -> None:
    """`cps` and `totalcost` are USD with twelve decimals; a success is charged."""
    task = wiro.finished().task
    for name in ("cps", "totalcost"):
        text = field(task, name, str, told_by=SHAPE)
        if not re.fullmatch(r"[0-9]+\.[0-9]{12}", text):
            raise Broken(f"{name} with twelve decimals", f"{name} {shown(text)}")


def check_statuses_are_known(wiro: Service) -> None:
    """A task that is looked at while it runs has one of the published statuses."""
    seen = {
        field(task, "status", str, told_by=SHAPE)
        for task in (wiro.finished().task, wiro.cancelled().task, wiro.killed().task)
    }
    if unknown := sorted(seen.difference(STATUSES)):
        raise Broken(f"status of {', '.join(STATUSES)}", f"status {', '.join(unknown)}")


def check_cancel(wiro: Service) -> None:
    """Cancel takes a task out of the queue, and shows it; a task that has left the queue is refused."""
    stop = wiro.cancelled().stop
    if stop.error[0] is not None:
        expect((1, "Task is not in a cancellable state."), stop.error, what="code and message")
        raise NotVerified("the task had left the queue before it could be cancelled")
    _is_stopped(wiro, stop.json)


def check_cancel_again(wiro: Service) -> None:
    """A task that is not in the queue cannot be cancelled, and there is a sentence for that."""
    again = wiro.cancelled().again
    expect((1, "Task is not in a cancellable state."), again.error, what="code and message")


def check_cancelled_is_free(wiro: Service) -> None:
    """What was cancelled in the queue costs nothing."""
    stopped = wiro.cancelled()
    if stopped.stop.error[0] is not None:
        raise NotVerified("the task had left the queue before it could be cancelled")
    cost = field(stopped.task, "totalcost", str, told_by=SHAPE)
    if cost.strip("0.") != "":
        raise Broken("totalcost 0 of a cancelled task", f"totalcost {shown(cost)}")


def check_kill(wiro: Service) -> None:
    """Kill, by the token, stops a task that has a worker, and shows it as cancelled."""
    stopped = wiro.killed()
    stop = stopped.stop
    if stop.error[0] is not None:
        text = str(stop.error[1])
        if stop.error[0] != 1 or not text.startswith("Task could not be killed:"):
            raise Broken("code 1 and 'Task could not be killed: …'", f"code and message {shown(stop.error)}")
        raise NotVerified("the task could not be killed when it was tried")
    if wiro.task_of(stop).get("status") == "task_postprocess_end":
        raise NotVerified("the task had ended before it could be killed")
    _is_stopped(wiro, stop.json)


def _is_stopped(wiro: Service, answer: Any) -> None:
    if isinstance(answer, dict) and "total" in answer:
        # Two sources contradict each other (rest.md C8).
        wiro.differs("total of Cancel and Kill", "absent", answer["total"], switch="stop_total=true")
        answer = {name: value for name, value in answer.items() if name != "total"}
    wiro.compare(answer, StopEnvelope)
    status = field(answer["tasklist"][0] if answer["tasklist"] else {}, "status", str, told_by=SHAPE)
    expect("task_cancel", status, what="tasklist[0].status")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "runs a model") -> Promise:
    return Promise(area="tasks", check=check, cost=cost, source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_unknown_task, APRIL, cost="reads"),
    _promise(check_missing_identifier, APRIL, cost="reads"),
    _promise(check_list_shape, MCP, cost="reads"),
    _promise(check_is_shown, PAGE, TAKEN_ON),
    _promise(check_shape, PAGE, TAKEN_ON, IS_SHOWN),
    _promise(check_succeeds, APRIL, TAKEN_ON, IS_SHOWN),
    _promise(check_is_the_runs_own, PAGE, TAKEN_ON, IS_SHOWN),
    _promise(check_parameters_are_echoed, PAGE, TAKEN_ON, IS_SHOWN),
    _promise(check_times_are_in_order, PAGE, TAKEN_ON, IS_SHOWN),
    _promise(check_queue_is_short, SERVERS_OPENAPI, TAKEN_ON, IS_SHOWN),
    _promise(check_elapsed_seconds, PAGE, TAKEN_ON, IS_SHOWN),
    _promise(check_cost, PAGE, TAKEN_ON, IS_SHOWN, "tasks.succeeds"),
    _promise(check_cancel, APRIL, TAKEN_ON, IS_SHOWN),
    _promise(check_cancel_again, APRIL, TAKEN_ON, IS_SHOWN),
    _promise(check_cancelled_is_free, APRIL, TAKEN_ON, IS_SHOWN, "tasks.cancel"),
    _promise(check_kill, SDKS, TAKEN_ON, IS_SHOWN),
    _promise(check_statuses_are_known, APRIL, TAKEN_ON, IS_SHOWN),
)
