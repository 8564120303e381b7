"""The OpenAPI 3.1 document of the REST API as a whole: every operation below `/v1` that the profile plays.

Made of `OPERATIONS` and the shapes; the documents of single models, with their parameters, are another thing
(`Tool/DetailOpenAPI`). A refusal comes with HTTP 200 mostly (rest.md C2), so each 200 is a success or a `Failure`.
What a model answers at the CDN, `llms.txt` and the pictures lie on other hosts, and are left out.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

from wiro_mock import shapes
from wiro_mock.api.openapi import SCHEMES
from wiro_mock.api.operations import OPERATIONS, Operation
from wiro_mock.api.origin import WIRO
from wiro_mock.api.profile import Profile
from wiro_mock.api.rest_schemas import Schema, components, schema_of
from wiro_mock.api.rest_shapes import EXCHANGES
from wiro_mock.api.surface import ENDPOINTS

JSON, MULTIPART, FORM = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"
FILE_STATUSES = {
    "200": "The file",
    "206": "A range of it",
    "304": "As you know it",
    "416": "It has no such range",
}
SIGNED: dict[str, list[str]] = {name: [] for name in SCHEMES}
PATHS = {
    "owner": ("The owner of the model", "pruna"),
    "model": ("The slug of the model", "p-image"),
    "accesskey": ("The access key of the file", "mCmUXgZLG1FNjjjwmbtPFr2LVJA112"),
    "name": ("The name of the file", "inputImage-6060136.png"),
}
"""The places in paths: what they are, and an example."""
STREAM: Schema = {
    "name": "stream",
    "in": "query",
    "description": "true: server-sent events, as with Accept: text/event-stream",
    "schema": {"type": "string", "enum": ["true", "false"]},
}


def document(origin: str = WIRO, profile: Profile | None = None) -> dict[str, Any]:
    """The document, as it holds at this origin."""
    made = profile or Profile()
    played = [one for one in OPERATIONS if one.path.startswith("/v1/") and one.is_on(made)]
    exchanged = [EXCHANGES[one.name] for one in played if one.name in EXCHANGES]
    kinds = [kind for one in exchanged for kind in one]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wiro AI, REST API",
            "summary": "Runs, tasks, files, the catalogue and the account, as wiro-mock plays them.",
            "description": f"Profile {made.name}. Every field tells in x-source where it is known from.",
            "version": version("wiro-mock"),
        },
        "servers": [{"url": origin}],
        "security": [SIGNED, {"ApiKeyAuth": []}],
        "paths": {one.path: {one.method.lower(): _operation(one, made)} for one in played},
        "components": {
            "securitySchemes": SCHEMES,
            "schemas": components([*kinds, shapes.Failure, shapes.SyncCapAnswer]),
        },
    }


def _operation(operation: Operation, profile: Profile) -> Schema:
    source = next(one.source for one in ENDPOINTS if one.operation == operation.name)
    made: Schema = {
        "operationId": re.sub(r"\W", "_", operation.name),
        "tags": [operation.name.partition("/")[0]],
        "x-source": source._asdict(),
        "responses": _responses(operation, profile),
    }
    if names := re.findall(r"\{(\w+)\}", operation.path):
        made["parameters"] = [_place(name) for name in names]
    if operation.name == "Run/sync":
        made["parameters"].append(STREAM)
    if operation.method == "POST":
        made["requestBody"] = _body(operation)
    if operation.public:
        made["security"] = []
    return made


def _place(name: str) -> Schema:
    about, example = PATHS[name]
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema, "example": example}


def _body(operation: Operation) -> Schema:
    exchange = EXCHANGES.get(operation.name)
    schema = schema_of(exchange.request) if exchange else {"type": "object"}
    kinds = (MULTIPART,) if operation.name == "File/Upload" else (JSON, MULTIPART, FORM)
    return {"required": operation.name != "Tool/Explore", "content": {kind: {"schema": schema} for kind in kinds}}


def _responses(operation: Operation, profile: Profile) -> Schema:
    failure = schema_of(shapes.Failure)
    said_no = {"404": "There is nothing at this path"}
    if not operation.public:
        said_no["401"] = "Key or signature are not right"
    if profile.error_status == "mapped":
        said_no |= {"400": "No", "403": "The signature is not right", "429": "Too many tasks at once"}
    noes = {status: _answer(about, failure) for status, about in said_no.items()}
    if operation.method == "GET":
        return {status: _file(about) for status, about in FILE_STATUSES.items()} | noes
    exchange = EXCHANGES.get(operation.name)
    success = schema_of(exchange.answer) if exchange else {"type": "object", "x-source": "a shape of ours"}
    done = _answer("Done, or a no with its reason", {"anyOf": [success, failure]})
    if operation.name == "Run/sync":
        done["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        noes["504"] = _answer("The task has not ended in 40 minutes; it goes on", schema_of(shapes.SyncCapAnswer))
    return {"200": done, **noes}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _file(description: str) -> Schema:
    return {"description": description, "content": {"*/*": {}}}
