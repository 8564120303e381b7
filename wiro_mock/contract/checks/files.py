"""Files: outputs that anybody can fetch, and their deletion (rest.md §2.2, §7)."""

from __future__ import annotations

from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

import httpx

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import ENVELOPES, LETS_IN
from wiro_mock.contract.client import Answer
from wiro_mock.contract.compare import shown
from wiro_mock.contract.promise import Broken, NotVerified, Promise, expect, field
from wiro_mock.contract.service import IS_SHOWN, TAKEN_ON, Service
from wiro_mock.sources import APRIL, GO_CLIENT, PAGE

SHAPE = "tasks.shape"


class Deleted(TypedDict):
    """The answer to a deletion that was done."""

    result: Literal[True]
    errors: list[shapes.ErrorItem]


def _outputs(wiro: Service) -> list[dict[str, Any]]:
    """The files among the outputs of the finished task."""
    listed = field(wiro.finished().task, "outputs", list, told_by=SHAPE)
    return [one for one in listed if isinstance(one, dict) and "url" in one]


def _output(wiro: Service) -> dict[str, Any]:
    outputs = _outputs(wiro)
    if not outputs:
        raise NotVerified("the model made no file")
    return outputs[0]


def _fetched(wiro: Service) -> httpx.Response:
    """The first output, fetched once."""
    url = absolute(field(_output(wiro), "url", str, told_by=SHAPE))
    return wiro.once("fetched", lambda: wiro.http.download(url))


def absolute(url: str) -> str:
    """A URL that can be fetched as it stands, or the promise is broken."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Broken("url: an absolute URL", f"url {shown(url)}")
    return url


def _delete(wiro: Service, token: str) -> Answer:
    return wiro.post("Task/InputOutputDelete", {"tasktoken": token})


def check_unknown_task_has_no_files(wiro: Service) -> None:
    """Deleting the files of a task that is not there has a message of its own; its code is our choice."""
    expect("task-not-exist", _delete(wiro, "0" * 30).error[1], what="message")


def check_outputs_are_public(wiro: Service) -> None:
    """An output is fetched from its URL without a key, and has as many bytes as its task says."""
    size = field(_output(wiro), "size", str, told_by=SHAPE)
    got = _fetched(wiro)
    expect((200, size), (got.status_code, str(len(got.content))), what="status and size")


def check_output_is_as_told(wiro: Service) -> None:
    """An output has a name, and comes with the type that its task says: clients go by both."""
    output = _output(wiro)
    if not field(output, "name", str, told_by=SHAPE):
        raise Broken("outputs[0].name: a name", 'outputs[0].name ""')
    kind = _fetched(wiro).headers.get("content-type", "").partition(";")[0].strip()
    expect(field(output, "contenttype", str, told_by=SHAPE), kind, what="content type")


def check_unfinished_keeps_its_files(wiro: Service) -> None:
    """The files of a task that has not ended are not deleted."""
    text = "Task must be completed or cancelled before deleting files"
    before = wiro.cancelled().before
    expect(text, before.error[1], what="message")


def check_files_are_deleted(wiro: Service) -> None:
    """The files of a finished task are deleted on request; asking again is no error, and the task stays."""
    finished = wiro.finished()
    for _ in range(2):
        wiro.compare(_delete(wiro, finished.run.own_token).json, Deleted)
    task = wiro.task_of(wiro.post("Task/Detail", {"taskid": finished.run.task_id}))
    expect([], field(task, "outputs", list, told_by="tasks.stopped_shape"), what="outputs")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "runs a model") -> Promise:
    return Promise(area="files", check=check, cost=cost, source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_unknown_task_has_no_files, APRIL, ENVELOPES, cost="reads"),
    _promise(check_outputs_are_public, PAGE, TAKEN_ON, IS_SHOWN, "tasks.succeeds"),
    _promise(check_output_is_as_told, GO_CLIENT, TAKEN_ON, IS_SHOWN, "files.outputs_are_public"),
    _promise(check_unfinished_keeps_its_files, APRIL, TAKEN_ON, IS_SHOWN, ENVELOPES),
    _promise(check_files_are_deleted, APRIL, TAKEN_ON, IS_SHOWN),
)
