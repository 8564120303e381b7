"""The protocol over HTTP, around an engine that plays what it is told: no model, real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.moondream.kit import PATIENCE, Played, body, events, picture, says, url
from wiro_mock.moondream import app as rooms
from wiro_mock.moondream.app import create_app
from wiro_mock.moondream.job import Chunk, Job
from wiro_mock.moondream.refusals import Failure, as_failure
from wiro_mock.server import ServerThread


@contextmanager
def served(play: Callable[[Job], None], *, slots: int = 4, queue: int = 4) -> Iterator[tuple[httpx.Client, Played]]:
    """A client of a server around such an engine."""
    engine = Played(play, slots=slots)
    app = create_app(engine, queue=queue, say=lambda line: None)
    with ServerThread(app) as server, httpx.Client(base_url=server.url, trust_env=False, timeout=PATIENCE) as client:
        yield client, engine


@pytest.mark.parametrize("base", ["", "/v1"])
def test_the_four_skills_answer_in_json(base: str) -> None:
    with served(says("a", " cat")) as (client, _):
        answers = {
            skill: client.post(f"{base}/{skill}", json=body()).json()
            for skill in ("caption", "query", "detect", "point")
        }
    assert answers == {
        "caption": {"caption": "a cat", "finish_reason": "stop"},
        "query": {"answer": "a cat", "finish_reason": "stop"},
        "detect": {"objects": [{"x": 0.5, "y": 0.25}], "finish_reason": "stop"},
        "point": {"points": [{"x": 0.5, "y": 0.25}], "finish_reason": "stop"},
    }


@pytest.mark.parametrize("skill", ["caption", "query"])
def test_a_stream_is_chunks_and_an_end(skill: str) -> None:
    with served(says("ä", " cat")) as (client, _):
        answer = client.post(f"/{skill}", json=body(stream=True))
    assert answer.headers["content-type"] == "text/event-stream"
    assert events(answer.text) == [
        {"chunk": "ä"},
        {"chunk": " cat"},
        {"completed": True, "finish_reason": "stop", "tokens": 2},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_memory_that_runs_out_beforehand_is_a_status(stream: bool) -> None:
    """And the next request is served."""
    answers: Iterator[Callable[[Job], None]] = iter(
        [lambda job: job.post(as_failure(MemoryError("no room"))), says("a")]
    )
    with served(lambda job: next(answers)(job)) as (client, _):  # noqa: PLW0108 -- the next at each call
        answer = client.post("/caption", json=body(stream=stream))
        assert (answer.status_code, "out of memory" in answer.json()["error"]) == (507, True)
        assert client.post("/caption", json=body()).status_code == 200


def test_memory_that_runs_out_in_mid_stream_is_an_event() -> None:
    def play(job: Job) -> None:
        job.post(Chunk("a"))
        job.post(Failure("out of memory", status=507))

    with served(play) as (client, _):
        answer = client.post("/caption", json=body(stream=True))
    assert events(answer.text) == [{"chunk": "a"}, {"error": "out of memory"}]


@pytest.mark.parametrize("first", [[], [Chunk("a")]])
def test_a_client_that_leaves_cancels(first: list[Chunk]) -> None:
    """Whether it has read something, or still waits for the first word."""
    begun = threading.Event()

    def play(job: Job) -> None:
        for chunk in first:
            job.post(chunk)
        begun.set()

    with served(play) as (client, engine):
        if first:
            with client.stream("POST", "/caption", json=body(stream=True)) as answer:
                assert next(answer.iter_lines()) == 'data: {"chunk": "a"}'
        else:
            threading.Thread(target=_impatient, args=(client, begun)).start()
            assert begun.wait(PATIENCE)
        assert engine.jobs[0].cancelled.wait(PATIENCE)
        while client.get("/metrics").text.count('status="499"') == 0:
            pass


def _impatient(client: httpx.Client, begun: threading.Event) -> None:
    """A client that breaks its connection off once its request is being played."""
    import http.client
    import json

    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
    connection.request("POST", "/caption", json.dumps(body()), {"content-type": "application/json"})
    begun.wait(PATIENCE)
    connection.close()


def test_the_door_is_closed_when_the_house_is_full() -> None:
    """One plays, one waits, the third is turned away; who leaves makes room."""
    with (
        served(lambda job: job.post(Chunk("a")), slots=1, queue=1) as (client, engine),
        client.stream("POST", "/caption", json=body(stream=True)),
    ):
        with client.stream("POST", "/caption", json=body(stream=True)):
            answer = client.post("/caption", json=body())
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json() == {"error": "2 requests are here already; try again later"}
        assert engine.jobs[1].cancelled.wait(PATIENCE)
        while client.post("/caption", content=b"").status_code == 503:  # the door is let go of just after the job
            pass


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"", 400, "the body is no JSON"),
        (b"[" * 100_000, 400, "the body is no JSON"),
        (b"\xff\xfe", 400, "the body is no JSON"),
        (b"[]", 400, "no JSON object"),
        (b'{"image_url": "data:image/png;base64,"}', 400, "0 bytes"),
    ],
)
def test_a_body_that_says_nothing(content: bytes, status: int, told: str) -> None:
    with served(says("a")) as (client, engine):
        answer = client.post("/caption", content=content)
    assert (answer.status_code, told in answer.json()["error"], engine.jobs) == (status, True, [])


def test_a_picture_that_is_none_is_refused_before_the_engine() -> None:
    with served(says("a")) as (client, engine):
        answer = client.post("/caption", json=body(image_url=url(b"%PDF-1.4", "image/png")))
    assert (answer.status_code, "a PDF" in answer.json()["error"], engine.jobs) == (400, True, [])


def test_a_body_beyond_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "BODY_BYTES", 1000)
    with served(says("a")) as (client, _):
        answer = client.post("/caption", json=body())
    assert (answer.status_code, "the body is larger" in answer.json()["error"]) == (413, True)


def test_other_paths_and_methods_say_what_there_is() -> None:
    with served(says("a")) as (client, _):
        lost, method = client.post("/captoin", json={}), client.get("/caption")
    assert (lost.status_code, "POST /caption" in lost.json()["error"]) == (404, True)
    assert (method.status_code, "POST" in method.json()["error"]) == (405, True)


def test_health_and_metrics_tell_how_it_stands() -> None:
    with served(says("a", "b")) as (client, _):
        client.post("/caption", json=body(image_url=url(picture(form="JPEG"), "image/jpeg")))
        client.post("/query", json={})
        health: dict[str, Any] = client.get("/health").json()
        metrics = client.get("/metrics").text.splitlines()
    assert health.items() >= {"status": "ok", "engine": "played", "slots": 4, "active": 0, "waiting": 0}.items()
    assert 'moondream_requests_total{skill="caption",status="200"} 1' in metrics
    assert 'moondream_requests_total{skill="query",status="400"} 1' in metrics
    assert {"moondream_tokens_total 2", "moondream_first_token_seconds_count 1"} <= set(metrics)
