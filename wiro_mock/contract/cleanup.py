"""Leaving no trace: every task that was started has ended, and its files are deleted.

(The records of the tasks stay in the account: no source knows a way to delete those.)
"""

from __future__ import annotations

from wiro_mock.contract.listener import ENDS, STATUSES
from wiro_mock.contract.made import Run
from wiro_mock.contract.promise import NotVerified, Trouble, Unmet
from wiro_mock.contract.service import Service

DELETED = "Task/InputOutputDelete"


def clean_up(service: Service) -> list[str]:
    """Stop what still runs and delete the files of all; what could not be done, as sentences."""
    told = [_deleted(service, upload) for upload in service.uploads]
    told += [_ended(service, run) for run in service.started]
    told += [
        f"a run of {path} may have been taken on, though no answer came; look at it in your dashboard"
        for path in dict.fromkeys(service.unsure)
    ]
    return [problem for problem in told if problem]


def _deleted(service: Service, upload: str) -> str:
    """Delete an upload, by the call that the newest documentation names; what it takes is our guess."""
    try:
        error = service.post("File/Delete", {"fileid": upload}).error
    except Trouble as trouble:
        return f"the upload {upload} is still there: {trouble}; delete it in your dashboard"
    if error != (None, None):
        return f"the upload {upload} could not be deleted: {error[1]!r}; delete it in your dashboard"
    return ""


def _ended(service: Service, run: Run) -> str:
    named = {"tasktoken": run.token, "taskid": run.task_id} if run.token else {"taskid": run.task_id}
    try:
        if _status(service, run) not in ENDS:
            service.post("Task/Cancel", {"taskid": run.task_id})
        if (status := _status(service, run)) not in ENDS:
            stop = service.post("Task/Kill", {"taskid": run.task_id})
            # Between queue and worker neither works, until it does; a status that nobody knows is not waited for.
            if stop.error[0] is not None and status in STATUSES:
                service.look(run, lambda status: status == "task_assign")
                service.post("Task/Kill", {"taskid": run.task_id})
        answer = service.post(DELETED, named)
    except (Trouble, Unmet, NotVerified) as error:
        return (
            f"task {run.task_id} may still be running, or have files: {_sentence(error)}; look at it in your dashboard"
        )
    if answer.error[0] is not None:
        return f"the files of task {run.task_id} could not be deleted: {answer.error[1]!r}"
    return ""


def _sentence(error: Exception) -> str:
    """What happened, without the full stop that some libraries set."""
    return str(error).rstrip(".")


def _status(service: Service, run: Run) -> str:
    return str(service.task_of(service.post("Task/Detail", {"taskid": run.task_id})).get("status"))
