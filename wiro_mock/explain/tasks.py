"""The task that a request is about: where it stood when it was answered, where it stands, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from wiro_mock.api.body import text_of
from wiro_mock.api.tasks import ANY, TOKENS
from wiro_mock.deliveries import Webhook
from wiro_mock.explain.layout import Row
from wiro_mock.explain.runs import source_of
from wiro_mock.journal import Exchange
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.task import Task, fold
from wiro_mock.mock import World


def rows(world: World, exchange: Exchange) -> Iterator[Row]:
    """Then and now; nothing where the request is about no task."""
    outcome = exchange.outcome
    task = find(world, exchange)
    if task is None:
        if outcome.task_id:
            yield Row("task", f"{outcome.task_id} has been forgotten since")
        return
    is_run = outcome.operation in ("Run", "Run/sync")
    yield Row("task", task.job.id if is_run else f"{task.job.id}, {task.job.model.name}, {_played(world, task)}")
    if outcome.seen:
        yield Row("then", _stand(fold(world.sim.log(task.job.id)[: outcome.seen])))
    yield Row("now", f"{_stand(task)}{_waits(world, task)}")
    for hook in world.webhooks:
        if hook.delivery.task_id == task.job.id:
            yield Row("webhook", _webhook(hook))


def find(world: World, exchange: Exchange) -> Task | None:
    """The task that was answered for, or that a refused request names."""
    if exchange.outcome.task_id:
        return world.sim.task(exchange.outcome.task_id)
    if exchange.outcome.operation.startswith("Task/"):
        for name in ANY:
            if text := text_of(exchange.fields, name):
                return world.sim.task_by_token(text) if name in TOKENS else world.sim.task(text)
    return None


def _webhook(hook: Webhook) -> str:
    """Where it goes, what became of it, and of each attempt."""
    tries = "; ".join(
        f"attempt {number}: {one.status or one.error or 'no answer yet'}, {one.seconds * 1000:.0f} ms"
        for number, one in enumerate(tuple(hook.tries), 1 + hook.attempts - len(hook.tries))
    )
    told = f"{hook.id} to {hook.delivery.url}: {hook.state}{f', {hook.reason}' if hook.reason else ''}"
    return "; ".join(filter(None, (told, tries, hook.fault if hook.fault not in hook.reason else "")))


def _played(world: World, task: Task) -> str:
    source = source_of(world, task.job.scenario)
    return f"plays '{task.job.scenario}'" + (f" ({source})" if source else "")


def _stand(task: Task) -> str:
    ended = f", exit code {task.exit_code}" if task.exit_code is not None else ""
    return f"{task.status}{ended}"


def _waits(world: World, task: Task) -> str:
    """What an unfinished task waits for, and how it gets it."""
    if task.finished:
        return ""
    what = world.sim.waiting_for(task.job.id)
    if what.startswith("the hold"):
        return f', waits for {what}: wiro.release("{task.job.id}") or POST /__wiro/holds/release'
    if what:
        return f", waits for {what}"
    due = world.sim.next_deadline()
    if world.clock.mode != "manual" or due is None:
        return ", waits for time to pass"
    seconds = f"{(due - world.sim.now) / SECOND:g}s"
    return f', waits for time to pass: something is due in {seconds}: wiro.jump("{seconds}")'
