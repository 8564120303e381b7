"""`Run/sync`: a Run that is answered with the end of its task, as JSON and as events, over a real socket."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.api_kit import library, make_world, signed
from tests.live_kit import Live, eventually, live, raw, reset
from tests.process_kit import PATIENCE
from tests.sync_kit import CHAT, EVENTS, SYNC, events, is_waited_for, names, request, sync, tasks, waiting
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.status import Status

MINUTE = 60 * SECOND


def advance(running: Live, length: int) -> None:
    """Move time by so much."""
    running.world.skip(length)


def let_go(running: Live, task_id: str) -> None:
    """Release this task, as the control API does."""
    assert running.admin("/holds/release", {"task": task_id})["released"] == [task_id]


def the_task(running: Live) -> Any:
    """The only task."""
    (task,) = tasks(running)
    return task


# -- as JSON -------------------------------------------------------------------------------------------


def test_it_is_answered_with_what_detail_says_of_the_end() -> None:
    """The very bytes (rest.md §2.1: `{result, total: "1", tasklist: [Task], errors}`)."""
    with live() as running:
        answer = sync(running, prompt="a cat")
        (task,) = answer.json()["tasklist"]
        assert (answer.status_code, task["status"], task["pexit"]) == (200, "task_postprocess_end", "0")
        detail = running.http.post("/v1/Task/Detail", json={"taskid": task["id"]}, headers=signed())
        assert answer.content == detail.content
        running.check_clean()


@pytest.mark.parametrize(("scenario", "status", "pexit"), [("failure", "task_postprocess_end", "1")])
def test_a_failure_is_an_answer_too(scenario: str, status: str, pexit: str) -> None:
    """HTTP 200: whether it went well says `pexit`, as ever."""
    with live() as running:
        running.world.use(scenario)
        answer = sync(running)
        (task,) = answer.json()["tasklist"]
        assert (answer.status_code, task["status"], task["pexit"]) == (200, status, pexit)


def test_a_task_that_is_cancelled_is_answered_at_that_instant() -> None:
    """`task_cancel` ends the wait (socket.md §1.6)."""
    with live(time="manual") as running, waiting(running) as answer:
        task_id = the_task(running).job.id
        assert running.post("/v1/Task/Cancel", {"taskid": task_id})["result"] is True
        assert answer.result(PATIENCE).json()["tasklist"][0]["status"] == "task_cancel"


def test_a_persisted_task_error_does_not_end_the_wait() -> None:
    """The task is queued again and runs (rest.md §4.2)."""
    with live() as running:
        running.world.use("setup-error-requeue")
        assert sync(running).json()["tasklist"][0]["status"] == "task_postprocess_end"


def test_who_waits_is_woken_by_the_test_that_holds_the_task() -> None:
    """Nothing comes before the release, however much time passes; the journal shows who waits."""
    with live(time="manual", scenarios=HELD) as running, waiting(running) as answer:
        running.world.skip(10 * MINUTE)
        (shown,) = running.admin("/journal")["journal"]
        assert (shown["status"], shown["operation"]) == (0, "Run/sync")
        (exchange,) = running.world.journal.entries()
        assert exchange.what == "waits for the end of its task"
        assert not answer.done()
        let_go(running, the_task(running).job.id)
        assert answer.result(PATIENCE).json()["tasklist"][0]["pexit"] == "0"
        (exchange,) = running.world.journal.entries()
        assert (exchange.status, exchange.what) == (200, "accepted")
        assert exchange.at - exchange.came_at == 10 * MINUTE


HELD = """
scenario: held
match: {model: "*"}
steps: [accept, start, hold: start, exit: 0]
"""


def test_after_forty_minutes_it_is_told_how_to_come_back() -> None:
    """HTTP 504 with both names of the task, which goes on; to the microsecond, on the world's clock."""
    with live(time="manual", scenarios=HELD) as running:
        with waiting(running) as answer:
            advance(running, 40 * MINUTE - 1)
            eventually(lambda: not running.pump.behind)
            assert not answer.done()
            advance(running, 1)
            told = answer.result(PATIENCE)
        task = the_task(running)
        shape = told.json()
        assert (told.status_code, shape["result"]) == (504, False)
        assert (shape["taskid"], shape["socketaccesstoken"]) == (task.job.id, task.job.token)
        assert shape["errors"][0]["message"] == "The task has not ended in 40 minutes; it goes on"
        assert not task.finished
        let_go(running, task.job.id)
        advance(running, MINUTE)
        assert running.detail(task.job.id)["status"] == "task_postprocess_end"
        exchange = running.world.journal.entries()[0]
        assert exchange.outcome.reason == "the task goes on; it is in task_start and waits for the hold 'start'"
        assert exchange.at - exchange.came_at == 40 * MINUTE
        running.check_clean()


def test_time_that_jumps_comes_to_the_cap_of_a_task_that_never_ends() -> None:
    """Where nobody can release it; and the task is there afterwards."""
    with live() as running:
        running.world.use("never-starts")
        assert sync(running).status_code == 504
        assert the_task(running).status is Status.QUEUE


# -- who is refused ------------------------------------------------------------------------------------


def test_realtime_models_take_none() -> None:
    """And there is no task, nor anything to pay (socket.md §1.6)."""
    with live() as running:
        for headers in ({}, EVENTS):
            answer = running.http.post("/v1/Run/openai/gpt-realtime/sync", json={}, headers={**signed(), **headers})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (200, 0)
            assert answer.json()["errors"][0]["message"] == "Synchronous runs are not available for realtime models"
        assert not tasks(running)


def test_nor_do_models_that_train() -> None:
    """The same."""
    made, world = library(), make_world(time="auto")
    made.models = [*made.models, replace(made.models[0], owner="acme", slug="trainer", id="90010", training=True)]
    world.casting._library = made
    with live(world) as running:
        told = sync(running, "/v1/Run/acme/trainer/sync").json()["errors"][0]["message"]
        assert told == "Synchronous runs are not available for training models"
        assert not tasks(running)


def test_what_a_run_is_refused_for_a_synchronous_one_is_too() -> None:
    """At once, as JSON, also where a stream was asked for."""
    with live() as running:
        for path, code in ((f"{SYNC}?stream=true", 97), ("/v1/Run/no/model/sync", 1)):
            running.world.use("insufficient-balance")
            answer = running.http.post(path, json={}, headers=signed())
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (200, code)
            assert answer.headers["content-type"].startswith("application/json")
        answer = running.http.post(SYNC, json={}, headers={"x-api-key": "wrong"})
        assert answer.status_code == 401


# -- as events -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "accept", "streams"),
    [
        ("", "application/json", False),
        ("", "*/*", False),
        ("?stream=false", "", False),
        ("?stream=true", "application/json", True),
        ("?a=b&stream=True", "", True),
        ("", "text/event-stream", True),
        ("", "application/json;q=0.5, Text/Event-Stream; q=1", True),
    ],
)
def test_a_stream_is_asked_for_by_the_query_or_by_accept(query: str, accept: str, streams: bool) -> None:
    """rest.md §2.1."""
    with live() as running:
        answer = running.http.post(SYNC + query, json={}, headers={**signed(), "accept": accept})
        kind = "text/event-stream; charset=utf-8" if streams else "application/json; charset=utf-8"
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


def test_a_stream_tells_of_the_start_of_the_whole_text_again_and_again_and_of_the_end() -> None:
    """Named events, cumulative data, the last of which is what Detail says; no `[DONE]` (socket.md §1.6)."""
    with live() as running:
        told = events(running.http.post(CHAT, json={"prompt": "hello"}, headers={**signed(), **EVENTS}).text)
        assert names(told) == ["start", "task_output", "done"]
        task_id = told[0][1]["id"]
        assert told[0][1]["pexit"] is None
        said = [data for name, data in told if name == "task_output"]
        assert all((one["id"], one["status"], one["pexit"]) == (task_id, "task_output", None) for one in said)
        texts = ["".join(segment["text"] for segment in one["segments"]) for one in said]
        assert len(texts) > 10
        assert all(later.startswith(earlier) and later != earlier for earlier, later in pairwise(texts))
        (task,) = told[-1][1]["tasklist"]
        assert task == running.detail(task_id)
        assert task["outputs"][0]["content"]["segments"] == said[-1]["segments"]


def test_an_event_is_on_its_way_before_the_end() -> None:
    """The start at once, a text when it is said, and the end when it has come: nothing is gathered."""
    with live(time="manual") as running, waiting_stream(running, CHAT) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: start"
        assert not any(line.startswith("event:") for line in (next(lines), next(lines)))
        advance(running, 3 * SECOND)
        assert next(lines) == "event: task_output"
        assert not the_task(running).finished
        advance(running, 10 * MINUTE)
        assert [line for line in lines if line.startswith("event:")][-1] == "event: done"


def waiting_stream(running: Live, path: str = SYNC) -> Any:
    """An open stream."""
    return running.http.stream("POST", path, json={"prompt": "hello"}, headers={**signed(), **EVENTS})


# -- who goes away -------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["json", "events"])
@pytest.mark.parametrize("leave", [reset, lambda sock: sock.close()], ids=["reset", "close"])
def test_a_task_goes_on_without_its_client(headers: dict[str, str], leave: Any) -> None:
    """And the journal says that it has gone (socket.md §1.6)."""
    with live(time="manual") as running:
        sock = raw((running.thread.host, running.thread.port), request(SYNC, headers))
        eventually(lambda: tasks(running) and is_waited_for(running))
        leave(sock)
        eventually(lambda: not running.pump.followers)
        advance(running, MINUTE)
        assert the_task(running).exit_code == 0
        (exchange,) = running.world.journal.entries()
        assert exchange.outcome.reason == "the client went away before its answer; the task goes on"
        running.check_clean()


def test_who_waits_when_the_world_begins_anew_is_told_that_its_task_is_gone() -> None:
    """Neither a wait for ever nor the task of another."""
    with live(time="manual") as running:
        with waiting(running) as answer:
            running.world.reset()
            assert answer.result(PATIENCE).json()["errors"] == [
                {"code": 1, "message": "There is no task yet.", "time": running.world.seconds()}
            ]
        running.check_healthy()


def test_who_waits_when_the_server_stops_holds_up_nothing() -> None:
    """Their connections end."""
    world = make_world(time="manual")
    with live(world) as running:
        socks = [raw((running.thread.host, running.thread.port), request(SYNC, kind)) for kind in ({}, EVENTS)]
        eventually(lambda: len(running.pump.followers) == 2)
    for sock in socks:
        sock.settimeout(PATIENCE)
        with sock, suppress(ConnectionResetError):
            while sock.recv(1 << 16):
                pass
    assert not world._watchers
    assert {exchange.outcome.reason for exchange in world.journal.entries()} == {""}


def test_ninety_nine_wait_while_one_is_answered() -> None:
    """Nobody waits for another."""
    with live(time="manual", scenarios=HELD) as running:
        socks = [raw((running.thread.host, running.thread.port), request()) for _ in range(99)]
        eventually(lambda: len(running.pump.followers) == 99)
        with waiting(running) as answer:
            running.world.skip(MINUTE)
            task_id = tasks(running)[-1].job.id
            let_go(running, task_id)
            running.world.skip(MINUTE)
            assert answer.result(PATIENCE).json()["tasklist"][0]["id"] == task_id
        assert len(running.pump.followers) == 99
        for sock in socks:
            sock.close()
        running.check_clean()
