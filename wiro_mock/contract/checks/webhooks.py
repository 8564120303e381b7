"""Webhooks (rest.md §6), where the service can reach this machine: from this machine itself. One run more.

Nobody documents the body. That it is Detail's answer is our choice; the one known receiver takes the bare task, too.
"""

from __future__ import annotations

from typing import Any

from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.checks.tasks import DetailEnvelope
from wiro_mock.contract.extras import called_back
from wiro_mock.contract.promise import Broken, Promise, expect
from wiro_mock.contract.service import Service
from wiro_mock.sources import APRIL, GUESS, WEBHOOK_RECEIVER

IS_POSTED = "webhooks.is_posted"


def check_is_posted(wiro: Service) -> None:
    """A run that names a `callbackUrl` is told of when it has ended, by a POST."""
    posts = called_back(wiro).posts
    if not posts:
        raise Broken("a POST to callbackUrl", "none")


def check_is_json(wiro: Service) -> None:
    """The post is JSON, and says so."""
    kind = called_back(wiro).posts[0].contenttype.partition(";")[0].strip()
    expect("application/json", kind, what="content type")


def check_is_the_task(wiro: Service) -> None:
    """Its body has the task that has ended, with its status: in a `tasklist`, or bare."""
    body = called_back(wiro).posts[0].json
    if isinstance(body, dict) and "tasklist" not in body and "status" in body:
        wiro.differs("body of a webhook", "a tasklist", "the task", switch="callback_shape=task")
        body = {"tasklist": [body]}
    task = wiro.task_in(body)
    got = (str(task.get("id")) == called_back(wiro).run.task_id, task.get("status"))
    expect((True, "task_postprocess_end"), got, what="whether it is the task, and its status,")


def check_is_details_answer(wiro: Service) -> None:
    """Its envelope is that of Detail."""
    body = called_back(wiro).posts[0].json
    if isinstance(body, dict) and "tasklist" not in body and "status" in body:
        return  # told by another promise
    wiro.compare(body, DetailEnvelope)


def _promise(check: Any, source: Any, *needs: str) -> Promise:
    return Promise(area="webhooks", check=check, cost="runs a model", source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_is_posted, APRIL),
    _promise(check_is_json, WEBHOOK_RECEIVER, IS_POSTED),
    _promise(check_is_the_task, WEBHOOK_RECEIVER, IS_POSTED),
    _promise(check_is_details_answer, GUESS, IS_POSTED),
)
