"""More drifted servers, by someone who had not written the suite: what clients rely on, each point broken in one way.

Each is found by one promise, on one line that names the field, the status or the text; what rests on it is skipped
because of it, and nothing else is broken.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.contract.kit import Answered, EditFrame, Played, contract_world, drifted, our_target, played
from wiro_mock.asgi import create_app
from wiro_mock.contract import service
from wiro_mock.server import ServerThread

Edit = Callable[[dict[str, Any]], object]
Found = tuple[Any, str, str, str]


def of_tasks(edit: Edit) -> Callable[[str, int, Any], Answered]:
    """Every task of an answer, edited in place."""

    def answer(path: str, status: int, value: Any) -> Answered:
        for task in value.get("tasklist", []) if isinstance(value, dict) else []:
            edit(task)
        return status, value

    return answer


def of_finished(edit: Edit) -> Callable[[str, int, Any], Answered]:
    """Every task that has come to its end."""
    return of_tasks(lambda task: edit(task) if task["status"] == "task_postprocess_end" else None)


def of_outputs(edit: Edit) -> Callable[[str, int, Any], Answered]:
    """Every output of a task."""
    return of_tasks(lambda task: [edit(output) for output in task["outputs"]])


def of_yes(prefix: str, **more: Any) -> Callable[[str, int, Any], Answered]:
    """Answers of some operations that say yes, with other fields."""

    def answer(path: str, status: int, value: Any) -> Answered:
        is_meant = path.startswith(prefix) and value.get("result") is True
        return status, {**value, **more} if is_meant else value

    return answer


def created(path: str, status: int, value: Any) -> Answered:
    return 201 if path.startswith("Run/") and value["result"] is True else status, value


def not_found(path: str, status: int, value: Any) -> Answered:
    return 404 if path.startswith("Task/") and value.get("result") is False and status == 200 else status, value


def two_rows(path: str, status: int, value: Any) -> Answered:
    if path == "Task/Detail" and "tasklist" in value:
        value["tasklist"] *= 2
    return status, value


def codes_in_strings(path: str, status: int, value: Any) -> Answered:
    for error in value.get("errors", []) if isinstance(value, dict) else []:
        error["code"] = str(error["code"])
    return status, value


def cancels_what_has_ended(path: str, status: int, value: Any) -> Answered:
    if path == "Task/Cancel" and value.get("errors") and "cancellable" in value["errors"][0]["message"]:
        return status, {"errors": [], "tasklist": [], "result": True}
    return status, value


def an_empty_list(path: str, status: int, value: Any) -> Answered:
    return status, {**value, "total": "0", "tasklist": []} if path == "Task/List" else value


def oldest_first(path: str, status: int, value: Any) -> Answered:
    if path == "Task/List":
        value["tasklist"].reverse()
    return status, value


def in_dates(task: dict[str, Any]) -> None:
    task |= {name: "2026-01-01T00:00:00Z" for name in task if name.endswith("time") and task[name] != "0"}


def shouted(task: dict[str, Any]) -> None:
    task["modelslugproject"] = task["modelslugproject"].upper()


ENDED = "status task_postprocess_end or task_cancel of a task in the end"
ANSWERS: dict[str, Found] = {
    "two tasks for one": (
        two_rows,
        "tasks.is_shown",
        'status, total, rows of tasklist and errors [200, "1", 1, []]',
        'status, total, rows of tasklist and errors [200, "1", 2, []]',
    ),
    "a yes with a warning": (
        of_yes("Run/", errors=[{"code": 0, "message": "slow today"}]),
        "runs.answer_shape",
        "status and errors [200, []]",
        'status and errors [200, [{"code": 0, "message": "slow today"}]]',
    ),
    "201 for 200": (created, "runs.answer_shape", "status and errors [200, []]", "status and errors [201, []]"),
    "no token": (of_yes("Run/", socketaccesstoken=None), "runs.answer_shape", "socketaccesstoken: a string", "null"),
    "404 for no task": (
        not_found,
        "tasks.refusals_are_http_200",
        "status and result [200, false]",
        "status and result [404, false]",
    ),
    "codes in strings": (
        codes_in_strings,
        "auth.refusals_are_envelopes",
        "errors[0].code: a whole number",
        '"99"',
    ),
    "another last status": (
        of_finished(lambda task: task.update(status="task_completed")),
        "tasks.statuses_are_known",
        ENDED,
        'status "task_completed"',
    ),
    "no status at all": (
        of_tasks(lambda task: task.pop("status")),
        "tasks.statuses_are_known",
        ENDED,
        "status null",
    ),
    "another word for cancelled": (
        of_tasks(lambda task: task.update(status=task["status"].replace("cancel", "cancelled"))),
        "tasks.cancel",
        'tasklist[0].status "task_cancel"',
        'tasklist[0].status "task_cancelled"',
    ),
    "a warning as an error": (
        of_finished(lambda task: task.update(debugerror="UserWarning: slow")),
        "tasks.success_says_no_error",
        'debugerror ""',
        'debugerror "UserWarning: slow"',
    ),
    "a success without outputs": (
        of_tasks(lambda task: task.update(outputs=[])),
        "tasks.succeeds",
        "an output in outputs",
        "outputs []",
    ),
    "a model in other letters": (
        of_tasks(shouted),
        "tasks.names_its_model",
        'modelslugowner and modelslugproject ["pruna", "p-image"]',
        'modelslugowner and modelslugproject ["pruna", "P-IMAGE"]',
    ),
    "dates for seconds": (
        of_tasks(in_dates),
        "tasks.times_are_in_order",
        "createtime in unix seconds, of digits",
        'createtime "2026-01-01T00:00:00Z"',
    ),
    "an id of its own": (
        of_tasks(lambda task: task.update(id="1")),
        "tasks.is_the_runs_own",
        "id and socketaccesstoken as the run was answered",
        "others",
    ),
    "a list without what is new": (
        an_empty_list,
        "tasks.list_has_the_newest",
        "id ",
        "ids of none",
    ),
    "the oldest first": (oldest_first, "tasks.list_has_the_newest", "ids in the order ", ""),
    "a yes to cancel what has ended": (
        cancels_what_has_ended,
        "tasks.cancel_again",
        'code and message [1, "Task is not in a cancellable state."]',
        "code and message [null, null]",
    ),
    "null where nothing came of it": (
        of_tasks(lambda task: task.update(outputs=task["outputs"] or None)),
        "tasks.stopped_shape",
        "tasklist[0].outputs: a list",
        "null",
    ),
    "a cancelled task that goes on": (
        lambda path, status, value: (
            (status, value)
            if path != "Task/Detail"
            else of_tasks(
                lambda task: task.update(status=task["status"].replace("task_cancel", "task_postprocess_end"))
            )(path, status, value)
        ),
        "tasks.stays_cancelled",
        'status "task_cancel"',
        'status "task_postprocess_end"',
    ),
    "a URL that is none": (
        of_outputs(lambda output: output.update(url=urlsplit(output["url"]).path)),
        "files.outputs_are_public",
        "url: an absolute URL",
        'url "/',
    ),
    "another type than comes": (
        of_outputs(lambda output: output.update(contenttype="image/webp")),
        "files.output_is_as_told",
        'content type "image/webp"',
        'content type "image/png"',
    ),
}


def with_a_frame_for_another() -> EditFrame:
    return lambda frame: [{**frame, "tasktoken": "B" * 30} if "tasktoken" in frame else frame]


def without_outputs_in_the_end() -> EditFrame:
    return lambda frame: [{**frame, "message": []} if frame["type"] == "task_postprocess_end" else frame]


def by_event() -> EditFrame:
    return lambda frame: [{"event": frame["type"], **{name: frame[name] for name in frame if name != "type"}}]


FRAMES: dict[str, Found] = {
    "another's token": (
        with_a_frame_for_another,
        "socket.frames_name_their_task",
        "tasktoken of the task in every frame that has one",
        "another",
    ),
    "an end without outputs": (
        without_outputs_in_the_end,
        "socket.poll_agrees_with_the_end",
        'names of the outputs in the last frame ["0.png"]',
        "names of the outputs in the last frame []",
    ),
    "events for types": (
        by_event,
        "socket.welcome",
        "a frame that is an object with a type",
        "the frame '{",
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a strict server sees it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "")


class Strict:
    """A server that refuses what the mock takes: `refuses` says which requests, with 401 where the nonce is wrong."""

    def __init__(self, app: ASGIApp, refuses: Callable[[Asked], bool], status: int) -> None:
        self.app, self.refuses, self.status = app, refuses, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        read = json.loads(body) if body.startswith(b"{") else {}
        if self.refuses(Asked(scope["path"].removeprefix("/v1/"), headers, read)):
            error = {"code": 0, "message": "invalid-parameters", "time": 1}
            no = json.dumps({"result": False, "errors": [error]}).encode()
            start = {"type": "http.response.start", "status": self.status}
            await send({**start, "headers": [(b"content-type", b"application/json")]})
            await send({"type": "http.response.body", "body": no})
            return
        pieces = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Any:
            return next(pieces, None) or await receive()

        await self.app(scope, again, send)


REFUSED = 'code and message [0, "invalid-parameters"]'
STRICT: dict[str, tuple[Callable[[Asked], bool], str, str, str]] = {
    "a nonce of now only": (
        lambda asked: asked.headers.get("x-nonce", "").startswith("1700"),
        "auth.nonce_is_any_number",
        "a status other than 401 for every nonce",
        'status {"1700000000": 401, "1700000000123456789": 401}, by nonce',
    ),
    "no header that it does not know": (
        lambda asked: "x-api-secret" in asked.headers,
        "auth.stray_headers_are_ignored",
        "a status other than 401 with x-api-secret",
        "HTTP 401: 'invalid-parameters'",
    ),
    "no form with files": (
        lambda asked: asked.path.startswith("Run/") and "multipart" in asked.kind,
        "runs.multipart",
        "as multipart/form-data: code and message",
        f"as multipart/form-data: {REFUSED}",
    ),
    "no urlencoded form": (
        lambda asked: asked.path.startswith("Task/") and "urlencoded" in asked.kind,
        "tasks.urlencoded",
        "as application/x-www-form-urlencoded: code and message",
        f"as application/x-www-form-urlencoded: {REFUSED}",
    ),
    "owners in small letters": (
        lambda asked: asked.path == "Run/PRUNA/p-image",
        "runs.owner_in_any_case",
        "of a run of PRUNA/p-image: code and message",
        f"of a run of PRUNA/p-image: {REFUSED}",
    ),
    "known parameters only": (
        lambda asked: "user_id" in asked.body,
        "runs.extras_are_ignored",
        "a taskid, with user_id, session_id, callbackUrl and a seed in digits",
        "the answer ",
    ),
    "one name at once": (
        lambda asked: {"taskid", "tasktoken"} <= asked.body.keys() and asked.path == "Task/Detail",
        "tasks.is_shown_by_any_name",
        "the task, asked for by tasktoken and taskid",
        REFUSED,
    ),
    "no clean names": (
        lambda asked: "cleanslugowner" in asked.body,
        "catalogue.detail_by_clean_names",
        "tool: a list",
        "tool null",
    ),
}


def check_found(found: Played, name: str, expected: str, got: str) -> None:
    """One broken promise of this name; the rest held, or is skipped because of it."""
    ((broken, (was_expected, came)),) = found.broken.items()
    assert broken == name
    assert was_expected.startswith(expected), was_expected
    assert came.startswith(got), came
    assert set(found.skipped.values()) <= {f"{name} is broken", "left out by --only"}
    assert found.notes == []
    assert found.result.status == 1
    assert found.lines.count(f"{name}: expected {was_expected}, got {came}") == 1


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that stays is given up on in no time."""
    monkeypatch.setattr(service, "SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr(service, "LONGEST_PAUSE", 0.0)


@pytest.mark.parametrize("case", ANSWERS)
def test_what_clients_rely_on_in_an_answer(case: str) -> None:
    """Each is found and named."""
    edit, *rest = ANSWERS[case]
    with drifted(answer=edit) as target:
        check_found(played(target), *rest)


@pytest.mark.parametrize("case", FRAMES)
def test_what_clients_rely_on_in_frames(case: str) -> None:
    """Likewise."""
    edit, *rest = FRAMES[case]
    with drifted(frame=edit) as target:
        check_found(played(target), *rest)


@pytest.mark.parametrize("case", STRICT)
def test_what_clients_send(case: str) -> None:
    """A server that takes less than clients send is found, too."""
    refuses, name, *rest = STRICT[case]
    world = contract_world()
    status = 401 if name.startswith("auth.") else 200
    with ServerThread(Strict(create_app(world), refuses, status)) as thread:
        check_found(played(our_target(thread), name.partition(".")[0]), name, *rest)
    world.close()


def test_a_new_status_on_the_way_is_told_and_breaks_nothing() -> None:
    """Clients pass over it, and so does the suite; a new kind of frame likewise."""

    def warms_up() -> EditFrame:
        return lambda frame: [frame, {**frame, "type": "task_warmup"}] if frame["type"] == "task_accept" else [frame]

    warm = of_tasks(lambda task: task.update(status=task["status"].replace("task_assign", "task_warmup")))
    with drifted(answer=warm, frame=warms_up) as target:
        found = played(target)
    assert found.broken == {}
    assert [level for level, _ in found.notes] == ["upstream new", "upstream new"]
    assert found.notes[0][1] == '"task_warmup" is new: a status that a task had on its way'
    assert found.notes[1][1].startswith('a frame "task_warmup" is new: {')
    assert found.result.status == 0


def test_a_task_that_never_ends_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of promises that speak of its end, and that is no success."""
    monkeypatch.setattr(service, "LOOKS", 5)
    stuck = of_finished(lambda task: task.update(status="task_output"))
    with drifted(answer=stuck) as target:
        found = played(target, "tasks")
    assert found.broken == {}
    assert found.named("tasks.shape").because.endswith("has not ended: it was still in task_output after 5 looks")
    assert found.result.status == 2


def test_who_is_told_the_end_only_has_not_verified_the_way() -> None:
    """One who registers late may miss all the rest: it is not told as held."""

    def late() -> EditFrame:
        return lambda frame: [frame] if frame["type"] in ("connected", "error", "task_postprocess_end") else []

    with drifted(frame=late) as target:
        found = played(target, "socket")
    assert found.broken == {}
    assert found.skipped["socket.every_status_is_told"].startswith("only the end was told")
