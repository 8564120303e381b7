"""What is done only where it is asked for, since it costs more or leaves something: an upload, synchronous runs, a
webhook, a language model, a realtime session. Each once, and shared by all checks that look at it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from wiro_mock.contract.client import Answer, is_own
from wiro_mock.contract.listener import ENDS
from wiro_mock.contract.made import CheapModel, Finished, Run
from wiro_mock.contract.promise import NotVerified, Trouble
from wiro_mock.contract.receiver import Post, Receiver
from wiro_mock.contract.service import Service

UPLOADED = ("wiro-mock-contract.txt", b"an upload of wiro-mock's contract suite\n", "text/plain")
"""Name, bytes and type of what is uploaded."""
SYNC_PATIENCE = 180.0
"""Seconds that a synchronous run may take."""
WEBHOOK_PATIENCE = 10.0
"""Seconds after the end of a task in which its webhook is to come. Ours; no source says any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledBack:
    """A run that named this machine as its `callbackUrl`, and what was posted there."""

    run: Run
    posts: Sequence[Post]


def uploaded(wiro: Service) -> Answer:
    """The answer to an upload."""
    return wiro.once("uploaded", partial(_upload, wiro))


def _upload(wiro: Service) -> Answer:
    answer = wiro.http.upload("File/Upload", *UPLOADED)
    listed = answer.json.get("list") if isinstance(answer.json, dict) else None
    ids = (
        [str(one.get("id")) for one in listed if isinstance(one, dict) and one.get("id")]
        if isinstance(listed, list)
        else []
    )
    wiro.uploads.extend(ids)
    return answer


def synchronous(wiro: Service) -> Answer:
    """The answer to a synchronous run."""
    return wiro.once("synchronous", partial(_synchronous, wiro))


def _synchronous(wiro: Service) -> Answer:
    wiro.check_room()
    answer = wiro.http.post(f"Run/{wiro.model.path}/sync", wiro.model.inputs, patience=SYNC_PATIENCE)
    _remember(wiro, answer.json)
    return answer


def streamed(wiro: Service) -> list[tuple[str, Any]]:
    """The events of a synchronous run that streams: names, and their JSON."""
    return wiro.once("streamed", partial(_streamed, wiro))


def _streamed(wiro: Service) -> list[tuple[str, Any]]:
    wiro.check_room()
    text = wiro.http.text(f"Run/{wiro.model.path}/sync?stream=true", wiro.model.inputs, patience=SYNC_PATIENCE)
    events = list(map(_event, text.replace("\r\n", "\n").split("\n\n")))
    found = [(name, data) for name, data in events if name]
    for _, data in found:
        _remember(wiro, data)
    return found


def _event(block: str) -> tuple[str, Any]:
    """Name and JSON of an event; without a name, a comment."""
    fields = [line.partition(":") for line in block.split("\n")]
    name = next((value.strip() for key, _, value in fields if key == "event"), "")
    text = "\n".join(value.strip() for key, _, value in fields if key == "data")
    try:
        return name, json.loads(text) if name else None
    except (ValueError, RecursionError):
        return name, text


def _remember(wiro: Service, value: Any) -> None:
    """Tasks that an answer tells of are to be over in the end."""
    listed = value.get("tasklist") if isinstance(value, dict) else None
    for task in listed if isinstance(listed, list) else ():
        if isinstance(task, dict) and task.get("id") and all(run.task_id != str(task["id"]) for run in wiro.started):
            answer = Answer(call="Run", status=200, json=value)
            token = str(task.get("socketaccesstoken") or "")
            wiro.started.append(Run(answer=answer, task_id=str(task["id"]), token=token))


def called_back(wiro: Service) -> CalledBack:
    """A run that posts to this machine, where the service is on it."""
    return wiro.once("called back", partial(_call_back, wiro))


def _call_back(wiro: Service) -> CalledBack:
    if not is_own(wiro.http.base_url):
        raise NotVerified("the service cannot reach this machine: webhooks are checked of one that runs on it")
    with Receiver() as receiver:
        run = wiro.run({**wiro.model.inputs, "callbackUrl": receiver.url})
        wiro.look(run)
        receiver.wait(WEBHOOK_PATIENCE)
        return CalledBack(run=run, posts=tuple(receiver.posts))


def answered(wiro: Service) -> Finished:
    """The run of a language model."""
    return wiro.ended(wiro.once("answered", partial(_answer, wiro)))


def _answer(wiro: Service) -> Finished:
    return wiro.follow(_run_of(wiro, wiro.speaker, "language model"))


def session(wiro: Service) -> list[dict[str, Any]]:
    """The frames of a realtime session, which is ended when it has said something."""
    return wiro.once("session", partial(_session, wiro))


def _session(wiro: Service) -> list[dict[str, Any]]:
    run = _run_of(wiro, wiro.talker, "model with realtime sessions")
    frames: list[dict[str, Any]] = []
    is_ending = False
    with wiro.listen() as socket:
        socket.register(run.token)
        while frame := socket.frame():
            frames.append(frame)
            if frame["type"] in ENDS:
                break
            if frame["type"] == "task_stream_end" and not is_ending:
                is_ending = True
                socket.say({"type": "task_session_end", "tasktoken": run.token})
    return frames


def _run_of(wiro: Service, model: CheapModel | None, what: str) -> Run:
    if model is None:
        raise NotVerified(f"there is no {what} that the suite knows how to run")
    answer = wiro.try_run(model.path, model.inputs)
    if not wiro.started or wiro.started[-1].answer is not answer:
        raise Trouble(f"{answer.call}: the run was refused: {answer.error[0]} {answer.error[1]!r}")
    return wiro.started[-1]
