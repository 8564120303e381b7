"""The schemas in an OpenAPI document: what a task looks like, and what a model's parameters take.

Names and forms are those of the documents that Wiro's own server produces (March 2026, rest.md §10 end), odd ones
among them: a text with a range has its bounds as lengths. Where Wiro's are not valid OpenAPI, these are: an option
is in `enum` once, and a default that its own schema forbids is left out. What the mock answers and Wiro's schemas do
not allow, such as a `pexit` of null, is allowed here, and keys that they leave out are listed. Descriptions are ours.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from wiro_mock.api.profile import Profile
from wiro_mock.api.wire import OPENAPI_STATUSES
from wiro_mock.kernel.catalog import CHOICES, NUMBERS, TEXTS, Model, Parameter
from wiro_mock.kernel.file_inputs import companions
from wiro_mock.kernel.numbers import json_number
from wiro_mock.kernel.status import Status

Schema: TypeAlias = dict[str, Any]

ID = "420206"
TOKEN = "qMmK1O5VEpM6iD86siXvoxZCginGFl"  # noqa: S105 -- the example in Wiro's documents
_WHENS = {
    "starttime": "When the process was started",
    "endtime": "When it ended",
    "createtime": "When the task was created",
    "canceltime": "When it was cancelled or killed",
    "assigntime": "When a worker was assigned",
    "accepttime": "When it was accepted",
    "preprocessstarttime": "When its input began to be prepared",
    "preprocessendtime": "When its input was prepared",
    "postprocessstarttime": "When its output began to be stored",
    "postprocessendtime": "When its output was stored",
}
_NEWER = {
    "estimatedvram": "Estimated video memory",
    "realvram": "Video memory used: JSON in a string",
    "slugapp": "The app, if the task is one of an app",
    "dynamicprice": "The price tiers: JSON in a string",
    "modeldescription": "What the model does",
    "modelslugowner": "The model's owner, as the run spelt it",
    "modelslugproject": "The model's slug, as the run spelt it",
    "outputfolderid": "The folder of the outputs; 0 for none",
}
"""Texts that came after the saved page of December 2025 (rest.md C25)."""


_OUTPUTS = ("OutputFile", "OutputAnswer")


def text(description: str, **more: object) -> Schema:
    """The schema of a string."""
    return {"type": "string", "description": description, **more}


def components(model: Model, profile: Profile) -> Schema:
    """The named schemas of the document of this model: Wiro's eight, and `FailureResponse`, which is ours."""
    return {
        "RunTaskResponse": _object(
            result={"type": "boolean", "description": "Whether the run was taken on"},
            errors=_errors(profile),
            taskid=text("The id to ask for the task by", example=ID),
            socketaccesstoken=text("The token to follow the task by", example=TOKEN),
        ),
        "TaskKillRequest": _object(
            taskid=text("The task's id", example=ID),
            socketaccesstoken=text("The task's token, instead of its id", example=TOKEN),
        ),
        "TaskCancelRequest": {**_object(taskid=text("The task's id", example=ID)), "required": ["taskid"]},
        "TaskDetailRequest": _object(
            taskid=text("The task's id", example=ID),
            tasktoken=text("The task's token, instead of its id", example=TOKEN),
            uuid=text("The user, optional", format="uuid"),
        ),
        "TaskDetailResponse": _object(
            total=text("How many tasks there are", example="1"),
            errors=_errors(profile),
            tasklist={"type": "array", "items": {"$ref": "#/components/schemas/TaskObject"}},
            result={"type": "boolean", "description": "Whether there was a task to show or to stop"},
        ),
        "TaskObject": task_object(profile),
        "OutputFile": _output_file(),
        "OutputAnswer": _output_answer(profile),
        "RunToolSchema": run_tool(model),
        "FailureResponse": {
            **_object(result={"type": "boolean", "enum": [False]}, errors=_errors(profile)),
            "required": ["result", "errors"],
        },
    }


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _errors(profile: Profile) -> Schema:
    item = _object(code={"type": "integer"}, message={"type": "string"})
    if profile.error_time:
        item["properties"]["time"] = {"type": "integer"}
    return {"type": "array", "items": item, "description": "Empty on success", "example": []}


def task_object(profile: Profile) -> Schema:
    """The task in the answers of Detail, Kill and Cancel (rest.md §3)."""
    listed = {"type": "array", "items": {"type": "string"}, "description": "The model's categories"}
    categories = listed if profile.categories == "array" else text("The model's categories: JSON in a string")
    statuses = OPENAPI_STATUSES if profile.detail_statuses == "openapi" else tuple(Status)
    task = _object(
        id=text("The task's id", example=ID),
        uuid=text("The user's id", format="uuid"),
        name=text("A name"),
        socketaccesstoken=text("The task's token", example=TOKEN),
        parameters={"type": "object", "description": "What the run was given", "additionalProperties": True},
        debugoutput=text("What the process printed"),
        debugerror=text("What it printed as errors"),
        **{name: text(f"{about}, in unix seconds; 0 for not yet", example="0") for name, about in _WHENS.items()},
        elapsedseconds=text("Seconds, with four decimals", example="6.0000"),
        status=text("Where the task stands", enum=[status.value for status in statuses]),
        cps=text("Price per second, in USD", example="0.000585000000"),
        totalcost=text("Price of the task, in USD", example="0.003510000000"),
        guestid=text("The guest, if one ran it", nullable=True),
        projectid=text("The project", example="0"),
        modelid=text("The model's id", example=ID),
        description=text("A description"),
        basemodelid=text("The base model's id", example="0"),
        runtype=text("What was run", example="model"),
        modelfolderid=text("The model's folder"),
        modelfileid=text("The model's file"),
        callbackurl=text("Where the end is told to"),
        marketplaceid=text("The marketplace", nullable=True),
        pexit=text("Exit code of the process; null before its end", nullable=True, example="0"),
        categories=categories,
        outputs={"type": "array", "items": {"anyOf": [{"$ref": f"#/components/schemas/{one}"} for one in _OUTPUTS]}},
        size=text("Bytes of all outputs", example="0"),
    )
    if profile.task_keys == "all":
        newer = {name: text(about) for name, about in _NEWER.items()}
        isapp = {"type": "boolean", "description": "Whether the task is one of an app"}
        task["properties"].update(newer, isapp=isapp, teamguid=text("The team, if there is one", nullable=True))
    return task


def _output_answer(profile: Profile) -> Schema:
    """A language model's answer, which is no file (rest.md §3); Wiro's own documents do not have it: ours."""
    segment = {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}
    texts = {"type": "array", "items": {"type": "string"}}
    content = _object(prompt=text("What was asked"))
    if profile.plain_texts:
        said = text("Thinking and answer in one text")
        content["properties"].update(raw=said, thinking=texts, answer=texts)
    if profile.segments:
        usage = {"type": "object", "description": "Tokens"}
        segments = {"type": "array", "items": segment}
        content["properties"].update(segments=segments, finishreason=text("Why it stopped"), usage=usage)
    kind = {"type": "string", "enum": ["raw"], "description": "It is a language model's answer"}
    return _object(contenttype=kind, content=content)


def _output_file() -> Schema:
    return _object(
        id=text("The file's id"),
        name=text("The file's name", example="0.png"),
        contenttype=text("Its media type", example="image/png"),
        parentid=text("Its folder"),
        uuid=text("The user's id", format="uuid"),
        size=text("Its bytes", example="202472"),
        addedtime=text("When it was added, in unix seconds"),
        modifiedtime=text("When it was changed, in unix seconds"),
        accesskey=text("The key in its address"),
        foldercount=text("How many folders are in it", example="0"),
        filecount=text("How many files are in it", example="0"),
        ispublic={"type": "integer", "description": "1 if anybody may see it"},
        expiretime=text("When it goes", nullable=True),
        url=text("Where its bytes are", format="uri"),
    )


def run_tool(model: Model) -> Schema:
    """What a run of this model takes."""
    properties: dict[str, Schema] = {}
    listed = {one.id for one in model.parameters}
    for one in model.parameters:
        properties[one.id] = parameter(one)
        beside = companions(one.id)[-1]  # of the two of a `…Multiple`, the spelling of Wiro's documents (rest.md §5.4)
        if one.type in ("fileinput", "multifileinput") and beside not in listed:
            properties[beside] = {"title": beside, "description": f"{one.label or one.id} by URL", "type": "string"}
    properties["callbackUrl"] = {
        "type": "string",
        "format": "uri",
        "title": "Callback URL",
        "description": "Where to POST the task when it has ended",
    }
    required = [one.id for one in model.parameters if one.required]
    # Wiro writes an empty list where nothing is required, which OpenAPI 3.0 forbids.
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def parameter(one: Parameter) -> Schema:
    """The schema of one parameter.

    A list of options that we know only in part is no `enum`, and an empty default is none, as at Wiro.
    """
    label, note = one.label or one.id, one.note or one.label or one.id
    schema: Schema = {"title": label, "description": note, "type": "string"}
    if one.type == "combinefileinput":
        schema |= {"format": "uri", "x-input-type": one.type, "x-label": label, "x-help": note}
    elif one.type == "checkbox":
        schema |= {"type": "boolean", "default": (one.default or "false") != "false"}
    elif one.type in NUMBERS:
        schema |= {"type": "number", **_range(one)}
    elif one.type in CHOICES:
        schema |= {"x-input-type": one.type, **_choice(one)}
    elif one.type in TEXTS:
        schema |= _lengths(one)
    return schema


def _range(one: Parameter) -> Schema:
    bounds = {"minimum": one.minimum, "maximum": one.maximum, "multipleOf": one.step or None}
    schema: Schema = {name: json_number(value) for name, value in bounds.items() if value is not None}
    default = _number_or_none(one.default)
    return schema if default is None or not _in_range(default, one) else schema | {"default": json_number(default)}


def _in_range(value: Decimal, one: Parameter) -> bool:
    too_low = one.minimum is not None and value < one.minimum
    too_high = one.maximum is not None and value > one.maximum
    return not too_low and not too_high and (not one.step or float(value) % float(one.step) == 0)


def _lengths(one: Parameter) -> Schema:
    """A text's range, written as lengths as Wiro does; left out where a length cannot say it."""
    known = {"minLength": one.minimum, "maxLength": one.maximum}
    if one.max_length is not None:
        known["maxLength"] = Decimal(one.max_length)
    schema: Schema = {
        name: int(value) for name, value in known.items() if value is not None and value >= 0 and value % 1 == 0
    }
    if one.default and schema.get("minLength", 0) <= len(one.default) <= schema.get("maxLength", len(one.default)):
        schema["default"] = one.default
    return schema


def _choice(one: Parameter) -> Schema:
    options = list(dict.fromkeys(one.options))
    closed = bool(options) and not one.more_options
    schema: Schema = {"default": one.default} if one.default and (one.default in options or not closed) else {}
    if closed:
        schema["enum"] = options
    if options:
        schema["x-options"] = [{"value": value, "label": label} for value, label in one.shown_options]
    return schema


def _number_or_none(value: str | None) -> Decimal | None:
    try:
        number = Decimal(value or "")
    except ArithmeticError:
        return None
    return number if number.is_finite() else None
