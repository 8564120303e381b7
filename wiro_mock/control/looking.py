"""Looking: tasks, requests, webhooks and backends, as the control API shows them. Nothing changes by it."""
# ruff: noqa: ARG001 -- every resource is given the same three things

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from wiro_mock.api.origin import origins
from wiro_mock.control.asking import Answer, Mistake, number, only_query
from wiro_mock.deliveries import Attempt, Webhook
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World


def list_tasks(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The remembered tasks, newest first, without their logs."""
    only_query(query, ("limit",))
    limit = number(query.get("limit", "100"), "limit")
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
    only_query(query, ("limit", "since", "task", "refused"))
    choices = {"true": True, "false": False, "": None}
    if (refused := query.get("refused", "")) not in choices:
        raise Mistake(f"refused is true or false, not {refused[:60]!r}")
    if not re.fullmatch(r"(?:(?:req-)?\d{1,18})?", since := query.get("since", "")):
        raise Mistake(f"since is the id of a request such as req-12, not {since[:60]!r}")
    entries = world.journal.entries(
        limit=int(number(query.get("limit", "100"), "limit")),
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


def show_backends(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The backends that are at work, also those whose tasks are over: they are stuck if they do not end within 5 s."""
    shown = [
        {"task": run.job.id, "backend": run.name, "thread": run.thread, "over": over, "stuck": run.is_stuck}
        for run, over in world.live.threads
    ]
    return 200, {"backends": shown}


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
