"""Synchronous runs (rest.md §2.1): the task in the answer to its run, at once or as it goes on. Two runs more."""

from __future__ import annotations

from typing import Any

from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.checks.tasks import DetailEnvelope
from wiro_mock.contract.compare import shown
from wiro_mock.contract.extras import streamed, synchronous
from wiro_mock.contract.promise import Broken, Promise, Unmet, expect, field
from wiro_mock.contract.service import Service
from wiro_mock.sources import NEWEST

ANSWERS, STREAMS = "sync.answers_with_the_task", "sync.streams_events"


def check_answers_with_the_task(wiro: Service) -> None:
    """`Run/…/sync` answers when the task has ended, in the envelope of Detail."""
    answer = synchronous(wiro)
    if answer.status != 200:
        raise Broken("HTTP 200", f"HTTP {answer.status}: {shown(answer.json)}")
    wiro.compare(answer.json, DetailEnvelope)


def check_task_has_ended(wiro: Service) -> None:
    """The task in that answer has succeeded."""
    answer = synchronous(wiro)
    listed = field(answer.json, "tasklist", list, told_by=ANSWERS)
    got = [(one.get("status"), one.get("pexit")) for one in listed if isinstance(one, dict)]
    expect([("task_postprocess_end", "0")], got, what="status and pexit")


def check_streams_events(wiro: Service) -> None:
    """With `stream=true` the answer is a stream of server-sent events that begins with `start` and ends with `done`."""
    names = [name for name, _ in streamed(wiro)]
    got = (names[:1], names[-1:])
    expect((["start"], ["done"]), got, what="the first and the last event")


def check_last_event_is_the_task(wiro: Service) -> None:
    """The data of `done` is the answer of Detail, of a task that has ended."""
    name, data = streamed(wiro)[-1] if streamed(wiro) else ("", None)
    if name != "done":
        raise Unmet(STREAMS)
    wiro.compare(data, DetailEnvelope)
    expect("task_postprocess_end", wiro.task_in(data).get("status"), what="status")


def _promise(check: Any, *needs: str) -> Promise:
    return Promise(area="sync", check=check, cost="runs a model", source=NEWEST, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_answers_with_the_task),
    _promise(check_task_has_ended, ANSWERS),
    _promise(check_streams_events),
    _promise(check_last_event_is_the_task, STREAMS),
)
