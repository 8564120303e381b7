"""Small clients of the Wiro API: two careful ones, and three with a mistake each that is made in the wild.

Each makes one run and says whether it was a success; none may go on for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import httpx

from wiro_mock import Scenario
from wiro_mock.api.socket import Conversation
from wiro_mock.library import WiroMock

MOST_POLLS: Final = 5
"""In automatic time the first poll tells of the end, if there is one."""
API: Final = "https://api.wiro.ai/v1"


class NeverEndsError(Exception):
    """The client would have gone on for ever."""


class Api:
    """Wiro as these clients know it: Run, polls of Detail, and the frames of the socket."""

    def __init__(self, wiro: WiroMock, http: httpx.Client) -> None:
        self._wiro = wiro
        self._http = http

    def run(self) -> dict[str, Any] | None:
        """The answer of Run; None for a refusal."""
        answer: dict[str, Any] = self._http.post("/Run/moondream3-preview/caption", json={"prompt": "a cat"}).json()
        return answer if answer["result"] else None

    def polls(self, task_id: str) -> Iterator[dict[str, Any]]:
        """The task as Detail shows it, again and again."""
        for _ in range(MOST_POLLS):
            yield self._http.post("/Task/Detail", json={"taskid": task_id}).json()["tasklist"][0]
        raise NeverEndsError

    def frames(self, token: str) -> Iterator[dict[str, Any]]:
        """What the socket says about the task, without a socket."""
        world = self._wiro.world
        socket = Conversation(world, API)
        socket.receive(json.dumps({"type": "task_info", "tasktoken": token}))
        while True:
            for text in socket.pending():
                yield json.loads(text)
            if (deadline := world.sim.next_deadline()) is None:
                raise NeverEndsError
            world.jump(deadline)


Client: TypeAlias = Callable[[Api], bool]


def careful(api: Api) -> bool:
    """Both ends end it, and `pexit` alone says how."""
    run = api.run()
    if run is None:
        return False
    ends = ("task_postprocess_end", "task_cancel")
    last = next(task for task in api.polls(run["taskid"]) if task["status"] in ends)
    return bool(last["pexit"] == "0")


def careful_listener(api: Api) -> bool:
    """The same over the socket."""
    run = api.run()
    if run is None:
        return False
    return next(frame for frame in api.frames(run["socketaccesstoken"]) if frame["terminal"])["success"] is True


def takes_the_end_for_success(api: Api) -> bool:
    """The mistake: `task_postprocess_end` is the end of failures too."""
    run = api.run()
    if run is None:
        return False
    statuses = (task["status"] for task in api.polls(run["taskid"]))
    end = next(status for status in statuses if status in ("task_postprocess_end", "task_cancel"))
    return bool(end == "task_postprocess_end")


def waits_for_ever_for_a_cancelled_task(api: Api) -> bool:
    """The mistake: `task_cancel` is an end as well."""
    run = api.run()
    if run is None:
        return False
    last = next(task for task in api.polls(run["taskid"]) if task["status"] == "task_postprocess_end")
    return bool(last["pexit"] == "0")


def takes_stderr_for_failure(api: Api) -> bool:
    """The mistake: a `task_error` frame is a line on stderr, and no end."""
    run = api.run()
    if run is None:
        return False
    ends = ("task_postprocess_end", "task_cancel", "task_error")
    frame = next(frame for frame in api.frames(run["socketaccesstoken"]) if frame["type"] in ends)
    return frame["type"] != "task_error" and frame["success"] is True


def is_wrong(client: Client, scenario: Scenario) -> bool:
    """Whether the client goes on for ever, or tells what is not so."""
    with (
        WiroMock(scenario=scenario, key_only=True, time="auto") as wiro,
        wiro.respx(),
        httpx.Client(base_url=API, headers={"x-api-key": wiro.api_key}, verify=False) as http,
    ):
        try:
            told = client(Api(wiro, http))
        except NeverEndsError:
            return True
        wiro.jump("1h")  # a client that gave up early does not make a success a failure
        return told is not any(task.succeeded for task in wiro.tasks)
