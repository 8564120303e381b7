"""What the control API does, without a transport: each resource is a function of the world and of JSON.

The table `RESOURCES` says what there is. Every function is called with the world locked and settled.
"""
# ruff: noqa: ARG001 -- every resource is given the same three things

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from wiro_mock.api.origin import origins
from wiro_mock.deliveries import Attempt, Webhook
from wiro_mock.kernel.account import concurrency_limit, usd
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.task import Task
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.mock import World
from wiro_mock.session_control import heard_wav, list_sessions, show_session

WAITING_SHOWN = 100

Answer: TypeAlias = tuple[int, object]
Handler: TypeAlias = Callable[[World, Mapping[str, Any], Mapping[str, str]], Answer]
"""Takes the world, the JSON body, and query and path parameters together; gives a status and JSON, or a `Download`."""


class Mistake(Exception):
    """A request to the control API that cannot be met; the message says why and what would help."""


def ready(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The server answers."""
    return 200, {"ready": True}


def list_tasks(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The remembered tasks, newest first, without their logs."""
    _only_query(query, ("limit",))
    limit = _number(query.get("limit", "100"), "limit")
    tasks = list(world.sim.tasks())[::-1][: int(limit)]
    return 200, {"tasks": [_task(world, task) for task in tasks], "forgotten": world.sim.forgotten}


def show_task(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """One task with its log, found by id or token."""
    name = query["task"]
    task = world.sim.task(name) or world.sim.task_by_token(name)
    if task is None:
        return 404, {"error": f"no task {name[:60]!r} here; GET /__wiro/tasks lists them"}
    log = [_entry(world, task, entry) for entry in world.sim.log(task.job.id)]
    webhooks = [_webhook(world, hook) for hook in world.webhooks if hook.delivery.task_id == task.job.id]
    return 200, {**_task(world, task), "log": log, "webhooks": webhooks}


def show_scenario(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The scenario that makes a finished task's log again, as YAML; and the files beside it, in base64."""
    from wiro_mock.recording import NotRecordable, record

    name = query["task"]
    task = world.sim.task(name) or world.sim.task_by_token(name)
    if task is None:
        return 404, {"error": f"no task {name[:60]!r} here; GET /__wiro/tasks lists them"}
    try:
        made = record(world.sim.log(task.job.id), world.blobs.read)
    except NotRecordable as error:
        raise Mistake(str(error)) from None
    except KeyError:
        raise Mistake(f"the files of task {task.job.id} have been deleted") from None
    files = {beside: base64.b64encode(data).decode() for beside, data in made.files.items()}
    return 200, {"scenario": made.text, "files": files}


def show_journal(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The latest requests; `limit`, `since` (an id), `task` and `refused=true|false` choose among them."""
    _only_query(query, ("limit", "since", "task", "refused"))
    choices = {"true": True, "false": False, "": None}
    if (refused := query.get("refused", "")) not in choices:
        raise Mistake(f"refused is true or false, not {refused[:60]!r}")
    if not re.fullmatch(r"(?:(?:req-)?\d{1,18})?", since := query.get("since", "")):
        raise Mistake(f"since is the id of a request such as req-12, not {since[:60]!r}")
    entries = world.journal.entries(
        limit=int(_number(query.get("limit", "100"), "limit")),
        since=since,
        task=query.get("task", ""),
        refused=choices[refused],
    )
    return 200, {"journal": [exchange.shown() for exchange in entries], "dropped": world.journal.dropped}


def explain_request(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Why a request was answered as it was, as lines of text."""
    from wiro_mock.explain import NoSuchRequest, explain  # what only a tester asks for, a start need not wait for

    try:
        return 200, {"request": query["request"], "lines": explain(world, query["request"])}
    except NoSuchRequest as error:
        return 404, {"error": str(error)}


def show_webhooks(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The webhooks, and what became of them."""
    return 200, {"webhooks": [_webhook(world, hook) for hook in world.webhooks]}


def show_time(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The present instant, the mode, the next instant at which something happens, and what the tasks wait for."""
    deadline = world.sim.next_deadline()
    unfinished = [task for task in world.sim.tasks() if not task.finished]
    return 200, {
        "mode": world.clock.mode,
        "now": world.sim.now / SECOND,
        "next": None if deadline is None else deadline / SECOND,
        "unfinished": len(unfinished),
        "waiting": [
            {"task": task.job.id, "status": task.status.value, "for": world.sim.waiting_for(task.job.id) or "time"}
            for task in unfinished[:WAITING_SHOWN]
        ],
    }


def change_time(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"advance": seconds or "2m"}` moves time on, `{"mode": "real|auto|manual|10x"}` changes how it passes."""
    _only(body, ("advance", "mode"))
    if not body:
        raise Mistake('send {"advance": SECONDS or "2m"}, {"mode": "real|auto|manual|10x"}, or both')
    length = _duration(body.get("advance", 0))
    if "mode" in body:
        world.set_time(_text(body, "mode"))
    if length:
        world.jump(world.sim.now + length)
    return show_time(world, {}, {})


def show_backends(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The backends that are at work, also those whose tasks are over: they are stuck if they do not end within 5 s."""
    shown = [
        {"task": run.job.id, "backend": run.name, "thread": run.thread, "over": over, "stuck": run.is_stuck}
        for run, over in world.live.threads
    ]
    return 200, {"backends": shown}


def show_holds(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The held tasks, and what each waits for."""
    return 200, {"holds": [{"task": task, "hold": hold} for task, hold in world.sim.holds().items()]}


def release_holds(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"task": id}`, `{"hold": name}`, both, or nothing for all: let held tasks go on."""
    _only(body, ("task", "hold"))
    task_id = str(body["task"]) if type(body.get("task")) is int else _text(body, "task", "")
    released = world.release(task_id=task_id, name=_text(body, "hold", ""))
    if not released:
        held = ", ".join(f"task {task} at {hold!r}" for task, hold in world.sim.holds().items()) or "no task"
        raise Mistake(f"nothing was released; held: {held}")
    return 200, {"released": released}


def show_account(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The account: money in USD as exact texts, its state, its limit of unfinished tasks (null for none)."""
    account = world.sim.account
    return 200, {
        "balance": plain(account.balance),
        "spent": plain(world.sim.spent),
        "suspended": account.suspended,
        "member": account.member,
        "limit": concurrency_limit(account.balance),
        "unfinished": world.sim.unfinished,
    }


def change_account(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"balance": "0.40" or 0.40, "suspended": true|false, "member": true|false}`: any of them, from now on."""
    _only(body, ("balance", "suspended", "member"))
    if not body:
        raise Mistake('send {"balance": USD}, {"suspended": true|false}, {"member": true|false}, or several of them')
    world.change_account(
        balance=_usd(body["balance"]) if "balance" in body else None,
        suspended=_truth(body, "suspended"),
        member=_truth(body, "member"),
    )
    return show_account(world, {}, {})


def list_inputs(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The URLs of which it is said what they hold, and what becomes of others."""
    return 200, {"inputs": [one.shown() for one in world.inputs], "undeclared": world.inputs.undeclared}


def declare_input(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"url": …, "text": …}` says what a URL holds; also `base64`, or `same_as` (the URL of an upload here), and
    `contenttype`. `{"undeclared": "echo|refuse"}` says what becomes of others.
    """
    _only(body, ("url", "text", "base64", "same_as", "contenttype", "undeclared"))
    if "undeclared" in body:
        if body["undeclared"] not in ("echo", "refuse"):
            raise Mistake(f"undeclared is echo or refuse, not {str(body['undeclared'])[:60]!r}")
        world.inputs.undeclared = body["undeclared"]
    if "url" in body or "undeclared" not in body:
        try:
            url = _text(body, "url", "")
            world.inputs.declare(url, _input_blob(world, body, url), where="POST /__wiro/inputs")
        except ValueError as error:
            raise Mistake(str(error)) from None
    return list_inputs(world, {}, {})


def clear_inputs(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Take back what was said of URLs, but for what scenarios say."""
    _only(body, ())
    return 200, {"cleared": world.inputs.forget()}


def _input_blob(world: World, body: Mapping[str, Any], url: str) -> Blob:
    """What the URL is to hold, in the store. Raises `ValueError` and `Mistake`."""
    from wiro_mock.inputs import type_of
    from wiro_mock.language.inputs import normal_url

    kind = _text(body, "contenttype", "") or type_of(b"", normal_url(url), None)
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?", kind, re.ASCII):
        raise Mistake(f"contenttype is a type such as image/png, not {kind[:60]!r}")
    given = [key for key in ("text", "base64", "same_as") if key in body]
    if len(given) != 1:
        raise Mistake('send one of "text", "base64" and "same_as" (the URL of an upload here) with "url"')
    value = _text(body, given[0])
    if given[0] == "same_as":
        if (held := world.held(value)) is None:
            raise Mistake(f"same_as is the URL of a file here, such as File/Upload answers with, not {value[:60]!r}")
        return world.inputs.again(held)
    return world.inputs.stored(_decoded(value) if given[0] == "base64" else value.encode(errors="replace"), kind)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Mistake("base64 is the bytes in base64 (RFC 4648 §4), without line ends") from None


def list_scenarios(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The scenarios by name, those asked for, and the complaints about files that an edit has broken."""
    scenarios = [
        {"scenario": scenario.name, "about": scenario.about, "source": scenario.source} for scenario in world.scenarios
    ]
    in_use = [use.shown() for use in world.uses]
    return 200, {"scenarios": scenarios, "in_use": in_use, "broken": world.casting.library.broken}


def use_scenario(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"scenario": name, "model": glob?, "times": n?}` plays it for the runs to come; a null name undoes that."""
    _only(body, ("scenario", "model", "times"))
    if "scenario" not in body:
        raise Mistake('send {"scenario": NAME}, or {"scenario": null} to let runs find theirs again')
    if body["scenario"] is None:
        world.use_none()
    else:
        times = body.get("times")
        if times is not None and (type(times) is not int or times < 1):
            raise Mistake(f"times is a whole number from 1, not {str(times)[:60]!r}")
        world.use(_text(body, "scenario"), model=_text(body, "model", "*"), times=times)
    return 200, {"in_use": [use.shown() for use in world.uses]}


def show_faults(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The armed faults, and the fault sets: those that there are, and those that are armed."""
    return 200, {
        "faults": [fault.shown() for fault in world.faults],
        "sets": [{"set": one.name, "about": one.about} for one in world.casting.library.fault_sets],
        "armed_sets": [{"set": armed.of.name, "delayed": armed.delayed} for armed in world.fault_sets],
    }


def arm_faults(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"set": "bad-day"}` arms a fault set, `{"on": "Run", "do": "reset"}` a fault in the words of the YAML."""
    from wiro_mock.faults.armed import Fault, unmeetable
    from wiro_mock.loader import make_fault

    if "set" in body:
        _only(body, ("set",))
        world.arm_set(_text(body, "set"), where="POST /__wiro/faults", optional=True)
    else:
        task_id = str(body.get("task") or "")
        item = make_fault({key: value for key, value in body.items() if key != "task"})
        if task_id and (why := unmeetable(item, world.sim.task(task_id), task_id)):
            raise Mistake(why)
        world.faults.arm(Fault(item=item, scope=task_id, task_id=task_id, where="POST /__wiro/faults", optional=True))
    return show_faults(world, {}, {})


def clear_faults(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Disarm all faults and fault sets."""
    _only(body, ())
    return 200, {"cleared": world.clear_faults()}


def reset(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Begin anew: no tasks, files, journal; the same seed and credentials."""
    _only(body, ())
    world.reset()
    return 200, {"reset": True}


def show_openapi(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The REST API as OpenAPI 3.1, in the world's revision; `server` says at which address."""
    from wiro_mock.api.rest_document import document  # what only a tester asks for, a start need not wait for

    _only_query(query, ("server",))
    return 200, document(query.get("server", "/"), world.profile)


RESOURCES: Mapping[str, Mapping[str, Handler]] = {
    "/ready": {"GET": ready},
    "/tasks": {"GET": list_tasks},
    "/tasks/{task}": {"GET": show_task},
    "/tasks/{task}/scenario": {"GET": show_scenario},
    "/sessions": {"GET": list_sessions},
    "/sessions/{task}.wav": {"GET": heard_wav},
    "/sessions/{task}": {"GET": show_session},
    "/journal": {"GET": show_journal},
    "/explain/{request}": {"GET": explain_request},
    "/webhooks": {"GET": show_webhooks},
    "/time": {"GET": show_time, "POST": change_time},
    "/backends": {"GET": show_backends},
    "/holds": {"GET": show_holds},
    "/holds/release": {"POST": release_holds},
    "/account": {"GET": show_account, "POST": change_account},
    "/inputs": {"GET": list_inputs, "POST": declare_input},
    "/inputs/clear": {"POST": clear_inputs},
    "/scenarios": {"GET": list_scenarios},
    "/scenarios/use": {"POST": use_scenario},
    "/faults": {"GET": show_faults, "POST": arm_faults},
    "/faults/clear": {"POST": clear_faults},
    "/reset": {"POST": reset},
    "/openapi": {"GET": show_openapi},
}
"""Every path under `/__wiro`, with what it does for each verb."""


def _only(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := [name for name in body if name not in known]:
        way = did_you_mean(unknown[0], known, what="the keys here") if known else "there are none here"
        raise Mistake(f"unknown key {unknown[0][:60]!r}; {way}")


def _only_query(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    if unknown := [name for name in query if name not in known]:
        raise Mistake(
            f"unknown parameter {unknown[0][:60]!r}; {did_you_mean(unknown[0], known, what='the parameters here')}"
        )


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Mistake(f"{name} is a text, not {str(value)[:60]!r}")
    return value


def _truth(body: Mapping[str, Any], name: str) -> bool | None:
    if name in body and not isinstance(body[name], bool):
        raise Mistake(f"{name} is true or false, not {str(body[name])[:60]!r}")
    return body.get(name)


def _usd(value: object) -> Decimal:
    try:
        return usd(value)
    except ValueError as error:
        raise Mistake(f"balance {error}") from None


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
        "cost": None if task.cost is None else plain(task.cost),
        "created": task.created_at / SECOND,
        "waits_for": world.sim.waiting_for(task.job.id) or None,
    }


def _entry(world: World, task: Task, entry: Any) -> dict[str, Any]:
    from wiro_mock.api.frames import frame

    shape = frame(entry, task, origins(task.job.origin), world.profile)
    return {
        "at": entry.at / SECOND,
        "after": (entry.at - task.created_at) / SECOND,
        "event": type(entry.event).__name__,
        "frame": shape,
    }


def _webhook(world: World, hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "task": hook.delivery.task_id,
        "url": world.journal.clean(hook.delivery.url),
        "at": hook.delivery.at / SECOND,
        "state": hook.state,
        "reason": hook.reason or None,
        "status": hook.status,
        "attempts": hook.attempts,
        "due": hook.due / SECOND,
        "fault": hook.fault or None,
        "tries": [_attempt(world, one) for one in tuple(hook.tries)],
    }


def _attempt(world: World, one: Attempt) -> dict[str, Any]:
    clean = world.journal.clean
    return {
        "at": one.at / SECOND,
        "request": {"method": "POST", "size": one.size, "body": clean(one.sent.decode("utf-8", "replace"))},
        "response": None
        if one.status is None
        else {
            "status": one.status,
            "headers": [[name, clean(value)] for name, value in one.headers],
            "body": clean(one.answer.decode("utf-8", "replace")),
        },
        "seconds": round(one.seconds, 6),
        "error": clean(one.error) or None,
    }
