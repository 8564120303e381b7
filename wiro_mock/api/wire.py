"""Projections: kernel values as the documented JSON shapes of runs, tasks and files.

Only modules of `api` build those shapes, each of them once: here what Run, Task, File and the frames share,
`answer_shape` a language model's output, `tool_shape` a model, `task_stat` a count, `openapi_schemas` the documents;
handlers and sockets call them.

Keys, their order and their types are those of the saved model page of December 2025 (rest.md §3, §12), unless
a comment names another source. Every function takes the `Profile` whose switches it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wiro_mock.api import jsontext
from wiro_mock.api.messages import seconds
from wiro_mock.api.origin import Origins
from wiro_mock.api.profile import Profile
from wiro_mock.kernel.files import File, FileKind, Folder
from wiro_mock.kernel.prices import shown
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task, reckoned

if TYPE_CHECKING:
    from wiro_mock import shapes
    from wiro_mock.kernel.events import Reply

OPENAPI_STATUSES = (
    Status.QUEUE,
    Status.ACCEPT,
    Status.ASSIGN,
    Status.PREPROCESS_START,
    Status.PREPROCESS_END,
    Status.START,
    Status.OUTPUT,
    Status.POSTPROCESS_END,
    Status.CANCEL,
)
"""What Wiro's own OpenAPI documents say Detail can show (rest.md §4.1, C34)."""


def failure(refusal: Refusal, now: int, profile: Profile) -> shapes.Failure:
    """The envelope of every no; `now` in unix seconds for the observed `time` (rest.md C35)."""
    item: shapes.ErrorItem = {"code": refusal.code, "message": refusal.message}
    if profile.error_time:
        item["time"] = now
    return {"result": False, "errors": [item]}


def run(task: Task) -> shapes.RunAnswer:
    """The answer of a Run that was taken on."""
    return {"errors": [], "taskid": task.job.id, "socketaccesstoken": task.job.token, "result": True}


def detail(task: Task, at: Origins, profile: Profile) -> shapes.DetailAnswer:
    """The answer of Task/Detail: exactly one task, `total` a string (clients.md §1 line 2)."""
    return task_list([task], 1, at, profile)


def task_list(tasks: Sequence[Task], total: int, at: Origins, profile: Profile) -> shapes.DetailAnswer:
    """The answer of Task/List: the shape of Detail with one page of tasks; `total` counts all pages (rest.md §2.1).

    Whether Wiro's items are complete is unknown; these are.
    """
    shown = [task_shape(task, at, profile) for task in tasks]
    return {"total": str(total), "errors": [], "tasklist": shown, "result": True}


def stopped(task: Task, at: Origins, profile: Profile) -> shapes.StopAnswer | shapes.DetailAnswer:
    """The answer of Cancel and Kill: no `total`, unless the switch says so (rest.md C8)."""
    if profile.stop_total:
        return detail(task, at, profile)
    return {"errors": [], "tasklist": [task_shape(task, at, profile)], "result": True}


def done() -> dict[str, object]:
    """The answer of an operation that has nothing to tell."""
    return {"result": True, "errors": []}


def task_shape(task: Task, at: Origins, profile: Profile) -> shapes.TaskShape:
    """The task as Detail, Kill, Cancel and the webhook show it."""
    job, model, time = task.job, task.job.model, task.times.get
    outputs: list[shapes.OutputFile | shapes.OutputAnswer] = [
        output_file(file, task, at) for file in task.shown_outputs
    ]
    if task.shown_reply is not None:
        outputs.insert(0, _answer(task.shown_reply, profile))
    shape: shapes.TaskShape = {
        "id": job.id,
        "uuid": job.account_uuid,
        "name": "",
        "socketaccesstoken": job.token,
        "parameters": {name: _parameter(value, at) for name, value in job.parameters.items()},
        "debugoutput": task.debugoutput,
        "debugerror": task.stderr,
        "starttime": seconds(time(Status.START)),
        "endtime": seconds(task.ended_at),
        "elapsedseconds": f"{task.elapsed_seconds}.0000",
        "status": _status(task, profile),
        "cps": f"{model.cps:.12f}",
        "totalcost": _total_cost(task, profile),
        "guestid": None,
        "projectid": job.project_id,
        "modelid": model.id,
        "description": "",
        "basemodelid": "0",
        "runtype": "model",
        "modelfolderid": "",
        "modelfileid": "",
        "callbackurl": job.callback_url,
        "marketplaceid": None,
        "createtime": seconds(task.created_at),
        "canceltime": "0" if profile.canceltime == "zero" else seconds(time(Status.CANCEL)),
        "assigntime": seconds(time(Status.ASSIGN)),
        "accepttime": seconds(time(Status.ACCEPT)),
        "preprocessstarttime": seconds(time(Status.PREPROCESS_START)),
        "preprocessendtime": seconds(time(Status.PREPROCESS_END)),
        "postprocessstarttime": seconds(time(Status.POSTPROCESS_START)),
        "postprocessendtime": seconds(time(Status.POSTPROCESS_END)),
        "pexit": _pexit(task, profile),
        # The seed shows a JSON text inside a string, unescaped; escaped it is valid (rest.md C1).
        "categories": list(model.categories) if profile.categories == "array" else jsontext.dumps(model.categories),
        "outputs": outputs,
        "size": str(sum(file.blob.size for file in task.shown_outputs)),
    }
    if profile.task_keys == "all":
        _add_newer_keys(shape, task)
    return shape


def _add_newer_keys(shape: shapes.TaskShape, task: Task) -> None:
    """The keys that came after the seed: Wiro's OpenAPI documents of March 2026 and docs of 2026 (rest.md §3)."""
    job = task.job
    shape["estimatedvram"] = "0.0000"
    shape["realvram"] = "[]"
    shape["isapp"] = False
    shape["slugapp"] = ""
    # All tiers of the model: whether Wiro shows them all, or the one that held, is unknown.
    shape["dynamicprice"] = jsontext.dumps(shown(job.model.prices)) if job.model.prices else "[]"
    shape["modeldescription"] = job.model.description
    # Owner and project exactly as the client spelt them: one client compares them (clients.md §1 line 32).
    shape["modelslugowner"] = job.owner
    shape["modelslugproject"] = job.project
    shape["outputfolderid"] = "0" if task.files_deleted or not task.outputs else task.outputs[0].folder_id
    shape["teamguid"] = None


def _status(task: Task, profile: Profile) -> str:
    if profile.detail_statuses == "all" or task.status is Status.ERROR:
        return task.status.value
    return next(status for status in reversed(list(task.times)) if status in OPENAPI_STATUSES).value


def _pexit(task: Task, profile: Profile) -> str | None:
    # A task killed while its outputs were being stored has an exit code, but it has no success to show.
    if task.exit_code is not None and task.status is not Status.CANCEL:
        return str(task.exit_code)
    return None if profile.pexit_before_end == "null" else ""


def _total_cost(task: Task, profile: Profile) -> str:
    cost = task.cost
    if cost is None and task.killed and profile.cancelled_cost == "charged":
        cost = reckoned(task)  # only shown: the balance stays as it is
    return "0" if cost is None else f"{cost:.12f}"


def _parameter(value: object, at: Origins) -> Any:
    if isinstance(value, File):
        return file_url(value, at)
    if isinstance(value, list):
        return [_parameter(item, at) for item in value]
    return value


def file_url(file: File, at: Origins) -> str:
    """Where a file is (rest.md §7.3): inputs under the API, outputs and uploads on the CDN."""
    name = quote(file.name, safe="", errors="replace")
    if file.kind is FileKind.INPUT:
        return f"{at.api}/v1/File/{file.accesskey}/{name}"
    return f"{at.cdn}/{file.cdn_folder}/{name}"


def output_file(file: File, task: Task, at: Origins) -> shapes.OutputFile:
    """One output as Detail lists it."""
    return {
        "id": file.id,
        "name": file.name,
        "contenttype": file.blob.contenttype,
        "parentid": file.folder_id,
        "uuid": task.job.account_uuid,
        "size": str(file.blob.size),
        "addedtime": seconds(file.added_at),
        "modifiedtime": seconds(file.added_at),
        "accesskey": file.accesskey,
        "foldercount": "0",
        "filecount": "0",
        "ispublic": 0,
        "expiretime": None,
        "url": file_url(file, at),
    }


def socket_output(file: File, at: Origins) -> shapes.SocketOutput:
    """One output as the socket shows it: four keys (socket.md §4.3)."""
    return {
        "name": file.name,
        "contenttype": file.blob.contenttype,
        "size": str(file.blob.size),
        "url": file_url(file, at),
    }


def socket_outputs(task: Task, at: Origins, profile: Profile) -> list[shapes.SocketOutput | shapes.OutputAnswer]:
    """The outputs as the last frame shows them: a language model's answer is the same as over REST."""
    outputs: list[shapes.SocketOutput | shapes.OutputAnswer] = [socket_output(file, at) for file in task.shown_outputs]
    if task.shown_reply is not None:
        outputs.insert(0, _answer(task.shown_reply, profile))
    return outputs


def _answer(reply: Reply, profile: Profile) -> shapes.OutputAnswer:
    from wiro_mock.api import answer_shape  # what most models have no use for, a start need not wait for

    return answer_shape.output(reply, profile)


def folder(made: Folder) -> dict[str, object]:
    """The answer of File/FolderCreate (rest.md §2.2)."""
    return {"result": True, "errors": [], "list": [_folder(made)]}


def _folder(made: Folder) -> shapes.FolderShape:
    return {
        "id": made.id,
        "name": made.name,
        "parentid": made.parent_id,
        "size": "0",
        "contenttype": "",
        "addedtime": seconds(made.added_at),
    }


def file_list(items: Sequence[Folder | File], total: int, at: Origins) -> dict[str, object]:
    """The answer of File/List, of which no source shows the shape (rest.md §2.2): ours."""
    shown = [_folder(item) if isinstance(item, Folder) else _upload(item, at) for item in items]
    return {"result": True, "errors": [], "total": str(total), "list": shown}


def uploads(files: list[File], at: Origins) -> dict[str, object]:
    """The answer of File/Upload (rest.md §2.2)."""
    return {"result": True, "errors": [], "list": [_upload(file, at) for file in files]}


def _upload(file: File, at: Origins) -> shapes.UploadShape:
    return {
        "id": file.id,
        "name": file.name,
        "contenttype": file.blob.contenttype,
        "size": str(file.blob.size),
        "parentid": file.folder_id,
        "url": file_url(file, at),
        "addedtime": seconds(file.added_at),
        "accesskey": file.accesskey,
    }
