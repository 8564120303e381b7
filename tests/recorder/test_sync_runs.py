"""Synchronous runs through the recorder: passed on as they come, written as scenarios, and answered alike by those."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import sync_kit
from tests.api_kit import CAPTION, KEY, SECRET, make_world, signed
from tests.live_kit import PATIENCE, eventually, live
from tests.recorder.kit import ended, recording, telling, timeless, upstream_that
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.recorder.streams import Events, Lines

PATHS = {"llm": "/Run/google/gemini-3-flash"}


def run(base: str, path: str, prompt: str = "a cat") -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        return http.post(f"{base}{path}", json={"prompt": prompt}, headers=signed())


def told(answer: httpx.Response) -> object:
    """What an answer tells, without what no two runs share."""
    if answer.headers["content-type"].startswith("application/json"):
        return answer.status_code, timeless(answer.json())
    return [(name, timeless(data)) for name, data in sync_kit.events(answer.text) if name != ":"]


@contextmanager
def replay(folder: Path) -> Iterator[str]:
    """The base URL of a mock that plays what was recorded."""
    world = make_world(time="auto")
    with live(World(world.settings, library=Library(folder))) as running:
        yield f"{running.thread.url}/v1"


def written(folder: Path) -> str:
    (file,) = folder.glob("*.yaml")
    return file.read_text()


@pytest.mark.parametrize(("name", "how"), [
    ("caption", ""), ("caption", "?stream=true"), ("llm", ""), ("llm", "?stream=true"), ("failure", "?stream=true"),
    ("setup-error-fail", ""), ("member-spend-limit", "?stream=true"),
])  # fmt: skip
def test_a_synchronous_run_is_answered_alike_by_its_recording(name: str, how: str, tmp_path: Path) -> None:
    """JSON and stream; so are those of the other kind, and a plain run ends alike. No secret is on the disk."""
    path = PATHS.get(name, CAPTION.removeprefix("/v1")) + "/sync"
    with live() as running:
        running.world.use(name)
        with recording(running.thread.url, tmp_path, har=True) as made:
            answer = run(made.api, path + how)
            ended(made)
            assert not made.told
            assert running.thread.url not in answer.text  # files are fetched through the recorder, too
        other = run(f"{running.thread.url}/v1", path + ("" if how else "?stream=true"))
        tokens = [task.job.token for task in running.world.sim.tasks()]
    on_disk = "".join(file.read_text(errors="replace") for file in tmp_path.iterdir())
    assert not [secret for secret in (KEY, SECRET, *tokens) if secret in on_disk]
    with replay(tmp_path) as base:
        assert told(run(base, path + how)) == told(answer)
        again = told(run(base, path + ("" if how else "?stream=true")))
        last = again[-1:] if isinstance(again, list) and not how else again  # how it was streamed, JSON doesn't tell
        assert last == (told(other)[-1:] if isinstance(told(other), list) else told(other))  # type: ignore[index]
        begun = run(base, path.removesuffix("/sync")).json()
        assert begun["result"] is (name != "member-spend-limit")


def test_the_first_event_comes_while_the_task_goes_on(tmp_path: Path) -> None:
    """Nothing is kept back until the end."""
    yaml = (
        "scenario: held\nsteps:\n  - hold: {name: until}\n  - stream: {text: It is a cat., rate: 5tps}\n  - exit: 0\n"
    )
    with live(make_world(time="auto", scenarios=yaml)) as running, recording(running.thread.url, tmp_path) as made:
        running.world.use("held")
        url = f"{made.thread.url}{CAPTION}/sync"
        with httpx.stream("POST", url, json={}, headers={**signed(), **sync_kit.EVENTS}, timeout=PATIENCE) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: start"
            assert not sync_kit.tasks(running)[-1].finished
            running.world.release(name="until")
            assert "event: done" in list(lines)
        ended(made)
    assert "stream:" in written(tmp_path)


def stream(*events: tuple[str, object]) -> bytes:
    """An answer of server-sent events, which ends when the connection does."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return head + b"".join(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in events)


def answer_of(shape: object, status: str = "200 OK") -> bytes:
    body = json.dumps(shape).encode()
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def segments(text: str) -> dict[str, Any]:
    return {"id": "1", "status": "task_output", "pexit": None, "segments": [{"type": "answer", "text": text}]}


DETAIL = {
    "total": "1", "errors": [], "result": True,
    "tasklist": [{
        "id": "777777", "socketaccesstoken": "tokentokentoken", "status": "task_postprocess_end", "pexit": "0",
        "createtime": "1700000000", "accepttime": "1700000000", "starttime": "1700000002", "endtime": "1700000009",
        "postprocessstarttime": "1700000008", "debugoutput": "Hello there", "debugerror": "", "outputs": [],
    }],
}  # fmt: skip


def test_a_stream_that_names_no_token_is_written_as_it_was_streamed(tmp_path: Path) -> None:
    """What Wiro's `start` tells is unknown: then the text is that of the stream, the rest that of its end."""
    said = stream(("start", {"id": "777777"}), ("task_output", segments("Hello")),
                  ("task_output", segments("Hello there")), ("done", DETAIL))  # fmt: skip
    with upstream_that(lambda _: said) as url, recording(url, tmp_path) as made:
        assert run(made.api, "/Run/some/model/sync").content == said.split(b"\r\n\r\n", 1)[1]
        ended(made)
        assert not made.told
    text = written(tmp_path)
    assert '{text: "Hello"' in text
    assert '{text: " there"' in text
    assert "a synchronous run, whose phases Task/Detail told" in text
    assert "tokentokentoken" not in text
    assert "exit: {code: 0" in text


def test_of_a_stream_that_breaks_is_kept_what_was_seen(tmp_path: Path) -> None:
    """It says why it is a part; the client sees it end, too."""
    said = stream(("start", {"id": "777777"}), ("task_output", segments("Hello")))
    with upstream_that(lambda _: said) as url, recording(url, tmp_path) as made:
        assert run(made.api, "/Run/some/model/sync").content == said.split(b"\r\n\r\n", 1)[1]
        ended(made)
    assert "as far as it was seen; the stream ended before the task." in written(tmp_path)
    assert '{text: "Hello"' in written(tmp_path)


def test_phases_have_the_seconds_that_detail_tells(tmp_path: Path) -> None:
    """Between the run and its answer; the recorder's own clock says how long all of it took."""
    times = iter([0])
    with (
        upstream_that(lambda _: answer_of(DETAIL)) as url,
        recording(url, tmp_path, now=lambda: next(times, 10_500_000)) as made,
    ):
        run(made.api, "/Run/some/model/sync")
        ended(made)
    text = written(tmp_path)
    assert "- assign: {after: 2s}\n  - start: {}" in text
    assert '- print: {text: "Hello there", after: 6s}' in text
    assert "- postprocess: {for: 2s500ms}" in text


def test_a_run_that_waited_in_vain_is_followed_to_its_end(tmp_path: Path) -> None:
    """The 504 names the task, and that goes on (rest.md §2.1)."""
    cap = {"result": False, "errors": [{"code": 0, "message": "late"}], "taskid": "777777",
           "socketaccesstoken": "tokentokentoken"}  # fmt: skip
    end = {"type": "task_postprocess_end", "id": "777777", "message": [], "success": True, "exitCode": 0}
    frames = [json.dumps(one) for one in ({"type": "task_start", "id": "777777"}, end)]
    with (
        upstream_that(lambda _: answer_of(cap, "504 Gateway Timeout")) as url,
        telling(*frames) as socket,
        recording(url, tmp_path, socket=socket) as made,
    ):
        answer = run(made.api, "/Run/some/model/sync")
        assert (answer.status_code, answer.json()) == (504, cap)
        ended(made)
    assert "exit: {code: 0" in written(tmp_path)
    assert "refuse" not in written(tmp_path)


@given(
    lines=st.lists(st.sampled_from(["event: a", "data: é {}", "data:x", "", ": ping", "id: 1", "data"])),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 200)),
)
def test_however_a_stream_is_cut_it_tells_the_same(lines: list[str], ends: str, cuts: list[int]) -> None:
    """Pieces may end within a line, a character, or the end of a line; every byte goes on."""
    data = "".join(f"{line}{ends}" for line in [*lines, "data: last", ""]).encode() + b"rest"
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})

    def read(pieces: list[bytes]) -> tuple[bytes, list[tuple[str, str]]]:
        taken, parser = Lines(), Events()
        out = [line for piece in pieces for line in taken.take(piece)]
        return b"".join(out) + taken.rest(), [event for event in map(parser.take, out) if event]

    whole = read([data])
    assert read([data[start:stop] for start, stop in pairwise(places)]) == whole
    assert whole[0] == data
    assert whole[1][-1][1].endswith("last")


def test_a_run_without_an_answer_is_told_of(tmp_path: Path) -> None:
    """Nobody knows its task, so there is nothing to write."""
    with (
        live(make_world(time="manual")) as running,
        recording(running.thread.url, tmp_path, grace=0) as made,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(run, made.api, f"{CAPTION.removeprefix('/v1')}/sync")
        eventually(lambda: sync_kit.tasks(running))
        made.thread.stop()
        assert isinstance(answer.exception(PATIENCE), httpx.HTTPError)
    what = "Run/moondream3-preview/caption/sync had not been answered when the recorder ended"
    assert made.told == [f"{what}; nothing of it is recorded"]
