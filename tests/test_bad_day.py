"""Clients on a bad day: a careful one gets its result and pays once; each naive one fails, and the report says how."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import httpx
import pytest

from wiro_mock.library import WiroMock

API: Final = "https://api.wiro.ai/v1"
RUN: Final = "/Run/moondream3-preview/caption"
ENDS: Final = ("task_postprocess_end", "task_cancel")
TRIES: Final = 20
PROMPT: Final = "order 4711"
AGAIN: Final = (408, 429, 500, 502, 503, 504)


class GaveUpError(Exception):
    """The client has tried often enough."""


# -- a careful client ------------------------------------------------------------------------------------


def ask(http: httpx.Client, path: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """An answer that can be used; None where it is not known what became of the request."""
    try:
        answer = http.post(path, json=fields)
        if answer.status_code in AGAIN:
            time.sleep(float(answer.headers.get("retry-after", "1")))
            return {"again": True} if answer.status_code == 429 else None
        made = answer.json()
    except (httpx.TransportError, ValueError):
        time.sleep(1)
        return None
    return made if isinstance(made, dict) else None


def surely(http: httpx.Client, path: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question, which may be asked as often as one likes."""
    for _ in range(TRIES):
        answer = ask(http, path, fields)
        if answer is not None and "again" not in answer:
            return answer
    raise GaveUpError(path)


def run_once(http: httpx.Client) -> str:
    """Start the run, once: where it is not known whether it has started, look before sending it again."""
    for _ in range(TRIES):
        answer = ask(http, RUN, {"prompt": PROMPT})
        if answer is None:
            tasks = surely(http, "/Task/List", {"type": "model"})["tasklist"]
            found = [task["id"] for task in tasks if task["parameters"].get("prompt") == PROMPT]
            if found:
                return str(found[0])
        elif answer.get("result"):
            return str(answer["taskid"])
        elif answer.get("errors", [{}])[0].get("code") == 96:
            time.sleep(5)
    raise GaveUpError(RUN)


def download(http: httpx.Client, url: str) -> bytes:
    """A file, whole."""
    for _ in range(TRIES):
        try:
            answer = http.get(url)
        except httpx.TransportError:
            time.sleep(1)
            continue
        if answer.status_code == 200 and len(answer.content) == int(answer.headers["content-length"]):
            return answer.content
        time.sleep(1)
    raise GaveUpError(url)


def careful(http: httpx.Client) -> bytes:
    """Asks again where that is harmless, waits as it is told, and never sends a run blindly."""
    task_id = run_once(http)
    for _ in range(TRIES):
        (task,) = surely(http, "/Task/Detail", {"taskid": task_id})["tasklist"]
        if task["status"] in ENDS:
            assert task["pexit"] == "0"
            return download(http, task["outputs"][0]["url"])
        time.sleep(2)
    raise GaveUpError(task_id)


# -- naive ones ------------------------------------------------------------------------------------------


def trusts_every_answer(http: httpx.Client) -> bytes:
    """The mistake: what comes is taken for the JSON that was hoped for."""
    task_id = http.post(RUN, json={"prompt": PROMPT}).json()["taskid"]
    while True:
        (task,) = http.post("/Task/Detail", json={"taskid": task_id}).json()["tasklist"]
        if task["status"] in ENDS:
            return http.get(task["outputs"][0]["url"]).content


def sends_everything_again(http: httpx.Client) -> bytes:
    """The mistake: a run whose answer is lost may have started, and is sent again all the same."""
    task_id = insist(lambda: http.post(RUN, json={"prompt": PROMPT}).json()["taskid"])
    task = insist(lambda: http.post("/Task/Detail", json={"taskid": task_id}).json()["tasklist"][0])
    return bytes(insist(lambda: http.get(task["outputs"][0]["url"]).raise_for_status().content))


def insist(send: Callable[[], Any]) -> Any:
    for _ in range(TRIES):
        try:
            return send()
        except (httpx.HTTPError, ValueError, TypeError, KeyError):
            continue
    raise GaveUpError


def asks_once_for_the_file(http: httpx.Client) -> bytes:
    """The mistake: everything is done with care, but the file, which is kept whatever came."""
    task_id = run_once(http)
    task = surely(http, "/Task/Detail", {"taskid": task_id})["tasklist"][0]
    return http.get(task["outputs"][0]["url"]).content


Client: TypeAlias = Callable[[httpx.Client], bytes]


@contextmanager
def bad_day(seed: int) -> Iterator[tuple[WiroMock, httpx.Client]]:
    """A Wiro on a bad day, and a client of it whose sleeping moves the clock."""
    wiro = WiroMock(seed=seed, key_only=True, time="auto")
    headers = {"x-api-key": wiro.api_key}
    try:
        with wiro.respx(), httpx.Client(base_url=API, headers=headers, timeout=30) as http:
            wiro.patch_sleep(__name__)
            wiro.faults("bad-day")
            yield wiro, http
    finally:
        wiro.close()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["bad-day", "flaky-network", "rate-limited", "slow-gpu", "cold-start"])
def test_a_careful_client_survives_every_set(name: str, seed: int) -> None:
    """One task, one bill, the whole file; twice in a row, for the second run of a bad day meets other things."""
    with bad_day(seed) as (wiro, http):
        wiro.world.clear_faults()
        wiro.faults(name, optional=True)
        if name == "bad-day":  # the first run is refused; the second is the one whose answer is lost
            assert http.post(RUN, json={}).status_code == 429
        assert careful(http) == wiro.tasks[0].outputs[0].read()
        assert [task.succeeded for task in wiro.tasks] == [True]
        assert wiro.account.spent == wiro.tasks[0].cost
        assert wiro.problems() == []


def met(http: httpx.Client, path: str) -> str:
    """What became of one run, as its client sees it."""
    try:
        answer = http.post(path, json={"prompt": PROMPT})
    except httpx.TransportError as error:
        return type(error).__name__
    refused = "errors" in answer.text and answer.json()["errors"]
    return f"{answer.status_code} {refused[0]['code'] if refused else ''}"


@pytest.mark.parametrize("name", ["bad-day", "flaky-network", "rate-limited", "cold-start"])
def test_a_client_of_run_sync_has_the_same_day(name: str) -> None:
    """Whatever a set does to the answers of Run, call by call, it does to those of Run/sync."""
    days: list[list[str]] = []
    struck: list[int] = []
    for path in (RUN, f"{RUN}/sync"):
        with bad_day(3) as (wiro, http):
            wiro.world.clear_faults()
            wiro.faults(name, optional=True)
            days.append([met(http, path) for _ in range(12)])
            struck.append(sum("the fault " in (request.reason or "") for request in wiro.requests))
    assert days[0] == days[1]
    assert struck[0] == struck[1] > 0


def test_a_client_that_trusts_every_answer_fails() -> None:
    """At its first answer, and the report says what that was."""
    with bad_day(1) as (wiro, http):
        with pytest.raises(ValueError, match="Expecting value"):
            trusts_every_answer(http)
        assert not wiro.tasks
        report = wiro.report()
        assert "the fault status 429, retry_after 2 on Run" in report
        assert "the request had no effect" in report


def test_a_client_that_sends_a_run_again_pays_twice() -> None:
    """It gets its file, and nobody would notice: the account does, and the report names the lost answer."""
    with bad_day(1) as (wiro, http):
        assert sends_everything_again(http)
        assert len(wiro.tasks) == 2
        assert wiro.account.spent == sum(task.cost or 0 for task in wiro.tasks) > (wiro.tasks[0].cost or 0)
        report = wiro.report()
        assert "the fault reset on Run" in report
        assert "the operation took place, and its own answer was 200" in report


def test_a_client_that_asks_once_for_the_file_has_none() -> None:
    """It keeps the body of a 404."""
    with bad_day(1) as (wiro, http):
        assert asks_once_for_the_file(http) == b"Not Found"
        assert "the fault status 404 on cdn" in wiro.report()
