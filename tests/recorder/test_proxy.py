"""A whole run through the recorder in front of a second mock, and upstreams that behave badly."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.api_kit import CAPTION, KEY, SECRET, make_world, signed
from tests.live_kit import PATIENCE, Live, eventually, live
from tests.process_kit import COMMAND, environment
from tests.recorder.kit import recording, timeless, upstream_that
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.recorder.shelf import CannotRecord, Shelf


def client_run(api: str, socket: str, prompt: str) -> tuple[list[dict[str, Any]], dict[str, Any], bytes]:
    """What a client sees of a run: its frames, its Detail, and its first file."""
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        run = http.post(f"{api}{CAPTION.removeprefix('/v1')}", json={"prompt": prompt}, headers=signed()).json()
        frames: list[dict[str, Any]] = []
        with connect(socket, proxy=None, open_timeout=PATIENCE) as listener:
            listener.send(json.dumps({"type": "task_info", "tasktoken": run["socketaccesstoken"]}))
            while not frames or frames[-1]["type"] not in ("task_postprocess_end", "task_cancel"):
                frames.append(json.loads(listener.recv(PATIENCE)))
        detail = http.post(f"{api}/Task/Detail", json={"taskid": run["taskid"]}, headers=signed()).json()
        urls = [one["url"] for one in detail["tasklist"][0]["outputs"] if "url" in one]
        assert all(url.startswith(api.removesuffix("/v1")) for url in urls)
        return frames, detail, http.get(urls[0]).content if urls else b""


def recorded(running: Live, folder: Path, prompt: str) -> tuple[list[dict[str, Any]], dict[str, Any], bytes]:
    with recording(running.thread.url, folder) as made:
        seen = client_run(made.api, made.socket, prompt)
        eventually(lambda: not made.recorder.runs.followers)
        assert not made.told
    assert not list(folder.glob(".*"))
    return seen


@pytest.mark.parametrize("name", ["caption", "failure", "llm"])
def test_a_run_through_the_recorder_is_replayed_for_the_same_client(name: str, tmp_path: Path) -> None:
    """The same frames, the same Detail, the same file; and no credentials or ids on the disk."""
    with live() as running:
        running.world.use(name)
        frames, detail, data = recorded(running, tmp_path, "a cat")
    written = "".join(path.read_text(errors="replace") for path in tmp_path.iterdir())
    for secret in (KEY, SECRET, detail["tasklist"][0]["socketaccesstoken"], detail["tasklist"][0]["id"]):
        assert secret not in written
    world = make_world(time="auto")
    again = World(world.settings, library=Library(tmp_path))
    with live(again) as running:
        replayed = client_run(f"{running.thread.url}/v1", f"ws://{running.thread.netloc}/v1", "a cat")
        assert [task.job.scenario for task in again.sim.tasks()] == ["caption-1"]
    assert [timeless(frame) for frame in replayed[0]] == [timeless(frame) for frame in frames]
    assert timeless(replayed[1]) == timeless(detail)
    assert replayed[2] == data


def test_what_the_user_names_is_on_no_disk(tmp_path: Path) -> None:
    """Inside a prompt that the answer echoes, token by token; in its output, in a URL."""
    prompt = f"my key {KEY} and hush-hush at https://x.example/?api_key=s3same please"
    with live() as running:
        running.world.use("llm")
        with recording(running.thread.url, tmp_path, "hush-hush") as made:
            frames, _, _ = client_run(made.api, made.socket, prompt)
            eventually(lambda: not made.recorder.runs.followers)
        assert "hush-hush" in json.dumps(frames)  # the client itself gets everything
    written = made.text()
    assert "[redacted]" in written
    for secret in (KEY, "hush-hush", "s3same"):
        assert secret not in written


def test_a_task_of_a_client_that_is_gone_is_kept_as_far_as_it_got(tmp_path: Path) -> None:
    """Time stands still upstream: the task never ends, and the recorder is ended before it."""
    with live(time="manual") as running, recording(running.thread.url, tmp_path, grace=0) as made:
        httpx.post(f"{made.api}/Run/moondream3-preview/caption", json={}, headers=signed(), trust_env=False)
        eventually(lambda: list(tmp_path.glob("caption-1.yaml")))
    text = (tmp_path / "caption-1.yaml").read_text()
    assert 'stall: "the recorder was ended before the task"' in text
    assert "Recorded in part" in text


def test_a_refused_run_is_recorded(tmp_path: Path) -> None:
    """With Wiro's own code and words."""
    with live() as running, recording(running.thread.url, tmp_path) as made:
        running.world.use("insufficient-balance")
        httpx.post(f"{made.api}/Run/moondream3-preview/caption", json={}, headers=signed(), trust_env=False)
    assert "refuse: {code: 97" in (tmp_path / "caption-1.yaml").read_text()


def plain(status: str, kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        (None, 502, "the upstream broke the connection (ReadError); the client was told so, with status 502"),
        (plain("503 No", "text/html", b"<h1>no</h1>"), 503, "with status 503 and text/html, not JSON; the answer was"),
        (plain("429 Slow", "application/json", b"{}"), 429, "the upstream limits the rate (429) at Run/a/b"),
        (plain("200 OK", "application/json", b"[1]"), 200, "with no object of JSON; nothing was recorded"),
    ],
)
def test_an_upstream_that_misbehaves_is_told_of_in_a_sentence(
    said: bytes | None, status: int, told: str, tmp_path: Path
) -> None:
    """What it answers goes to the client; nothing is written."""
    with upstream_that(lambda _: said) as url, recording(url, tmp_path) as made:
        answer = httpx.post(f"{made.api}/Run/a/b", json={}, trust_env=False, timeout=PATIENCE)
    assert (answer.status_code, len(made.told)) == (status, 1)
    assert told in made.told[0]
    assert not list(tmp_path.glob("*"))


def test_an_upstream_that_is_silent_is_given_up(tmp_path: Path) -> None:
    """After the timeout, with 504."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with recording(url, tmp_path, timeout=0.05) as made:
            answer = httpx.post(f"{made.api}/Task/Detail", json={}, trust_env=False, timeout=PATIENCE)
    assert answer.status_code == 504
    assert made.told == [
        "Task/Detail: the upstream did not answer within 0.05 s; the client was told so, with status 504"
    ]


def test_files_of_other_hosts_are_not_fetched_for_anybody(tmp_path: Path) -> None:
    """The recorder is no open proxy."""
    with upstream_that(lambda _: None) as url, recording(url, tmp_path) as made:
        answer = httpx.get(f"{made.thread.url}/__files/http/127.0.0.1:1/secret", trust_env=False, timeout=PATIENCE)
    assert answer.status_code == 403


def test_a_directory_has_one_recorder_and_can_be_written(tmp_path: Path) -> None:
    """In a sentence, before anything is asked; the lock is gone with its holder."""
    shelf = Shelf(tmp_path)
    with pytest.raises(CannotRecord, match="another recorder writes into"):
        Shelf(tmp_path)
    shelf.close()
    Shelf(tmp_path).close()
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotRecord, match=r"cannot record into .*file: File exists; name a folder that you may write"):
        Shelf(tmp_path / "file")


def test_the_command_records_a_command_of_the_user_s(tmp_path: Path) -> None:
    """It is found by WIRO_BASE_URL, and the status is the command's own."""
    import subprocess

    script = (
        "import httpx, os, sys; "
        "a = httpx.post(os.environ['WIRO_BASE_URL'] + '/Run/moondream3-preview/caption', json={}, "
        f"headers={dict(signed())!r}).json(); sys.exit(7 if a['result'] else 1)"
    )
    with live() as running:
        done = subprocess.run(
            [*COMMAND, "record", "--upstream", f"{running.thread.url}/v1", "--to", tmp_path / "r", "--grace", "60",
             "--", sys.executable, "-c", script],
            env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert "exit: {code: 0}" in (tmp_path / "r" / "caption-1.yaml").read_text()
