"""`Tool/DetailOpenAPI`: the OpenAPI documents of one model, one for each way to authenticate.

The form is that of the documents which Wiro's own server produces (March 2026, rest.md §10 end): one path to run the
model, spelt as it is displayed, and three for its tasks. Our additions make them true of what is answered: a 401 for
every operation, the failure envelope as the content of what is no success, this mock's own origin as the server.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.messages import Outcome, Request, World
from wiro_mock.api.openapi_schemas import ID, TOKEN, Schema, components
from wiro_mock.api.origin import WIRO
from wiro_mock.api.profile import Profile
from wiro_mock.api.tools import asked_model
from wiro_mock.api.wire import OPENAPI_STATUSES
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.status import TERMINAL

Auth: TypeAlias = Literal["apikey", "signature"]
AUTHS: tuple[Auth, ...] = ("apikey", "signature")
"""The documents of a model, in the order of the answer (rest.md §2.1)."""

_JSON, _FORM = "application/json", "multipart/form-data"
_TITLES = {"apikey": "API Key Auth", "signature": "Signature Auth"}
_HOW = {
    "apikey": "Send the API key of your project in the header x-api-key.",
    "signature": (
        "Send the API key of your project in x-api-key, any nonce in x-nonce, and in x-signature the hex of "
        "HMAC-SHA256 with the API key as its key and the API secret followed by the nonce as its message."
    ),
}
KEY = {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The API key"}
NONCE = {
    "type": "apiKey",
    "in": "header",
    "name": "x-nonce",
    "description": "Unix seconds, or any integer",
    "x-example": "1738800000",
    "x-format": "timestamp",
}
SIGNATURE = {"type": "apiKey", "in": "header", "name": "x-signature", "description": "The signature, in hex"}
SCHEMES = {"ApiKeyAuth": KEY, "NonceAuth": NONCE, "SignatureAuth": SIGNATURE}
_SCHEMES_OF = {"apikey": ("ApiKeyAuth",), "signature": tuple(SCHEMES)}
_STATUSES = {
    "task_queue": "Waits for a worker",
    "task_accept": "A worker has taken it",
    "task_assign": "A process is assigned",
    "task_preprocess_start": "Its input is being prepared",
    "task_preprocess_end": "Its input is prepared",
    "task_start": "The process has started",
    "task_output": "The process prints",
    "task_postprocess_end": "Over, and its output stored; a pexit other than 0 is a failure",
    "task_cancel": "Cancelled or killed",
}
_EXAMPLE_RUN = {"errors": [], "taskid": ID, "socketaccesstoken": TOKEN, "result": True}


def detail_openapi(world: World, request: Request) -> Answer:
    """A bare array of both documents of the model that is asked for as with Tool/Detail, without an envelope.

    For a model that is not there: an empty array, as Tool/Detail has an empty list then. That is our choice.
    """
    try:
        model = asked_model(world, request.body.fields)
    except Refusal as refusal:
        return answer([], Outcome(reason=refusal.reason))
    shown = [{"type": auth, "spec": document(model, request.origin, auth, world.profile)} for auth in AUTHS]
    return answer(shown, Outcome())


def document(model: Model, origin: str, auth: Auth, profile: Profile) -> dict[str, Any]:
    """The OpenAPI 3.0.3 document of a model, as it is served at this origin."""
    about = "Production server" if origin == WIRO else "The mock that made this document"
    return {
        "openapi": "3.0.3",
        "info": {
            "title": f"{model.name} API ({_TITLES[auth]})",
            "description": f"Run {model.name} and follow its tasks.\n\n## Authentication\n{_HOW[auth]}",
            "version": "1.0.0",
            "contact": {"name": "Wiro AI", "url": "https://wiro.ai"},
        },
        "servers": [{"url": f"{origin}/v1", "description": about}],
        "tags": [
            {"name": "Run Task", "description": "Run the model"},
            {"name": "Task Management", "description": "Look at tasks and stop them"},
        ],
        "security": [{name: [] for name in _SCHEMES_OF[auth]}],
        "paths": _paths(model, auth, profile),
        "components": {
            "securitySchemes": {name: SCHEMES[name] for name in _SCHEMES_OF[auth]},
            "schemas": components(model, profile),
        },
        "x-task-status-info": _status_info(auth),
    }


def _paths(model: Model, auth: Auth, profile: Profile) -> Schema:
    # As observed: the documents for key and signature list only forms for Kill and Cancel, those for keys JSON too.
    stopping = (_FORM,) if auth == "signature" else (_FORM, _JSON)
    run_id = f"run{re.sub('[^A-Za-z0-9]', '', model.slug)}"
    detail = _operation("Get a task", "getTaskDetail", taken="TaskDetailRequest", profile=profile)
    detail["description"] = "Say taskid or tasktoken."
    detail["requestBody"]["content"][_JSON]["examples"] = {
        "byTaskId": {"summary": "By its id", "value": {"taskid": ID}},
        "byTaskToken": {"summary": "By its token", "value": {"tasktoken": TOKEN}},
    }
    kill = _operation("Stop a task", "killTask", kinds=stopping, taken="TaskKillRequest", profile=profile)
    cancel = _operation("Cancel a task", "cancelTask", kinds=stopping, taken="TaskCancelRequest", profile=profile)
    run = _operation(f"Run {model.slug}", run_id, taken="RunToolSchema", given="RunTaskResponse", profile=profile)
    run["tags"] = ["Run Task"]
    run["description"] = f"{model.description or model.slug}{_processing_time(model)}"
    run["responses"]["200"]["content"][_JSON]["example"] = _EXAMPLE_RUN
    paths = {"/Task/Detail": detail, "/Task/Kill": kill, "/Task/Cancel": cancel, run_path(model): run}
    return {path: {"post": operation} for path, operation in paths.items()}


def run_path(model: Model) -> str:
    """The path of the model's runs in display form, as Wiro has it; braces, which would be a template, escaped."""
    return f"/Run/{model.name}".replace("{", "%7B").replace("}", "%7D")


def _processing_time(model: Model) -> str:
    if model.seconds is None:
        return ""
    return f"\n\n**Processing Time:** {model.seconds} second{'' if model.seconds == 1 else 's'}"


def _operation(
    summary: str,
    name: str,
    *,
    kinds: tuple[str, ...] = (_JSON, _FORM),
    taken: str,
    given: str = "TaskDetailResponse",
    profile: Profile,
) -> Schema:
    return {
        "summary": summary,
        "operationId": name,
        "tags": ["Task Management"],
        "requestBody": {"required": True, "content": {kind: _reference(taken) for kind in kinds}},
        "responses": _responses(given, profile),
    }


def _reference(schema: str) -> Schema:
    return {"schema": {"$ref": f"#/components/schemas/{schema}"}}


def _responses(given: str, profile: Profile) -> Schema:
    """What can come back. Wiro lists 400, too, though it says no with 200 (rest.md C2)."""
    said_no = {"400": "No", "401": "The key or the signature is not right"}
    if profile.error_status == "mapped":
        said_no |= {"403": "The signature is not right", "429": "Too many tasks at once"}
    success = _response("Done, or a no with its reason in errors", given)
    return {"200": success, **{status: _response(about, "FailureResponse") for status, about in said_no.items()}}


def _response(description: str, schema: str) -> Schema:
    return {"description": description, "content": {_JSON: _reference(schema)}}


def _status_info(auth: Auth) -> Schema:
    """The statuses, ended and running; as observed, with descriptions only where runs are signed."""
    ended = {status.value for status in TERMINAL}
    shown = [status.value for status in OPENAPI_STATUSES]
    groups = {
        "completed_statuses": ("Stop asking", [status for status in shown if status in ended]),
        "running_statuses": ("Ask again later", [status for status in shown if status not in ended]),
    }
    values = {
        name: statuses if auth == "apikey" else [{"status": one, "description": _STATUSES[one]} for one in statuses]
        for name, (_, statuses) in groups.items()
    }
    return {
        "description": "What the statuses of a task mean",
        **{name: {"description": groups[name][0], "values": values[name]} for name in groups},
    }
