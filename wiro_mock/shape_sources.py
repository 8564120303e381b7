"""Where each field of the documented shapes is known from: the shape's own source, and that of the fields that differ.

The sources are those of the dossier on the wire (rest.md §3, §9; C25, C35).
"""

from __future__ import annotations

from collections.abc import Mapping

from wiro_mock.sources import (
    APRIL,
    GO_CLIENT,
    GUESS,
    LIVE_401,
    MCP,
    NEWEST,
    PAGE,
    SERVERS_OPENAPI,
    Source,
)

TEAMS = Source("documentation of organizations", "2026-08 to 2026-09")
_OPENAPI_KEYS = dict.fromkeys(
    ("estimatedvram", "realvram", "isapp", "slugapp", "dynamicprice", "modeldescription"), SERVERS_OPENAPI
)
_SLUGS = dict.fromkeys(("modelslugowner", "modelslugproject", "outputfolderid"), APRIL)
_LIVE_ITEM = dict.fromkeys(
    ("rows", "defaultvalue", "value", "minvalue", "maxvalue", "incrementby", "maxinputlenght"), GO_CLIENT
)

_SHAPES: Mapping[str, tuple[Source, Mapping[str, Source]]] = {
    "ErrorItem": (APRIL, {"time": LIVE_401}),
    "Failure": (APRIL, {}),
    "RunAnswer": (PAGE, {}),
    "SyncCapAnswer": (NEWEST, {"result": GUESS, "errors": GUESS}),
    "OutputFile": (PAGE, {}),
    "Segment": (NEWEST, {}),
    "UsageShape": (NEWEST, {}),
    "AnswerContent": (APRIL, dict.fromkeys(("segments", "finishreason", "usage"), NEWEST)),
    "OutputAnswer": (APRIL, {}),
    "TaskShape": (PAGE, {**_OPENAPI_KEYS, **_SLUGS, "teamguid": TEAMS}),
    "DetailAnswer": (PAGE, {}),
    "StopAnswer": (PAGE, {}),
    "FolderShape": (APRIL, {}),
    "UploadShape": (APRIL, {}),
    "ProjectShape": (GO_CLIENT, {}),
    "TeamShape": (APRIL, {}),
    "OrganizationShape": (APRIL, {}),
    "MemberShape": (APRIL, {}),
    "SpendingShape": (TEAMS, {}),
    "TaskStatShape": (APRIL, {}),
    "ParameterOption": (APRIL, {"text": GO_CLIENT}),
    "ParameterItem": (APRIL, _LIVE_ITEM),
    "ParameterGroup": (APRIL, {}),
    "ToolShape": (APRIL, {"parameters": APRIL}),
    "ToolListAnswer": (APRIL, {}),
    "ToolDetailAnswer": (APRIL, {}),
    "ExploreItem": (MCP, {}),
    "ExploreGroup": (MCP, {}),
    "ExploreAnswer": (MCP, {}),
    # What operations take and answer beside the shapes (`api.rest_shapes`).
    "RunRequest": (APRIL, {}),
    "DetailRequest": (APRIL, {"uuid": SERVERS_OPENAPI, "socketaccesstoken": GUESS}),
    "CancelRequest": (PAGE, {"tasktoken": APRIL}),
    "KillRequest": (PAGE, {"tasktoken": APRIL}),
    "TokenRequest": (APRIL, {}),
    "TaskListRequest": (MCP, {}),
    "ToolListRequest": (APRIL, {}),
    "ToolRequest": (APRIL, {}),
    "NoFields": (MCP, {}),
    "FolderRequest": (APRIL, {}),
    "UploadRequest": (APRIL, {}),
    "FileListRequest": (GUESS, {}),
    "FileRequest": (GUESS, {}),
    "ProjectListRequest": (GO_CLIENT, {}),
    "Done": (APRIL, {}),
    "FolderAnswer": (APRIL, {}),
    "UploadAnswer": (APRIL, {}),
    "FileListAnswer": (GUESS, {}),
    "ProjectListAnswer": (GO_CLIENT, {}),
    "OrganizationListAnswer": (APRIL, {}),
    "MemberListAnswer": (APRIL, {}),
    "DocumentItem": (Source("third-party client", "2026-03", "observed"), {}),
}
SHAPES = tuple(_SHAPES)
"""The shapes whose fields have sources."""


def source_of(shape: str, field: str) -> Source:
    """Where a field of a shape is known from. Raises `KeyError` for a shape that nobody has looked up."""
    whole, fields = _SHAPES[shape]
    return fields.get(field, whole)
