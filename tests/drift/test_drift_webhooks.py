"""Webhooks: a drifted one is found, named, and nothing else; what nobody can know is no drift."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.kit import contract_world
from tests.drift.kit import drift, edited, lines, probed
from tests.drift.test_drift_alarms import client
from tests.drift.test_drift_command import play
from wiro_mock.contract.receiver import Receiver
from wiro_mock.drift.hooks import PATIENCE
from wiro_mock.drift.takes import ABSENT, Hook, Take
from wiro_mock.kernel.events import SECOND

Edit = Callable[[Hook], list[Hook]]


def body(edit: Callable[[dict[str, Any]], Any]) -> Edit:
    """The task in the body is edited."""

    def change(hook: Hook) -> list[Hook]:
        made = copy.deepcopy(hook.body)
        edit(made["tasklist"][0])
        return [replace(hook, body=made)]

    return change


def by_header(name: str, value: str) -> Edit:
    return lambda hook: [replace(hook, headers={**hook.headers, name: value})]


def later(seconds: int) -> Edit:
    return lambda hook: [replace(hook, at=hook.at + seconds * SECOND)]


def at_the_start_too(hook: Hook) -> list[Hook]:
    return [*body(lambda task: task.update(status="task_start", outputs=[]))(hook), hook]


HOOKS: dict[str, tuple[Edit, str, str, str, str]] = {
    "a field of another type": (
        body(lambda task: task.update(size=1)),
        "mock wrong",
        "webhook tasklist[0].size: the mock sends a string",
        "the number 1",
        "(TaskShape.size)",
    ),
    "a new field": (
        body(lambda task: task.update(event="done")),
        "upstream new",
        "webhook tasklist[0].event",
        '"done"',
        "add it to wiro_mock/shapes.py:",
    ),
    "another exit code": (
        body(lambda task: task.update(pexit="7")),
        "mock wrong",
        'webhook tasklist[0].pexit: the mock sends "0", as the frames tell',
        '"7"',
        "wiro_mock/mock/world.py:",
    ),
    "the outputs not there yet": (
        body(lambda task: task.update(outputs=[])),
        "mock wrong",
        "webhook tasklist[0].outputs",
        "none",
        "wiro_mock/mock/world.py:",
    ),
    "no JSON": (lambda hook: [replace(hook, body=ABSENT)], "mock wrong", "webhook body", "no JSON", "world.py:"),
    "a form": (
        by_header("content-type", "application/x-www-form-urlencoded"),
        "mock wrong",
        "webhook content-type",
        '"application/x-www-form-urlencoded"',
        "wiro_mock/webhook_sending.py:",
    ),
    "signed": (
        by_header("x-wiro-signature", "abc"),
        "upstream new",
        "webhook header x-wiro-signature: the mock sends none",
        '"abc"',
        "add it to wiro_mock/webhook_sending.py:",
    ),
    "posted twice": (
        lambda hook: [hook, hook],
        "mock wrong",
        "webhooks of a task: the mock sends 1 (task_postprocess_end)",
        "2 (task_postprocess_end, task_postprocess_end)",
        "wiro_mock/kernel/writer.py:",
    ),
    "at the start, too": (
        at_the_start_too,
        "mock wrong",
        "webhooks of a task",
        "2 (task_start, task_postprocess_end)",
        "wiro_mock/kernel/writer.py:",
    ),
    "none": (lambda _: [], "mock wrong", "webhooks of a task", "none", "wiro_mock/kernel/writer.py:"),
    "late": (
        later(60),
        "upstream new",
        "Run/pruna/p-image webhook: the mock sends one at the end",
        "s after the end",
        "{on: webhook, do: {latency: 60s}}",
    ),
    "before the end": (
        later(-60),
        "upstream new",
        "Run/pruna/p-image webhook",
        "s before the end",
        "wiro_mock/kernel/writer.py:",
    ),
    "tried again after a refusal": (
        lambda hook: [replace(hook, answered=500), hook],
        "documentation differs",
        "webhooks of a task",
        "2 (",
        "--switch callback_attempts=2 (wiro_mock/api/profile.py:",
    ),
    "the bare task": (
        lambda hook: [replace(hook, body=hook.body["tasklist"][0])],
        "documentation differs",
        "webhook body: the mock sends a tasklist",
        "the bare task",
        "--switch callback_shape=task (wiro_mock/api/profile.py:",
    ),
}


def with_hooks(edit: Edit, *, listened: float = PATIENCE) -> Take:
    """The probe's take with edited webhooks, for which was listened so many seconds after the end."""
    take = probed()
    (hook,) = take.hooks
    end = max(one.at for one in take.streams[hook.task])
    return replace(take, hooks=tuple(edit(hook)), awaited={hook.task: end + round(listened * SECOND)})


@pytest.mark.parametrize("case", HOOKS)
def test_a_drifted_webhook_is_found(case: str) -> None:
    """By one finding that names the place, both values, and what to change."""
    edit, level, what, live, change = HOOKS[case]
    (line,) = lines(drift(with_hooks(edit)))
    assert line.startswith(f"{level}: {what}")
    said, _, remedy = line.partition("this service ")[2].partition("; ")
    assert live in said, line
    assert change in remedy, line


def test_a_drift_of_tasks_is_told_once_though_webhooks_have_it_too() -> None:
    """The webhook is one of the places."""
    wrong = body(lambda task: task.update(size=1))
    take = replace(with_hooks(wrong), exchanges=edited(probed(), answer=_sized).exchanges)
    (found,) = drift(take).findings
    assert found.what == "Task/Detail tasklist[0].size"
    assert "the webhook" in found.places


def _sized(path: str, status: int, value: Any) -> tuple[int, Any]:
    for task in value.get("tasklist", []) if isinstance(value, dict) else []:
        task["size"] = 1
    return status, value


def test_a_webhook_that_may_still_come_is_not_missing() -> None:
    """It is said that it was not compared, and for how long one listened."""
    found = drift(with_hooks(lambda _: [], listened=2))
    assert lines(found) == []
    assert found.not_compared == [
        "the webhook of Run/pruna/p-image: none came while one listened, which was less than 10 s"
    ]


def test_webhooks_that_went_elsewhere_are_not_missing() -> None:
    """And how to have them come by is said."""
    found = drift(replace(probed(), hooks=(), awaited={}))
    assert lines(found) == []
    (said,) = found.not_compared
    assert "wiro-mock record --callbacks URL" in said


def test_a_cancelled_task_without_a_webhook_is_told_with_the_switch() -> None:
    """As a service of another profile would have it."""
    world = contract_world(time="manual")
    take = client(world, "caption", "moondream3-preview/caption", ["cancel"])
    world.close()
    (hook,) = take.hooks
    assert lines(drift(take, scenario="caption")) == []
    gone = replace(take, hooks=(), awaited={hook.task: hook.at + 60 * SECOND})
    (found,) = drift(gone, scenario="caption").findings
    assert found.switch == "callback_on_cancel=false"


# -- a live service ------------------------------------------------------------------------------------


def target_without_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock itself, whose webhooks never leave the house."""

    async def post(self: object, webhook: Any) -> None:
        webhook.end("not posted", "lost on the way")

    monkeypatch.setattr("wiro_mock.webhooks.Poster.post", post)
    monkeypatch.setattr("wiro_mock.drift.hearing.PATIENCE", 0.2)
    monkeypatch.setattr("wiro_mock.drift.hooks.PATIENCE", 0.2)


def test_a_service_that_may_not_reach_this_machine_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would settle it is said."""
    target_without_webhooks(monkeypatch)
    done = play("--target", "mock")
    assert done.exit_code == 0
    assert "webhooks: none came, and whether this service can reach http://127.0.0.1:" in done.stdout


def test_a_service_that_was_told_how_to_reach_this_machine_and_does_not_post_has_drifted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By an address that leads to the port."""
    target_without_webhooks(monkeypatch)
    done = play("--target", "mock", "--callbacks", "https://tunnel.example/hooks")
    assert done.exit_code == 1
    assert "webhooks of a task: the mock sends 1 (task_postprocess_end), this service none; change " in done.stdout


def test_a_port_that_is_taken_is_one_sentence() -> None:
    """With the way out."""
    with Receiver() as other:
        port = other.url.rpartition(":")[2].partition("/")[0]
        done = play("--target", "mock", "--callbacks-port", port)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"wiro-mock: nobody can listen at port {port} (")
    assert done.stderr.count("\n") == 1


def test_an_address_that_is_none_is_refused() -> None:
    """Before anything is asked."""
    done = play("--target", "mock", "--callbacks", "here")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--callbacks: 'here' is no http or https URL; write all of it" in done.stderr
