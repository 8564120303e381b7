"""The control API of a running server, under `/__wiro`: JSON both ways, open on loopback only.

Beyond loopback everything but `ready` needs the token that `--admin-token` sets.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wiro_mock.api import jsontext
from wiro_mock.api.frames import frame
from wiro_mock.api.origin import origins
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.task import Task
from wiro_mock.mock import Webhook, World
from wiro_mock.scenario import ScenarioError

TOKEN_HEADER = "x-wiro-mock-admin-token"  # noqa: S105 -- a header's name
CLOSED = (
    "the control API is closed beyond loopback; start the server with --admin-token TOKEN and send it as "
    f"'Authorization: Bearer TOKEN' or '{TOKEN_HEADER}: TOKEN'"
)
CROSS_SITE = "the control API takes no requests from a web page of another origin; send the admin token to allow it"
BODY_LIMIT = 1 << 20

Answer: TypeAlias = tuple[int, object]
Handler: TypeAlias = Callable[[World, Mapping[str, Any], Mapping[str, str]], Answer]
"""Takes the world, the JSON body, and query and path parameters together; gives a status and JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may use the control API: `closed` where the server listens beyond loopback; `token` opens it."""

    closed: bool = False
    token: str = ""

    def problem(self, headers: Mapping[str, str]) -> str:
        """Why this request may not; empty when it may."""
        if self.token and self._has_token(headers):
            return ""
        if self.closed:
            return CLOSED
        page = headers.get("origin", "")
        return CROSS_SITE if page and page.split("://")[-1] != headers.get("host", "") else ""

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        sent = headers.get(TOKEN_HEADER) or headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(sent.encode("utf-8", "replace"), self.token.encode("utf-8", "replace"))


class Mistake(Exception):
    """A request to the control API that cannot be met; the message says why and what would help."""


def ready(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The server answers."""
    return 200, {"ready": True}


def list_tasks(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The remembered tasks, newest first, without their logs."""
    limit = _number(query.get("limit", "100"), "limit")
    tasks = list(world.sim.tasks())[::-1][: int(limit)]
    return 200, {"tasks": [_task(world, task) for task in tasks], "forgotten": world.sim.forgotten}


def show_task(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """One task with its log, found by id or token."""
    name = query["task"]
    task = world.sim.task(name) or world.sim.task_by_token(name)
    if task is None:
        raise Mistake(f"no task {name[:60]!r} here; GET /__wiro/tasks lists them")
    log = [_entry(world, task, entry) for entry in world.sim.log(task.job.id)]
    webhooks = [_webhook(hook) for hook in world.webhooks if hook.delivery.task_id == task.job.id]
    return 200, {**_task(world, task), "log": log, "webhooks": webhooks}


def show_journal(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The latest requests; `limit`, `since` (an id), `task` and `refused=true|false` choose among them."""
    refused = {"true": True, "false": False, "": None}.get(query.get("refused", ""))
    entries = world.journal.entries(
        limit=int(_number(query.get("limit", "100"), "limit")),
        since=query.get("since", ""),
        task=query.get("task", ""),
        refused=refused,
    )
    return 200, {"journal": [exchange.shown() for exchange in entries], "dropped": world.journal.dropped}


def show_webhooks(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The webhooks, and what became of them."""
    return 200, {"webhooks": [_webhook(hook) for hook in world.webhooks]}


def show_time(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The present instant, the mode, and the next instant at which something happens by itself."""
    deadline = world.sim.next_deadline()
    return 200, {
        "mode": world.clock.mode,
        "now": world.sim.now / SECOND,
        "next": None if deadline is None else deadline / SECOND,
    }


def change_time(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"advance": seconds or "2m"}` moves time on, `{"mode": "real|auto|manual|10x"}` changes how it passes."""
    _only(body, ("advance", "mode"))
    if "mode" in body:
        world.set_time(str(body["mode"]))
    if "advance" in body:
        world.jump(world.sim.now + _duration(body["advance"]))
    return show_time(world, {}, {})


def show_holds(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The held tasks, and what each waits for."""
    return 200, {"holds": [{"task": task, "hold": hold} for task, hold in world.sim.holds().items()]}


def release_holds(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"task": id}`, `{"hold": name}`, both, or nothing for all: let held tasks go on."""
    _only(body, ("task", "hold"))
    released = world.release(task_id=str(body.get("task", "")), name=str(body.get("hold", "")))
    if not released:
        held = ", ".join(f"{task} at {hold!r}" for task, hold in world.sim.holds().items()) or "nothing"
        raise Mistake(f"nothing was released: {held} is held")
    return 200, {"released": released}


def list_scenarios(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The scenarios by name, and those asked for."""
    scenarios = [
        {"scenario": scenario.name, "about": scenario.about, "source": scenario.source}
        for scenario in world.library.scenarios
    ]
    return 200, {"scenarios": scenarios, "in_use": [asdict(use) for use in world.uses]}


def use_scenario(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"scenario": name, "model": glob?, "times": n?}` plays it for the runs to come; a null name undoes that."""
    _only(body, ("scenario", "model", "times"))
    if "scenario" not in body:
        raise Mistake('send {"scenario": NAME}, or {"scenario": null} to let runs find theirs again')
    if body["scenario"] is None:
        world.use_none()
    else:
        times = body.get("times")
        count = None if times is None else int(_number(times, "times"))
        if count is not None and count < 1:
            raise Mistake("times is a whole number from 1")
        world.use(str(body["scenario"]), model=str(body.get("model", "*")), times=count)
    return 200, {"in_use": [asdict(use) for use in world.uses]}


def reset(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Begin anew: no tasks, files, journal; the same seed and credentials."""
    world.reset()
    return 200, {"reset": True}


RESOURCES: Mapping[str, Mapping[str, Handler]] = {
    "/ready": {"GET": ready},
    "/tasks": {"GET": list_tasks},
    "/tasks/{task}": {"GET": show_task},
    "/journal": {"GET": show_journal},
    "/webhooks": {"GET": show_webhooks},
    "/time": {"GET": show_time, "POST": change_time},
    "/holds": {"GET": show_holds},
    "/holds/release": {"POST": release_holds},
    "/scenarios": {"GET": list_scenarios},
    "/scenarios/use": {"POST": use_scenario},
    "/reset": {"POST": reset},
}
"""Every path under `/__wiro`, with what it does for each verb."""
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(world: World, access: Access) -> list[Route]:
    """The routes of the control API over a world."""
    made = [Route(path, _endpoint(world, access, path), methods=METHODS) for path in RESOURCES]
    return [*made, Route("/{path:path}", _endpoint(world, access, ""), methods=METHODS)]


def _endpoint(world: World, access: Access, path: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        problem = access.problem(request.headers)
        if problem and path != "/ready":
            return _json(403, {"error": problem})
        try:
            body = await _body(request)
            return _json(*_play(world, request, path, body))
        except (Mistake, ScenarioError, ValueError) as error:
            return _json(400, {"error": str(error)})

    return endpoint


def _play(world: World, request: Request, path: str, body: Mapping[str, Any]) -> Answer:
    verbs = RESOURCES.get(path)
    if verbs is None:
        return 404, {"error": f"no {request.url.path} here", "paths": [f"/__wiro{known}" for known in RESOURCES]}
    handler = verbs.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        right = ", ".join(verbs)
        return 405, {"error": f"{request.method} does nothing at /__wiro{path}; the verbs here: {right}"}
    with world.lock:
        world.settle()
        return handler(world, body, {**request.query_params, **request.path_params})


async def _body(request: Request) -> Mapping[str, Any]:
    text = bytearray()
    async for piece in request.stream():
        text += piece
        if len(text) > BODY_LIMIT:
            raise Mistake(f"the body is longer than {BODY_LIMIT} bytes")
    if not text.strip():
        return {}
    value = jsontext.loads(bytes(text))
    if not isinstance(value, dict):
        raise Mistake(f"the body is a JSON {type(value).__name__}; an object is expected")
    return value


def _json(status: int, value: object) -> Response:
    return Response(jsontext.dumps(value), status_code=status, media_type="application/json")


def _only(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := [name for name in body if name not in known]:
        raise Mistake(f"unknown key {unknown[0][:60]!r}; the keys here: {', '.join(known)}")


def _number(value: object, name: str) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1e9:
        raise Mistake(f"{name} is a number from 0, not {str(value)[:60]!r}")
    return number


def _duration(value: object) -> int:
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        from wiro_mock.language.durations import parse_duration

        return parse_duration(value)
    return int(_number(value, "advance") * SECOND)


def _task(world: World, task: Task) -> dict[str, Any]:
    return {
        "id": task.job.id,
        "token": task.job.token,
        "model": task.job.model.name,
        "scenario": task.job.scenario,
        "status": task.status.value,
        "exit_code": task.exit_code,
        "cost": None if task.cost is None else str(task.cost),
        "created": task.created_at / SECOND,
        "waits_for": world.sim.waiting_for(task.job.id) or None,
    }


def _entry(world: World, task: Task, entry: Any) -> dict[str, Any]:
    shape = frame(entry, task, origins(task.job.origin), world.profile)
    return {
        "at": entry.at / SECOND,
        "after": (entry.at - task.created_at) / SECOND,
        "event": type(entry.event).__name__,
        "frame": shape,
    }


def _webhook(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "task": hook.delivery.task_id,
        "url": hook.delivery.url,
        "at": hook.delivery.at / SECOND,
        "state": hook.state,
        "reason": hook.reason or None,
        "status": hook.status,
        "attempts": hook.attempts,
    }
