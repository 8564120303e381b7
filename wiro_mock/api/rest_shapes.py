"""What each operation takes and answers, as shapes: those of `shapes`, and small ones for what has none there.

The requests are what the sources of rest.md §2 send; clients spell numbers as strings, too. An operation that isn't
here answers with a shape of ours that nobody has documented (`Task/Stat`, the wallet).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from wiro_mock import shapes


class RunRequest(TypedDict):
    """The parameters of the model, as its own document tells (`Tool/DetailOpenAPI`), and these."""

    callbackUrl: NotRequired[str]
    projectid: NotRequired[str]


class DetailRequest(TypedDict):
    """One of the names of a task."""

    tasktoken: NotRequired[str]
    taskid: NotRequired[str | int]
    socketaccesstoken: NotRequired[str]
    uuid: NotRequired[str]


class CancelRequest(TypedDict):
    """The task, by its id; older documentation has its token."""

    taskid: NotRequired[str | int]
    tasktoken: NotRequired[str]


class KillRequest(TypedDict):
    """The task, by its id or its token."""

    taskid: NotRequired[str | int]
    socketaccesstoken: NotRequired[str]
    tasktoken: NotRequired[str]


class TokenRequest(TypedDict):
    """The task, by its token."""

    tasktoken: str


class TaskListRequest(TypedDict):
    """A page of the tasks."""

    type: NotRequired[str]
    sort: NotRequired[str]
    order: NotRequired[Literal["ASC", "DESC"]]
    start: NotRequired[str | int]
    limit: NotRequired[str | int]
    modelName: NotRequired[str]


class ToolListRequest(TypedDict):
    """A page of the models, and what they are chosen by."""

    start: NotRequired[str | int]
    limit: NotRequired[str | int]
    search: NotRequired[str]
    sort: NotRequired[str]
    order: NotRequired[Literal["ASC", "DESC"]]
    categories: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    slugowner: NotRequired[str]
    hideworkflows: NotRequired[bool]
    summary: NotRequired[bool]


class ToolRequest(TypedDict):
    """A model, by its owner and its slug."""

    slugowner: str
    slugproject: str
    summary: NotRequired[bool]


class NoFields(TypedDict):
    """Nothing is asked for in particular."""


class FolderRequest(TypedDict):
    """A new folder; its name is of letters, digits, `_` and `-`."""

    name: str
    parentid: NotRequired[str]


class UploadRequest(TypedDict):
    """A file, as a part of a multipart body with a file name."""

    file: Any
    folderid: NotRequired[str]


class FileListRequest(TypedDict):
    """A page of a folder, or of what lies in none."""

    folderid: NotRequired[str]
    start: NotRequired[str | int]
    limit: NotRequired[str | int]


class FileRequest(TypedDict):
    """An upload or an empty folder, by its id."""

    fileid: str


class ProjectListRequest(TypedDict):
    """The projects of a user, or the one of a key."""

    uuid: NotRequired[str]
    apikey: NotRequired[str]


class Done(TypedDict):
    """The answer of what has nothing to tell."""

    result: bool
    errors: list[shapes.ErrorItem]


class FolderAnswer(TypedDict):
    """The folder that was made."""

    result: bool
    errors: list[shapes.ErrorItem]
    list: list[shapes.FolderShape]


class UploadAnswer(TypedDict):
    """The file that was uploaded; of an archive, those in it."""

    result: bool
    errors: list[shapes.ErrorItem]
    list: list[shapes.UploadShape]


class FileListAnswer(TypedDict):
    """Folders and uploads; of no source."""

    result: bool
    errors: list[shapes.ErrorItem]
    total: str
    list: list[shapes.UploadShape | shapes.FolderShape]


class ProjectListAnswer(TypedDict):
    """The projects."""

    result: bool
    errors: list[shapes.ErrorItem]
    project: list[shapes.ProjectShape]


class OrganizationListAnswer(TypedDict):
    """The organizations."""

    result: bool
    errors: list[shapes.ErrorItem]
    organizations: list[shapes.OrganizationShape]


class MemberListAnswer(TypedDict):
    """The members of the team."""

    result: bool
    errors: list[shapes.ErrorItem]
    members: list[shapes.MemberShape]


class DocumentItem(TypedDict):
    """One of the two OpenAPI documents of a model."""

    type: Literal["apikey", "signature"]
    spec: dict[str, Any]


class Exchange(NamedTuple):
    """What an operation takes, and what it answers when it says yes."""

    request: Any
    answer: Any


EXCHANGES: Mapping[str, Exchange] = {
    "Run": Exchange(RunRequest, shapes.RunAnswer),
    "Run/sync": Exchange(RunRequest, shapes.DetailAnswer),
    "Task/Detail": Exchange(DetailRequest, shapes.DetailAnswer),
    "Task/Cancel": Exchange(CancelRequest, shapes.StopAnswer),
    "Task/Kill": Exchange(KillRequest, shapes.StopAnswer),
    "Task/InputOutputDelete": Exchange(TokenRequest, Done),
    "Task/List": Exchange(TaskListRequest, shapes.DetailAnswer),
    "Tool/List": Exchange(ToolListRequest, shapes.ToolListAnswer),
    "Tool/Detail": Exchange(ToolRequest, shapes.ToolDetailAnswer),
    "Tool/Explore": Exchange(NoFields, shapes.ExploreAnswer),
    "Tool/DetailOpenAPI": Exchange(ToolRequest, list[DocumentItem]),
    "File/FolderCreate": Exchange(FolderRequest, FolderAnswer),
    "File/Upload": Exchange(UploadRequest, UploadAnswer),
    "File/List": Exchange(FileListRequest, FileListAnswer),
    "File/Delete": Exchange(FileRequest, Done),
    "Project/List": Exchange(ProjectListRequest, ProjectListAnswer),
    "Organization/List": Exchange(NoFields, OrganizationListAnswer),
    "Team/Member/List": Exchange(NoFields, MemberListAnswer),
}
"""By the names of operations."""
