"""From a run of Wiro's to the real loader and back: `wiro-mock serve --moondream WEIGHTS`, a client, toy weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.moondream.kit import PATIENCE, picture
from tests.process_kit import Serving, serving

pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")

GREEDY = {"temperature": "0", "top_p": "1"}


@pytest.fixture(scope="module")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    engine = "--engine torch --device cpu --slots 2 --length 1024"
    with serving(
        tmp_path_factory.mktemp("serve"), "--moondream", str(weights), "--moondream-with", engine, "--key-only"
    ) as server:
        yield server


def post(server: Serving, path: str, **more: Any) -> dict[str, Any]:
    """One call of the API, with the key."""
    headers = {"x-api-key": server.key}
    answer = httpx.post(f"{server.api}/{path}", headers=headers, trust_env=False, timeout=PATIENCE, **more)
    told: dict[str, Any] = answer.json()
    assert told["result"], told
    return told


def run(server: Serving, skill: str, number: int = 0, **fields: Any) -> str:
    """A run as a form has it; its token."""
    files = {"inputImage": ("a.png", picture(number), "image/png")}
    told = post(server, f"Run/moondream3-preview/{skill}", data={**GREEDY, **fields}, files=files)
    return str(told["socketaccesstoken"])


def frames(server: Serving, token: str, *, until: str = "task_postprocess_end") -> list[dict[str, Any]]:
    """What the socket tells of a task, up to a frame of this type."""
    got: list[dict[str, Any]] = []
    with connect(f"{server.socket}/", proxy=None) as socket:
        socket.send(json.dumps({"type": "task_info", "tasktoken": token}))
        while not got or got[-1]["type"] != until:
            got.append(json.loads(socket.recv(timeout=PATIENCE)))
    return got


def detail(server: Serving, token: str) -> dict[str, Any]:
    """The task as REST has it."""
    (task,) = post(server, "Task/Detail", json={"tasktoken": token})["tasklist"]
    return dict(task)


def content(server: Serving, task: dict[str, Any]) -> str:
    """The text of the task's one file."""
    (output,) = task["outputs"]
    url = output["url"]
    return httpx.get(url, headers={"x-api-key": server.key}, trust_env=False, timeout=PATIENCE).text


@pytest.mark.parametrize(
    ("skill", "fields"),
    [
        ("caption", {"length": "short"}),
        ("query", {"prompt": "what?"}),
        ("detect", {"prompt": "cat"}),
        ("point", {"prompt": "cat"}),
    ],
)
def test_a_run_is_played_by_the_model(server: Serving, skill: str, fields: dict[str, Any]) -> None:
    """Over the socket and over REST: the same text in the frames, in the log and in the file."""
    token = run(server, skill, 0, **fields)
    told = frames(server, token)
    task = detail(server, token)
    assert (task["status"], task["pexit"]) == ("task_postprocess_end", "0")
    text = content(server, task)
    if skill in {"caption", "query"}:
        assert sum(frame["type"] == "task_output" for frame in told) > 1
        assert text == task["debugoutput"].strip()
        assert text
    else:
        assert json.loads(text).keys() == {"objects" if skill == "detect" else "points"}


def test_runs_at_the_same_time_are_as_alone(server: Serving) -> None:
    def texts(tokens: list[str]) -> list[str]:
        for token in tokens:
            frames(server, token)
        return [content(server, detail(server, token)) for token in tokens]

    alone = [texts([run(server, "caption", number)])[0] for number in range(3)]
    assert texts([run(server, "caption", number) for number in range(3)]) == alone
    assert len(set(alone)) > 1


def test_a_kill_frees_the_slot(server: Serving) -> None:
    """More runs than slots are killed, of as many as that takes: on a slow day one may be over first."""
    killed = 0
    for number in range(30):
        token = run(server, "caption", number, temperature="90", top_p="1")
        frames(server, token, until="task_output")
        post(server, "Task/Kill", json={"tasktoken": token})
        killed += detail(server, token)["status"] == "task_cancel"
        if killed == 3:
            break
    assert killed == 3
    token = run(server, "caption")
    assert frames(server, token)[-1]["type"] == "task_postprocess_end"
    assert detail(server, token)["pexit"] == "0"


def test_a_picture_that_is_none_fails_the_task_with_the_engines_sentence(server: Serving) -> None:
    files = {"inputImage": ("a.png", b"%PDF-1.4 no picture", "image/png")}
    told = post(server, "Run/moondream3-preview/caption", data=GREEDY, files=files)
    frames(server, told["socketaccesstoken"])
    task = detail(server, told["socketaccesstoken"])
    assert task["pexit"] != "0"
    assert "image_url holds a PDF" in task["debugoutput"] + task["debugerror"]
