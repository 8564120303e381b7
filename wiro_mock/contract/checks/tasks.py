"""Tasks: how they are shown and listed, and what their numbers say (rest.md §3, §4, §9)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Literal, TypedDict

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import ENVELOPES, LETS_IN
from wiro_mock.contract.client import Form
from wiro_mock.contract.compare import shown
from wiro_mock.contract.listener import STATUSES
from wiro_mock.contract.promise import Broken, Note, NotVerified, Promise, Unmet, expect, field
from wiro_mock.contract.service import IS_SHOWN, TAKEN_ON, Service
from wiro_mock.sources import APRIL, GO_CLIENT, MCP, N8N, PAGE, SERVERS_OPENAPI

NO_TASK = "There is no task yet."
SEEN_LIVE = "task-not-founded"
"""What an engineer of Wiro's saw instead of the published sentence (rest.md C3)."""
SHAPE, OWN, IN_ORDER = "tasks.shape", "tasks.is_the_runs_own", "tasks.times_are_in_order"
WHENS = (
    "createtime", "accepttime", "preprocessstarttime", "preprocessendtime", "assigntime", "starttime", "endtime",
    "postprocessstarttime", "postprocessendtime",
)  # fmt: skip
"""The times of a task in the order of its life (rest.md C29)."""
PATIENT_QUEUE = 60
"""Seconds in the queue above which that is told of; both published tasks waited at most one (rest.md §3)."""


class DetailEnvelope(TypedDict):
    """`DetailAnswer`, whatever its tasks are like: those have a promise of their own."""

    total: str
    errors: list[shapes.ErrorItem]
    tasklist: list[Any]
    result: Literal[True]


def _no_tasks(wiro: Service) -> dict[str, tuple[Any, Any]]:
    calls = ("Task/Detail", "Task/Cancel", "Task/Kill")
    return {call: wiro.post(call, {"taskid": wiro.unknown_task}).error for call in calls}


def _when(task: dict[str, Any], name: str) -> int:
    text = field(task, name, str, told_by=SHAPE)
    if not re.fullmatch(r"[0-9]+", text):
        raise Unmet(IN_ORDER, f"{name} in unix seconds, of digits", f"{name} {shown(text)}")
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


def check_refusals_are_http_200(wiro: Service) -> None:
    """A task that is not there is told with HTTP 200 and `result: false`: polls end at any other status."""
    answer = wiro.post("Task/Detail", {"taskid": wiro.unknown_task})
    got = answer.json.get("result") if isinstance(answer.json, dict) else None
    expect((200, False), (answer.status, got), what="status and result")


def _list(wiro: Service, limit: int) -> Any:
    body = {"type": "model", "sort": "id", "order": "DESC", "start": "0", "limit": str(limit)}
    return wiro.post("Task/List", body).json


def check_list_shape(wiro: Service) -> None:
    """The list of tasks has the envelope of Detail."""
    wiro.compare(_list(wiro, 1), DetailEnvelope)


def check_is_shown(wiro: Service) -> None:
    """A task that was taken on is shown, by its token and by its id: one row, and no errors, in the documented
    envelope.
    """
    followed = wiro.followed()
    answer = followed.detail.json
    wiro.compare(answer, DetailEnvelope)
    got = (followed.detail.status, answer["total"], len(answer["tasklist"]), answer["errors"])
    expect((200, "1", 1, []), got, what="status, total, rows of tasklist and errors")
    by_id = wiro.task_of(wiro.post("Task/Detail", {"taskid": followed.run.task_id}))
    expect(str(followed.task.get("id")), str(by_id.get("id")), what="id")


def check_statuses_are_known(wiro: Service) -> None:
    """A task ends in a published status. One on the way that nobody has published is told, and not counted: clients
    pass over those.
    """
    wiro.finished()
    for status in sorted(wiro.statuses.difference(STATUSES)):
        text = f"{shown(status)} is new: a status that a task had on its way"
        wiro.notes.append(Note(level="upstream new", subject=f"status {status}", text=text))


def check_is_shown_by_any_name(wiro: Service) -> None:
    """Token and id at once show a task, too, and so does the token by its own name: there are clients that ask so."""
    run = wiro.finished().run
    both, own = {"tasktoken": run.own_token, "taskid": run.task_id}, {"socketaccesstoken": run.own_token}
    for names in (both, own):
        shown_one = wiro.post("Task/Detail", names)
        if shown_one.error != (None, None):
            raise Broken(f"the task, asked for by {' and '.join(names)}", f"code and message {shown(shown_one.error)}")
        expect(run.task_id, str(wiro.task_of(shown_one).get("id")), what=f"id, asked for by {' and '.join(names)},")


def _form_is_read(wiro: Service, kind: Form) -> None:
    error = wiro.http.form("Task/Detail", {"taskid": wiro.unknown_task}, kind).error
    # What a task that is not there is told with has a promise of its own.
    expect(wiro.post("Task/Detail", {"taskid": wiro.unknown_task}).error, error, what=f"as {kind}: code and message")


def check_multipart(wiro: Service) -> None:
    """Detail reads a multipart form as it reads JSON."""
    _form_is_read(wiro, "multipart/form-data")


def check_urlencoded(wiro: Service) -> None:
    """Detail reads an urlencoded form as it reads JSON."""
    _form_is_read(wiro, "application/x-www-form-urlencoded")


def check_list_has_the_newest(wiro: Service) -> None:
    """The list of tasks has a task that has just ended, and its newest first."""
    task_id = wiro.finished().run.task_id
    listed = field(_list(wiro, 20), "tasklist", list, told_by="tasks.list_shape")
    ids = [field(task, "id", str, told_by=SHAPE) for task in listed]
    if task_id not in ids:
        raise Broken(f"id {task_id} of the newest task in tasklist", f"ids {', '.join(ids) or 'of none'}")
    if (newest := sorted(ids, key=lambda one: int(one) if one.isdecimal() else 0, reverse=True)) != ids:
        raise Broken(f"ids in the order {', '.join(newest)}", ", ".join(ids))


def check_shape(wiro: Service) -> None:
    """Every field of a finished task is there and of its type: nearly all are strings."""
    wiro.compare(wiro.finished().task, shapes.TaskShape, path="tasklist[0]")


def check_succeeds(wiro: Service) -> None:
    """A run that does what its model is for ends in `task_postprocess_end` with exit code 0, the string."""
    task = wiro.finished().task
    status, code = field(task, "status", str, told_by=SHAPE), field(task, "pexit", str, told_by=SHAPE)
    expect(("task_postprocess_end", "0"), (status, code), what="status and pexit")
    if not field(task, "outputs", list, told_by=SHAPE):
        raise Broken("an output in outputs", "outputs []")


def check_success_says_no_error(wiro: Service) -> None:
    """`debugerror` of a success is empty: there are clients that take any text in it for a failure."""
    expect("", field(wiro.finished().task, "debugerror", str, told_by=SHAPE), what="debugerror")


def check_names_its_model(wiro: Service) -> None:
    """A task that names its model does so as it was run: the name in the same letters, the owner in any case."""
    task = wiro.finished().task
    if "modelslugproject" not in task or "modelslugowner" not in task:
        raise NotVerified("the task does not name its model")
    owner, _, name = wiro.model.path.partition("/")
    got = (str(task["modelslugowner"]).lower(), task["modelslugproject"])
    expect((owner.lower(), name), got, what="modelslugowner and modelslugproject")


def check_is_the_runs_own(wiro: Service) -> None:
    """Id and token in the task are those that the run was answered with."""
    finished = wiro.finished()
    got = tuple(field(finished.task, name, str, told_by=SHAPE) for name in ("id", "socketaccesstoken"))
    if got != (finished.run.task_id, finished.run.own_token):
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


def _promise(check: Any, source: Any, *needs: str, cost: Any = "runs a model") -> Promise:
    return Promise(area="tasks", check=check, cost=cost, source=source, needs=(LETS_IN, *needs))


SUCCEEDS = "tasks.succeeds"
RUN = (TAKEN_ON, IS_SHOWN)
PROMISES = (
    _promise(check_unknown_task, APRIL, ENVELOPES, cost="reads"),
    _promise(check_missing_identifier, APRIL, ENVELOPES, cost="reads"),
    _promise(check_refusals_are_http_200, N8N, ENVELOPES, cost="reads"),
    _promise(check_multipart, SERVERS_OPENAPI, "tasks.unknown_task", cost="reads"),
    _promise(check_urlencoded, GO_CLIENT, "tasks.unknown_task", cost="reads"),
    _promise(check_list_shape, MCP, cost="reads"),
    _promise(check_is_shown, PAGE, TAKEN_ON),
    _promise(check_statuses_are_known, APRIL, *RUN),
    _promise(check_shape, PAGE, *RUN),
    _promise(check_succeeds, APRIL, *RUN),
    _promise(check_success_says_no_error, GO_CLIENT, *RUN, SUCCEEDS),
    _promise(check_is_the_runs_own, PAGE, *RUN),
    _promise(check_is_shown_by_any_name, MCP, *RUN, OWN),
    _promise(check_names_its_model, SERVERS_OPENAPI, *RUN),
    _promise(check_list_has_the_newest, MCP, *RUN, OWN, "tasks.list_shape"),
    _promise(check_parameters_are_echoed, PAGE, *RUN),
    _promise(check_times_are_in_order, PAGE, *RUN),
    _promise(check_queue_is_short, SERVERS_OPENAPI, *RUN),
    _promise(check_elapsed_seconds, PAGE, *RUN, IN_ORDER),
    _promise(check_cost, PAGE, *RUN, SUCCEEDS),
)
