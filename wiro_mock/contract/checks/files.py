"""Files: outputs that anybody can fetch, and their deletion (rest.md §2.2, §7)."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.client import Answer
from wiro_mock.contract.promise import NotVerified, Promise, expect, field
from wiro_mock.contract.service import IS_SHOWN, TAKEN_ON, Service
from wiro_mock.sources import APRIL, PAGE

SHAPE = "tasks.shape"


class Deleted(TypedDict):
    """The answer to a deletion that was done."""

    result: Literal[True]
    errors: list[shapes.ErrorItem]


def _outputs(wiro: Service) -> list[dict[str, Any]]:
    """The files among the outputs of the finished task."""
    listed = field(wiro.finished().task, "outputs", list, told_by=SHAPE)
    return [one for one in listed if isinstance(one, dict) and "url" in one]


def _delete(wiro: Service, token: str) -> Answer:
    return wiro.post("Task/InputOutputDelete", {"tasktoken": token})


def check_unknown_task_has_no_files(wiro: Service) -> None:
    """Deleting the files of a task that is not there has a message of its own; its code is our choice."""
    expect("task-not-exist", _delete(wiro, "0" * 30).error[1], what="message")


def check_outputs_are_public(wiro: Service) -> None:
    """An output is fetched from its URL without a key, and has as many bytes as its task says."""
    outputs = _outputs(wiro)
    if not outputs:
        raise NotVerified("the model made no file")
    url, size = (field(outputs[0], name, str, told_by=SHAPE) for name in ("url", "size"))
    status, content = wiro.http.download(url)
    expect((200, size), (status, str(len(content))), what="status and size")


def check_unfinished_keeps_its_files(wiro: Service) -> None:
    """The files of a task that has not ended are not deleted."""
    text = "Task must be completed or cancelled before deleting files"
    before = wiro.cancelled().before
    expect(text, before.error[1], what="message")


def check_files_are_deleted(wiro: Service) -> None:
    """The files of a finished task are deleted on request; asking again is no error, and the task stays."""
    finished = wiro.finished()
    for _ in range(2):
        wiro.compare(_delete(wiro, finished.run.token).json, Deleted)
    task = wiro.task_of(wiro.post("Task/Detail", {"taskid": finished.run.task_id}))
    expect([], task.get("outputs"), what="outputs")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "runs a model") -> Promise:
    return Promise(area="files", check=check, cost=cost, source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_unknown_task_has_no_files, APRIL, cost="reads"),
    _promise(check_outputs_are_public, PAGE, TAKEN_ON, IS_SHOWN),
    _promise(check_unfinished_keeps_its_files, APRIL, TAKEN_ON, IS_SHOWN),
    _promise(check_files_are_deleted, APRIL, TAKEN_ON, IS_SHOWN),
)
